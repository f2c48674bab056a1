//! The promises of an append.

mod append;
mod by_type;
mod concurrency;
mod cost;
mod faults;
