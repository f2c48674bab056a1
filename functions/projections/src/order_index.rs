//! Keeps DailyOrders and OrderSearch up to date with OrderSummary's stream.

use aws_config::SdkConfig;
use lambda_edge::{ConfigError, Environment, Function};
use projector::{ParkedEvents, ProjectionStatuses};
use read_models::{DailyOrders, OrderIndexProjection, OrderSearch, OrderSummaries};

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = dynamodb::client(aws);
    let daily_orders = DailyOrders::from_env(env, dynamodb.clone())?;
    let search = OrderSearch::from_env(env, dynamodb.clone())?;
    let source = OrderSummaries::from_env(env, dynamodb.clone())?;
    let parked = ParkedEvents::from_env(env, dynamodb.clone())?;
    let statuses = ProjectionStatuses::from_env(env, dynamodb)?;
    let projection = OrderIndexProjection::new(daily_orders, search, source);
    Ok(projector::function(projection, parked, statuses))
}
