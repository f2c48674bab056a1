//! The stock of one SKU: what lies in the warehouse, and for which orders some of it is reserved.
//!
//! | module | what it holds |
//! |---|---|
//! | [`command`] | what may be asked for |
//! | [`decide`](mod@decide) | the rules |
//! | [`event`] | what has happened; a storage format |
//! | [`state`] | the stock, and how events change it |

pub mod command;
pub mod decide;
pub mod event;
pub mod state;

pub use command::StockCommand;
pub use decide::{StockError, decide};
pub use event::{ReleaseCause, StockEvent};
pub use state::{Ended, Pieces, Reservation, Stock};

use crate::text::Sku;

/// Of the `AggregateId` in the event store, before the SKU.
const PREFIX: &str = "stock-";

/// The `AggregateId` of a SKU's stock.
pub fn aggregate_id(sku: &Sku) -> String {
    format!("{PREFIX}{sku}")
}

/// The SKU whose stock has this `AggregateId`.
pub fn sku_of(aggregate_id: &str) -> Option<Sku> {
    aggregate_id.strip_prefix(PREFIX)?.parse().ok()
}
