//! The event store, its snapshots, and what is kept of it, as the environment of a function has them.

use aws_sdk_dynamodb::Client;
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
    /// [`Decider::keeping_states`] of `bytes`, unless `KEPT_STATE_BYTES` says otherwise.
    ///
    /// # Errors
    /// When `KEPT_STATE_BYTES` is not a number.
    pub fn keeping_from_env(self, env: &Environment, bytes: usize) -> Result<Self, ConfigError> {
        let variable = "KEPT_STATE_BYTES";
        let set = env
            .non_empty(variable)
            .map(|_| env.parsed(variable, "a number of bytes"));
        Ok(self.keeping_states(set.transpose()?.unwrap_or(bytes)))
    }
}
