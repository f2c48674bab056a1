//! Events of one type in time order.
//!
//! The index's key is the event type and a shard number, so an answer is merged from as many queries as there are
//! shards. The index is eventually consistent: an event appears moments after its append.

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Duration, SubsecRound, Utc};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::recorded::{rfc3339_micros, shard_key};
use crate::{EventStore, Recorded, StoreError, Version};

/// Where reading goes on, per shard: after this event. Shards without one have not been read from yet.
pub type After = HashMap<u32, IndexKey>;

/// The key of an event in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKey {
    timestamp: String,
    aggregate_id: String,
    version: Version,
}

/// A page of events, and where the next one begins.
#[derive(Debug, Clone, PartialEq)]
pub struct TypePage {
    /// In time order; events of the same microsecond in no particular order, but the same each time.
    pub events: Vec<Recorded>,
    /// `None` after the last page.
    pub next: Option<After>,
}

struct ShardPage {
    shard: u32,
    events: Vec<Recorded>,
    ended: bool,
}

impl EventStore {
    /// The events of `event_type` within `time` (its end excluded), at most `limit`, after `after`.
    ///
    /// # Errors
    /// What DynamoDB said, or [`StoreError::Corrupt`] when an item is not an event.
    pub async fn events_of_type(
        &self,
        event_type: &str,
        time: Range<DateTime<Utc>>,
        limit: usize,
        mut after: After,
    ) -> Result<TypePage, StoreError> {
        // Times are stored to the microsecond, so a bound between two of them begins with the later one.
        let time = ceil_to_micros(time.start)..ceil_to_micros(time.end);
        if time.is_empty() || limit == 0 {
            return Ok(TypePage {
                events: Vec::new(),
                next: None,
            });
        }
        let shards =
            (0..self.shards).map(|shard| self.events_of_shard(event_type, shard, &time, limit, after.get(&shard)));
        let pages = try_join_all(shards).await?;

        let read: usize = pages.iter().map(|page| page.events.len()).sum();
        let mut more = pages.iter().any(|page| !page.ended) || read > limit;
        let mut merged: Vec<_> = pages
            .into_iter()
            .flat_map(|page| page.events.into_iter().map(move |event| (page.shard, event)))
            .collect();
        // Stable: within a shard the index's own order stays.
        merged.sort_by_key(|(_, event)| event.timestamp);
        merged.truncate(limit);
        more &= !merged.is_empty();

        let mut events = Vec::with_capacity(merged.len());
        for (shard, event) in merged {
            after.insert(shard, IndexKey::of(&event));
            events.push(event);
        }
        Ok(TypePage {
            events,
            next: more.then_some(after),
        })
    }

    async fn events_of_shard(
        &self,
        event_type: &str,
        shard: u32,
        time: &Range<DateTime<Utc>>,
        limit: usize,
        after: Option<&IndexKey>,
    ) -> Result<ShardPage, StoreError> {
        let key = shard_key(event_type, shard);
        let last = time.end - Duration::microseconds(1);
        let mut events = Vec::new();
        let mut start = after.map(|after| after.in_shard(&key));
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("EventTypeIndex")
                .key_condition_expression("EventTypeShard = :shard AND #timestamp BETWEEN :first AND :last")
                .expression_attribute_names("#timestamp", "Timestamp")
                .expression_attribute_values(":shard", AttributeValue::S(key.clone()))
                .expression_attribute_values(":first", AttributeValue::S(rfc3339_micros(time.start)))
                .expression_attribute_values(":last", AttributeValue::S(rfc3339_micros(last)))
                .limit(i32::try_from(limit - events.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await?;
            for item in page.items.unwrap_or_default() {
                events.push(Recorded::from_item(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() || events.len() >= limit {
                return Ok(ShardPage {
                    shard,
                    events,
                    ended: start.is_none(),
                });
            }
        }
    }
}

fn ceil_to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    let floor = at.trunc_subsecs(6);
    if floor == at {
        at
    } else {
        floor + Duration::microseconds(1)
    }
}

impl IndexKey {
    fn of(event: &Recorded) -> Self {
        Self {
            timestamp: rfc3339_micros(event.timestamp),
            aggregate_id: event.aggregate_id.clone(),
            version: event.version,
        }
    }

    fn in_shard(&self, shard_key: &str) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("EventTypeShard".to_owned(), AttributeValue::S(shard_key.to_owned())),
            ("Timestamp".to_owned(), AttributeValue::S(self.timestamp.clone())),
            ("AggregateId".to_owned(), AttributeValue::S(self.aggregate_id.clone())),
            ("Version".to_owned(), AttributeValue::N(self.version.to_string())),
        ])
    }
}
