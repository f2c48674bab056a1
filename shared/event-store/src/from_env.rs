//! The event store, its snapshots, and what is kept of it, as the environment of a function has them.

use aws_sdk_dynamodb::Client;
use chrono::TimeDelta;
use domain::Aggregate;
use environment::{ConfigError, Environment};

use crate::{Decider, EventStore, Snapshots};

impl EventStore {
    /// # Errors
    /// When `EVENT_STORE_TABLE` is not set, or `EVENT_TYPE_SHARDS` not a number from 1.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self::new(
            client,
            tables::EVENT_STORE.name_in(env)?,
            env.parsed("EVENT_TYPE_SHARDS", "a whole number from 1")?,
        ))
    }
}

impl Snapshots {
    /// # Errors
    /// When `SNAPSHOTS_TABLE` is not set, or `SNAPSHOT_EVERY` not a list.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self::new(
            tables::SNAPSHOTS.name_in(env)?,
            env.parsed("SNAPSHOT_EVERY", "a list such as `Order:50,Stock:20`")?,
        ))
    }
}

impl<A: Aggregate> Decider<A> {
    /// [`Decider::keeping_states`] of `bytes`, fresh for 5 seconds, unless `KEPT_STATE_BYTES` and `KEPT_STATE_SECONDS` say
    /// otherwise.
    ///
    /// # Errors
    /// When one of them is not a number.
    pub fn keeping_from_env(self, env: &Environment, bytes: usize) -> Result<Self, ConfigError> {
        let bytes = match env.non_empty("KEPT_STATE_BYTES") {
            None => bytes,
            Some(_) => env.parsed("KEPT_STATE_BYTES", "a number of bytes")?,
        };
        let seconds: u32 = match env.non_empty("KEPT_STATE_SECONDS") {
            None => 5,
            Some(_) => env.parsed("KEPT_STATE_SECONDS", "a whole number of seconds")?,
        };
        Ok(self.keeping_states(bytes, TimeDelta::seconds(seconds.into())))
    }
}
