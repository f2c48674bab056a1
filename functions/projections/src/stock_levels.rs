//! Keeps StockLevels up to date with what inventory says on the bus.
//!
//! Each message carries the whole level, and the version at which it was: so messages may come twice and in any order.

use std::sync::Arc;

use aws_config::SdkConfig;
use event_bus::DeadLetters;
use event_bus::queue::{self, NotHandled};
use lambda_edge::{ConfigError, Environment, Function};
use messages::{Body, Message};
use read_models::StockLevels;
use read_models::stock_levels::{Level, StockLevelRow};

/// How many messages of a batch are handled at once: all of one.
const CONCURRENT_MESSAGES: usize = 10;

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let levels = StockLevels::from_env(env, dynamodb::client(aws))?;
    let dead_letters = DeadLetters::from_env(env, aws)?;
    Ok(queue::function(
        dead_letters,
        Arc::new(levels),
        CONCURRENT_MESSAGES,
        project,
    ))
}

async fn project(levels: Arc<StockLevels>, message: Message) -> Result<(), NotHandled> {
    let (Body::StockLevelChanged(changed), Some(version)) = (message.body, message.aggregateversion) else {
        return Err(NotHandled::Lasting("it is no level of a stock at a version".to_owned()));
    };
    let level = Level {
        on_hand: changed.on_hand,
        reserved: changed.reserved,
        available: changed.available,
        low_stock_threshold: changed.low_stock_threshold,
    };
    let row = StockLevelRow::new(changed.sku, version, level, message.time);
    Ok(levels.put(&row).await?)
}
