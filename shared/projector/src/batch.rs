//! What every consumer does with a batch of its stream.
//!
//! The records of one aggregate are applied together. What passes is reported back to Lambda, which delivers it again;
//! what never passes is parked, and the stream goes on. What newer code has written is parked,
//! too, and given once more each minute: a deployment may take longer than the stream can wait.

use chrono::DateTime;
use futures::{StreamExt, stream};
use lambda_edge::Function;
use lambda_edge::deadline::Deadline;
use lambda_edge::stream::EventRecord;

use crate::consumer::{ProjectError, StreamConsumer, panics_last};
use crate::parked::{Parked, ParkedEvents};
use crate::status::{EventPlace, Outcome, ProjectionStatuses, StatusWriter};

/// How many aggregates of a batch are worked on at once.
const CONCURRENT_AGGREGATES: usize = 8;

/// The records of one aggregate in a batch.
struct Group {
    aggregate_id: String,
    records: Vec<EventRecord>,
}

/// The function of a consumer.
pub fn function<C: StreamConsumer + 'static>(
    consumer: C,
    parked: ParkedEvents,
    statuses: ProjectionStatuses,
) -> Function {
    let app = (consumer, parked, StatusWriter::new(statuses, C::NAME));
    lambda_edge::stream::function(app, |app, records, deadline| async move {
        let (consumer, parked, status) = &*app;
        run(consumer, parked, status, records, deadline).await
    })
}

/// Applies a batch. Returns the sequence numbers to deliver again.
async fn run<C: StreamConsumer>(
    consumer: &C,
    parked: &ParkedEvents,
    status: &StatusWriter,
    records: Vec<EventRecord>,
    deadline: Deadline,
) -> Vec<String> {
    let groups: Vec<(Group, bool)> = stream::iter(by_aggregate::<C>(records))
        .map(|group| async move {
            let applied = deadline.bound(apply_or_park(consumer, parked, &group)).await;
            let passing = applied.unwrap_or_else(|| Err("the time is up".to_owned())).err();
            if let Some(cause) = &passing {
                tracing::warn!(
                    projection = C::NAME,
                    aggregate_id = group.aggregate_id,
                    cause,
                    "will be delivered again"
                );
            }
            (group, passing.is_none())
        })
        .buffer_unordered(CONCURRENT_AGGREGATES)
        .collect()
        .await;

    let mut outcome = Outcome::default();
    let mut again = Vec::new();
    for (group, is_done) in groups {
        let events = group.records.iter().filter_map(|record| event::<C>(&group, record));
        if is_done {
            outcome.done.extend(events);
            continue;
        }
        outcome.left.extend(events);
        // A record without a number cannot be named: an empty name makes Lambda deliver the whole batch again.
        let first = group.records.into_iter().next();
        again.push(
            first
                .and_then(|record| record.change.sequence_number)
                .unwrap_or_default(),
        );
    }
    status.write(outcome, deadline).await;
    again
}

/// The event that a record tells of; `None` when it does not say.
fn event<C: StreamConsumer>(group: &Group, record: &EventRecord) -> Option<EventPlace> {
    use serde_dynamo::AttributeValue::{N, S};
    let image = record.change.new_image.inner();
    let (S(at), N(version)) = (image.get(C::EVENT_TIME)?, image.get("Version")?) else {
        return None;
    };
    Some(EventPlace {
        at: DateTime::parse_from_rfc3339(at).ok()?.to_utc(),
        aggregate_id: group.aggregate_id.clone(),
        version: version.parse().ok()?,
    })
}

/// # Errors
/// The cause, when the records have to be delivered again.
async fn apply_or_park<C: StreamConsumer>(consumer: &C, parked: &ParkedEvents, group: &Group) -> Result<(), String> {
    let applied = panics_last(consumer.apply(&group.aggregate_id, &group.records)).await;
    let parking = match applied {
        Ok(()) => return Ok(()),
        Err(ProjectError::Passing(cause)) => return Err(cause),
        Err(ProjectError::Newer(reason)) => {
            tracing::warn!(
                projection = C::NAME,
                aggregate_id = group.aggregate_id,
                reason,
                "parked until this code is newer"
            );
            let entry = Parked::new(C::NAME, &group.aggregate_id, &group.records, reason);
            parked.park_as_newer(entry).await
        }
        Err(ProjectError::Lasting(reason)) => {
            tracing::error!(
                projection = C::NAME,
                aggregate_id = group.aggregate_id,
                reason,
                "parked"
            );
            let entry = Parked::new(C::NAME, &group.aggregate_id, &group.records, reason);
            parked.park(&entry).await
        }
    };
    parking.map_err(|error| error.to_string())
}

/// Aggregates in the order in which they first appear.
fn by_aggregate<C: StreamConsumer>(records: Vec<EventRecord>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for record in records {
        let aggregate_id = aggregate_id::<C>(&record);
        match groups.iter_mut().find(|group| group.aggregate_id == aggregate_id) {
            Some(group) => group.records.push(record),
            None => groups.push(Group {
                aggregate_id,
                records: vec![record],
            }),
        }
    }
    groups
}

/// A record without the key is not of our table; it is parked under a name of its own.
fn aggregate_id<C: StreamConsumer>(record: &EventRecord) -> String {
    match record.change.keys.get(C::AGGREGATE_KEY) {
        Some(serde_dynamo::AttributeValue::S(id)) => id.clone(),
        _ => format!("record-{}", record.event_id),
    }
}
