//! Items of tables of rows: their keys, their versions, and the format in which each was written.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::Order;
use domain::{Aggregate, Version};
use dynamodb::Item;
use serde::{Deserialize, Serialize};

/// The key attributes of a row, all of them text.
pub type RowKey = BTreeMap<String, String>;

/// What a row holds, in two numbers that only rise: code whose rows hold something else has raised one of them. A row that
/// does not tell a number was written when it was 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// The [`Aggregate::STATE_VERSION`] of the order that the row is made from.
    #[serde(rename = "StateVersion", default = "first")]
    pub state_version: u32,
    /// The [`Row::ROW_VERSION`](crate::Row::ROW_VERSION) of the row itself. Older code, which runs beside this one during a
    /// deployment, knows it under the name that it is stored by.
    #[serde(rename = "Generation", default = "first")]
    pub row_version: u32,
}

fn first() -> u32 {
    1
}

impl Format {
    /// That of this code, for rows of this version.
    pub const fn of_this_code(row_version: u32) -> Self {
        Self {
            state_version: Order::STATE_VERSION,
            row_version,
        }
    }

    /// That of a row.
    pub(crate) fn of(item: &Item) -> Self {
        let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
        Self {
            state_version: number("StateVersion").unwrap_or_else(first),
            row_version: number("Generation").unwrap_or_else(first),
        }
    }

    /// Whether what was written in this format is of this code, of older or of newer.
    pub(crate) fn beside(self, code: Self) -> Ordering {
        if self == code {
            Ordering::Equal
        } else if self.state_version > code.state_version || self.row_version > code.row_version {
            Ordering::Greater
        } else {
            Ordering::Less
        }
    }

    /// The condition that what stands there is not of newer code, with [`Self::values`].
    pub(crate) const NOT_NEWER: &str = "(attribute_not_exists(Generation) OR Generation <= :row_version) \
         AND (attribute_not_exists(StateVersion) OR StateVersion <= :state_version)";

    pub(crate) fn values(self) -> Item {
        self.numbers([":state_version", ":row_version"])
    }

    /// What a row tells of it.
    pub(crate) fn attributes(self) -> Item {
        self.numbers(Self::ATTRIBUTES)
    }

    /// The names of its attributes.
    pub(crate) const ATTRIBUTES: [&str; 2] = ["StateVersion", "Generation"];

    fn numbers(self, names: [&str; 2]) -> Item {
        let numbers = [self.state_version, self.row_version].map(|number| AttributeValue::N(number.to_string()));
        names.map(str::to_owned).into_iter().zip(numbers).collect()
    }
}

/// The version of a row; `None` when it has none, and so cannot be a row of ours.
pub(crate) fn version(item: &Item) -> Option<Version> {
    item.get("Version")?.as_n().ok()?.parse().ok()
}

/// A number as an item holds it.
pub(crate) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The key of an item.
pub(crate) fn row_key<'a>(names: impl IntoIterator<Item = &'a str>, item: &Item) -> RowKey {
    let text = |name: &str| Some((name.to_owned(), item.get(name)?.as_s().ok()?.clone()));
    names.into_iter().filter_map(text).collect()
}

/// The key as DynamoDB takes it.
pub(crate) fn to_item(key: &RowKey) -> Item {
    key.iter()
        .map(|(name, value)| (name.clone(), AttributeValue::S(value.clone())))
        .collect()
}
