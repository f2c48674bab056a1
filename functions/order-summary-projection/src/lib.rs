//! Keeps OrderSummary up to date with the event store's stream.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use event_store::EventStore;
use lambda_edge::{ConfigError, Environment, Function};
use read_models::{OrderSummaries, OrderSummaryProjection, ParkedEvents, projector};

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = Client::new(aws);
    let events = EventStore::new(
        dynamodb.clone(),
        env.required("EVENT_STORE_TABLE")?,
        env.parsed("EVENT_TYPE_SHARDS", "a whole number from 1")?,
    );
    let rows = OrderSummaries::from_env(env, dynamodb.clone())?;
    let parked = ParkedEvents::from_env(env, dynamodb)?;
    Ok(projector::function(OrderSummaryProjection::new(events, rows), parked))
}
