//! The order, from its creation to its delivery or cancellation.
//!
//! | module | what it holds |
//! |---|---|
//! | [`command`] | what a caller may ask for |
//! | [`decide`](mod@decide) | the rules: state and command to events |
//! | [`event`] | what has happened; a storage format |
//! | [`evolve`] | state and event to state |
//! | [`id`] | the name of an order |
//! | [`state`] | the order, with its totals |
//! | [`upcast`] | how older schema versions of the events are read |

pub mod command;
pub mod decide;
pub mod event;
pub mod evolve;
pub mod id;
pub mod state;
pub mod upcast;

pub use command::{Context, CreateOrder, NewItem, OrderCommand};
pub use decide::{OrderError, decide};
pub use event::OrderEvent;
pub use id::OrderId;
pub use state::{Address, ConfirmationNumber, Order, OrderItem, OrderStatus, Quantity, Tax, TaxRate};
