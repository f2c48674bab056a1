//! What can go wrong, kept apart by what the caller can do about it.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use domain::aggregate::reason_without_data;
use std::collections::HashMap;
use std::fmt;

use crate::corrupt::CorruptStream;
use crate::recorded::Recorded;

/// A call to DynamoDB that did not succeed, or brought what cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Wait and try again. An earlier attempt of the same request may have been carried out nevertheless.
    #[error("DynamoDB is throttling: {0}")]
    Throttled(String),
    /// Try again. A write may have happened or may not.
    #[error("DynamoDB did not answer: {0}")]
    Unavailable(String),
    /// DynamoDB will refuse this item always.
    #[error("DynamoDB rejects the request: {0}")]
    Rejected(String),
    /// A right or a table is missing: only a deployment can help.
    #[error("DynamoDB refuses access: {0}")]
    Misconfigured(String),
    /// Newer code has written what this code does not know. It passes once this code has been replaced, too.
    #[error("newer code has written it: {0}")]
    Newer(CorruptStream),
    /// The stream itself is damaged; trying again does not help.
    #[error(transparent)]
    Corrupt(CorruptStream),
    /// An item beside the events cannot be read. Trying again does not help.
    #[error("an item cannot be read: {0}")]
    Unreadable(String),
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

type Item = HashMap<String, AttributeValue>;

/// Codes that ask for patience.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
const THROTTLING_CODES: [&str; 3] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
];

/// Codes of a request that was not carried out because a transaction holds the same items.
const TRANSACTION_CODES: [&str; 2] = ["TransactionConflictException", "TransactionInProgressException"];

/// Codes that speak of the request itself.
const REJECTING_CODES: [&str; 3] = [
    "ValidationException",
    "ItemCollectionSizeLimitExceededException",
    "SerializationException",
];

impl<E: ProvideErrorMetadata + std::error::Error + 'static> From<SdkError<E>> for StoreError {
    fn from(error: SdkError<E>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let message = cause(&error);
        let code_is_of = |codes: &[&str]| error.code().is_some_and(|code| codes.contains(&code));
        match &error {
            SdkError::ServiceError(_) if code_is_of(&THROTTLING_CODES) => Self::throttled(message),
            SdkError::ServiceError(_) if code_is_of(&TRANSACTION_CODES) => Self::Unavailable(message),
            SdkError::ServiceError(_) if code_is_of(&REJECTING_CODES) => Self::Rejected(message),
            SdkError::ServiceError(_) if status.is_some_and(|status| status < 500) => Self::Misconfigured(message),
            SdkError::ConstructionFailure(_) => Self::Rejected(message),
            _ => Self::Unavailable(message),
        }
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

impl StoreError {
    /// `what` was read and does not deserialize. The reason has nothing of the item in it.
    pub fn unreadable(what: impl fmt::Display, error: &serde_dynamo::Error) -> Self {
        Self::Unreadable(format!("{what}: {}", reason_without_data(error)))
    }

    /// Counted, as every throttle comes by here that the SDK's own retries did not get past.
    fn throttled(message: String) -> Self {
        metrics::counter!("dynamodb_throttled_total").increment(1);
        Self::Throttled(message)
    }
}

/// What the log may say of an error: DynamoDB's code, message and request id, or how the request failed. Not the
/// response itself, which may hold an item.
pub fn cause<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> String {
    if let Some(code) = error.code() {
        let message = error.message().unwrap_or("no message");
        let request_id = error.request_id().unwrap_or("unknown");
        return format!("{code}: {message} (request {request_id})");
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Why a PutItem failed.
pub(crate) fn of_put(error: SdkError<PutItemError>) -> AppendError {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => conflict([failed.item()]),
        Some(PutItemError::TransactionConflictException(_)) => AppendError::TransactionInProgress,
        _ => StoreError::from(error).into(),
    }
}

/// Why a TransactWriteItems failed.
pub(crate) fn of_transaction(error: SdkError<TransactWriteItemsError>) -> AppendError {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(error)) => {
            of_cancellation(error.cancellation_reasons())
        }
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => AppendError::TransactionInProgress,
        _ => StoreError::from(error).into(),
    }
}

fn of_cancellation(reasons: &[CancellationReason]) -> AppendError {
    match cancelled(reasons) {
        Cancelled::Refused => conflict(reasons.iter().map(CancellationReason::item)),
        Cancelled::InProgress => AppendError::TransactionInProgress,
        Cancelled::Store(error) => error.into(),
    }
}

/// Why a transaction was cancelled.
#[derive(Debug)]
pub enum Cancelled {
    /// The conditions of some of its items were not met.
    Refused,
    /// Another transaction on the same items is in progress: try again in a moment.
    InProgress,
    Store(StoreError),
}

/// Why a transaction was cancelled. Each item has its own reason, most of them `None`; the gravest decides.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub fn cancelled(reasons: &[CancellationReason]) -> Cancelled {
    let gravest = reasons.iter().max_by_key(|reason| Gravity::of(reason));
    let described = gravest.map(|reason| {
        let message = reason.message().unwrap_or("no message");
        format!("{}: {message}", reason.code().unwrap_or("None"))
    });
    let described = described.unwrap_or_else(|| "no reason is given".to_owned());
    Cancelled::Store(match gravest.map_or(Gravity::None, Gravity::of) {
        Gravity::None => StoreError::Unavailable(described),
        Gravity::Throttled => StoreError::throttled(described),
        Gravity::InProgress => return Cancelled::InProgress,
        Gravity::Lost => return Cancelled::Refused,
        Gravity::Misconfigured => StoreError::Misconfigured(described),
        Gravity::Broken => StoreError::Rejected(described),
    })
}

/// How long a cancellation reason stays in the way, least first: a throttle passes by itself, a lost race takes a new
/// decision, a missing right a deployment, and a broken item is refused always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    None,
    Throttled,
    InProgress,
    Lost,
    Misconfigured,
    Broken,
}

impl Gravity {
    fn of(reason: &CancellationReason) -> Self {
        match reason.code().unwrap_or("None") {
            "None" => Self::None,
            "ProvisionedThroughputExceeded" | "ThrottlingError" => Self::Throttled,
            "TransactionConflict" => Self::InProgress,
            "ConditionalCheckFailed" => Self::Lost,
            "AccessDenied" => Self::Misconfigured,
            // `ValidationError`, `ItemCollectionSizeLimitExceeded`, and what may come.
            _ => Self::Broken,
        }
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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::error::ErrorMetadata;

    use super::*;

    /// What a 400 with this code is.
    fn refused(code: &str) -> StoreError {
        let error = PutItemError::generic(ErrorMetadata::builder().code(code).build());
        let response = HttpResponse::new(400.try_into().unwrap(), "".into());
        SdkError::service_error(error, response).into()
    }

    #[test]
    fn the_code_says_what_the_caller_can_do() {
        use StoreError::{Misconfigured, Rejected, Throttled, Unavailable};
        assert!(matches!(refused("ThrottlingException"), Throttled(_)));
        assert!(matches!(refused("TransactionConflictException"), Unavailable(_)));
        assert!(matches!(refused("ValidationException"), Rejected(_)));
        assert!(matches!(refused("AccessDeniedException"), Misconfigured(_)));
    }

    fn cancelled(codes: &[&str]) -> AppendError {
        let reasons: Vec<_> = codes
            .iter()
            .map(|code| CancellationReason::builder().code(*code).build())
            .collect();
        of_cancellation(&reasons)
    }

    #[test]
    fn each_cancellation_reason_is_its_own_error() {
        use AppendError::{Conflict, Store, TransactionInProgress};
        assert!(matches!(
            cancelled(&["None", "AccessDenied"]),
            Store(StoreError::Misconfigured(_))
        ));
        assert!(matches!(
            cancelled(&["None", "ConditionalCheckFailed"]),
            Conflict { .. }
        ));
        assert!(matches!(
            cancelled(&["TransactionConflict", "None"]),
            TransactionInProgress
        ));
        for code in ["ProvisionedThroughputExceeded", "ThrottlingError"] {
            assert!(
                matches!(cancelled(&["None", code]), Store(StoreError::Throttled(_))),
                "{code}"
            );
        }
        for code in ["ValidationError", "ItemCollectionSizeLimitExceeded", "DuplicateItem"] {
            assert!(
                matches!(cancelled(&["None", code]), Store(StoreError::Rejected(_))),
                "{code}"
            );
        }
        assert!(matches!(
            cancelled(&["None", "None"]),
            Store(StoreError::Unavailable(_))
        ));
    }

    #[test]
    fn the_gravest_reason_decides() {
        use AppendError::{Conflict, Store, TransactionInProgress};
        assert!(matches!(
            cancelled(&["ConditionalCheckFailed", "ValidationError"]),
            Store(StoreError::Rejected(_))
        ));
        assert!(matches!(
            cancelled(&["TransactionConflict", "ConditionalCheckFailed"]),
            Conflict { .. }
        ));
        assert!(matches!(
            cancelled(&["ThrottlingError", "TransactionConflict"]),
            TransactionInProgress
        ));
    }
}
