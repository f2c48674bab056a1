//! Tells the bus what happens in the event store, from its stream.

use aws_config::SdkConfig;
use lambda_edge::{ConfigError, Environment, Function};
use projector::{ParkedEvents, ProjectionStatuses};
use relay::EventRelay;

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let relay = EventRelay::from_env(env, dynamodb.clone(), aws)?;
    let parked = ParkedEvents::from_env(env, dynamodb.clone())?;
    let statuses = ProjectionStatuses::from_env(env, dynamodb)?;
    Ok(projector::function(relay, parked, statuses))
}
