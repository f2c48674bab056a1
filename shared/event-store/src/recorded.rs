//! A stored event, and its item in the table.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::aggregate::{NOTHING_CHANGED, StoredEvent, read_events, reason_without_data};
use domain::{Aggregate, Idempotency, Metadata};
use dynamodb::{Item, TableError, shard_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Version;
use crate::corrupt::CorruptStream;

/// An event of a stream with everything that is recorded beside it. Its data is as it was stored: [`Recorded::events`]
/// reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub aggregate_id: String,
    pub aggregate_type: String,
    pub version: Version,
    pub event_id: Uuid,
    /// When it was appended, to the microsecond. For people and queries: the order of events is that of their versions.
    pub timestamp: DateTime<Utc>,
    pub metadata: Metadata,
    pub stored: StoredEvent,
}

impl Recorded {
    /// What happened, in its newest schema version: one event, or those into which an upcaster splits the stored one.
    ///
    /// # Errors
    /// [`CorruptStream`] when this code cannot read it.
    pub fn events<A: Aggregate>(&self) -> Result<Vec<A::Event>, CorruptStream> {
        read_events::<A>(self.stored.clone()).map_err(|source| CorruptStream::Unreadable {
            aggregate_id: self.aggregate_id.clone(),
            version: self.version,
            source,
        })
    }

    /// Whether it says more than that a key was used.
    pub fn is_change(&self) -> bool {
        self.stored.event_type != NOTHING_CHANGED
    }

    /// The event that an item of the table, or an image in its stream, holds.
    ///
    /// # Errors
    /// [`CorruptStream::NotAnEvent`] when an attribute is missing or of another type.
    pub fn from_item(item: Item) -> Result<Self, CorruptStream> {
        let keys = ["AggregateId", "Version"].map(|key| match item.get(key) {
            Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
            _ => "?".to_owned(),
        });
        let item: Attributes = serde_dynamo::from_item(item).map_err(|error| {
            let [aggregate_id, version] = keys;
            let reason = reason_without_data(&error);
            CorruptStream::NotAnEvent(format!("{aggregate_id} version {version}: {reason}"))
        })?;
        Ok(Self {
            aggregate_id: item.aggregate_id,
            aggregate_type: item.aggregate_type,
            version: item.version,
            event_id: item.event_id,
            timestamp: item.timestamp,
            metadata: Metadata {
                command_id: item.command_id,
                correlation_id: item.correlation_id,
                causation_id: item.causation_id,
                user_id: item.user_id,
                tenant_id: item.tenant_id,
                idempotency: item
                    .idempotency_key
                    .zip(item.request_hash)
                    .map(|(key, request_hash)| Idempotency { key, request_hash }),
            },
            stored: StoredEvent {
                event_type: item.event_type,
                event_version: item.event_version,
                data: item.event_data,
            },
        })
    }

    /// The item to put. `shards`: how many values the index's key has per event type.
    pub(crate) fn to_item(&self, shards: u32) -> Result<Item, TableError> {
        let idempotency = self.metadata.idempotency.as_ref();
        dynamodb::to_item(Attributes {
            event_type_shard: shard_key(&self.stored.event_type, shard_of(&self.aggregate_id, shards)),
            aggregate_id: self.aggregate_id.clone(),
            version: self.version,
            aggregate_type: self.aggregate_type.clone(),
            event_id: self.event_id,
            event_type: self.stored.event_type.clone(),
            event_version: self.stored.event_version,
            event_data: self.stored.data.clone(),
            timestamp: self.timestamp,
            command_id: self.metadata.command_id,
            correlation_id: self.metadata.correlation_id.clone(),
            causation_id: self.metadata.causation_id.clone(),
            user_id: self.metadata.user_id.clone(),
            tenant_id: self.metadata.tenant_id.clone(),
            idempotency_key: idempotency.map(|idempotency| idempotency.key.clone()),
            request_hash: idempotency.map(|idempotency| idempotency.request_hash.clone()),
        })
    }
}

/// The attributes of DESIGN's EventStore table.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    aggregate_id: String,
    version: Version,
    aggregate_type: String,
    event_id: Uuid,
    event_type: String,
    event_version: u32,
    event_data: Value,
    #[serde(with = "domain::time::timestamp")]
    timestamp: DateTime<Utc>,
    command_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_hash: Option<String>,
    event_type_shard: String,
}

/// The HASH key of `EventTypeIndex`.
pub(crate) fn shard_key(event_type: &str, shard: u32) -> String {
    format!("{event_type}#{shard}")
}
