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
pub use event::PaymentEvent;
pub use state::{Action, Payment, PaymentStatus};

use std::convert::Infallible;

use crate::aggregate::{Aggregate, Upcaster};
use crate::order::OrderId;
use event::EVENT_TYPES;

impl Aggregate for Payment {
    const TYPE: &'static str = "Payment";
    const PREFIX: &'static str = "payment-";
    const EVENT_TYPES: &'static [&'static str] = &EVENT_TYPES;
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])] = &[];
    const STATE_VERSION: u32 = 1;
    type Id = OrderId;
    type Event = PaymentEvent;
    type Command = PaymentCommand;
    type Context = ();
    type Refusal = Infallible;

    fn evolve(state: Option<Self>, event: &PaymentEvent) -> Option<Self> {
        Some(state.unwrap_or_else(Payment::new).after(event))
    }

    fn decide(state: Option<&Self>, command: PaymentCommand, _: &()) -> Result<Vec<PaymentEvent>, Infallible> {
        Ok(decide::decide(state, command))
    }
}
