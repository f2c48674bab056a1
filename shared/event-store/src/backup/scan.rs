//! The table read in segments, several at once.

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use dynamodb::patience::patiently;
use dynamodb::{Item, TableError};

use crate::{CorruptStream, EventStore, Recorded, StoreError, Version};

/// How many parts of the table are read at once. Each holds one page of at most 1 MB.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html#Scan.ParallelScan>
pub(super) const SEGMENTS: i32 = 8;

/// How many events a Query asks for: as many of 400 KB are 40 MB.
const QUERY_LIMIT: i32 = 100;

/// One part of the table: all items of some aggregates. The reads are strongly consistent, at twice the price, so that
/// every event whose command was answered before is found.
pub(super) struct Segment<'a> {
    store: &'a EventStore,
    number: i32,
    /// Only the keys of the items are wanted.
    keys_only: bool,
    start: Option<Item>,
    is_through: bool,
}

impl<'a> Segment<'a> {
    /// All parts, with whole items.
    pub fn all(store: &'a EventStore) -> impl Iterator<Item = Self> {
        (0..SEGMENTS).map(move |number| Self {
            store,
            number,
            keys_only: false,
            start: None,
            is_through: false,
        })
    }

    /// All parts, with nothing but the keys.
    pub fn all_keys(store: &'a EventStore) -> impl Iterator<Item = Self> {
        Self::all(store).map(|segment| Self {
            keys_only: true,
            ..segment
        })
    }

    /// The next events; `None` when the segment is through. The events of an aggregate follow each other, oldest first.
    pub async fn next_events(&mut self) -> Result<Option<Vec<Recorded>>, StoreError> {
        let Some(items) = self.next_page().await? else {
            return Ok(None);
        };
        let events = items.into_iter().map(|item| exactly(item, self.store.shards));
        Ok(Some(events.collect::<Result<_, _>>()?))
    }

    /// The next keys; `None` when the segment is through.
    pub async fn next_keys(&mut self) -> Result<Option<Vec<(String, Version)>>, StoreError> {
        let Some(items) = self.next_page().await? else {
            return Ok(None);
        };
        let key = |item: Item| {
            let aggregate_id = item.get("AggregateId")?.as_s().ok()?;
            let version = item.get("Version")?.as_n().ok()?.parse().ok()?;
            Some((aggregate_id.clone(), version))
        };
        let no_key = || CorruptStream::NotAnEvent("its Version is not a whole number".to_owned()).into();
        items
            .into_iter()
            .map(|item| key(item).ok_or_else(no_key))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    async fn next_page(&mut self) -> Result<Option<Vec<Item>>, StoreError> {
        if self.is_through {
            return Ok(None);
        }
        let page = patiently(|| async {
            let scan = self
                .store
                .client
                .scan()
                .table_name(&self.store.table)
                .consistent_read(true)
                .segment(self.number)
                .total_segments(SEGMENTS)
                .set_projection_expression(self.keys_only.then(|| "AggregateId, Version".to_owned()))
                .set_exclusive_start_key(self.start.clone());
            scan.send().await.map_err(TableError::from)
        })
        .await?;
        self.is_through = page.last_evaluated_key.is_none();
        self.start = page.last_evaluated_key;
        Ok(Some(page.items.unwrap_or_default()))
    }
}

/// Whether the table has no item at all.
pub(super) async fn is_empty(store: &EventStore) -> Result<bool, StoreError> {
    let mut start = None;
    loop {
        let page = patiently(|| async {
            let scan = store
                .client
                .scan()
                .table_name(&store.table)
                .consistent_read(true)
                .limit(1)
                .set_exclusive_start_key(start.clone());
            scan.send().await.map_err(TableError::from)
        })
        .await?;
        if !page.items().is_empty() {
            return Ok(false);
        }
        // A page may be empty although another follows.
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(true);
        }
    }
}

/// Some events of an aggregate from version `from` on, read strongly; none when there are no more.
pub(super) async fn query(store: &EventStore, aggregate_id: &str, from: Version) -> Result<Vec<Recorded>, StoreError> {
    let page = patiently(|| async {
        let query = store
            .client
            .query()
            .table_name(&store.table)
            .key_condition_expression("AggregateId = :id AND Version >= :from")
            .expression_attribute_values(":id", AttributeValue::S(aggregate_id.to_owned()))
            .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
            .select(Select::AllAttributes)
            .consistent_read(true)
            .limit(QUERY_LIMIT);
        query.send().await.map_err(TableError::from)
    })
    .await?;
    let events = page.items.unwrap_or_default().into_iter();
    Ok(events
        .map(|item| exactly(item, store.shards))
        .collect::<Result<_, _>>()?)
}

/// The event of an item, if writing the event gives the item again. What this code cannot hold, such as an attribute
/// that it does not know or a number of 38 digits, must not be lost without a word.
fn exactly(item: Item, shards: u32) -> Result<Recorded, CorruptStream> {
    let event = Recorded::from_item(item.clone())?;
    let not_exactly = |reason: &dyn std::fmt::Display| {
        let Recorded {
            aggregate_id, version, ..
        } = &event;
        CorruptStream::NotAnEvent(format!("{aggregate_id} version {version}: {reason}"))
    };
    let again = event.to_item(shards).map_err(|error| not_exactly(&error))?;
    // The index's key follows from the event, and from how many shards there were when it was appended.
    let mut names = item.keys().chain(again.keys()).filter(|name| *name != "EventTypeShard");
    match names.find(|name| item.get(*name) != again.get(*name)) {
        Some(name) => Err(not_exactly(&format!("{name} cannot be kept as it is"))),
        None => Ok(event),
    }
}
