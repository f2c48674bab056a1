//! Orders as the HTTP contract shows them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`order`] | one order, whole or in short |
//! | [`orders`] | several, with the names of their customers |
//! | [`history`] | what happened to an order, its payment, its fulfilment or a stock, event by event |
//! | [`list_requests`] | lists as they are asked for |
//! | [`read_after`] | `X-Read-After`: the order that a caller has just changed |

pub mod history;
pub mod list_requests;
pub mod order;
pub mod orders;
pub mod read_after;

pub use list_requests::OrderListRequests;
pub use order::{AnyOrderView, Detail, OrderView, order_not_found};
