//! Keeps OrderSummary up to date with the event store's stream.

use aws_config::SdkConfig;
use event_store::EventStore;
use lambda_edge::{ConfigError, Environment, Function};
use projector::{ParkedEvents, ProjectionStatuses};
use read_models::{OrderSummaries, OrderSummaryProjection};

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let events = EventStore::from_env(env, dynamodb.clone())?;
    let rows = OrderSummaries::from_env(env, dynamodb.clone())?;
    let parked = ParkedEvents::from_env(env, dynamodb.clone())?;
    let statuses = ProjectionStatuses::from_env(env, dynamodb)?;
    let projection = OrderSummaryProjection::new(events, rows);
    Ok(projector::function(projection, parked, statuses))
}
