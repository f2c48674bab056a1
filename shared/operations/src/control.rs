//! How a replay is told to stop, is watched, and fails.

use std::sync::Arc;

use dynamodb::TableError;
use event_store::StoreError;
use tokio::sync::watch;

use crate::plan::InvalidPlan;
use crate::progress::{Difference, Replay};

/// A replay did not go on. It goes on from its last checkpoint in the next run.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Plan(#[from] InvalidPlan),
    #[error("there is no replay {0}")]
    Unknown(String),
    #[error("another process goes on with the replay")]
    TakenOver,
    /// It was told to stop while it waited.
    #[error("the replay was stopped")]
    Stopped,
    /// Nothing accounts for any row: most likely this is the wrong table.
    #[error("the event store has no events; the rows that there are were left alone")]
    NoEvents,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TableError> for ReplayError {
    fn from(error: TableError) -> Self {
        Self::Store(error.into())
    }
}

/// Tells a running replay to stop at the next batch, or while it waits for DynamoDB.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// Cannot be taken back.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) async fn wait(&self) {
        // An error says that nobody can set it any more, which is not so while `self` is there.
        let _ = self.0.subscribe().wait_for(|is_set| *is_set).await;
    }
}

/// Watches a replay.
pub trait Observer: Sync {
    /// After each batch.
    fn progressed(&self, replay: &Replay);
    /// A row that is not what the events say.
    fn found(&self, difference: &Difference);
}
