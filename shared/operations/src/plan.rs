//! What is to be replayed.

use chrono::{DateTime, Utc};
use domain::order::OrderId;
use serde::{Deserialize, Serialize};

/// How many segments are worked on at once when nothing else is asked for.
pub const DEFAULT_SEGMENTS: u32 = 4;
pub const MAX_SEGMENTS: u32 = 64;

/// How many events are read at once when nothing else is asked for. DynamoDB ends a page at 1 MB anyway.
pub const DEFAULT_BATCH: usize = 1_000;
pub const MAX_BATCH: usize = 10_000;

/// What a replay is to do. [`Plan::check`] says whether it can.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Plan {
    pub purpose: Purpose,
    /// The projections whose read models are meant.
    pub read_models: Vec<String>,
    pub scope: Scope,
    /// Parts of the table that are worked on at once: 1 to [`MAX_SEGMENTS`].
    pub segments: u32,
    /// Events that are read at once: 1 to [`MAX_BATCH`].
    pub batch: usize,
}

/// What comes of comparing events and rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Write every row as the events have it, and remove rows that no events account for.
    Rebuild,
    /// Compare every row with what the events say. Nothing is written.
    Verify,
}

/// Which orders are replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Everything,
    /// Orders to which something has happened since then.
    Since(DateTime<Utc>),
    Order(OrderId),
}

/// A plan that cannot be carried out, and which field says so.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct InvalidPlan {
    pub field: &'static str,
    pub reason: String,
}

impl Plan {
    /// A plan for all of `known`, the read models that there are.
    pub fn new(purpose: Purpose, scope: Scope, known: &[&str]) -> Self {
        Self {
            purpose,
            read_models: known.iter().map(ToString::to_string).collect(),
            scope,
            segments: DEFAULT_SEGMENTS,
            batch: DEFAULT_BATCH,
        }
    }

    /// # Errors
    /// [`InvalidPlan`] when a read model is not one of `known`, or a number is out of its range.
    pub fn check(self, known: &[&str]) -> Result<Self, InvalidPlan> {
        let invalid = |field, reason| Err(InvalidPlan { field, reason });
        if self.read_models.is_empty() || !self.read_models.iter().all(|name| known.contains(&name.as_str())) {
            return invalid("read_models", format!("must be some of {}", known.join(", ")));
        }
        if !(1..=MAX_SEGMENTS).contains(&self.segments) {
            return invalid("segments", format!("must be 1 to {MAX_SEGMENTS}"));
        }
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return invalid("batch", format!("must be 1 to {MAX_BATCH}"));
        }
        Ok(self)
    }
}
