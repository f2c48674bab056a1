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

pub use event::{FulfilmentEvent, NEEDS_ATTENTION, Outcome, PaymentNews, Step, StockNews};
pub use input::{Context, FulfilmentError, Input, PaymentAttempts, Timeouts};
pub use state::Fulfilment;

use crate::aggregate::{Aggregate, Upcaster};
use crate::order::OrderId;
use event::EVENT_TYPES;

impl Aggregate for Fulfilment {
    const TYPE: &'static str = "Fulfilment";
    const PREFIX: &'static str = "fulfilment-";
    const EVENT_TYPES: &'static [&'static str] = &EVENT_TYPES;
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])] =
        // Version 1 cannot say that a SKU is unknown, that money never goes back, or that nothing is due.
        &[
            ("FulfilmentStockChanged", &[Upcaster::Change(Upcaster::unchanged)]),
            ("FulfilmentPaymentChanged", &[Upcaster::Change(Upcaster::unchanged)]),
            ("FulfilmentOrderChanged", &[Upcaster::Change(Upcaster::unchanged)]),
        ];
    const STATE_VERSION: u32 = 2;
    type Id = OrderId;
    type Event = FulfilmentEvent;
    type Command = Input;
    type Context = Context;
    type Refusal = FulfilmentError;

    fn evolve(state: Option<Self>, event: &FulfilmentEvent) -> Option<Self> {
        Some(state.unwrap_or_default().after(event))
    }

    fn decide(
        state: Option<&Self>,
        command: Input,
        context: &Context,
    ) -> Result<Vec<FulfilmentEvent>, FulfilmentError> {
        decide::decide(state, command, context)
    }

    fn is_absence(refusal: &FulfilmentError) -> bool {
        *refusal == FulfilmentError::NotFound
    }
}
