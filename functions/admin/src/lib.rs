//! What operators do.
//!
//! | module | what it holds |
//! |---|---|
//! | `events` | events across orders: by type, by correlation, by time |
//! | `parked` | what projections have parked, and projecting it again once the cause is mended |

mod events;
mod parked;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use event_store::EventStore;
use lambda_edge::http::{self, Cursors, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::{CustomerOrders, CustomerOrdersProjection, OrderSummaries, OrderSummaryProjection, ParkedEvents};

/// What the handlers need.
pub struct App {
    events: EventStore,
    parked: ParkedEvents,
    order_summary: OrderSummaryProjection,
    customer_orders: CustomerOrdersProjection,
    cursors: Cursors,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = Client::new(aws);
    let events = EventStore::new(
        dynamodb.clone(),
        env.required("EVENT_STORE_TABLE")?,
        env.parsed("EVENT_TYPE_SHARDS", "a whole number from 1")?,
    );
    let summaries = OrderSummaries::from_env(env, dynamodb.clone())?;
    let customer_orders = CustomerOrders::from_env(env, dynamodb.clone())?;
    let app = App {
        events: events.clone(),
        parked: ParkedEvents::from_env(env, dynamodb)?,
        order_summary: OrderSummaryProjection::new(events, summaries.clone()),
        customer_orders: CustomerOrdersProjection::new(customer_orders, summaries),
        cursors: Cursors::from_env(env)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("GET /events", events::query)
        .on("GET /admin/parked", parked::list)
        .on("POST /admin/parked/redrive", parked::redrive_page)
        .on("GET /admin/parked/{projection}/{aggregate_id}", parked::inspect)
        .on(
            "POST /admin/parked/{projection}/{aggregate_id}/redrive",
            parked::redrive_one,
        )
}
