//! Commands on orders: `POST /orders` and what follows it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`handlers`] | one handler per route |
//! | [`bodies`] | the JSON bodies of the requests |
//! | [`problems`] | what a refused or failed command answers |

pub mod bodies;
pub mod handlers;
pub mod problems;

use aws_config::SdkConfig;
use event_store::{EventStore, Snapshots};
use lambda_edge::http::{self, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use reference_data::Products;

/// What the handlers need.
pub struct App {
    pub orders: EventStore,
    /// For items that come without a price.
    pub products: Products,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let snapshots = Snapshots::new(
        env.required("SNAPSHOTS_TABLE")?,
        env.parsed("SNAPSHOT_EVERY", "a list such as `Order:50,Stock:20`")?,
    );
    let dynamodb = lambda_edge::aws::dynamodb(aws);
    let orders = EventStore::new(
        lambda_edge::aws::dynamodb(aws),
        env.required("EVENT_STORE_TABLE")?,
        env.parsed("EVENT_TYPE_SHARDS", "a whole number from 1")?,
    );
    let app = App {
        orders: orders.with_snapshots(snapshots),
        products: Products::from_env(env, dynamodb)?,
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("POST /orders", handlers::create)
        .on("POST /orders/{order_id}/items", handlers::add_item)
        .on("DELETE /orders/{order_id}/items/{product_id}", handlers::remove_item)
        .on("POST /orders/{order_id}/submit", handlers::submit)
        .on("POST /orders/{order_id}/confirm", handlers::confirm)
        .on("POST /orders/{order_id}/payment", handlers::record_payment)
        .on("POST /orders/{order_id}/ship", handlers::ship)
        .on("POST /orders/{order_id}/deliver", handlers::deliver)
        .on("POST /orders/{order_id}/cancel", handlers::cancel)
}
