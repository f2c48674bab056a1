//! Commands on the stock of a SKU: of people, over HTTP, and of the process manager, over the bus.
//!
//! | module | what it holds |
//! |---|---|
//! | [`handlers`] | one handler per route |
//! | [`orders`] | what messages ask for on behalf of orders |
//! | [`bodies`] | the JSON bodies of the requests |
//! | [`problems`] | what a refused or failed command answers |

pub mod bodies;
pub mod handlers;
pub mod orders;
pub mod problems;

use std::sync::Arc;

use aws_config::SdkConfig;
use event_store::{EventStore, Snapshots};
use lambda_edge::http::{self, Routes};
use lambda_edge::{ConfigError, Environment, Function, queue};

/// What the handlers need.
#[derive(Clone)]
pub struct App {
    pub stocks: EventStore,
}

/// How many messages of a batch are handled at once: those of one SKU would only be in each other's way.
const CONCURRENT_MESSAGES: usize = 1;

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let stocks = EventStore::from_env(env, lambda_edge::aws::dynamodb(aws))?;
    let app = App {
        stocks: stocks.with_snapshots(Snapshots::from_env(env)?),
    };
    let of_messages = queue::function(Arc::new(app.clone()), CONCURRENT_MESSAGES, orders::handle);
    Ok(http::function(env, app, routes()).and_of_records(of_messages))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("PUT /inventory/{sku}", handlers::set)
        .on("POST /inventory/{sku}/receipts", handlers::receive)
}
