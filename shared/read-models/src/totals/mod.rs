//! Totals over the rows of a partition, which change in the same transaction as the rows.
//!
//! Each row says what it has added to the totals of its partition. Whoever writes it anew takes that away and adds what
//! the new row counts for, in one transaction that goes through only if the row is still the one that was seen. So a
//! record that comes twice counts once, and totals can be counted again from the rows at any time.
//!
//! | module | what it holds |
//! |---|---|
//! | `amounts` | what is counted, by name |
//! | `write` | rows written and removed together with what they count for |
//! | `recount` | totals counted again from the rows |
//! | `unchanged` | the condition that an item is still what was seen |

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use event_store::StoreError;

use crate::rows::{Item, Row, Rows};

mod amounts;
mod recount;
mod unchanged;
mod write;

pub use amounts::Amounts;
pub use recount::Recounted;

/// Where the totals of a partition stand: the range key of their item, beside the rows.
#[derive(Debug, Clone, Copy)]
pub struct Totals {
    /// That range key, which no row and no mark has.
    pub key: &'static str,
    /// The count of what is counted once per partition, however many rows have it: of their [`Row::mark`]s.
    pub marked: Option<&'static str>,
}

/// A row's attribute: what it has been counted for.
const COUNTED: &str = "Counted";
/// A row's attribute: the range key of its mark.
const MARK: &str = "Mark";
/// The totals' attribute that changes with each change of a row.
const REVISION: &str = "Revision";
/// Every row has it; totals and marks have not.
pub(crate) const ORDER_ID: &str = "OrderId";

/// How often a write that other writers have crossed is tried again at once.
const MAX_ATTEMPTS: u32 = 8;

impl<R: Row> Rows<R> {
    /// What is counted of a row, and its mark: attributes beside its own.
    pub(crate) fn counted(row: &R) -> Item {
        let mut item = Item::new();
        if R::TOTALS.is_some() {
            let amounts = AttributeValue::M(row.amounts().to_item());
            item.insert(COUNTED.to_owned(), amounts);
        }
        if let Some(mark) = row.mark() {
            item.insert(MARK.to_owned(), AttributeValue::S(mark));
        }
        item
    }

    /// The totals of a partition.
    pub(crate) async fn totals(&self, totals: Totals, partition: &str) -> Result<Amounts, StoreError> {
        let found = self.read(place::<R>(partition, totals.key), false).await?;
        Ok(found.as_ref().map(Amounts::of_totals).unwrap_or_default())
    }
}

/// Rows that are counted have a partition key and a range key.
fn key_names<R: Row>() -> [&'static str; 2] {
    match R::KEY {
        [hash, range] => [hash, range],
        _ => ["", ""],
    }
}

fn place<R: Row>(partition: &str, range: &str) -> Item {
    let [hash, range_name] = key_names::<R>();
    HashMap::from([
        (hash.to_owned(), AttributeValue::S(partition.to_owned())),
        (range_name.to_owned(), AttributeValue::S(range.to_owned())),
    ])
}
