//! What is read: rows that projections keep up to date from events, and the queries on them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`projector`] | what every projection does with a batch: group, apply, park, report |
//! | [`order_summary`] | one row per order, from the event store's stream |
//! | [`customer_orders`] | one row per order under its customer, from OrderSummary's stream |
//! | [`replay`] | read models computed anew, or compared with the events |
//! | [`fresh`] | orders as they are at least since some version |
//! | [`projections`] | all of them, found by their names |
//! | [`parked`] | what could not be projected, with the reason |
//! | [`status`] | how far each projection has come |
//! | [`problems`] | what a query that failed answers |
//! | [`rows`] | what the tables of rows have in common |
//! | [`views`] | rows as the HTTP contract shows them |
//! | [`history`] | what happened to an order, event by event |
//! | [`from_env`] | the event store as a function's environment names it |

pub mod customer_orders;
pub mod fresh;
pub mod from_env;
pub mod history;
pub mod order_summary;
pub mod parked;
pub mod problems;
pub mod projections;
pub mod projector;
pub mod replay;
pub mod rows;
pub mod status;
pub mod views;

pub use customer_orders::{CustomerOrders, CustomerOrdersProjection};
pub use fresh::{FreshOrders, ReadSource};
pub use order_summary::{OrderSummaries, OrderSummaryProjection};
pub use parked::ParkedEvents;
pub use projections::Projections;
pub use projector::{ProjectError, Projection};
pub use rows::{Row, Rows};
pub use status::ProjectionStatuses;
