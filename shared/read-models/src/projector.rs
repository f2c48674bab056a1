//! What every projection does with a batch of its stream.
//!
//! The records of one aggregate are applied together. What passes is reported back to Lambda, which delivers it again;
//! what never passes is parked, and the stream goes on.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use chrono::DateTime;
use event_store::StoreError;
use futures::{FutureExt, StreamExt, stream};
use lambda_edge::Function;
use lambda_edge::deadline::Deadline;
use lambda_edge::stream::EventRecord;

use crate::parked::{Parked, ParkedEvents};
use crate::status::{EventPlace, Outcome, ProjectionStatuses, StatusWriter};

/// How many aggregates of a batch are worked on at once.
const CONCURRENT_AGGREGATES: usize = 8;

/// Keeps a read model up to date with a stream.
#[async_trait]
pub trait Projection: Send + Sync {
    /// Its name, under which it parks.
    const NAME: &'static str;

    /// The key attribute that names the aggregate in its stream's records.
    const AGGREGATE_KEY: &'static str;

    /// The attribute of its stream's images with the time of the event that the record tells of. By default that of rows:
    /// a row is as new as its newest event.
    const EVENT_TIME: &'static str = "UpdatedAt";

    /// Brings the aggregate's row up to date with `records`, which all concern it and stand in the stream's order.
    /// Doing it twice, late or out of order makes no difference.
    async fn apply(&self, aggregate_id: &str, records: &[EventRecord]) -> Result<(), ProjectError>;

    /// Brings the aggregate's row up to date without a record to say what has changed.
    async fn refresh(&self, aggregate_id: &str) -> Result<(), ProjectError>;
}

/// Why a projection could not apply a record.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It may work when it is delivered again.
    #[error("{0}")]
    Passing(String),
    /// It will never work with this code and this data.
    #[error("{0}")]
    Lasting(String),
}

impl From<StoreError> for ProjectError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Newer(_) | StoreError::Corrupt(_) | StoreError::Unreadable(_) | StoreError::Rejected(_) => {
                Self::Lasting(error.to_string())
            }
            // A missing right is mended by a deployment, for which the trigger's retries leave time.
            StoreError::Throttled(_) | StoreError::Unavailable(_) | StoreError::Misconfigured(_) => {
                Self::Passing(error.to_string())
            }
        }
    }
}

/// The records of one aggregate in a batch.
struct Group {
    aggregate_id: String,
    records: Vec<EventRecord>,
}

/// The function of a projection.
pub fn function<P: Projection + 'static>(
    projection: P,
    parked: ParkedEvents,
    statuses: ProjectionStatuses,
) -> Function {
    let app = (projection, parked, StatusWriter::new(statuses, P::NAME));
    lambda_edge::stream::function(app, |app, records, deadline| async move {
        let (projection, parked, status) = &*app;
        run(projection, parked, status, records, deadline).await
    })
}

/// Applies a batch. Returns the sequence numbers to deliver again.
async fn run<P: Projection>(
    projection: &P,
    parked: &ParkedEvents,
    status: &StatusWriter,
    records: Vec<EventRecord>,
    deadline: Deadline,
) -> Vec<String> {
    let groups: Vec<(Group, bool)> = stream::iter(by_aggregate::<P>(records))
        .map(|group| async move {
            let applied = deadline.bound(apply_or_park(projection, parked, &group)).await;
            let passing = applied.unwrap_or_else(|| Err("the time is up".to_owned())).err();
            if let Some(cause) = &passing {
                tracing::warn!(
                    projection = P::NAME,
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
        let events = group.records.iter().filter_map(|record| event::<P>(&group, record));
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
fn event<P: Projection>(group: &Group, record: &EventRecord) -> Option<EventPlace> {
    use serde_dynamo::AttributeValue::{N, S};
    let image = record.change.new_image.inner();
    let (S(at), N(version)) = (image.get(P::EVENT_TIME)?, image.get("Version")?) else {
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
async fn apply_or_park<P: Projection>(projection: &P, parked: &ParkedEvents, group: &Group) -> Result<(), String> {
    let applied = panics_last(projection.apply(&group.aggregate_id, &group.records)).await;
    let reason = match applied {
        Ok(()) => return Ok(()),
        Err(ProjectError::Passing(cause)) => return Err(cause),
        Err(ProjectError::Lasting(reason)) => reason,
    };
    tracing::error!(
        projection = P::NAME,
        aggregate_id = group.aggregate_id,
        reason,
        "parked"
    );
    let entry = Parked::new(P::NAME, &group.aggregate_id, &group.records, reason);
    parked.park(&entry).await.map_err(|error| error.to_string())
}

/// A panic is a bug that this data brings out, and brings out again: it must not stop the aggregates around it.
async fn panics_last(work: impl Future<Output = Result<(), ProjectError>>) -> Result<(), ProjectError> {
    let lasting = |_| Err(ProjectError::Lasting("the projection panicked".to_owned()));
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(lasting)
}

/// What came of projecting a parked aggregate again.
#[derive(Debug, Clone, PartialEq)]
pub enum Redriven {
    /// The row is right, and the aggregate no longer parked.
    Applied,
    /// The cause lasts, and so does the entry, with the newest reason.
    StillFailing,
}

/// Projects a parked aggregate again, with everything that has happened to it meanwhile.
///
/// # Errors
/// What DynamoDB said; the aggregate stays parked.
pub async fn redrive<P: Projection>(
    projection: &P,
    parked: &ParkedEvents,
    entry: &Parked,
) -> Result<Redriven, StoreError> {
    match panics_last(projection.refresh(&entry.aggregate_id)).await {
        Ok(()) if parked.remove(entry).await? => Ok(Redriven::Applied),
        // Parked once more meanwhile.
        Ok(()) => Ok(Redriven::StillFailing),
        Err(ProjectError::Lasting(reason)) => {
            parked.failed_again(entry, reason).await?;
            Ok(Redriven::StillFailing)
        }
        Err(ProjectError::Passing(cause)) => Err(StoreError::Unavailable(cause)),
    }
}

/// Aggregates in the order in which they first appear.
fn by_aggregate<P: Projection>(records: Vec<EventRecord>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for record in records {
        let aggregate_id = aggregate_id::<P>(&record);
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
fn aggregate_id<P: Projection>(record: &EventRecord) -> String {
    match record.change.keys.get(P::AGGREGATE_KEY) {
        Some(serde_dynamo::AttributeValue::S(id)) => id.clone(),
        _ => format!("record-{}", record.event_id),
    }
}
