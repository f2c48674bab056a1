//! Keeps CustomerOrders up to date with OrderSummary's stream.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use lambda_edge::stream::{self, EventRecord};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::{CustomerOrders, CustomerOrdersProjection, ParkedEvents, projector};

struct App {
    projection: CustomerOrdersProjection,
    parked: ParkedEvents,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = Client::new(aws);
    let app = App {
        projection: CustomerOrdersProjection::new(CustomerOrders::from_env(env, dynamodb.clone())?),
        parked: ParkedEvents::from_env(env, dynamodb)?,
    };
    Ok(stream::function(app, handle))
}

async fn handle(app: Arc<App>, records: Vec<EventRecord>) -> Vec<String> {
    projector::run(&app.projection, &app.parked, records).await
}
