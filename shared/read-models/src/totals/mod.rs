//! Totals over the rows of a partition, which change in the same transaction as the rows.
//!
//! Each row says what it has added to the totals of its partition. Whoever writes it again takes that away and adds what
//! the new row counts for, in one transaction that goes through only if the row is still the one that was seen. So a
//! record that comes twice counts once, and totals can be counted again from the rows at any time.
//!
//! | module | what it holds |
//! |---|---|
//! | `amounts` | what is counted of a row, by name |
//! | `place` | where totals and marks stand |
//! | `write` | rows written and removed together with what they count for |
//! | `recount` | totals counted again from the rows |
//! | `unchanged` | the condition that an item is still what was seen |

mod amounts;
mod place;
mod recount;
mod unchanged;
mod write;

pub use amounts::{Amounts, Totals};
pub use recount::{Recount, Recounted};

pub(crate) use amounts::{COUNTED, MARK};
pub(crate) use place::{MAX_ATTEMPTS, ORDER_ID, REVISION};
pub(crate) use unchanged::Unchanged;
