//! Keeps CustomerOrders up to date with OrderSummary's stream.

use aws_config::SdkConfig;
use lambda_edge::{ConfigError, Environment, Function};
use projector::{ParkedEvents, ProjectionStatuses};
use read_models::CustomerOrdersProjection;

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let projection = CustomerOrdersProjection::from_env(env, &dynamodb)?;
    let parked = ParkedEvents::from_env(env, dynamodb.clone())?;
    let statuses = ProjectionStatuses::from_env(env, dynamodb)?;
    Ok(projector::function(projection, parked, statuses))
}
