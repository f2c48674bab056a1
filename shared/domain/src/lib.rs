//! The rules of an order, and nothing else: no I/O, no clock, no random numbers.
//!
//! | module | what it holds |
//! |---|---|
//! | [`aggregate`] | the skeleton that every aggregate fills in, and how its events are written and read |
//! | [`order`] | the order: commands, events, state, `decide`, `evolve` |
//! | [`catalogue`] | what a shop sells, and at which prices |
//! | [`money`] | currencies and exact amounts |
//! | [`text`] | identifiers and texts that callers bring |
//! | [`metadata`] | who caused an event, and why |

pub mod aggregate;
pub mod catalogue;
pub mod metadata;
pub mod money;
pub mod order;
pub mod text;

pub use aggregate::{Aggregate, UnreadableEvent};
pub use metadata::{Idempotency, Metadata};
