//! The HTTP contract, end to end through the local stack.

mod admin;
mod bad_input;
mod caching;
mod callers;
mod catalogue;
mod commands;
mod concurrency;
mod cost;
mod customers;
mod faults;
mod first_versions;
mod idempotency;
mod lists;
mod logs;
mod metrics;
mod notifications;
mod openapi;
mod preconditions;
mod queries;
mod query_costs;
mod read_after;
mod reports;
mod search;
mod time_travel;
mod views;
