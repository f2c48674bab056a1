//! What the benchmarks in `examples/` have in common.
//!
//! - [`how_many()`]: how much one is asked to do
//! - [`store`]: a store that is filled past the functions

#![allow(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

mod how_many;
pub mod store;

pub use how_many::how_many;
