//! Keeps DailyOrders and OrderSearch up to date with OrderSummary's stream.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use lambda_edge::{ConfigError, Environment, Function};
use read_models::{DailyOrders, OrderIndexProjection, OrderSearch, OrderSummaries, ParkedEvents, projector};

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = Client::new(aws);
    let daily_orders = DailyOrders::from_env(env, dynamodb.clone())?;
    let search = OrderSearch::from_env(env, dynamodb.clone())?;
    let source = OrderSummaries::from_env(env, dynamodb.clone())?;
    let parked = ParkedEvents::from_env(env, dynamodb)?;
    Ok(projector::function(
        OrderIndexProjection::new(daily_orders, search, source),
        parked,
    ))
}
