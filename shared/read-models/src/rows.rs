//! What the tables of rows have in common.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::{StoreError, Version};
use serde::Serialize;

/// Writes a row unless a newer one is there; that is all that was wanted, too. Rows go only forwards.
///
/// A row of the same version is written again: it says the same, or it was written by older code. So is one whose
/// `Version` is not a number, which cannot be a row of ours.
pub(crate) async fn put_unless_newer(
    client: &Client,
    table: &str,
    row: &impl Serialize,
    version: Version,
) -> Result<(), StoreError> {
    let item = serde_dynamo::to_item(row).map_err(|error| StoreError::Rejected(error.to_string()))?;
    let written = client
        .put_item()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("NOT attribute_type(Version, :number) OR Version <= :version")
        .expression_attribute_values(":number", AttributeValue::S("N".to_owned()))
        .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
        .send()
        .await;
    unless_refused(written).map(|_| ())
}

/// Whether a conditional write happened: false when its condition was not met.
pub(crate) fn unless_refused<T, E>(written: Result<T, SdkError<E>>) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match written {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(error.into()),
    }
}
