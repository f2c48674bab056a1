//! Items of tables of rows, and what each says of its row.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use event_store::Version;

/// An item of a table of rows.
pub type Item = HashMap<String, AttributeValue>;

/// The version of a row; `None` when it has none, and so cannot be a row of ours.
pub(crate) fn version(item: &Item) -> Option<Version> {
    item.get("Version")?.as_n().ok()?.parse().ok()
}

/// The generation of a row.
pub(crate) fn generation(item: &Item) -> u32 {
    let generation = item.get("Generation").and_then(|value| value.as_n().ok()?.parse().ok());
    generation.unwrap_or(1)
}
