//! Keeps OrderSummary up to date with the event store's stream.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use event_store::EventStore;
use lambda_edge::stream::{self, EventRecord};
use lambda_edge::{ConfigError, Environment, Function};
use read_models::{OrderSummaries, OrderSummaryProjection, ParkedEvents, projector};

struct App {
    projection: OrderSummaryProjection,
    parked: ParkedEvents,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = Client::new(aws);
    let events = EventStore::new(
        dynamodb.clone(),
        env.required("EVENT_STORE_TABLE")?,
        env.parsed("EVENT_TYPE_SHARDS", "a whole number")?,
    );
    let app = App {
        projection: OrderSummaryProjection::new(events, OrderSummaries::from_env(env, dynamodb.clone())?),
        parked: ParkedEvents::from_env(env, dynamodb)?,
    };
    Ok(stream::function(app, handle))
}

async fn handle(app: Arc<App>, records: Vec<EventRecord>) -> Vec<String> {
    projector::run(&app.projection, &app.parked, records).await
}
