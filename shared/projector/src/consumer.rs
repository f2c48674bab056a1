//! Those who read a stream.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use dynamodb::TableError;
use event_store::StoreError;
use futures::FutureExt;
use lambda_edge::stream::EventRecord;

/// Keeps something up to date with a stream: a read model, or those who listen to the bus.
///
/// It is given records twice, late and in any order, must not stop at one that it cannot read, and parks what it has to
/// leave.
#[async_trait]
pub trait StreamConsumer: Send + Sync {
    /// Its name, under which it parks.
    const NAME: &'static str;

    /// The key attribute that names the aggregate in its stream's records.
    const AGGREGATE_KEY: &'static str;

    /// The attribute of its stream's images that holds the event's time. By default that of rows: a row is as new as its
    /// newest event.
    const EVENT_TIME: &'static str = "UpdatedAt";

    /// Takes in `records`, which all concern this aggregate and stand in the stream's order.
    /// Doing it twice, late or out of order makes no difference.
    async fn apply(&self, aggregate_id: &str, records: &[EventRecord]) -> Result<(), ProjectError>;

    /// Does what the aggregate needs without a record to say what has changed.
    async fn refresh(&self, aggregate_id: &str) -> Result<(), ProjectError>;
}

/// Why a record could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It may work when it is delivered again.
    #[error("{0}")]
    Passing(String),
    /// Newer code has written what this code does not know. It works once this code has been replaced, too.
    #[error("{0}")]
    Newer(String),
    /// It will never work with this code and this data.
    #[error("{0}")]
    Lasting(String),
}

impl From<TableError> for ProjectError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Unreadable(_) | TableError::Rejected(_) => Self::Lasting(error.to_string()),
            // A missing right is mended by a deployment, for which the trigger's retries leave time.
            TableError::Throttled(_) | TableError::Unavailable(_) | TableError::Misconfigured(_) => {
                Self::Passing(error.to_string())
            }
        }
    }
}

impl From<StoreError> for ProjectError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Table(error) => error.into(),
            StoreError::Newer(_) => Self::Newer(error.to_string()),
            StoreError::Corrupt(_) => Self::Lasting(error.to_string()),
        }
    }
}

/// A panic is a bug that this data brings out, and brings out again: it must not stop the aggregates around it.
pub(crate) async fn panics_last(work: impl Future<Output = Result<(), ProjectError>>) -> Result<(), ProjectError> {
    let lasting = |_| Err(ProjectError::Lasting("the projection panicked".to_owned()));
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(lasting)
}
