//! What a replay asks of a read model.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::Version;
use domain::order::OrderId;
use dynamodb::{Item, Segment, TableError, unless_refused};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::item::RowKey;
use crate::item::{Format, number, to_item, version};
use crate::order_row::OrderSummaryRow;
use crate::rows::{Found, Put, Read, Row, Rows, Writes, key_names};
use crate::totals::{Amounts, ORDER_ID, Recount, Recounted};

/// A read model, as a replay deals with it.
#[async_trait]
pub trait ReadModel: Send + Sync {
    /// The name by which operators know it.
    fn name(&self) -> &'static str;

    /// Makes the read model show `order`, unless it shows a newer state already.
    async fn show(&self, order: &OrderSummaryRow) -> Result<Shown, TableError>;

    /// How what the read model shows of `order` differs from what it should.
    async fn compare(&self, order: &OrderSummaryRow) -> Result<Comparison, TableError>;

    /// At most `limit` rows of a segment of the table.
    async fn rows(&self, segment: Segment, limit: usize, after: Option<&RowKey>) -> Result<RowPage, TableError>;

    /// Where an order has its rows, or the list of them, from its first version on.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] when the order makes no row.
    fn places_of(&self, order: &OrderSummaryRow) -> Result<Vec<RowKey>, TableError>;

    /// Everything that the table has of an order, but for totals.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] when the order makes no row.
    fn items(&self, order: &OrderSummaryRow) -> Result<Vec<Item>, TableError>;

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
    /// A row of an older format, or one that cannot be read.
    Outdated,
    /// A row that newer code wrote, so nothing can be said about it.
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
        if R::MOVE {
            return Ok(self.put_together(order, Writes::All).await?.into());
        }
        for row in self.of(order) {
            let put = match R::TOTALS {
                Some(totals) => {
                    let there = self
                        .read(to_item(&self.key_of(&self.item(&row)?)), Read::Strong)
                        .await?;
                    self.put_counted(totals, &row, there).await?
                }
                None => self.put(&row, None).await?,
            };
            if put != Put::Written {
                return Ok(put.into());
            }
        }
        Ok(Shown::Written)
    }

    async fn compare(&self, order: &OrderSummaryRow) -> Result<Comparison, TableError> {
        if R::MOVE {
            return self.compare_together(order).await;
        }
        for expected in self.of(order) {
            let comparison = self.compare_row(&expected).await?;
            if comparison != Comparison::Same {
                return Ok(comparison);
            }
        }
        Ok(Comparison::Same)
    }

    async fn rows(&self, segment: Segment, limit: usize, after: Option<&RowKey>) -> Result<RowPage, TableError> {
        let attributes: BTreeSet<_> = key_names::<R>()
            .chain([ORDER_ID, "Version"])
            .chain(Format::ATTRIBUTES)
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
        let next = page.last_evaluated_key.as_ref().map(|key| self.key_of(key));
        let partition = |key: &RowKey| key.get(key_names::<R>().next()?).cloned();
        let mut partitions = BTreeSet::new();
        if R::TOTALS.is_some() {
            let keys = items.iter().map(|item| self.key_of(item)).chain(after.cloned());
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
        let rows = match R::MOVE {
            true => self.lists_and_strays(rows.collect()).await?,
            false => rows.map(|item| self.placed(&item)).collect(),
        };
        Ok(RowPage { rows, partitions, next })
    }

    fn places_of(&self, order: &OrderSummaryRow) -> Result<Vec<RowKey>, TableError> {
        if R::MOVE {
            return Ok(vec![Self::list_key(order.order_id)]);
        }
        let items = self.items(order)?;
        Ok(items.iter().map(|item| self.key_of(item)).collect())
    }

    fn items(&self, order: &OrderSummaryRow) -> Result<Vec<Item>, TableError> {
        self.of(order).iter().map(|row| self.item(row)).collect()
    }

    async fn remove(&self, row: &RowKey, seen: Option<Version>) -> Result<(), TableError> {
        if let Some(totals) = R::TOTALS {
            return self.remove_counted(totals, to_item(row), seen).await;
        }
        if R::MOVE && self.remove_listed(row, seen).await? {
            return Ok(());
        }
        let ours = Format::NOT_NEWER;
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(to_item(row)))
            .set_expression_attribute_values(Some(self.format().values()));
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

impl<R: Row> Rows<R> {
    async fn compare_row(&self, expected: &R) -> Result<Comparison, TableError> {
        let key = to_item(&self.key_of(&self.item(expected)?));
        let item = self.read(key, Read::Strong).await?;
        let counted = item.as_ref().map(Amounts::of_row).unwrap_or_default();
        let found = match item.map_or(Found::Nothing, |item| self.found(item)) {
            Found::Nothing => return Ok(Comparison::Missing),
            Found::Outdated | Found::Unreadable(_) => return Ok(Comparison::Outdated),
            Found::OfNewerCode => return Ok(Comparison::OfNewerCode),
            Found::Row(row) if row.version() != expected.version() => return Ok(Comparison::AtVersion(row.version())),
            Found::Row(row) => row,
        };
        let (mut wanted, mut there) = (json(expected)?, json(&found)?);
        if counted != expected.amounts() {
            wanted["Counted"] = Value::from(format!("{:?}", expected.amounts()));
            there["Counted"] = Value::from(format!("{counted:?}"));
        }
        Ok(compare_values(&wanted, &there))
    }

    pub(crate) fn placed(&self, item: &Item) -> PlacedRow {
        PlacedRow {
            key: self.key_of(item),
            order_id: item.get(ORDER_ID).and_then(|id| id.as_s().ok()?.parse().ok()),
            version: version(item),
        }
    }
}

impl From<Put> for Shown {
    fn from(put: Put) -> Self {
        match put {
            Put::Written => Self::Written,
            Put::NewerThere(version) => Self::Newer(version),
            Put::Stale(version) => Self::Stale(version),
            Put::OfNewerCode => Self::OfNewerCode,
        }
    }
}

pub(crate) fn json(row: &impl Row) -> Result<Value, TableError> {
    serde_json::to_value(row).map_err(|error| TableError::Rejected(error.to_string()))
}

/// How `found` differs from `expected`.
pub(crate) fn compare_values(expected: &Value, found: &Value) -> Comparison {
    let mut differences = Vec::new();
    differ("", expected, found, &mut differences);
    match differences.is_empty() {
        true => Comparison::Same,
        false => Comparison::Different(differences),
    }
}

fn differ(path: &str, expected: &Value, found: &Value, differences: &mut Vec<FieldDifference>) {
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
                differ(&path, &at(expected), &at(found), differences);
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
