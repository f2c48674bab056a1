//! Events across aggregates, in time order.
//!
//! The key of `EventTypeIndex` is an event type and a shard number, so an answer is merged from one query per type and
//! shard. The index is eventually consistent: an event appears moments after its append.

use std::ops::Range;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Duration, SubsecRound, Utc};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::recorded::{rfc3339_micros, shard_key};
use crate::{EventStore, Recorded, StoreError, Version};

/// Which events are wanted.
#[derive(Debug, Clone)]
pub struct EventQuery<'a> {
    pub event_types: &'a [&'a str],
    /// Its end excluded.
    pub time: Range<DateTime<Utc>>,
    /// Only events of this one; all events within `time` are read to find them.
    pub correlation_id: Option<&'a str>,
}

/// The place of an event in time order. Events of the same microsecond follow each other by aggregate and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// As [`rfc3339_micros`] writes it, so that text order is time order.
    timestamp: String,
    aggregate_id: String,
    version: Version,
}

/// A page of events, and after which event the next one begins.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    pub events: Vec<Recorded>,
    /// `None` after the last page.
    pub next: Option<Place>,
}

impl EventStore {
    /// At most `limit` events in time order, after `after`.
    ///
    /// # Errors
    /// What DynamoDB said, or [`StoreError::Corrupt`] when an item is not an event.
    pub async fn query_events(
        &self,
        query: &EventQuery<'_>,
        limit: usize,
        after: Option<&Place>,
    ) -> Result<EventPage, StoreError> {
        // Times are stored to the microsecond, so a bound between two of them begins with the later one.
        let time = ceil_to_micros(query.time.start)..ceil_to_micros(query.time.end);
        let nothing = EventPage {
            events: Vec::new(),
            next: None,
        };
        if time.is_empty() || limit == 0 {
            return Ok(nothing);
        }
        let keys = query
            .event_types
            .iter()
            .flat_map(|event_type| (0..self.shards).map(move |shard| shard_key(event_type, shard)));
        let time = &time;
        let shards = keys.map(|key| async move {
            self.events_of_shard(&key, time, query.correlation_id, limit, after)
                .await
        });

        let mut events: Vec<_> = try_join_all(shards).await?.into_iter().flatten().collect();
        events.sort_by_cached_key(Place::of);
        let more = events.len() > limit;
        events.truncate(limit);
        let next = events.last().filter(|_| more).map(Place::of);
        Ok(EventPage { events, next })
    }

    /// The first events of a shard after `after`: more than `limit` of them, unless there are no more. If the last one
    /// has neighbours of the same microsecond, they are all among them, because their order in the index is not ours.
    async fn events_of_shard(
        &self,
        key: &str,
        time: &Range<DateTime<Utc>>,
        correlation_id: Option<&str>,
        limit: usize,
        after: Option<&Place>,
    ) -> Result<Vec<Recorded>, StoreError> {
        let first = after.map_or_else(|| rfc3339_micros(time.start), |place| place.timestamp.clone());
        let last = rfc3339_micros(time.end - Duration::microseconds(1));
        let mut events: Vec<Recorded> = Vec::new();
        let mut start = None;
        loop {
            let mut request = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("EventTypeIndex")
                .key_condition_expression("EventTypeShard = :shard AND #timestamp BETWEEN :first AND :last")
                .expression_attribute_names("#timestamp", "Timestamp")
                .expression_attribute_values(":shard", AttributeValue::S(key.to_owned()))
                .expression_attribute_values(":first", AttributeValue::S(first.clone()))
                .expression_attribute_values(":last", AttributeValue::S(last.clone()))
                .set_exclusive_start_key(start);
            match correlation_id {
                Some(id) => {
                    request = request
                        .filter_expression("CorrelationId = :correlation")
                        .expression_attribute_values(":correlation", AttributeValue::S(id.to_owned()));
                }
                // A filter applies after the limit, which would then only make the pages small.
                None => request = request.limit(i32::try_from(limit + 1).unwrap_or(i32::MAX)),
            }
            let page = request.send().await?;
            for item in page.items.unwrap_or_default() {
                let event = Recorded::from_item(item)?;
                if after.is_none_or(|after| Place::of(&event) > *after) {
                    events.push(event);
                }
            }
            start = page.last_evaluated_key;
            let past_limit = events.get(limit.saturating_sub(1)).zip(events.last());
            if start.is_none() || past_limit.is_some_and(|(at, last)| last.timestamp > at.timestamp) {
                return Ok(events);
            }
        }
    }
}

impl Place {
    fn of(event: &Recorded) -> Self {
        Self {
            timestamp: rfc3339_micros(event.timestamp),
            aggregate_id: event.aggregate_id.clone(),
            version: event.version,
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
