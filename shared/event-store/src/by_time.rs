//! Events across aggregates, in time order.
//!
//! The key of `EventTypeIndex` is an event type and a shard number, so an answer is merged from one query per type and
//! shard. The index is eventually consistent: an event appears moments after its append.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Duration, SubsecRound, Utc};
use dynamodb::Segment;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::recorded::shard_key;
use crate::{EventStore, Recorded, StoreError, Version};
use domain::time::rfc3339_micros;

/// Which events are wanted.
#[derive(Debug, Clone)]
pub struct EventQuery<'a> {
    pub event_types: &'a [&'a str],
    /// Its end excluded.
    pub time: Range<DateTime<Utc>>,
    /// Only events of this one; all events within `time` are read to find them.
    pub correlation_id: Option<&'a str>,
    /// Only events of this part of the aggregates; [`Segment::WHOLE`] for all.
    pub segment: Segment,
}

/// The place of an event in time order. Events of the same microsecond follow each other by aggregate and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The time as [`rfc3339_micros`] writes it, so that text order is time order.
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

/// The end of the year 9999: later times are not written with four digits, and would not sort as text.
pub const END_OF_TIME: DateTime<Utc> = DateTime::from_timestamp(253_402_300_799, 0).unwrap();

impl EventStore {
    /// The first event of these types that is later than `after`, or the first of all.
    ///
    /// Events of the very microsecond of `after` are not looked at, nor those that the index does not show yet.
    ///
    /// # Errors
    /// As [`query_events`](Self::query_events).
    pub async fn first_event_after(
        &self,
        event_types: &[&str],
        after: Option<DateTime<Utc>>,
    ) -> Result<Option<Recorded>, StoreError> {
        let start = after.map_or(DateTime::UNIX_EPOCH, |after| after + Duration::microseconds(1));
        let query = EventQuery {
            event_types,
            time: start..END_OF_TIME,
            correlation_id: None,
            segment: Segment::WHOLE,
        };
        Ok(self.query_events(&query, 1, None).await?.events.pop())
    }

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
        let Segment { number, of } = query.segment;
        let shards = (0..self.shards).filter(|shard| shard % of == number);
        let keys: Vec<_> = query
            .event_types
            .iter()
            .flat_map(|event_type| shards.clone().map(move |shard| shard_key(event_type, shard)))
            .collect();
        let reader = ShardReader {
            store: self,
            first: after.map_or_else(|| rfc3339_micros(time.start), |place| place.timestamp.clone()),
            last: rfc3339_micros(time.end - Duration::microseconds(1)),
            correlation_id: query.correlation_id,
            after,
            // Twice its share of the page, so that most shards are asked once.
            chunk: (2 * limit / keys.len().max(1)).clamp(2, 100),
        };
        let mut shards: Vec<_> = keys.into_iter().map(Shard::new).collect();
        try_join_all(shards.iter_mut().map(|shard| reader.refill(shard))).await?;

        let mut events: Vec<Recorded> = Vec::new();
        let mut bytes = 0;
        loop {
            for shard in &mut shards {
                reader.refill(shard).await?;
            }
            let next = shards
                .iter_mut()
                .filter_map(|shard| Some((shard.ready.front()?.0.clone(), shard)))
                .min_by(|(a, _), (b, _)| a.cmp(b));
            let Some((_, shard)) = next else {
                return Ok(EventPage { events, next: None });
            };
            if events.len() == limit || bytes > MAX_PAGE_BYTES {
                return Ok(EventPage {
                    next: events.last().map(Place::of),
                    events,
                });
            }
            if let Some((_, event)) = shard.ready.pop_front() {
                bytes += event.stored.data.to_string().len();
                events.push(event);
            }
        }
    }
}

/// A page ends early when its data are larger: more than an answer holds are not read.
const MAX_PAGE_BYTES: usize = 3_000_000;

/// The events of one key of the index, as far as they have been read.
struct Shard {
    key: String,
    /// Events in our order, which come next.
    ready: VecDeque<(Place, Recorded)>,
    /// Events that were read, all of one microsecond. More of it may follow, and their order in the index is not ours.
    held: Vec<Recorded>,
    /// Where the index goes on.
    start: Option<HashMap<String, AttributeValue>>,
    is_through: bool,
}

impl Shard {
    fn new(key: String) -> Self {
        Self {
            key,
            ready: VecDeque::new(),
            held: Vec::new(),
            start: None,
            is_through: false,
        }
    }

    /// Makes ready what is held, except the last microsecond while more of it may follow.
    fn release(&mut self) {
        let last = self.held.last().map(|event| event.timestamp);
        let is_last = |event: &Recorded| !self.is_through && Some(event.timestamp) == last;
        let (held, ready): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held).into_iter().partition(is_last);
        self.held = held;
        self.ready
            .extend(ready.into_iter().map(|event| (Place::of(&event), event)));
        self.ready.make_contiguous().sort_by(|(a, _), (b, _)| a.cmp(b));
    }
}

/// What the reading of all shards has in common.
struct ShardReader<'a> {
    store: &'a EventStore,
    first: String,
    last: String,
    correlation_id: Option<&'a str>,
    after: Option<&'a Place>,
    /// How many events to ask for at once.
    chunk: usize,
}

impl ShardReader<'_> {
    /// Reads on until an event is ready, or the shard is through.
    async fn refill(&self, shard: &mut Shard) -> Result<(), StoreError> {
        while shard.ready.is_empty() && !shard.is_through {
            let mut request = self
                .store
                .client
                .query()
                .table_name(&self.store.table)
                .index_name("EventTypeIndex")
                .key_condition_expression("EventTypeShard = :shard AND #timestamp BETWEEN :first AND :last")
                .expression_attribute_names("#timestamp", "Timestamp")
                .expression_attribute_values(":shard", AttributeValue::S(shard.key.clone()))
                .expression_attribute_values(":first", AttributeValue::S(self.first.clone()))
                .expression_attribute_values(":last", AttributeValue::S(self.last.clone()))
                .set_exclusive_start_key(shard.start.take());
            match self.correlation_id {
                Some(id) => {
                    request = request
                        .filter_expression("CorrelationId = :correlation")
                        .expression_attribute_values(":correlation", AttributeValue::S(id.to_owned()));
                }
                // A filter applies after the limit, which would then only make the pages small.
                None => request = request.limit(i32::try_from(self.chunk).unwrap_or(i32::MAX)),
            }
            let page = request.send().await?;
            for item in page.items.unwrap_or_default() {
                let event = Recorded::from_item(item)?;
                if self.after.is_none_or(|after| Place::of(&event) > *after) {
                    shard.held.push(event);
                }
            }
            shard.is_through = page.last_evaluated_key.is_none();
            shard.start = page.last_evaluated_key;
            shard.release();
        }
        Ok(())
    }
}

impl Place {
    pub fn of(event: &Recorded) -> Self {
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
