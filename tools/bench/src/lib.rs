//! What the benchmarks in `examples/` have in common.
//!
//! - [`how_many()`]: how much one is asked to do
//! - [`server`]: a DynamoDB in a process of its own
//! - [`store`]: a store that is filled past the functions

#![allow(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

mod how_many;
pub mod server;
pub mod store;

pub use how_many::how_many;
