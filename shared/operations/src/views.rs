//! Replays and parked events as operators are shown them.

use std::collections::BTreeMap;

use domain::time::rfc3339_micros;
use projector::Parked;
use serde::Serialize;

use crate::plan::{Purpose, Scope};
use crate::progress::{Difference, Replay, Status};

/// What a consumer of a stream could not apply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParkedView {
    pub projection: String,
    pub aggregate_id: String,
    pub error: String,
    pub event_id: String,
    pub sequence_number: Option<String>,
    pub keys: BTreeMap<String, String>,
    pub parked_at: String,
    /// Since when it has waited for newer code; absent where newer code would not help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_since: Option<String>,
}

impl From<Parked> for ParkedView {
    fn from(entry: Parked) -> Self {
        Self {
            projection: entry.projection,
            aggregate_id: entry.aggregate_id,
            error: entry.error,
            event_id: entry.event_id,
            sequence_number: entry.sequence_number,
            keys: entry.keys.into_iter().collect(),
            parked_at: entry.parked_at,
            newer_since: entry.newer_since,
        }
    }
}

/// A replay: what it is to do, and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayView {
    pub replay_id: String,
    pub status: Status,
    pub purpose: Purpose,
    pub read_models: Vec<String>,
    pub scope: Scope,
    pub events: u64,
    /// About; absent where they cannot be counted beforehand.
    pub events_total: Option<u64>,
    pub orders: u64,
    pub rows_written: u64,
    pub rows_removed: u64,
    pub uncounted_totals: u64,
    pub unreadable_orders: u64,
    pub differences_found: u64,
    /// The first 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    pub started_at: String,
    pub updated_at: String,
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        Self {
            replay_id: replay.replay_id,
            status: replay.status,
            purpose: replay.plan.purpose,
            read_models: replay.plan.read_models,
            scope: replay.plan.scope,
            events: replay.counts.events,
            events_total: replay.events_total,
            orders: replay.counts.orders,
            rows_written: replay.counts.written,
            rows_removed: replay.counts.removed,
            uncounted_totals: replay.counts.uncounted,
            unreadable_orders: replay.counts.unreadable,
            differences_found: replay.counts.differences,
            differences: replay.differences,
            started_at: rfc3339_micros(replay.started_at),
            updated_at: rfc3339_micros(replay.updated_at),
        }
    }
}
