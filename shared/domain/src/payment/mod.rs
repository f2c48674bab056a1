//! The payment of an order: authorised, captured, and given back when the order comes to nothing.
//!
//! Money is moved by a payment provider, which may answer late or never. So every step is recorded before the provider is
//! asked, and [`Payment::next_action`] says what is to be asked next: whoever carries a payment on, after whatever
//! happened, does that and records the answer.
//!
//! | module | what it holds |
//! |---|---|
//! | [`command`] | what may be asked for, and what a provider may answer |
//! | [`decide`](mod@decide) | the rules |
//! | [`event`] | what has happened; a storage format |
//! | [`state`] | the payment, and how events change it |

pub mod command;
pub mod decide;
pub mod event;
pub mod state;

pub use command::{Answer, PaymentCommand, Request};
pub use decide::decide;
pub use event::PaymentEvent;
pub use state::{Action, Payment, PaymentStatus};

use crate::order::OrderId;

/// The `AggregateId` of an order's payment.
pub fn aggregate_id(order_id: OrderId) -> String {
    format!("{PREFIX}{order_id}")
}

/// The order whose payment has this `AggregateId`.
pub fn order_of(aggregate_id: &str) -> Option<OrderId> {
    aggregate_id.strip_prefix(PREFIX)?.parse().ok()
}

/// Of the `AggregateId` in the event store, before the order's.
const PREFIX: &str = "payment-";
