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

pub use crate::quantity::Pieces;
pub use command::{Context, StockCommand};
pub use decide::StockError;
pub use event::{ReleaseCause, StockEvent};
pub use state::{Ended, Reservation, Stock};

use crate::aggregate::{Aggregate, Upcaster};
use crate::text::Sku;
use event::EVENT_TYPES;

impl Aggregate for Stock {
    const TYPE: &'static str = "Stock";
    const PREFIX: &'static str = "stock-";
    const EVENT_TYPES: &'static [&'static str] = &EVENT_TYPES;
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])] =
        // Version 1 cannot say that a SKU is unknown.
        &[("StockReservationRefused", &[Upcaster::Change(Upcaster::unchanged)])];
    const STATE_VERSION: u32 = 2;
    type Id = Sku;
    type Event = StockEvent;
    type Command = StockCommand;
    type Context = Context;
    type Refusal = StockError;

    fn evolve(state: Option<Self>, event: &StockEvent) -> Option<Self> {
        Some(state.unwrap_or_default().after(event))
    }

    fn decide(state: Option<&Self>, command: StockCommand, context: &Context) -> Result<Vec<StockEvent>, StockError> {
        decide::decide(state, command, context)
    }
}
