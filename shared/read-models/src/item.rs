//! What an item of a table of rows says of its row.

use domain::Version;
use dynamodb::Item;

/// The version of a row; `None` when it has none, and so cannot be a row of ours.
pub(crate) fn version(item: &Item) -> Option<Version> {
    item.get("Version")?.as_n().ok()?.parse().ok()
}

/// The generation of a row.
pub(crate) fn generation(item: &Item) -> u32 {
    let generation = item.get("Generation").and_then(|value| value.as_n().ok()?.parse().ok());
    generation.unwrap_or(1)
}
