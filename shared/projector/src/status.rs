//! How far each projection has come: the newest event that it has dealt with, and the oldest that it has to be given again.
//!
//! One item per projection, written after each batch. Several batches of one projection may run at once, one per shard of
//! its stream, so a write has the condition that nobody else wrote since, and what the others wrote is taken in.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Version;
use dynamodb::{Item, Refused, TableError, put_unless_refused};
use environment::{ConfigError, Environment};
use lambda_edge::deadline::Deadline;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// The ProjectionStatus table.
#[derive(Debug, Clone)]
pub struct ProjectionStatuses {
    client: Client,
    table: String,
}

/// How far a projection has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProjectionStatus {
    pub projection: String,
    /// The newest event, by its time, that was applied or parked.
    pub last_event: Option<EventPlace>,
    /// The oldest event that was left to be delivered again.
    left: Option<Left>,
    /// How often the item was written.
    revision: u64,
}

/// An event, sorted by its time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventPlace {
    /// When the event was appended, by the clock of who did.
    #[serde(with = "domain::time::timestamp")]
    pub at: DateTime<Utc>,
    pub aggregate_id: String,
    pub version: Version,
}

/// An event that a batch could not apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Left {
    event: EventPlace,
    /// When a batch last left it.
    #[serde(with = "domain::time::timestamp")]
    seen_at: DateTime<Utc>,
}

impl Left {
    fn is_given_up(&self, now: DateTime<Utc>) -> bool {
        now - self.seen_at > GIVEN_UP_AFTER
    }
}

/// The events of a batch: what became of them.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Applied or parked.
    pub done: Vec<EventPlace>,
    /// Events that are delivered again.
    pub left: Vec<EventPlace>,
}

/// What is still delivered is delivered many times an hour; what is not, Lambda has given up on. That stands in the queue
/// of failed batches, and a replay mends it, so it is no longer waited for.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::hours(1);

impl ProjectionStatus {
    /// When the oldest event was appended that is still to be delivered again, as far as a batch has left one.
    pub fn left_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let left = self.left.as_ref().filter(|left| !left.is_given_up(now));
        left.map(|left| left.event.at)
    }

    /// Takes in what became of a batch. Doing it twice, or with a batch that is late, takes nothing back.
    fn take_in(&mut self, outcome: &Outcome, now: DateTime<Utc>) {
        self.last_event = self.last_event.take().max(outcome.done.iter().max().cloned());
        let is_over = |left: &Left| {
            let covers =
                |done: &EventPlace| done.aggregate_id == left.event.aggregate_id && done.version >= left.event.version;
            outcome.done.iter().any(covers) || left.is_given_up(now)
        };
        self.left = self.left.take().filter(|left| !is_over(left));
        if let Some(oldest) = outcome.left.iter().min()
            && self.left.as_ref().is_none_or(|left| *oldest <= left.event)
        {
            self.left = Some(Left {
                event: oldest.clone(),
                seen_at: now,
            });
        }
    }
}

impl ProjectionStatuses {
    /// # Errors
    /// When `PROJECTION_STATUS_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self::new(client, tables::PROJECTION_STATUS.name_in(env)?))
    }

    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// `None` as long as the projection has had no batch.
    ///
    /// # Errors
    /// What DynamoDB said, or [`TableError::Unreadable`] when the item cannot be read.
    pub async fn get(&self, projection: &str) -> Result<Option<ProjectionStatus>, TableError> {
        let found = self.client.get_item().table_name(&self.table);
        let found = found
            .key("Projection", AttributeValue::S(projection.to_owned()))
            .consistent_read(true)
            .send()
            .await?;
        found.item.map(of_item).transpose()
    }

    /// Writes the status unless somebody else has since it was read; then what is there now.
    async fn put(&self, status: &ProjectionStatus) -> Result<Option<ProjectionStatus>, TableError> {
        let item = dynamodb::to_item(ProjectionStatus {
            revision: status.revision + 1,
            ..status.clone()
        })?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = match status.revision {
            0 => put
                .condition_expression("attribute_not_exists(#projection)")
                .expression_attribute_names("#projection", "Projection"),
            read => put
                .condition_expression("#revision = :read")
                .expression_attribute_names("#revision", "Revision")
                .expression_attribute_values(":read", AttributeValue::N(read.to_string())),
        };
        let Some(Refused(there)) = put_unless_refused(put).await? else {
            return Ok(None);
        };
        // Somebody may have removed it.
        let there = there.map(of_item).transpose()?;
        Ok(Some(there.unwrap_or_default()))
    }
}

fn of_item(item: Item) -> Result<ProjectionStatus, TableError> {
    dynamodb::from_item("status of a projection", item)
}

/// Writes the status of one projection.
pub(crate) struct StatusWriter {
    statuses: ProjectionStatuses,
    /// The status as this instance wrote it last, with what it could not write.
    known: Mutex<ProjectionStatus>,
}

/// Against other shards' batches that write at the same time.
const MAX_ATTEMPTS: u32 = 5;

/// How long a batch waits for its status to be written.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// When its own time is up already: less than what a function keeps in reserve for its answer.
const SHORTEST_WAIT: Duration = Duration::from_millis(300);

impl StatusWriter {
    pub(crate) fn new(statuses: ProjectionStatuses, projection: &str) -> Self {
        let known = ProjectionStatus {
            projection: projection.to_owned(),
            ..ProjectionStatus::default()
        };
        Self {
            statuses,
            known: Mutex::new(known),
        }
    }

    /// Writes what became of a batch. A failure is only logged: the rows are what counts, and the next batch writes it.
    pub(crate) async fn write(&self, outcome: Outcome, deadline: Deadline) {
        let wait = deadline.time_left().unwrap_or(Duration::MAX);
        let mut known = self.known.lock().await;
        let written = timeout(
            wait.clamp(SHORTEST_WAIT, LONGEST_WAIT),
            self.write_onto(&mut known, &outcome),
        );
        let cause = match written.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the time is up".to_owned(),
        };
        tracing::warn!(projection = known.projection, cause, "the status was not written");
    }

    async fn write_onto(&self, known: &mut ProjectionStatus, outcome: &Outcome) -> Result<(), TableError> {
        for _ in 0..MAX_ATTEMPTS {
            known.take_in(outcome, Utc::now());
            let Some(there) = self.statuses.put(known).await? else {
                known.revision += 1;
                return Ok(());
            };
            *known = ProjectionStatus {
                projection: std::mem::take(&mut known.projection),
                // What this instance has applied is so, whoever wrote meanwhile.
                last_event: there.last_event.max(known.last_event.take()),
                ..there
            };
        }
        Err(TableError::Unavailable("others wrote each time".to_owned()))
    }
}
