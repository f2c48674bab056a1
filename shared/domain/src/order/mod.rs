//! The order, from its creation to its delivery or cancellation.
//!
//! | module | what it holds |
//! |---|---|
//! | [`command`] | what a caller may ask for |
//! | [`decide`](mod@decide) | the rules: state and command to events |
//! | [`event`] | what has happened; a storage format |
//! | [`evolve`] | state and event to state |
//! | [`id`] | the name of an order |
//! | `lines` | items of a command against the lines and the catalogue |
//! | [`refusal`] | why a command is refused |
//! | [`state`] | the order, with its totals |
//! | [`upcast`] | how older schema versions of the events are read |

pub mod command;
pub mod decide;
pub mod event;
pub mod evolve;
pub mod id;
mod lines;
pub mod refusal;
pub mod state;
pub mod upcast;

pub use crate::quantity::Quantity;
pub use command::{Charge, Context, CreateOrder, NewItem, OrderCommand, Retired, Which};
pub use event::{AddedItem, OrderEvent};
pub use id::OrderId;
pub use refusal::OrderError;
pub use state::{Address, ConfirmationNumber, Order, OrderItem, OrderStatus, Tax, TaxRate, Terms};

use crate::aggregate::{Aggregate, Upcaster};
use event::EVENT_TYPES;

impl Aggregate for Order {
    const TYPE: &'static str = "Order";
    const PREFIX: &'static str = "";
    const EVENT_TYPES: &'static [&'static str] = &EVENT_TYPES;
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])] = upcast::UPCASTERS;
    const STATE_VERSION: u32 = 2;
    type Id = OrderId;
    type Event = OrderEvent;
    type Command = OrderCommand;
    type Context = Context;
    type Refusal = OrderError;

    fn evolve(state: Option<Self>, event: &OrderEvent) -> Option<Self> {
        evolve::evolve(state, event)
    }

    fn decide(state: Option<&Self>, command: OrderCommand, context: &Context) -> Result<Vec<OrderEvent>, OrderError> {
        decide::decide(state, command, context)
    }

    fn is_absence(refusal: &OrderError) -> bool {
        matches!(refusal, OrderError::NotFound | OrderError::ItemNotFound { .. })
    }
}
