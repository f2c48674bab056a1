//! What could not be projected, with the reason: one entry per projection and aggregate.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use chrono::Utc;
use event_store::StoreError;
use event_store::recorded::rfc3339_micros;
use lambda_edge::stream::EventRecord;
use lambda_edge::{ConfigError, Environment};
use serde::{Deserialize, Serialize};

/// The ParkedEvents table.
#[derive(Debug, Clone)]
pub struct ParkedEvents {
    client: Client,
    table: String,
}

/// An aggregate that a projection gave up on. Its row stays as it was until the aggregate is projected again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parked {
    pub projection: String,
    pub aggregate_id: String,
    /// Why, in words for the operator.
    pub error: String,
    /// The last record that was refused: its id, sequence number and keys.
    pub event_id: String,
    pub sequence_number: Option<String>,
    pub keys: HashMap<String, String>,
    /// RFC 3339, UTC.
    pub parked_at: String,
}

impl Parked {
    pub(crate) fn new(projection: &str, aggregate_id: &str, records: &[EventRecord], error: String) -> Self {
        let last = records.last();
        Self {
            projection: projection.to_owned(),
            aggregate_id: aggregate_id.to_owned(),
            error,
            event_id: last.map(|record| record.event_id.clone()).unwrap_or_default(),
            sequence_number: last.and_then(|record| record.change.sequence_number.clone()),
            keys: last.map(keys).unwrap_or_default(),
            parked_at: rfc3339_micros(Utc::now()),
        }
    }
}

fn keys(record: &EventRecord) -> HashMap<String, String> {
    use serde_dynamo::AttributeValue::{N, S};
    let readable = |(name, value): (&String, &serde_dynamo::AttributeValue)| match value {
        S(text) | N(text) => Some((name.clone(), text.clone())),
        _ => None,
    };
    record.change.keys.inner().iter().filter_map(readable).collect()
}

impl ParkedEvents {
    /// # Errors
    /// When `PARKED_EVENTS_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self::new(client, env.required("PARKED_EVENTS_TABLE")?))
    }

    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// Parks an aggregate, or replaces its entry by this newer one.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn park(&self, entry: &Parked) -> Result<(), StoreError> {
        let item = serde_dynamo::to_item(entry).map_err(|error| StoreError::Rejected(error.to_string()))?;
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await?;
        Ok(())
    }
}
