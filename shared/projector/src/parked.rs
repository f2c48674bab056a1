//! What could not be applied, with the reason: one entry per consumer and aggregate.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use chrono::Utc;
use domain::aggregate::reason_without_data;
use domain::time::rfc3339_micros;
use dynamodb::{Item, Refused, TableError, from_item, put_unless_refused, to_item, unless_refused};
use environment::{ConfigError, Environment};
use event_store::error::LONGEST_DEPLOYMENT;
use lambda_edge::stream::EventRecord;
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
    #[serde(default)]
    pub error: String,
    /// The last record that was refused: its id, sequence number and keys.
    #[serde(default)]
    pub event_id: String,
    #[serde(default)]
    pub sequence_number: Option<String>,
    #[serde(default)]
    pub keys: HashMap<String, String>,
    /// RFC 3339, UTC.
    #[serde(default)]
    pub parked_at: String,
    /// Since when it has waited for newer code; absent where newer code would not help. RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer_since: Option<String>,
}

/// The key of an entry: an aggregate and the projection that parked it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParkedKey {
    pub projection: String,
    pub aggregate_id: String,
}

/// Part of what is parked, and where the next part begins.
#[derive(Debug, Clone, PartialEq)]
pub struct ParkedPage {
    pub entries: Vec<Parked>,
    /// `None` after the last page.
    pub next: Option<ParkedKey>,
}

impl Parked {
    /// An entry that cannot be read is one all the same: it can be listed, and projected again.
    fn of_item(item: HashMap<String, AttributeValue>) -> Self {
        let text = |name: &str| {
            item.get(name)
                .and_then(|value| value.as_s().ok().cloned())
                .unwrap_or_default()
        };
        let (projection, aggregate_id, parked_at) = (text("Projection"), text("AggregateId"), text("ParkedAt"));
        serde_dynamo::from_item(item).unwrap_or_else(|error| Self {
            projection,
            aggregate_id,
            error: format!("the entry itself cannot be read: {}", reason_without_data(&error)),
            event_id: String::new(),
            sequence_number: None,
            keys: HashMap::new(),
            parked_at,
            newer_since: None,
        })
    }

    pub fn key(&self) -> ParkedKey {
        ParkedKey {
            projection: self.projection.clone(),
            aggregate_id: self.aggregate_id.clone(),
        }
    }

    /// `records`: those that were refused.
    pub fn new(projection: &str, aggregate_id: &str, records: &[EventRecord], error: String) -> Self {
        let last = records.last();
        Self {
            projection: projection.to_owned(),
            aggregate_id: aggregate_id.to_owned(),
            error,
            event_id: last.map(|record| record.event_id.clone()).unwrap_or_default(),
            sequence_number: last.and_then(|record| record.change.sequence_number.clone()),
            keys: last.map(keys).unwrap_or_default(),
            parked_at: rfc3339_micros(Utc::now()),
            newer_since: None,
        }
    }

    /// The same, waiting for newer code since it was parked.
    pub fn awaiting_newer_code(self) -> Self {
        Self {
            newer_since: Some(self.parked_at.clone()),
            ..self
        }
    }
}

/// What has waited for newer code since then, or for longer, waits no more.
fn longest_ago() -> String {
    rfc3339_micros(Utc::now() - LONGEST_DEPLOYMENT)
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
        Ok(Self::new(client, tables::PARKED_EVENTS.name_in(env)?))
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
    pub async fn park(&self, entry: &Parked) -> Result<(), TableError> {
        let put = self.client.put_item().table_name(&self.table);
        put.set_item(Some(to_item(entry)?)).send().await?;
        Ok(())
    }

    /// Parks an aggregate that waits for newer code, from now on, unless it is parked already: then it is what it was, and
    /// since when.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn park_as_newer(&self, entry: Parked) -> Result<(), TableError> {
        let entry = entry.awaiting_newer_code();
        let put = self.client.put_item().table_name(&self.table);
        let put = put
            .set_item(Some(to_item(&entry)?))
            .condition_expression("attribute_not_exists(AggregateId)");
        let Some(Refused(there)) = put_unless_refused(put).await? else {
            return Ok(());
        };
        let before = there.map(Parked::of_item);
        let newer_since = before.and_then(|before| before.newer_since);
        // Its time has to change, or a redrive that has not seen this would remove it.
        self.park(&Parked { newer_since, ..entry }).await
    }

    /// Parks an aggregate that is not parked already: what the stream has reported of it says more.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn park_unless_parked(&self, entry: &Parked) -> Result<(), TableError> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put
            .set_item(Some(to_item(entry)?))
            .condition_expression("attribute_not_exists(AggregateId)")
            .send()
            .await;
        unless_refused(put).map(|_| ())
    }

    /// At most `limit` entries after `after`, in no particular order. A Scan: the table is meant to be empty.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn page(&self, limit: usize, after: Option<ParkedKey>) -> Result<ParkedPage, TableError> {
        let found = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|key| key.to_item()))
            .send()
            .await?;
        let next = found
            .last_evaluated_key
            .map(|key| from_item("key of what is parked", key));
        Ok(ParkedPage {
            entries: found
                .items
                .unwrap_or_default()
                .into_iter()
                .map(Parked::of_item)
                .collect(),
            next: next.transpose()?,
        })
    }

    /// All that waits for newer code which may still come.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn awaiting_newer_code(&self) -> Result<Vec<Parked>, TableError> {
        let scan = self.client.scan().table_name(&self.table).consistent_read(true);
        let scan = scan
            .filter_expression("NewerSince > :longest_ago")
            .expression_attribute_values(":longest_ago", AttributeValue::S(longest_ago()));
        let mut items = scan.into_paginator().items().send();
        let mut entries = Vec::new();
        while let Some(item) = items.try_next().await? {
            entries.push(Parked::of_item(item));
        }
        Ok(entries)
    }

    /// How many aggregates a projection has parked, without those that wait for newer code.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn count(&self, projection: &str) -> Result<u64, TableError> {
        let query = self.client.query().table_name(&self.table);
        let query = query
            .key_condition_expression("#projection = :projection")
            .expression_attribute_names("#projection", "Projection")
            .expression_attribute_values(":projection", AttributeValue::S(projection.to_owned()))
            .filter_expression("attribute_not_exists(NewerSince) OR NewerSince <= :longest_ago")
            .expression_attribute_values(":longest_ago", AttributeValue::S(longest_ago()))
            .select(Select::Count)
            .consistent_read(true);
        let mut pages = query.into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += u64::try_from(page?.count).unwrap_or_default();
        }
        Ok(count)
    }

    /// # Errors
    /// What DynamoDB said.
    pub async fn get(&self, key: &ParkedKey) -> Result<Option<Parked>, TableError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.to_item()))
            .consistent_read(true)
            .send()
            .await?;
        Ok(found.item.map(Parked::of_item))
    }

    /// Removes the entry. Returns false when the aggregate was parked once more since it was read, and is so still.
    pub(crate) async fn remove(&self, entry: &Parked) -> Result<bool, TableError> {
        let removed = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(entry.key().to_item()))
            .condition_expression(format!("attribute_not_exists(AggregateId) OR {UNCHANGED}"))
            .expression_attribute_values(":seen", AttributeValue::S(entry.parked_at.clone()))
            .send()
            .await;
        unless_refused(removed)
    }

    /// Says in the entry that it failed once more, why, and whether newer code may still help; unless it has changed or gone since it was read.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn failed_again(&self, entry: &Parked, reason: String, is_newer: bool) -> Result<(), TableError> {
        let entry_now = Parked {
            error: reason,
            newer_since: entry.newer_since.clone().filter(|_| is_newer),
            parked_at: rfc3339_micros(Utc::now()),
            ..entry.clone()
        };
        let item = to_item(&entry_now)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":seen", AttributeValue::S(entry.parked_at.clone()))
            .send()
            .await;
        unless_refused(put).map(|_| ())
    }
}

/// The entry is the one that was read: parking it once more would have changed its time.
const UNCHANGED: &str = "ParkedAt = :seen";

impl ParkedKey {
    fn to_item(&self) -> Item {
        HashMap::from([
            ("Projection".to_owned(), AttributeValue::S(self.projection.clone())),
            ("AggregateId".to_owned(), AttributeValue::S(self.aggregate_id.clone())),
        ])
    }
}
