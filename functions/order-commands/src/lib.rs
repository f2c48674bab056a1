//! Commands on orders: `POST /orders` and what follows it, and what the process manager asks for on the bus.
//!
//! | module | what it holds |
//! |---|---|
//! | `http` | one handler per route |
//! | `claims` | that a transaction pays one order |
//! | `bodies` | the JSON bodies of the requests |
//! | `bus` | what the process manager asks for |
//! | [`problems`] | what a refused or failed command answers |

mod bodies;
mod bus;
mod claims;
mod http;
pub mod problems;

use aws_config::SdkConfig;
use domain::order::Order;
use domain::transaction::Transaction;
use event_bus::DeadLetters;
use event_store::{Decider, EventStore, Snapshots};
use lambda_edge::http::Routes;
use lambda_edge::{ConfigError, Environment, Function};
use reference_data::{Customers, Products};

/// What the handlers need.
pub struct App {
    pub orders: Decider<Order>,
    pub transactions: Decider<Transaction>,
    /// The catalogue, for what items leave out, and whether they are retired.
    pub products: Products,
    /// The customers, for whether they are retired.
    pub customers: Customers,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let events = EventStore::from_env(env, dynamodb.clone())?;
    let orders = events.clone().with_snapshots(Snapshots::from_env(env)?);
    // Commands on one order seldom follow each other in one environment, so its state is not kept.
    let orders = Decider::new(orders).keeping_from_env(env, 0)?;
    let messages = bus::function(DeadLetters::from_env(env, aws)?, orders.clone());
    let app = App {
        orders,
        transactions: Decider::new(events),
        products: Products::from_env(env, dynamodb.clone())?,
        customers: Customers::from_env(env, dynamodb)?,
    };
    Ok(lambda_edge::http::function(env, app, routes()).with_records(messages))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("POST /orders", http::create)
        .on("POST /orders/{order_id}/items", http::add_item)
        .on("DELETE /orders/{order_id}/items/{product_id}", http::remove_item)
        .on(
            "PUT /orders/{order_id}/shipping-address",
            http::correct_shipping_address,
        )
        .on("PUT /orders/{order_id}/reference", http::change_reference)
        .on("POST /orders/{order_id}/submit", http::submit)
        .on("POST /orders/{order_id}/confirm", http::confirm)
        .on("POST /orders/{order_id}/payment", http::record_payment)
        .on("POST /orders/{order_id}/ship", http::ship)
        .on("POST /orders/{order_id}/deliver", http::deliver)
        .on("POST /orders/{order_id}/cancel", http::cancel)
}
