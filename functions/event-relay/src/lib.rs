//! Tells the bus what happens in the event store, from its stream.

use aws_config::SdkConfig;
use lambda_edge::{ConfigError, Environment, Function};
use messages::Bus;
use read_models::{ParkedEvents, ProjectionStatuses, from_env, projector};
use relay::EventRelay;

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = lambda_edge::aws::dynamodb(aws);
    let snapshots = from_env::snapshots(env)?;
    let events = from_env::event_store(env, dynamodb.clone())?;
    let parked = ParkedEvents::from_env(env, dynamodb.clone())?;
    let statuses = ProjectionStatuses::from_env(env, dynamodb)?;
    let relay = EventRelay::new(events.with_snapshots(snapshots), Bus::from_env(env, aws)?);
    Ok(projector::function(relay, parked, statuses))
}
