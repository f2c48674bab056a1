//! Everything that parks what it cannot apply: the projections, and the relay.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use environment::{ConfigError, Environment};
use event_bus::Bus;
use event_store::EventStore;
use projector::{ParkedEvents, Parkers};
use read_models::projections;
use relay::EventRelay;

/// # Errors
/// When the environment lacks a variable.
pub fn parkers(env: &Environment, dynamodb: Client, aws: &SdkConfig) -> Result<Parkers, ConfigError> {
    // Without snapshots: what is parked is told once more so seldom that reading it whole costs nothing.
    let relay = EventRelay::new(EventStore::from_env(env, dynamodb.clone())?, Bus::from_env(env, aws)?);
    let mut all = projections::parkers(env, dynamodb.clone())?;
    all.push(Box::new(relay));
    Ok(Parkers::new(ParkedEvents::from_env(env, dynamodb)?, all))
}
