//! Writes that depend on what is there, alone and in a transaction.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnValuesOnConditionCheckFailure};

use crate::error::TableError;
use crate::item::Item;

/// Whether a conditional write happened: false when its condition was not met.
///
/// # Errors
/// What else DynamoDB said.
pub fn unless_refused<T, E>(written: Result<T, SdkError<E>>) -> Result<bool, TableError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match written {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What stood in the way of a put whose condition was not met; `None` when nothing did.
#[derive(Debug)]
pub struct Refused(pub Option<Item>);

/// Sends a put that has a condition. `None` when it happened.
///
/// # Errors
/// What else DynamoDB said.
pub async fn put_unless_refused(put: PutItemFluentBuilder) -> Result<Option<Refused>, TableError> {
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let Err(error) = put.send().await else {
        return Ok(None);
    };
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(refused)) => Ok(Some(Refused(refused.item().cloned()))),
        _ => Err(error.into()),
    }
}

/// Why a transaction was not carried out.
#[derive(Debug)]
pub enum Cancelled {
    /// The conditions of some of its items were not met. There is one reason for each item.
    Refused(Vec<CancellationReason>),
    /// Another transaction on the same items is in progress: try again in a moment.
    InProgress,
    Table(TableError),
}

/// Why a transaction was not carried out.
pub fn cancelled(error: SdkError<TransactWriteItemsError>) -> Cancelled {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(error)) => of_reasons(error.cancellation_reasons()),
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => Cancelled::InProgress,
        _ => Cancelled::Table(error.into()),
    }
}

/// Each item has its own reason, most of them `None`; the gravest decides.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
fn of_reasons(reasons: &[CancellationReason]) -> Cancelled {
    let gravest = reasons.iter().max_by_key(|reason| Gravity::of(reason));
    let described = gravest.map(|reason| {
        let message = reason.message().unwrap_or("no message");
        format!("{}: {message}", reason.code().unwrap_or("None"))
    });
    let described = described.unwrap_or_else(|| "no reason is given".to_owned());
    Cancelled::Table(match gravest.map_or(Gravity::None, Gravity::of) {
        Gravity::None => TableError::Unavailable(described),
        Gravity::Throttled => TableError::throttled(described),
        Gravity::InProgress => return Cancelled::InProgress,
        Gravity::Lost => return Cancelled::Refused(reasons.to_vec()),
        Gravity::Misconfigured => TableError::Misconfigured(described),
        Gravity::Broken => TableError::Rejected(described),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cancelled(codes: &[&str]) -> Cancelled {
        let reasons: Vec<_> = codes
            .iter()
            .map(|code| CancellationReason::builder().code(*code).build())
            .collect();
        of_reasons(&reasons)
    }

    #[test]
    fn each_cancellation_reason_is_its_own_error() {
        use Cancelled::{InProgress, Refused, Table};
        assert!(matches!(
            cancelled(&["None", "AccessDenied"]),
            Table(TableError::Misconfigured(_))
        ));
        assert!(matches!(cancelled(&["None", "ConditionalCheckFailed"]), Refused(_)));
        assert!(matches!(cancelled(&["TransactionConflict", "None"]), InProgress));
        for code in ["ProvisionedThroughputExceeded", "ThrottlingError"] {
            assert!(
                matches!(cancelled(&["None", code]), Table(TableError::Throttled(_))),
                "{code}"
            );
        }
        for code in ["ValidationError", "ItemCollectionSizeLimitExceeded", "DuplicateItem"] {
            assert!(
                matches!(cancelled(&["None", code]), Table(TableError::Rejected(_))),
                "{code}"
            );
        }
        assert!(matches!(
            cancelled(&["None", "None"]),
            Table(TableError::Unavailable(_))
        ));
    }

    #[test]
    fn the_gravest_reason_decides() {
        use Cancelled::{InProgress, Refused, Table};
        assert!(matches!(
            cancelled(&["ConditionalCheckFailed", "ValidationError"]),
            Table(TableError::Rejected(_))
        ));
        assert!(matches!(
            cancelled(&["TransactionConflict", "ConditionalCheckFailed"]),
            Refused(_)
        ));
        assert!(matches!(
            cancelled(&["ThrottlingError", "TransactionConflict"]),
            InProgress
        ));
    }
}
