//! Writes that depend on what is there.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use event_store::StoreError;

/// Whether a conditional write happened: false when its condition was not met.
///
/// # Errors
/// What else DynamoDB said.
pub fn unless_refused<T, E>(written: Result<T, SdkError<E>>) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match written {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(error.into()),
    }
}
