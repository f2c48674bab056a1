//! Everything that parks what it cannot apply: the projections, and the relay.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use event_bus::Bus;
use event_store::{EventStore, StoreError};
use lambda_edge::{ConfigError, Environment};
use read_models::parked::Parked;
use read_models::projector::{Redriven, redrive};
use read_models::{ParkedEvents, Projection, Projections};

use crate::EventRelay;

/// Whoever parks, found by its name.
pub struct Parkers {
    parked: ParkedEvents,
    projections: Projections,
    relay: EventRelay,
}

impl Parkers {
    /// # Errors
    /// When the environment lacks a variable.
    pub fn from_env(env: &Environment, dynamodb: Client, aws: &SdkConfig) -> Result<Self, ConfigError> {
        // Without snapshots: what is parked is told once more so seldom that reading it whole costs nothing.
        let relay = EventRelay::new(EventStore::from_env(env, dynamodb.clone())?, Bus::from_env(env, aws)?);
        Ok(Self {
            parked: ParkedEvents::from_env(env, dynamodb.clone())?,
            projections: Projections::from_env(env, dynamodb)?,
            relay,
        })
    }

    /// Gives a parked aggregate once more to who has parked it.
    ///
    /// # Errors
    /// What DynamoDB or the bus said; the aggregate stays parked.
    pub async fn redrive(&self, entry: &Parked) -> Result<Redriven, StoreError> {
        match entry.projection.as_str() {
            EventRelay::NAME => redrive(&self.relay, &self.parked, entry).await,
            _ => self.projections.redrive(entry).await,
        }
    }
}
