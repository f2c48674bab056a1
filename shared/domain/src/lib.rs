//! The rules of orders, and of what it takes to fulfil them, and nothing else: no I/O, no clock, no random numbers.
//!
//! | module | what it holds |
//! |---|---|
//! | [`aggregate`] | the skeleton that every aggregate fills in, and how its events are written and read |
//! | [`order`] | the order: commands, events, state, `decide`, `evolve` |
//! | [`stock`] | what lies in the warehouse, and what of it is reserved |
//! | [`payment`] | the payment of an order |
//! | [`transaction`] | that a transaction pays one order |
//! | [`fulfilment`] | the process that has an order reserved, paid and shipped, or undone |
//! | [`catalogue`] | what a shop sells, and at which prices |
//! | [`money`] | currencies and exact amounts |
//! | [`quantity`] | how many, of a product or a SKU |
//! | [`text`] | identifiers and texts that callers bring |
//! | [`time`] | how times are stored and told |
//! | [`metadata`] | who caused an event, and why |
//! | [`precondition`] | what a caller believes of the thing that its command is to change |

pub mod aggregate;
pub mod catalogue;
pub mod fulfilment;
pub mod metadata;
pub mod money;
pub mod order;
pub mod payment;
pub mod precondition;
pub mod quantity;
pub mod stock;
#[cfg(test)]
mod testing;
pub mod text;
pub mod time;
pub mod transaction;

pub use aggregate::{Aggregate, UnreadableEvent};
pub use metadata::{Idempotency, Metadata};

/// The number of an event in its stream: 1, 2, 3 … without gaps. 0 is the version of a stream without events. Also the
/// number of a change of anything else that is counted so.
pub type Version = u64;
