//! Items, their size, and values in them.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::aggregate::reason_without_data;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::TableError;

/// The attributes of an item, or of its key, by their names.
pub type Item = HashMap<String, AttributeValue>;

/// The largest item of DynamoDB, with its attribute names.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const MAX_ITEM_BYTES: usize = 400 * 1024;

/// A value as an item.
///
/// # Errors
/// [`TableError::Rejected`] when it is not a map of what DynamoDB can hold.
pub fn to_item(value: impl Serialize) -> Result<Item, TableError> {
    serde_dynamo::to_item(value).map_err(|error| TableError::Rejected(error.to_string()))
}

/// The value in an item, which is `what`.
///
/// # Errors
/// [`TableError::Unreadable`] when it is none, with nothing of the item in its text.
pub fn from_item<T: DeserializeOwned>(what: impl Display, item: Item) -> Result<T, TableError> {
    serde_dynamo::from_item(item)
        .map_err(|error| TableError::Unreadable(format!("{what}: {}", reason_without_data(&error))))
}

/// The size that DynamoDB counts for an item.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
pub fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        // One byte for two digits, and one more.
        AttributeValue::N(number) => number.len() / 2 + 2,
        // Three bytes of overhead, and one for each element.
        AttributeValue::M(fields) => 3 + fields.len() + item_bytes(fields),
        AttributeValue::L(values) => 3 + values.len() + values.iter().map(value_bytes).sum::<usize>(),
        _ => 1,
    }
}
