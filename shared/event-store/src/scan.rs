//! All events of the table, for what works through the whole of it.
//!
//! A Scan in segments, which can be read in parallel and gone on with from any event. The events of one aggregate share
//! a partition key, so they come together, oldest first, and in one segment.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use dynamodb::{Item, Segment, batch_get};
use serde::{Deserialize, Serialize};

use crate::{CorruptStream, EventStore, Recorded, StoreError, Version};

/// The key of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventKey {
    pub aggregate_id: String,
    pub version: Version,
}

/// An item of the table: an event, unless something else was put there.
#[derive(Debug, Clone, PartialEq)]
pub struct Scanned {
    pub key: EventKey,
    pub event: Result<Recorded, CorruptStream>,
}

/// Part of a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanPage {
    pub events: Vec<Scanned>,
    /// After which event the next page begins; `None` after the last page.
    pub next: Option<EventKey>,
}

impl EventStore {
    /// At most `limit` events of a segment after `after`; fewer when they are large. The read is eventually consistent, at
    /// half the price: events of the last moments may be missing.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn scan(&self, segment: Segment, limit: usize, after: Option<&EventKey>) -> Result<ScanPage, StoreError> {
        let page = segment
            .scan(&self.client, &self.table, limit)
            .select(Select::AllAttributes)
            .set_exclusive_start_key(after.map(EventKey::to_item))
            .send()
            .await?;
        let items = page.items.unwrap_or_default().into_iter();
        Ok(ScanPage {
            events: items.map(Scanned::of_item).collect::<Result<_, _>>()?,
            next: page.last_evaluated_key.as_ref().map(EventKey::of_item).transpose()?,
        })
    }

    /// The first event of each of these aggregates, read strongly; nothing for those that have none. A request reads up to
    /// 100 of them.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn first_events(&self, aggregate_ids: &BTreeSet<String>) -> Result<Vec<Scanned>, StoreError> {
        let key = |id: &String| EventKey {
            aggregate_id: id.clone(),
            version: 1,
        };
        let keys = aggregate_ids.iter().map(|id| key(id).to_item()).collect();
        let found = batch_get(&self.client, &self.table, keys, true).await?;
        found.into_iter().map(Scanned::of_item).collect()
    }

    /// How many events there are, as DynamoDB last counted them: within the last six hours.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html>
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn approximate_count(&self) -> Result<u64, StoreError> {
        let described = self.client.describe_table().table_name(&self.table).send().await?;
        let count = described.table.and_then(|table| table.item_count);
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    }
}

impl Scanned {
    fn of_item(item: Item) -> Result<Self, StoreError> {
        Ok(Self {
            key: EventKey::of_item(&item)?,
            event: Recorded::from_item(item),
        })
    }
}

impl EventKey {
    fn of_item(item: &Item) -> Result<Self, StoreError> {
        let text = item.get("AggregateId").and_then(|value| value.as_s().ok());
        let number = item.get("Version").and_then(|value| value.as_n().ok()?.parse().ok());
        match (text, number) {
            (Some(aggregate_id), Some(version)) => Ok(Self {
                aggregate_id: aggregate_id.clone(),
                version,
            }),
            _ => Err(CorruptStream::NotAnEvent("its key is not an aggregate and a version".to_owned()).into()),
        }
    }

    fn to_item(&self) -> Item {
        HashMap::from([
            ("AggregateId".to_owned(), AttributeValue::S(self.aggregate_id.clone())),
            ("Version".to_owned(), AttributeValue::N(self.version.to_string())),
        ])
    }
}
