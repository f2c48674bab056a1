//! All projections of this version and their read models: the one list of them.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use environment::{ConfigError, Environment};
use event_store::EventStore;
use projector::{Parks, StreamConsumer};

use crate::read_model::ReadModel;
use crate::{CustomerOrders, CustomerOrdersProjection, OrderIndexProjection, OrderSummaries, OrderSummaryProjection};

/// The name of every projection.
pub const NAMES: [&str; 3] = [
    OrderSummaryProjection::NAME,
    CustomerOrdersProjection::NAME,
    OrderIndexProjection::NAME,
];

/// The names of the read models that `name` stands for: those of a projection, or the one that bears it.
pub fn read_models_of(name: &str) -> Vec<String> {
    match name {
        OrderIndexProjection::NAME => OrderIndexProjection::READ_MODELS.map(str::to_owned).to_vec(),
        _ => vec![name.to_owned()],
    }
}

/// Every read model, for replays.
///
/// # Errors
/// When the environment lacks a variable.
pub fn read_models(env: &Environment, client: &Client) -> Result<Vec<Arc<dyn ReadModel>>, ConfigError> {
    let mut models: Vec<Arc<dyn ReadModel>> = vec![
        Arc::new(OrderSummaries::from_env(env, client.clone())?),
        Arc::new(CustomerOrders::from_env(env, client.clone())?),
    ];
    models.extend(OrderIndexProjection::from_env(env, client)?.read_models());
    Ok(models)
}

/// Every projection, as it is given once more what it has parked.
///
/// # Errors
/// When the environment lacks a variable.
pub fn parkers(env: &Environment, client: Client) -> Result<Vec<Box<dyn Parks>>, ConfigError> {
    let events = EventStore::from_env(env, client.clone())?;
    let summaries = OrderSummaries::from_env(env, client.clone())?;
    let order_index = OrderIndexProjection::from_env(env, &client)?;
    Ok(vec![
        Box::new(OrderSummaryProjection::new(events, summaries.clone())),
        Box::new(CustomerOrdersProjection::from_env(env, &client)?),
        Box::new(order_index),
    ])
}
