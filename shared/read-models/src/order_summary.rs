//! OrderSummary: one row per order, its newest projected state.
//!
//! Its own stream feeds the read models behind it: one item per order, so each order's changes come in order there.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::Version;
use domain::order::OrderId;
use dynamodb::{TableError, batch_get};
use event_store::{EventStore, StoreError};
use lambda_edge::stream::EventRecord;
use projector::{ProjectError, StreamConsumer};
use tables::Table;

use crate::order_row::OrderSummaryRow;
use crate::rows::{Found, NEWER_CODE, Read, Row, Rows};

impl Row for OrderSummaryRow {
    const NAME: &'static str = OrderSummaryProjection::NAME;
    const ROW_VERSION: u32 = 2;
    const TABLE: Table = tables::ORDER_SUMMARY;

    fn rows(order: &OrderSummaryRow) -> Vec<Self> {
        vec![order.clone()]
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// The OrderSummary table.
pub type OrderSummaries = Rows<OrderSummaryRow>;

impl OrderSummaries {
    /// The order's row, which may lag behind its events. `None` when there is none yet that this code can read.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn order(&self, order_id: OrderId) -> Result<Option<OrderSummaryRow>, TableError> {
        match self.order_row(order_id, Read::Eventual).await? {
            Found::Row(row) => Ok(Some(row)),
            Found::Nothing | Found::Outdated | Found::Unreadable(_) | Found::OfNewerCode => Ok(None),
        }
    }

    /// The rows of these orders that this code can read. One request for a hundred of them.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub(crate) async fn orders(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, OrderSummaryRow>, TableError> {
        let keys = ids
            .iter()
            .map(|id| HashMap::from([("OrderId".to_owned(), AttributeValue::S(id.to_string()))]));
        let items = batch_get(&self.client, &self.table, keys.collect(), false).await?;
        // Like lists, they show rows of older code as they are.
        let readable = items.into_iter().filter(|item| !self.is_of_newer_code(item));
        let rows = readable.filter_map(|item| {
            let row: OrderSummaryRow = serde_dynamo::from_item(item).ok()?;
            Some((row.order_id, row))
        });
        Ok(rows.collect())
    }

    pub(crate) async fn order_row(&self, order_id: OrderId, read: Read) -> Result<Found<OrderSummaryRow>, TableError> {
        let key = HashMap::from([("OrderId".to_owned(), AttributeValue::S(order_id.to_string()))]);
        self.get(key, read).await
    }
}

/// Keeps OrderSummary up to date with the event store.
///
/// A record only says that an order has moved on. What happened is read from the event store, so records may come late,
/// twice, out of order, or not at all.
pub struct OrderSummaryProjection {
    events: EventStore,
    rows: OrderSummaries,
}

impl OrderSummaryProjection {
    pub fn new(events: EventStore, rows: OrderSummaries) -> Self {
        Self { events, rows }
    }
}

#[async_trait]
impl StreamConsumer for OrderSummaryProjection {
    const NAME: &'static str = "order-summary";
    const AGGREGATE_KEY: &'static str = "AggregateId";
    const EVENT_TIME: &'static str = "Timestamp";

    async fn apply(&self, aggregate_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        let order_id = order_id(aggregate_id)?;
        let row = match self.rows.order_row(order_id, Read::Strong).await? {
            Found::Row(row) => Some(row),
            // Written again from the first event.
            Found::Nothing | Found::Outdated | Found::Unreadable(_) => None,
            Found::OfNewerCode => return Err(ProjectError::Newer(NEWER_CODE.to_owned())),
        };
        let version = row.as_ref().map_or(0, |row| row.version);
        // The row is known to be up to date already.
        if newest_version(records).is_some_and(|newest| newest <= version) {
            return Ok(());
        }
        self.fold_onto(order_id, row).await
    }

    /// Folds from the first event on: what the row rests upon may have been what could not be read.
    async fn refresh(&self, aggregate_id: &str) -> Result<(), ProjectError> {
        self.fold_onto(order_id(aggregate_id)?, None).await
    }
}

impl OrderSummaryProjection {
    /// Folds onto the row whatever follows it, as far as it can be read, and writes the row.
    async fn fold_onto(&self, order_id: OrderId, row: Option<OrderSummaryRow>) -> Result<(), ProjectError> {
        let version = row.as_ref().map_or(0, |row| row.version);
        let events = self.events.events(&order_id.to_string(), version + 1, None).await?;
        let (row, folded) = OrderSummaryRow::fold(order_id, row, &events);
        if let Some(row) = row.filter(|row| row.version > version) {
            self.rows.put(&row, None).await?.settled()?;
        }
        folded.map_err(|error| StoreError::from(error).into())
    }
}

fn order_id(aggregate_id: &str) -> Result<OrderId, ProjectError> {
    let parsed = aggregate_id.parse();
    parsed.map_err(|error| ProjectError::Lasting(format!("AggregateId {error}")))
}

/// The newest version that the records name; `None` when one of them names none.
fn newest_version(records: &[EventRecord]) -> Option<Version> {
    let versions = records.iter().map(|record| match record.change.keys.get("Version") {
        Some(serde_dynamo::AttributeValue::N(version)) => version.parse().ok(),
        _ => None,
    });
    versions.collect::<Option<Vec<_>>>()?.into_iter().max()
}
