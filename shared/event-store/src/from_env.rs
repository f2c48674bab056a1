//! The event store and its snapshots, as the environment of a function names them.

use aws_sdk_dynamodb::Client;
use environment::{ConfigError, Environment};

use crate::{EventStore, Snapshots};

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
