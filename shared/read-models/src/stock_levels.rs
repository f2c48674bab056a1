//! StockLevels: one row per SKU, from the messages that inventory sends. Each carries the whole level, so a row is written
//! without reading anything.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::Version;
use domain::stock::{Pieces, Stock};
use domain::text::Sku;
use domain::time::rfc3339_micros;
use dynamodb::{Item, TableError, unless_refused};
use environment::{ConfigError, Environment};
use serde::{Deserialize, Serialize};

/// What there is of a SKU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    pub on_hand: Pieces,
    pub reserved: Pieces,
    pub available: Pieces,
    pub low_stock_threshold: Pieces,
}

impl From<&Stock> for Level {
    fn from(stock: &Stock) -> Self {
        Self {
            on_hand: stock.on_hand,
            reserved: stock.reserved(),
            available: stock.available(),
            low_stock_threshold: stock.low_stock_threshold,
        }
    }
}

/// A SKU's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StockLevelRow {
    pub sku: Sku,
    /// The version of the stock's newest event.
    pub version: Version,
    pub on_hand: Pieces,
    pub reserved: Pieces,
    pub available: Pieces,
    pub low_stock_threshold: Pieces,
    /// The key of the index of those that are low; the others are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    low_stock: Option<LowStock>,
    /// When the stock came to this version.
    #[serde(with = "domain::time::timestamp")]
    pub updated_at: DateTime<Utc>,
}

/// One key takes 1,000 writes a second. That is enough for the SKUs that are low: they have few pieces left to be reserved,
/// and what comes beyond that waits in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LowStock {
    Low,
}

impl StockLevelRow {
    pub fn new(sku: Sku, version: Version, level: Level, updated_at: DateTime<Utc>) -> Self {
        let is_low = level.available <= level.low_stock_threshold;
        Self {
            sku,
            version,
            on_hand: level.on_hand,
            reserved: level.reserved,
            available: level.available,
            low_stock_threshold: level.low_stock_threshold,
            low_stock: is_low.then_some(LowStock::Low),
            updated_at,
        }
    }
}

/// Which SKUs a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Every stock, in the order of the table, which says nothing.
    All,
    /// Stocks that are low, by SKU.
    Low,
}

/// The StockLevels table.
#[derive(Debug, Clone)]
pub struct StockLevels {
    client: Client,
    table: String,
}

impl StockLevels {
    /// # Errors
    /// When `STOCK_LEVELS_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self {
            client,
            table: tables::STOCK_LEVELS.name_in(env)?.to_owned(),
        })
    }

    /// The SKU's row, which may lag behind its events.
    ///
    /// # Errors
    /// What DynamoDB said, or [`TableError::Unreadable`] when the row cannot be read.
    pub async fn get(&self, sku: &Sku) -> Result<Option<StockLevelRow>, TableError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(sku)))
            .send()
            .await?;
        found.item.map(read).transpose()
    }

    /// Writes a row unless one of the same version or a newer one is there.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn put(&self, row: &StockLevelRow) -> Result<(), TableError> {
        let item = dynamodb::to_item(row)?;
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(Version) OR Version < :version")
            .expression_attribute_values(":version", AttributeValue::N(row.version.to_string()))
            .send()
            .await;
        unless_refused(written).map(|_| ())
    }

    /// At most `limit` rows of a list after that of `after`.
    ///
    /// # Errors
    /// As [`StockLevels::get`].
    pub async fn page(
        &self,
        which: Which,
        limit: usize,
        after: Option<&Sku>,
    ) -> Result<Vec<StockLevelRow>, TableError> {
        // At most 101 rows of less than 1 KB: all of them are in one answer.
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let items = match which {
            Which::All => {
                let scan = self.client.scan().table_name(&self.table).limit(limit);
                scan.set_exclusive_start_key(after.map(key)).send().await?.items
            }
            Which::Low => {
                let low = AttributeValue::S("low".to_owned());
                let query = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .index_name("LowStockIndex")
                    .expression_attribute_values(":low", low)
                    .limit(limit);
                let query = match after {
                    None => query.key_condition_expression("LowStock = :low"),
                    Some(after) => query
                        .key_condition_expression("LowStock = :low AND Sku > :after")
                        .expression_attribute_values(":after", AttributeValue::S(after.to_string())),
                };
                query.send().await?.items
            }
        };
        items.unwrap_or_default().into_iter().map(read).collect()
    }
}

fn key(sku: &Sku) -> Item {
    HashMap::from([("Sku".to_owned(), AttributeValue::S(sku.to_string()))])
}

fn read(item: Item) -> Result<StockLevelRow, TableError> {
    dynamodb::from_item("row of StockLevels", item)
}

/// The stock of a SKU as the HTTP contract shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StockLevelView {
    pub sku: Sku,
    pub version: Version,
    pub on_hand: Pieces,
    pub reserved: Pieces,
    pub available: Pieces,
    pub low_stock_threshold: Pieces,
    pub low_stock: bool,
    pub updated_at: String,
}

impl From<StockLevelRow> for StockLevelView {
    fn from(row: StockLevelRow) -> Self {
        Self {
            sku: row.sku,
            version: row.version,
            on_hand: row.on_hand,
            reserved: row.reserved,
            available: row.available,
            low_stock_threshold: row.low_stock_threshold,
            low_stock: row.low_stock.is_some(),
            updated_at: rfc3339_micros(row.updated_at),
        }
    }
}
