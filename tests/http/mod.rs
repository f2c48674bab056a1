//! The HTTP contract, end to end through the local stack.

mod admin;
mod bad_input;
mod caching;
mod callers;
mod commands;
mod concurrency;
mod faults;
mod first_versions;
mod idempotency;
mod logs;
mod metrics;
mod queries;
mod read_after;
mod time_travel;
mod views;
