//! How far a replay has come, and what it found.

use std::ops::AddAssign;

use chrono::{DateTime, Utc};
use event_store::Version;
use event_store::by_time;
use event_store::scan::EventKey;
use read_models::read_model::{FieldDifference, RowKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::plan::{Plan, Scope};

/// How many differences are kept with a replay, and how many paths of each. Those who watch it see all.
pub const MAX_KEPT_DIFFERENCES: usize = 100;
const MAX_KEPT_PATHS: usize = 10;

/// A replay between its runs: an item of the Replays table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Replay {
    pub replay_id: String,
    pub status: Status,
    /// Raised when another process is to go on with it. A process whose run is over writes no more checkpoints.
    pub run: u32,
    pub plan: Plan,
    /// Where each segment goes on.
    pub segments: Vec<Position>,
    pub counts: Counts,
    /// How many events there were at the start, about; `None` where they cannot be counted beforehand.
    pub events_total: Option<u64>,
    /// The first ones found.
    pub differences: Vec<Difference>,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Who is at work on a replay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The replay function is to begin it, or to go on with it.
    Requested,
    /// A process is at work on it, or was when it stopped.
    Running,
    Done,
}

/// Where a segment goes on. Everything before has been replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Position {
    /// The events of the whole table are read, after this one.
    Events(Option<EventKey>),
    /// The events since a moment are read, after this one.
    Since(Option<by_time::Place>),
    /// The one order that is meant is read.
    Order,
    /// The rows of a read model are looked through, after this one, for those that no events account for.
    Rows {
        read_model: usize,
        after: Option<RowKey>,
    },
    Done,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Counts {
    /// Events that have been read.
    pub events: u64,
    pub orders: u64,
    /// Rows that have been written.
    pub written: u64,
    /// Rows that no events accounted for, and that have been removed.
    pub removed: u64,
    /// Customers and days whose totals could not be counted again, as their rows were written all the time.
    #[serde(default)]
    pub uncounted: u64,
    /// Orders whose events cannot be read. A rebuild parks them.
    pub unreadable: u64,
    pub differences: u64,
}

/// A row that is not what the events say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Difference {
    pub read_model: String,
    pub order_id: String,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The order has no row.
    Missing,
    /// The row is at another version than the order.
    Version { expected: Version, found: Version },
    /// The row is of an older format, or cannot be read.
    Outdated,
    /// Newer code wrote the row: this code neither reads nor replaces it.
    OfNewerCode,
    /// The row says something else.
    Fields(Vec<FieldDifference>),
    /// The row says something else in the fields of these paths. So it is kept: what rows say may be personal, and large.
    Paths(Vec<String>),
    /// A row that no events account for.
    Extra(RowKey),
    /// The totals of this partition are not those of its rows.
    Totals(String),
    /// The order's events cannot be read.
    Unreadable(String),
}

impl Difference {
    /// What is kept of it.
    pub(crate) fn kept(self) -> Self {
        let what = match self.what {
            What::Fields(fields) => {
                let paths = fields.into_iter().map(|field| field.path);
                What::Paths(paths.take(MAX_KEPT_PATHS).collect())
            }
            what => what,
        };
        Self { what, ..self }
    }
}

impl What {
    /// The difference's name, in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Version { .. } => "version",
            Self::Outdated => "outdated",
            Self::OfNewerCode => "of_newer_code",
            Self::Fields(_) | Self::Paths(_) => "fields",
            Self::Extra(_) => "extra",
            Self::Totals(_) => "totals",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl Replay {
    /// A replay that nobody has begun.
    pub fn new(plan: Plan, status: Status, events_total: Option<u64>) -> Self {
        let (first, segments) = match plan.scope {
            Scope::Everything => (Position::Events(None), plan.segments),
            Scope::Since(_) => (Position::Since(None), plan.segments),
            Scope::Order(_) => (Position::Order, 1),
        };
        let now = Utc::now();
        Self {
            replay_id: Uuid::now_v7().to_string(),
            status,
            run: 1,
            segments: vec![first; segments as usize],
            plan,
            counts: Counts::default(),
            events_total,
            differences: Vec::new(),
            started_at: now,
            updated_at: now,
        }
    }

    pub fn is_through(&self) -> bool {
        self.segments.iter().all(|position| *position == Position::Done)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.orders += other.orders;
        self.written += other.written;
        self.removed += other.removed;
        self.uncounted += other.uncounted;
        self.unreadable += other.unreadable;
        self.differences += other.differences;
    }
}
