//! What a replay asks of a read model.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::OrderId;
use event_store::scan::Segment;
use event_store::{StoreError, Version};
use serde_json::Value;

use super::progress::{FieldDifference, RowKey};
use crate::order_summary::OrderSummaryRow;
use crate::rows::{Found, Item, Put, Row, Rows, unless_refused};

/// The rows of one projection, as a replay deals with them.
#[async_trait]
pub trait ReadModel: Send + Sync {
    /// Of its projection.
    fn name(&self) -> &'static str;

    /// Makes the read model show `order`, unless it shows a newer state already.
    async fn show(&self, order: &OrderSummaryRow) -> Result<Shown, StoreError>;

    /// How what the read model shows of `order` differs from what it should.
    async fn compare(&self, order: &OrderSummaryRow) -> Result<Comparison, StoreError>;

    /// At most `limit` rows of a segment of the table.
    async fn rows(&self, segment: Segment, limit: usize, after: Option<&RowKey>) -> Result<RowPage, StoreError>;

    /// Where `order` has its row.
    fn place_of(&self, order: &OrderSummaryRow) -> Result<RowKey, StoreError>;

    /// Removes a row, unless it has been written again since it was seen at this version, or newer code wrote it.
    async fn remove(&self, row: &RowKey, seen: Option<Version>) -> Result<(), StoreError>;
}

/// What came of showing an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    Written,
    /// The order at this newer version is shown.
    Newer(Version),
    /// Older code has written the order at this newer version: it has to be folded again.
    Stale(Version),
    /// What newer code has written is left as it is.
    OfNewerCode,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    Same,
    Missing,
    AtVersion(Version),
    Outdated,
    OfNewerCode,
    Different(Vec<FieldDifference>),
}

/// Part of a table of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct RowPage {
    pub rows: Vec<PlacedRow>,
    /// After which row the next page begins; `None` after the last page.
    pub next: Option<RowKey>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PlacedRow {
    pub key: RowKey,
    /// `None` when the row names no order.
    pub order_id: Option<OrderId>,
    pub version: Option<Version>,
}

#[async_trait]
impl<R: Row> ReadModel for Rows<R> {
    fn name(&self) -> &'static str {
        R::PROJECTION
    }

    async fn show(&self, order: &OrderSummaryRow) -> Result<Shown, StoreError> {
        Ok(match self.put(&R::of(order)).await? {
            Put::Written => Shown::Written,
            Put::NewerThere(version) => Shown::Newer(version),
            Put::Stale(version) => Shown::Stale(version),
            Put::OfNewerCode => Shown::OfNewerCode,
        })
    }

    async fn compare(&self, order: &OrderSummaryRow) -> Result<Comparison, StoreError> {
        let expected = R::of(order);
        let item = self.item(&expected)?;
        let key = R::KEY
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone())));
        let found = match self.get(key.collect(), true).await? {
            Found::Nothing => return Ok(Comparison::Missing),
            Found::Outdated | Found::Unreadable(_) => return Ok(Comparison::Outdated),
            Found::OfNewerCode => return Ok(Comparison::OfNewerCode),
            Found::Row(row) if row.version() != expected.version() => return Ok(Comparison::AtVersion(row.version())),
            Found::Row(row) => row,
        };
        let mut differences = Vec::new();
        compare_values("", &json(&expected)?, &json(&found)?, &mut differences);
        Ok(match differences.is_empty() {
            true => Comparison::Same,
            false => Comparison::Different(differences),
        })
    }

    async fn rows(&self, segment: Segment, limit: usize, after: Option<&RowKey>) -> Result<RowPage, StoreError> {
        let attributes: BTreeSet<_> = R::KEY
            .iter()
            .copied()
            .chain([ORDER_ID, "Version", "Generation"])
            .collect();
        let attributes: Vec<_> = attributes.into_iter().collect();
        let page = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(i32::try_from(segment.number).unwrap_or(i32::MAX))
            .total_segments(i32::try_from(segment.of).unwrap_or(i32::MAX))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .projection_expression(attributes.join(", "))
            .set_exclusive_start_key(after.map(to_item))
            .send()
            .await?;
        let items = page.items.unwrap_or_default().into_iter();
        let ours = items.filter(|item| !self.is_of_newer_code(item));
        let placed = |item: Item| PlacedRow {
            key: key_of::<R>(&item),
            order_id: item.get(ORDER_ID).and_then(|id| id.as_s().ok()?.parse().ok()),
            version: item
                .get("Version")
                .and_then(|version| version.as_n().ok()?.parse().ok()),
        };
        Ok(RowPage {
            rows: ours.map(placed).collect(),
            next: page.last_evaluated_key.as_ref().map(key_of::<R>),
        })
    }

    fn place_of(&self, order: &OrderSummaryRow) -> Result<RowKey, StoreError> {
        Ok(key_of::<R>(&self.item(&R::of(order))?))
    }

    async fn remove(&self, row: &RowKey, seen: Option<Version>) -> Result<(), StoreError> {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let ours = "(attribute_not_exists(Generation) OR Generation <= :generation)";
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(to_item(row)))
            .expression_attribute_values(":generation", number(self.generation().into()));
        let delete = match seen {
            Some(version) => delete
                .condition_expression(format!("Version = :seen AND {ours}"))
                .expression_attribute_values(":seen", number(version)),
            None => delete.condition_expression(ours),
        };
        unless_refused(delete.send().await).map(|_| ())
    }
}

const ORDER_ID: &str = "OrderId";

fn key_of<R: Row>(item: &Item) -> RowKey {
    let text = |name: &&str| Some(((*name).to_owned(), item.get(*name)?.as_s().ok()?.clone()));
    R::KEY.iter().filter_map(text).collect()
}

fn to_item(key: &RowKey) -> Item {
    key.iter()
        .map(|(name, value)| (name.clone(), AttributeValue::S(value.clone())))
        .collect()
}

fn json(row: &impl Row) -> Result<Value, StoreError> {
    serde_json::to_value(row).map_err(|error| StoreError::Rejected(error.to_string()))
}

fn compare_values(path: &str, expected: &Value, found: &Value, differences: &mut Vec<FieldDifference>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let names: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
            for name in names {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let at = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                compare_values(&path, &at(expected), &at(found), differences);
            }
        }
        _ if expected == found => {}
        _ => differences.push(FieldDifference {
            path: path.to_owned(),
            expected: expected.clone(),
            found: found.clone(),
        }),
    }
}
