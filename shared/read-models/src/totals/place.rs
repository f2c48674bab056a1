//! Where totals and marks stand.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use dynamodb::{Item, TableError};

use super::amounts::{Amounts, Totals};
use crate::rows::{Read, Row, Rows};

/// The totals' attribute that changes with each change of a row.
pub(crate) const REVISION: &str = "Revision";
/// Every row has it; totals and marks have not.
pub(crate) const ORDER_ID: &str = "OrderId";

/// How often a write that other writers have crossed is tried again at once.
pub(crate) const MAX_ATTEMPTS: u32 = 8;

impl<R: Row> Rows<R> {
    /// The totals of a partition.
    pub(crate) async fn totals(&self, totals: Totals, partition: &str) -> Result<Amounts, TableError> {
        let found = self.read(place::<R>(partition, totals.key), Read::Eventual).await?;
        Ok(found.as_ref().map(Amounts::of_totals).unwrap_or_default())
    }
}

/// Rows that are counted have a partition key and a range key.
pub(super) fn key_names<R: Row>() -> [&'static str; 2] {
    match R::TABLE.key {
        [(hash, _), (range, _)] => [hash, range],
        _ => ["", ""],
    }
}

pub(super) fn place<R: Row>(partition: &str, range: &str) -> Item {
    let [hash, range_name] = key_names::<R>();
    HashMap::from([
        (hash.to_owned(), AttributeValue::S(partition.to_owned())),
        (range_name.to_owned(), AttributeValue::S(range.to_owned())),
    ])
}
