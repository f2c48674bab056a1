//! The table: reading parts of streams, and appending to them.

use std::num::NonZeroU32;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, Select, TransactWriteItem,
};
use chrono::{DateTime, SubsecRound, Utc};
use domain::aggregate::{StoredEvent, store_event};
use domain::{Aggregate, Metadata};
use dynamodb::item::{MAX_ITEM_BYTES, item_bytes};
use dynamodb::patience::pause;
use dynamodb::{Cost, Item, TableError};
use uuid::{Timestamp, Uuid};

use crate::corrupt::CorruptStream;
use crate::error::{self, AppendError, StoreError};
use crate::snapshot::Snapshots;
use crate::{Recorded, Version};

/// The most items of one transaction.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub(crate) const MAX_TRANSACT_ITEMS: usize = 100;

/// The EventStore table.
#[derive(Debug, Clone)]
pub struct EventStore {
    pub(crate) client: Client,
    pub(crate) table: String,
    /// How many values the key of `EventTypeIndex` has per event type. May be raised, never lowered: readers look
    /// into this many shards.
    pub(crate) shards: u32,
    pub(crate) snapshots: Option<Snapshots>,
    clock: fn() -> DateTime<Utc>,
}

/// Which events of a stream to read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    From { version: Version, limit: Option<usize> },
    Newest(usize),
}

/// How often a gap is looked at again.
const GAP_ATTEMPTS: u32 = 3;

impl Part {
    /// The first version that is missing, and the one that is found in its place.
    fn gap(self, events: &[Recorded]) -> Option<(Version, Version)> {
        let first = match self {
            Self::From { version, .. } => version,
            Self::Newest(_) => events.first()?.version,
        };
        let found = events.iter().map(|event| event.version);
        (first..).zip(found).find(|(expected, found)| expected != found)
    }

    pub(crate) fn first(count: usize) -> Self {
        Self::From {
            version: 1,
            limit: Some(count),
        }
    }
}

/// An append that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    pub events: Vec<Recorded>,
    pub cost: Cost,
}

impl EventStore {
    /// `shards`: how many values the key of `EventTypeIndex` has per event type.
    pub fn new(client: Client, table: impl Into<String>, shards: NonZeroU32) -> Self {
        Self {
            client,
            table: table.into(),
            shards: shards.get(),
            snapshots: None,
            clock: Utc::now,
        }
    }

    /// The same store with snapshots of long streams.
    pub fn with_snapshots(self, snapshots: Snapshots) -> Self {
        Self {
            snapshots: Some(snapshots),
            ..self
        }
    }

    /// The same store with another clock, for tests of what happens when clocks are wrong.
    pub fn with_clock(self, clock: fn() -> DateTime<Utc>) -> Self {
        Self { clock, ..self }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.clock)().trunc_subsecs(6)
    }

    /// The aggregate's events from version `from` on, oldest first; at most `limit` of them.
    ///
    /// # Errors
    /// What DynamoDB said, or [`StoreError::Corrupt`] when versions are missing.
    pub async fn events(
        &self,
        aggregate_id: &str,
        from: Version,
        limit: Option<usize>,
    ) -> Result<Vec<Recorded>, StoreError> {
        let (events, _) = self.read(aggregate_id, Part::From { version: from, limit }).await?;
        Ok(events)
    }

    /// At most `size` of the aggregate's events from version `from` on, oldest first, and the version that follows them, if
    /// there is one.
    ///
    /// # Errors
    /// As [`EventStore::events`].
    pub async fn events_page(
        &self,
        aggregate_id: &str,
        from: Version,
        size: usize,
    ) -> Result<(Vec<Recorded>, Option<Version>), StoreError> {
        let mut events = self.events(aggregate_id, from, Some(size.saturating_add(1))).await?;
        let next = events.get(size).map(|next| next.version);
        events.truncate(size);
        Ok((events, next))
    }

    /// The aggregate's newest version: 0 when it has no events.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn version(&self, aggregate_id: &str) -> Result<Version, StoreError> {
        let newest = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("AggregateId = :id")
            .expression_attribute_values(":id", AttributeValue::S(aggregate_id.to_owned()))
            .projection_expression("Version")
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await?;
        let Some(item) = newest.items().first() else {
            return Ok(0);
        };
        item.get("Version")
            .and_then(|version| version.as_n().ok()?.parse().ok())
            .ok_or_else(|| CorruptStream::NotAnEvent(format!("{aggregate_id} has no Version")).into())
    }

    /// A strong read of a part of a stream. Events come oldest first.
    ///
    /// While a transaction of several events is carried out, a reader may see a later one of them before an earlier one.
    /// So a gap is looked at again; one that stays is an error.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation>
    pub(crate) async fn read(&self, aggregate_id: &str, part: Part) -> Result<(Vec<Recorded>, Cost), StoreError> {
        let mut cost = Cost::default();
        let mut attempt = 0;
        loop {
            let (events, read) = self.read_once(aggregate_id, part).await?;
            cost += read;
            let Some((expected, found)) = part.gap(&events) else {
                return Ok((events, cost));
            };
            if attempt == GAP_ATTEMPTS {
                let aggregate_id = aggregate_id.to_owned();
                return Err(CorruptStream::Gap {
                    aggregate_id,
                    expected,
                    found,
                }
                .into());
            }
            pause(attempt).await;
            attempt += 1;
        }
    }

    /// One Query, continued until it is through: a page ends at 1 MB.
    async fn read_once(&self, aggregate_id: &str, part: Part) -> Result<(Vec<Recorded>, Cost), StoreError> {
        let (from, limit, forward) = match part {
            Part::From { version, limit } => (version, limit, true),
            Part::Newest(limit) => (1, Some(limit), false),
        };
        let mut events = Vec::new();
        let mut cost = Cost::default();
        let mut start = None;
        loop {
            let missing = limit.map(|limit| limit - events.len());
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("AggregateId = :id AND Version >= :from")
                .expression_attribute_values(":id", AttributeValue::S(aggregate_id.to_owned()))
                .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
                .select(Select::AllAttributes)
                .consistent_read(true)
                .scan_index_forward(forward)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .set_limit(missing.map(|missing| i32::try_from(missing).unwrap_or(i32::MAX)))
                .set_exclusive_start_key(start)
                .send()
                .await?;
            cost += Cost::read(page.consumed_capacity());
            for item in page.items.unwrap_or_default() {
                events.push(Recorded::from_item(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() || limit.is_some_and(|limit| events.len() >= limit) {
                break;
            }
        }
        if !forward {
            events.reverse();
        }
        Ok((events, cost))
    }

    /// Appends `events` after version `expected`, which the caller has read: that a version is free does not prove
    /// that the one before it exists.
    ///
    /// Without events, but with an idempotency key, it appends one that says only that the key was used: a repetition is
    /// recognised then, whatever has changed meanwhile.
    ///
    /// If our own earlier attempt succeeded and its answer was lost, that is success.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] when another writer was faster; nothing was written then. See [`AppendError`].
    pub async fn append<A: Aggregate>(
        &self,
        aggregate_id: &str,
        expected: Version,
        events: &[A::Event],
        metadata: &Metadata,
    ) -> Result<Appended, AppendError> {
        // One append is one moment: no time lies between its events.
        let now = self.now();
        let stored: Vec<_> = match events {
            [] if metadata.idempotency.is_some() => vec![StoredEvent::nothing_changed()],
            events => events.iter().map(store_event::<A>).collect(),
        };
        let events: Vec<_> = (expected + 1..)
            .zip(stored)
            .map(|(version, stored)| record::<A>(aggregate_id, version, stored, metadata, now))
            .collect();
        let items = events
            .iter()
            .map(|event| self.item(event))
            .collect::<Result<Vec<_>, _>>()?;

        let written = match <[_; 1]>::try_from(items) {
            Ok([item]) => self.put(item).await,
            Err(items) => self.put_all(items).await,
        };
        match written {
            Ok(cost) => Ok(Appended { events, cost }),
            Err(AppendError::Conflict { winners }) if is_ours(&winners, metadata) => {
                tracing::info!(
                    aggregate_id,
                    expected,
                    "the answer to an append was lost; it had succeeded"
                );
                // As they were stored: not every attempt needs to have carried the same ids and times.
                let stored = Part::From {
                    version: expected + 1,
                    limit: Some(events.len()),
                };
                let (events, cost) = self.read(aggregate_id, stored).await?;
                Ok(Appended { events, cost })
            }
            Err(error) => Err(error),
        }
    }

    /// The item to put, unless it is too large for one.
    pub(crate) fn item(&self, event: &Recorded) -> Result<Item, AppendError> {
        let item = event.to_item(self.shards)?;
        let bytes = item_bytes(&item);
        if bytes > MAX_ITEM_BYTES {
            return Err(AppendError::TooLarge {
                bytes,
                limit: MAX_ITEM_BYTES,
            });
        }
        Ok(item)
    }

    pub(crate) async fn put(&self, item: Item) -> Result<Cost, AppendError> {
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(AggregateId)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .map_err(error::of_put)?;
        Ok(Cost::write(written.consumed_capacity.as_slice()))
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<Cost, AppendError> {
        if items.is_empty() {
            return Ok(Cost::default());
        }
        if items.len() > MAX_TRANSACT_ITEMS {
            return Err(AppendError::TooMany {
                count: items.len(),
                limit: MAX_TRANSACT_ITEMS,
            });
        }
        let mut transaction = self
            .client
            .transact_write_items()
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        for item in items {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(AggregateId)")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .map_err(TableError::from)?;
            transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        }
        let written = transaction.send().await.map_err(error::of_transaction)?;
        Ok(Cost::write(written.consumed_capacity()))
    }
}

fn record<A: Aggregate>(
    aggregate_id: &str,
    version: Version,
    stored: StoredEvent,
    metadata: &Metadata,
    now: DateTime<Utc>,
) -> Recorded {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Recorded {
        aggregate_id: aggregate_id.to_owned(),
        aggregate_type: A::TYPE.to_owned(),
        version,
        event_id: Uuid::new_v7(Timestamp::from_unix_time(seconds, now.timestamp_subsec_nanos(), 0, 0)),
        timestamp: now,
        metadata: metadata.clone(),
        stored,
    }
}

/// A command writes its events at once or not at all, so one of them is enough.
fn is_ours(winners: &[Recorded], metadata: &Metadata) -> bool {
    winners
        .iter()
        .any(|winner| winner.metadata.command_id == metadata.command_id)
}
