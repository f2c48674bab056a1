//! The Lambda functions that keep read models up to date: one module and one binary for each.
//!
//! | module | the rows it keeps | from |
//! |---|---|---|
//! | [`order_summary`] | OrderSummary | the event store's stream |
//! | [`customer_orders`] | CustomerOrders | OrderSummary's stream |
//! | [`order_index`] | DailyOrders, OrderSearch, and whatever comes | OrderSummary's stream |
//! | [`stock_levels`] | StockLevels | the bus |

pub mod customer_orders;
pub mod order_index;
pub mod order_summary;
pub mod stock_levels;
