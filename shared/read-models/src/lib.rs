//! What is read: rows that projections keep up to date from events, and the queries on them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`order_row`] | the row of an order, from which all others follow |
//! | `item` | what an item says of its row |
//! | [`rows`] | what the tables of rows have in common |
//! | [`totals`] | totals that change together with the rows that they are of |
//! | [`money`] | what orders come to in one currency |
//! | [`day`] | days in parameters and keys, and the time zone that they are told by |
//! | [`read_model`] | what a replay asks of a read model |
//! | [`order_summary`] | one row per order, from the event store's stream |
//! | `several` | rows of an order that may become fewer, or move |
//! | [`derived`] | rows that follow from those of OrderSummary |
//! | [`customer_orders`] | one row per order under its customer, from OrderSummary's stream |
//! | [`customer_summary`] | what all orders of a customer come to |
//! | [`daily_orders`] | what the orders of a day come to |
//! | [`order_search`] | orders found by their words |
//! | [`order_index`] | the projection that keeps all that have none of their own: daily orders and the search |
//! | [`stock_levels`] | one row per SKU, from messages of the bus |
//! | [`fresh`] | orders as they are at least since some version |
//! | [`order_lists`] | orders in lists, from the rows of OrderSummary and CustomerOrders |
//! | [`projections`] | all projections and their read models, found by their names |

pub mod customer_orders;
pub mod customer_summary;
pub mod daily_orders;
pub mod day;
pub mod derived;
pub mod fresh;
mod item;
pub mod money;
pub mod order_index;
pub mod order_lists;
pub mod order_row;
pub mod order_search;
pub mod order_summary;
pub mod projections;
pub mod read_model;
pub mod rows;
mod several;
pub mod stock_levels;
pub mod totals;

pub use customer_orders::{CustomerOrders, CustomerOrdersProjection};
pub use daily_orders::DailyOrders;
pub use derived::Derived;
pub use fresh::{FreshOrders, ReadSource};
pub use item::Format;
pub use order_index::OrderIndexProjection;
pub use order_lists::OrderLists;
pub use order_row::OrderSummaryRow;
pub use order_search::OrderSearch;
pub use order_summary::{OrderSummaries, OrderSummaryProjection};
pub use read_model::ReadModel;
pub use rows::{Row, Rows};
pub use stock_levels::StockLevels;
