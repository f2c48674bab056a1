//! The process that fulfils an order: it reserves stock, takes the payment, confirms the order and asks for its shipment,
//! and undoes what was done when a step fails or takes too long.
//!
//! It is told what has happened elsewhere, in any order, twice or late, and answers with what is to be done next; both are
//! its events. It never acts itself: whoever reads its events does. The order stays the authority on whether it is
//! cancelled or shipped. So to give up, the process asks for the order's cancellation, and undoes things only once the
//! order says that it is cancelled, by whomever.
//!
//! | module | what it holds |
//! |---|---|
//! | [`input`] | what it can be told |
//! | [`decide`](mod@decide) | what it makes of that |
//! | [`next`] | what is to be done in a state |
//! | [`event`] | what has happened; a storage format |
//! | [`state`] | the process, and how events change it |

pub mod decide;
pub mod event;
pub mod input;
pub mod next;
pub mod state;

pub use decide::decide;
pub use event::{FulfilmentEvent, Outcome, PaymentNews, Step, StockNews};
pub use input::{Context, Input, Timeouts};
pub use state::Fulfilment;

use crate::order::OrderId;

/// Of the `AggregateId` in the event store, before the order's.
const PREFIX: &str = "fulfilment-";

/// The `AggregateId` of an order's fulfilment.
pub fn aggregate_id(order_id: OrderId) -> String {
    format!("{PREFIX}{order_id}")
}

/// The order whose fulfilment has this `AggregateId`.
pub fn order_of(aggregate_id: &str) -> Option<OrderId> {
    aggregate_id.strip_prefix(PREFIX)?.parse().ok()
}
