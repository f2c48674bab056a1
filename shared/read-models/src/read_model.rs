//! What a replay asks of a read model.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::Version;
use domain::order::OrderId;
use dynamodb::{Item, Segment, TableError, unless_refused};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::item::version;
use crate::order_row::OrderSummaryRow;
use crate::rows::{Found, Put, Read, Row, Rows};
use crate::totals::{Amounts, ORDER_ID, Recount, Recounted};

/// A read model, as a replay deals with it.
#[async_trait]
pub trait ReadModel: Send + Sync {
    /// By which operators name it, and its projection.
    fn name(&self) -> &'static str;

    /// Makes the read model show `order`, unless it shows a newer state already.
    async fn show(&self, order: &OrderSummaryRow) -> Result<Shown, TableError>;

    /// How what the read model shows of `order` differs from what it should.
    async fn compare(&self, order: &OrderSummaryRow) -> Result<Comparison, TableError>;

    /// At most `limit` rows of a segment of the table.
    async fn rows(&self, segment: Segment, limit: usize, after: Option<&RowKey>) -> Result<RowPage, TableError>;

    /// Where `order` has its row.
    fn place_of(&self, order: &OrderSummaryRow) -> Result<RowKey, TableError>;

    /// Removes a row, unless it has been written again since it was seen at this version, or newer code wrote it.
    async fn remove(&self, row: &RowKey, seen: Option<Version>) -> Result<(), TableError>;

    /// Counts a partition again from its rows.
    async fn recount(&self, partition: &str, what: Recount) -> Result<Recounted, TableError>;
}

/// What came of showing an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// The read model shows the order as it was given.
    Written,
    /// The order at this newer version is shown.
    Newer(Version),
    /// Older code has written the order at this newer version: it has to be folded again.
    Stale(Version),
    /// What newer code has written is left as it is.
    OfNewerCode,
}

/// What a read model shows of an order, next to what it should.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// Just that.
    Same,
    /// Nothing.
    Missing,
    /// The order at this other version.
    AtVersion(Version),
    /// A row of an older generation, or one that cannot be read.
    Outdated,
    /// A row that newer code wrote, of which nothing can be said.
    OfNewerCode,
    /// The order at the same version, with these fields wrong.
    Different(Vec<FieldDifference>),
}

/// A field of a row that is not what it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct FieldDifference {
    /// Attribute names, joined by dots.
    pub path: String,
    pub expected: Value,
    pub found: Value,
}

/// The key attributes of a row.
pub type RowKey = BTreeMap<String, String>;

/// Part of a table of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct RowPage {
    /// Those that stand in it, whatever they hold.
    pub rows: Vec<PlacedRow>,
    /// Where rows are counted: the partitions that end here.
    pub partitions: BTreeSet<String>,
    /// After which row the next page begins; `None` after the last page.
    pub next: Option<RowKey>,
}

/// A row, as far as its place matters.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedRow {
    /// Where it stands.
    pub key: RowKey,
    /// `None` when the row names no order.
    pub order_id: Option<OrderId>,
    /// `None` when it shows none.
    pub version: Option<Version>,
}

#[async_trait]
impl<R: Row> ReadModel for Rows<R> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    async fn show(&self, order: &OrderSummaryRow) -> Result<Shown, TableError> {
        let row = R::of(order);
        let put = match R::TOTALS {
            Some(totals) => {
                let there = self
                    .read(to_item(&key_of::<R>(&self.item(&row)?)), Read::Strong)
                    .await?;
                self.put_counted(totals, &row, there).await?
            }
            None => self.put(&row, None).await?,
        };
        Ok(match put {
            Put::Written => Shown::Written,
            Put::NewerThere(version) => Shown::Newer(version),
            Put::Stale(version) => Shown::Stale(version),
            Put::OfNewerCode => Shown::OfNewerCode,
        })
    }

    async fn compare(&self, order: &OrderSummaryRow) -> Result<Comparison, TableError> {
        let expected = R::of(order);
        let key = to_item(&key_of::<R>(&self.item(&expected)?));
        let item = self.read(key, Read::Strong).await?;
        let counted = item.as_ref().map(Amounts::of_row).unwrap_or_default();
        let found = match item.map_or(Found::Nothing, |item| self.found(item)) {
            Found::Nothing => return Ok(Comparison::Missing),
            Found::Outdated | Found::Unreadable(_) => return Ok(Comparison::Outdated),
            Found::OfNewerCode => return Ok(Comparison::OfNewerCode),
            Found::Row(row) if row.version() != expected.version() => return Ok(Comparison::AtVersion(row.version())),
            Found::Row(row) => row,
        };
        let mut differences = Vec::new();
        compare_values("", &json(&expected)?, &json(&found)?, &mut differences);
        if counted != expected.amounts() {
            differences.push(FieldDifference {
                path: "Counted".to_owned(),
                expected: Value::from(format!("{:?}", expected.amounts())),
                found: Value::from(format!("{counted:?}")),
            });
        }
        Ok(match differences.is_empty() {
            true => Comparison::Same,
            false => Comparison::Different(differences),
        })
    }

    async fn rows(&self, segment: Segment, limit: usize, after: Option<&RowKey>) -> Result<RowPage, TableError> {
        let attributes: BTreeSet<_> = R::KEY
            .iter()
            .copied()
            .chain([ORDER_ID, "Version", "Generation"])
            .collect();
        let attributes: Vec<_> = attributes.into_iter().collect();
        let page = segment
            .scan(&self.client, &self.table, limit)
            .projection_expression(attributes.join(", "))
            .set_exclusive_start_key(after.map(to_item))
            .send()
            .await?;
        let items = page.items.unwrap_or_default().into_iter();
        let items: Vec<Item> = items.filter(|item| !self.is_of_newer_code(item)).collect();
        let next = page.last_evaluated_key.as_ref().map(key_of::<R>);
        let partition = |key: &RowKey| key.get(*R::KEY.first()?).cloned();
        let mut partitions = BTreeSet::new();
        if R::TOTALS.is_some() {
            let keys = items.iter().map(key_of::<R>).chain(after.cloned());
            partitions.extend(keys.filter_map(|key| partition(&key)));
            // More of it may follow.
            next.as_ref()
                .and_then(partition)
                .map(|partition| partitions.remove(&partition));
        }
        // Totals and marks are mended with their partition.
        let rows = items
            .into_iter()
            .filter(|item| R::TOTALS.is_none() || item.contains_key("Version"));
        let placed = |item: Item| PlacedRow {
            key: key_of::<R>(&item),
            order_id: item.get(ORDER_ID).and_then(|id| id.as_s().ok()?.parse().ok()),
            version: version(&item),
        };
        Ok(RowPage {
            rows: rows.map(placed).collect(),
            partitions,
            next,
        })
    }

    fn place_of(&self, order: &OrderSummaryRow) -> Result<RowKey, TableError> {
        Ok(key_of::<R>(&self.item(&R::of(order))?))
    }

    async fn remove(&self, row: &RowKey, seen: Option<Version>) -> Result<(), TableError> {
        if let Some(totals) = R::TOTALS {
            return self.remove_counted(totals, to_item(row), seen).await;
        }
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

    async fn recount(&self, partition: &str, what: Recount) -> Result<Recounted, TableError> {
        match R::TOTALS {
            Some(totals) => Rows::recount(self, totals, partition, what).await,
            None => Ok(Recounted::Right),
        }
    }
}

fn key_of<R: Row>(item: &Item) -> RowKey {
    row_key(R::KEY, item)
}

/// The key of an item, whose attributes are all text.
pub(crate) fn row_key(names: &[&str], item: &Item) -> RowKey {
    let text = |name: &&str| Some(((*name).to_owned(), item.get(*name)?.as_s().ok()?.clone()));
    names.iter().filter_map(text).collect()
}

/// The key as DynamoDB takes it.
pub(crate) fn to_item(key: &RowKey) -> Item {
    key.iter()
        .map(|(name, value)| (name.clone(), AttributeValue::S(value.clone())))
        .collect()
}

fn json(row: &impl Row) -> Result<Value, TableError> {
    serde_json::to_value(row).map_err(|error| TableError::Rejected(error.to_string()))
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
