//! What can go wrong, kept apart by what the caller can do about it.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use chrono::TimeDelta;
use dynamodb::{Cancelled, Item, Passes, TableError, cancelled};

use crate::corrupt::CorruptStream;
use crate::recorded::Recorded;

/// How long newer code is waited for: the longest that a deployment should take. What it has written counts as lasting then.
pub const LONGEST_DEPLOYMENT: TimeDelta = TimeDelta::hours(1);

/// A stream that could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Table(#[from] TableError),
    /// Newer code has written what this code does not know. It passes once this code has been replaced, too.
    #[error("newer code has written it: {0}")]
    Newer(CorruptStream),
    /// The stream itself is damaged; trying again does not help.
    #[error(transparent)]
    Corrupt(CorruptStream),
}

/// An append that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer was faster. These are its events, as far as DynamoDB returned them: fold them and what
    /// followed, and decide again.
    #[error("another writer appended first")]
    Conflict { winners: Vec<Recorded> },
    /// A transaction on the same items is in progress: try again in a moment.
    #[error("a transaction on the same items is in progress")]
    TransactionInProgress,
    /// The event does not fit into an item of DynamoDB.
    #[error("an event of {bytes} bytes is larger than the {limit} bytes of a DynamoDB item")]
    TooLarge { bytes: usize, limit: usize },
    /// More events than one transaction can hold.
    #[error("{count} events are more than the {limit} of one transaction")]
    TooMany { count: usize, limit: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Passes for StoreError {
    fn passes(&self) -> bool {
        matches!(self, Self::Table(error) if error.passes())
    }
}

impl<E> From<SdkError<E>> for StoreError
where
    TableError: From<SdkError<E>>,
{
    fn from(error: SdkError<E>) -> Self {
        Self::Table(error.into())
    }
}

impl From<CorruptStream> for StoreError {
    fn from(error: CorruptStream) -> Self {
        match error.is_newer() {
            true => Self::Newer(error),
            false => Self::Corrupt(error),
        }
    }
}

impl From<TableError> for AppendError {
    fn from(error: TableError) -> Self {
        Self::Store(error.into())
    }
}

/// Why a PutItem failed.
pub(crate) fn of_put(error: SdkError<PutItemError>) -> AppendError {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => conflict([failed.item()]),
        Some(PutItemError::TransactionConflictException(_)) => AppendError::TransactionInProgress,
        _ => TableError::from(error).into(),
    }
}

/// Why a TransactWriteItems failed.
pub(crate) fn of_transaction(error: SdkError<TransactWriteItemsError>) -> AppendError {
    match cancelled(error) {
        Cancelled::Refused(reasons) => conflict(reasons.iter().map(CancellationReason::item)),
        Cancelled::InProgress => AppendError::TransactionInProgress,
        Cancelled::Table(error) => error.into(),
    }
}

fn conflict<'a>(items: impl IntoIterator<Item = Option<&'a Item>>) -> AppendError {
    let winners = items
        .into_iter()
        .flatten()
        .filter(|item| !item.is_empty())
        .map(|item| Recorded::from_item(item.clone()))
        .collect::<Result<Vec<_>, _>>();
    match winners {
        Ok(winners) => AppendError::Conflict { winners },
        Err(corrupt) => StoreError::from(corrupt).into(),
    }
}
