//! The event store as a function's environment names it. `event-store` itself knows no environment.

use aws_sdk_dynamodb::Client;
use event_store::{EventStore, Snapshots};
use lambda_edge::{ConfigError, Environment};

/// # Errors
/// When `SNAPSHOTS_TABLE` is not set, or `SNAPSHOT_EVERY` not a list.
pub fn snapshots(env: &Environment) -> Result<Snapshots, ConfigError> {
    Ok(Snapshots::new(
        env.required("SNAPSHOTS_TABLE")?,
        env.parsed("SNAPSHOT_EVERY", "a list such as `Order:50,Stock:20`")?,
    ))
}

/// # Errors
/// When `EVENT_STORE_TABLE` is not set, or `EVENT_TYPE_SHARDS` not a number from 1.
pub fn event_store(env: &Environment, client: Client) -> Result<EventStore, ConfigError> {
    Ok(EventStore::new(
        client,
        env.required("EVENT_STORE_TABLE")?,
        env.parsed("EVENT_TYPE_SHARDS", "a whole number from 1")?,
    ))
}
