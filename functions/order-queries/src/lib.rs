//! Queries on one order, and the system's health.
//!
//! | module | what it holds |
//! |---|---|
//! | [`order`] | one order: as the read model has it, at least at some version, or as it was |
//! | [`handlers`] | an order's history, its events, and the system's health |
//! | [`health`] | whether every table can be read |

pub mod handlers;
pub mod health;
pub mod order;

use aws_config::SdkConfig;
use event_store::EventStore;
use lambda_edge::http::{self, Cursors, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::{FreshOrders, OrderSummaries, from_env};

use crate::health::Tables;

/// What the handlers need.
pub struct App {
    pub events: EventStore,
    pub orders: FreshOrders,
    pub cursors: Cursors,
    pub tables: Tables,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = lambda_edge::aws::dynamodb(aws);
    let events = from_env::event_store(env, dynamodb.clone())?;
    let rows = OrderSummaries::from_env(env, dynamodb.clone())?;
    let app = App {
        events: events.clone(),
        orders: FreshOrders::new(events, rows),
        cursors: Cursors::from_env(env)?,
        tables: Tables::from_env(env, dynamodb)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("GET /orders/{order_id}", order::order)
        .on("GET /orders/{order_id}/history", handlers::history)
        .on("GET /orders/{order_id}/events", handlers::events)
        .public("GET /health", handlers::health)
}
