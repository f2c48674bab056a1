//! Turns stored events into messages of the published language, and puts them onto the bus.
//!
//! | module | what it holds |
//! |---|---|
//! | `translate` | what an event means to others |
//! | [`EventRelay`] | the reader of the event store's stream that tells them |
//!
//! A message follows from an event that is stored, and has an id that follows from the event's. So whoever appends an
//! event needs to tell nobody, and a message that is sent twice is the same message.

mod translate;

use std::collections::HashMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use event_bus::Bus;
use event_store::{EventStore, Recorded, Snapshots};
use lambda_edge::stream::EventRecord;
use lambda_edge::{ConfigError, Environment};
use messages::Message;
use projector::{ProjectError, StreamConsumer};

/// How long before it came into the table an event can have got its time, with clocks that differ. One that is older was
/// imported from a backup: what it led to has happened, or is imported with it.
const MAX_AGE_WHEN_WRITTEN: TimeDelta = TimeDelta::minutes(5);

/// Puts what happens on the bus.
pub struct EventRelay {
    events: EventStore,
    bus: Bus,
}

impl EventRelay {
    pub fn new(events: EventStore, bus: Bus) -> Self {
        Self { events, bus }
    }

    /// # Errors
    /// When the environment lacks a variable.
    pub fn from_env(env: &Environment, dynamodb: Client, aws: &SdkConfig) -> Result<Self, ConfigError> {
        let events = EventStore::from_env(env, dynamodb)?;
        let events = events.with_snapshots(Snapshots::from_env(env)?);
        Ok(Self::new(events, Bus::from_env(env, aws)?))
    }

    async fn tell(&self, events: &[Recorded]) -> Result<(), ProjectError> {
        let messages = translate::messages(&self.events, events).await?;
        self.put(&messages).await
    }

    async fn put(&self, messages: &[Message]) -> Result<(), ProjectError> {
        let results = self.bus.put(messages).await;
        match results.into_iter().find_map(Result::err) {
            Some(error) => Err(ProjectError::Passing(error.to_string())),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl StreamConsumer for EventRelay {
    const NAME: &'static str = "event-relay";
    const AGGREGATE_KEY: &'static str = "AggregateId";
    const EVENT_TIME: &'static str = "Timestamp";

    async fn apply(&self, _: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        let mut events = Vec::with_capacity(records.len());
        for record in records {
            let event = event(record)?;
            let written_at = record.change.approximate_creation_date_time;
            if event.timestamp >= written_at - MAX_AGE_WHEN_WRITTEN {
                events.push(event);
            }
        }
        self.tell(&events).await
    }

    /// Tells everything about the aggregate once more.
    async fn refresh(&self, aggregate_id: &str) -> Result<(), ProjectError> {
        let events = self.events.events(aggregate_id, 1, None).await?;
        self.tell(&events).await
    }
}

/// The event in a record's new image.
fn event(record: &EventRecord) -> Result<Recorded, ProjectError> {
    let image: HashMap<String, AttributeValue> = record.change.new_image.clone().into();
    Recorded::from_item(image).map_err(|error| ProjectError::Lasting(error.to_string()))
}
