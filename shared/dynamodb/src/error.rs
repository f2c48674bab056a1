//! What can go wrong, kept apart by what the caller can do about it.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use measures::THROTTLED;

/// A call to DynamoDB that did not succeed, or brought what cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TableError {
    /// Wait and try again. An earlier attempt of the same request may have been carried out nevertheless.
    #[error("DynamoDB is throttling: {0}")]
    Throttled(String),
    /// Try again. A write may have happened or may not.
    #[error("DynamoDB did not answer: {0}")]
    Unavailable(String),
    /// DynamoDB will refuse this item always.
    #[error("DynamoDB rejects the request: {0}")]
    Rejected(String),
    /// A right or a table is missing, or something else answers: only a deployment can help.
    #[error("DynamoDB cannot be used: {0}")]
    Misconfigured(String),
    /// An item cannot be read. Trying again does not help.
    #[error("an item cannot be read: {0}")]
    Unreadable(String),
}

/// An error after which the same request may succeed a moment later.
pub trait Passes {
    /// Whether this one is so.
    fn passes(&self) -> bool;
}

impl Passes for TableError {
    fn passes(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable(_))
    }
}

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

impl<E: ProvideErrorMetadata + std::error::Error + 'static> From<SdkError<E>> for TableError {
    fn from(error: SdkError<E>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let message = cause(&error);
        let code_is_of = |codes: &[&str]| error.code().is_some_and(|code| codes.contains(&code));
        match &error {
            SdkError::ServiceError(_) if code_is_of(&THROTTLING_CODES) => Self::throttled(message),
            SdkError::ServiceError(_) if code_is_of(&TRANSACTION_CODES) => Self::Unavailable(message),
            SdkError::ServiceError(_) if code_is_of(&REJECTING_CODES) => Self::Rejected(message),
            SdkError::ServiceError(_) if status.is_some_and(|status| status < 500) => {
                Self::Misconfigured(match is_from_dynamodb(&error) {
                    true => message,
                    false => "what answers there is something else".to_owned(),
                })
            }
            SdkError::ConstructionFailure(_) => Self::Rejected(message),
            _ => Self::Unavailable(message),
        }
    }
}

/// Whether an answer has DynamoDB's media type, which all its answers have, also its errors.
fn is_from_dynamodb<E>(error: &SdkError<E>) -> bool {
    let media_type = error
        .raw_response()
        .and_then(|answer| answer.headers().get("content-type"));
    media_type.is_some_and(|media_type| media_type.starts_with("application/x-amz-json"))
}

/// A request of ours lacks what it must have.
impl From<BuildError> for TableError {
    fn from(error: BuildError) -> Self {
        Self::Rejected(error.to_string())
    }
}

impl TableError {
    /// Counted, as every throttle comes by here that the SDK's own retries did not get past.
    pub(crate) fn throttled(message: String) -> Self {
        metrics::counter!(THROTTLED).increment(1);
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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;

    use super::*;

    /// What a 400 with this code is.
    fn refused(code: &str) -> TableError {
        let error = PutItemError::generic(ErrorMetadata::builder().code(code).build());
        let mut response = HttpResponse::new(400.try_into().unwrap(), "".into());
        response
            .headers_mut()
            .insert("content-type", "application/x-amz-json-1.0");
        SdkError::service_error(error, response).into()
    }

    #[test]
    fn the_code_says_what_the_caller_can_do() {
        use TableError::{Misconfigured, Rejected, Throttled, Unavailable};
        assert!(matches!(refused("ThrottlingException"), Throttled(_)));
        assert!(matches!(refused("TransactionConflictException"), Unavailable(_)));
        assert!(matches!(refused("ValidationException"), Rejected(_)));
        assert!(matches!(refused("AccessDeniedException"), Misconfigured(_)));
    }
}
