//! A transaction by which an order was paid, as somebody says it: it pays one order, once.
//!
//! | module | what it holds |
//! |---|---|
//! | [`command`] | what may be asked for |
//! | [`decide`](mod@decide) | the rule |
//! | [`event`] | what has happened; a storage format |
//! | [`state`] | who has claimed it |

pub mod command;
pub mod decide;
pub mod event;
pub mod state;

pub use command::TransactionCommand;
pub use decide::AlreadyUsed;
pub use event::TransactionEvent;
pub use state::Transaction;

use crate::aggregate::{Aggregate, Upcaster};
use crate::text::TransactionId;
use event::EVENT_TYPES;

impl Aggregate for Transaction {
    const TYPE: &'static str = "Transaction";
    const PREFIX: &'static str = "transaction-";
    const EVENT_TYPES: &'static [&'static str] = &EVENT_TYPES;
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])] = &[];
    const STATE_VERSION: u32 = 1;
    type Id = TransactionId;
    type Event = TransactionEvent;
    type Command = TransactionCommand;
    type Context = ();
    type Refusal = AlreadyUsed;

    fn evolve(_: Option<Self>, event: &TransactionEvent) -> Option<Self> {
        let TransactionEvent::TransactionClaimed { order_id } = event;
        Some(Self { order_id: *order_id })
    }

    fn decide(state: Option<&Self>, command: TransactionCommand, _: &()) -> Result<Vec<TransactionEvent>, AlreadyUsed> {
        decide::decide(state, command)
    }
}
