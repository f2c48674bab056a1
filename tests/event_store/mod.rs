//! The promises of an append.

mod append;
mod backup;
mod by_time;
mod concurrency;
mod cost;
mod decider;
mod faults;
mod snapshots;
mod upcasting;
