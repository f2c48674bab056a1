//! Keeps the read models behind OrderSummary that have no projection of their own.

use aws_config::SdkConfig;
use lambda_edge::{ConfigError, Environment, Function};
use projector::{ParkedEvents, ProjectionStatuses};
use read_models::OrderIndexProjection;

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let projection = OrderIndexProjection::from_env(env, &dynamodb)?;
    let parked = ParkedEvents::from_env(env, dynamodb.clone())?;
    let statuses = ProjectionStatuses::from_env(env, dynamodb)?;
    Ok(projector::function(projection, parked, statuses))
}
