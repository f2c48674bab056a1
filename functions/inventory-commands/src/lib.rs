//! Commands on the stock of a SKU: of people, over HTTP, and of the process manager, over the bus.
//!
//! | module | what it holds |
//! |---|---|
//! | `http` | one handler per route |
//! | [`bus`] | what messages ask for on behalf of orders |
//! | `bodies` | the JSON bodies of the requests |
//! | `problems` | what a refused or failed command answers |

mod bodies;
pub mod bus;
mod http;
mod problems;

use std::sync::Arc;

use aws_config::SdkConfig;
use domain::stock::Stock;
use event_bus::{DeadLetters, queue};
use event_store::{Decider, EventStore, Snapshots};
use lambda_edge::http::Routes;
use lambda_edge::{ConfigError, Environment, Function};

/// What the handlers need.
#[derive(Clone)]
pub struct App {
    pub stocks: Decider<Stock>,
}

/// How many messages of a batch are handled at once: those of one SKU would only be in each other's way.
const CONCURRENT_MESSAGES: usize = 1;

/// How often a decision is taken for a message, for which nobody waits, before it is given up: an environment that keeps the state of a SKU in demand is faster than
/// those that have to read it, and they must come through all the same.
const MAX_ATTEMPTS: u32 = 40;

/// How many bytes of stocks are kept: the messages of a batch are often of one SKU that is in demand.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let stocks = EventStore::from_env(env, dynamodb::client(aws))?.with_snapshots(Snapshots::from_env(env)?);
    let app = App {
        stocks: Decider::new(stocks).keeping_from_env(env, KEPT_BYTES)?,
    };
    let for_messages = App {
        stocks: app.stocks.clone().with_attempts(MAX_ATTEMPTS),
    };
    let dead_letters = DeadLetters::from_env(env, aws)?;
    let messages = queue::function(dead_letters, Arc::new(for_messages), CONCURRENT_MESSAGES, bus::handle);
    Ok(lambda_edge::http::function(env, app, routes()).with_records(messages))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .on("PUT /inventory/{sku}", http::set)
        .on("POST /inventory/{sku}/receipts", http::receive)
}
