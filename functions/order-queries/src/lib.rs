//! Queries on orders, and the system's health.
//!
//! | module | what it holds |
//! |---|---|
//! | `order` | one order: as the read model has it, at least at some version, or as it was |
//! | `fulfilment` | how far the fulfilment of an order has come |
//! | `histories` | what happened in an order's payment and fulfilment |
//! | `handlers` | lists of orders, the search, an order's history, its events, and the system's health |
//! | `health` | whether every table can be read |

mod fulfilment;
mod handlers;
mod health;
mod histories;
mod order;

use api::Cursors;
use aws_config::SdkConfig;
use event_store::EventStore;
use lambda_edge::http::{self, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::order_search::OrderSearchQueries;
use read_models::{FreshOrders, OrderSearch, OrderSummaries};
use reference_data::Customers;
use views::OrderListRequests;

use crate::health::Tables;

/// What the handlers need.
pub struct App {
    pub events: EventStore,
    pub orders: FreshOrders,
    pub lists: OrderListRequests,
    pub search: OrderSearchQueries,
    pub customers: Customers,
    pub cursors: Cursors,
    pub tables: Tables,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let events = EventStore::from_env(env, dynamodb.clone())?;
    let rows = OrderSummaries::from_env(env, dynamodb.clone())?;
    let orders = FreshOrders::new(events.clone(), rows.clone());
    let app = App {
        events,
        lists: OrderListRequests::from_env(env, dynamodb.clone(), orders.clone())?,
        search: OrderSearchQueries::new(OrderSearch::from_env(env, dynamodb.clone())?, rows),
        orders,
        customers: Customers::from_env(env, dynamodb.clone())?,
        cursors: Cursors::from_env(env)?,
        tables: Tables::from_env(env, dynamodb)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("GET /orders", handlers::orders)
        .on("GET /orders/search", handlers::search)
        .on("GET /orders/{order_id}", order::order)
        .on("GET /orders/{order_id}/history", handlers::history)
        .on("GET /orders/{order_id}/events", handlers::events)
        .on("GET /orders/{order_id}/fulfilment", fulfilment::fulfilment)
        .on("GET /orders/{order_id}/fulfilment/history", histories::of_fulfilment)
        .on("GET /orders/{order_id}/payment/history", histories::of_payment)
        .public("GET /health", handlers::health)
}
