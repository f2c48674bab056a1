//! Commands on orders: `POST /orders` and what follows it, and what the process manager asks for on the bus.
//!
//! | module | what it holds |
//! |---|---|
//! | [`handlers`] | one handler per route |
//! | [`bodies`] | the JSON bodies of the requests |
//! | `messages` | what the process manager asks for |
//! | [`problems`] | what a refused or failed command answers |

pub mod bodies;
pub mod handlers;
mod messages;
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
    let dynamodb = lambda_edge::aws::dynamodb(aws);
    let orders = EventStore::from_env(env, dynamodb.clone())?.with_snapshots(Snapshots::from_env(env)?);
    let of_messages = messages::function(orders.clone());
    let app = App {
        orders,
        products: Products::from_env(env, dynamodb)?,
    };
    Ok(http::function(env, app, routes()).and_of_records(of_messages))
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
