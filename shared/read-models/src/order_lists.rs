//! Orders in lists, newest first: all or those of a customer, in any status or one, created on any days or some.
//!
//! | filters | read from | key |
//! |---|---|---|
//! | none | OrderSummary, `ListIndex` | shard |
//! | status | OrderSummary, `StatusIndex` | status and shard |
//! | customer | CustomerOrders | customer |
//! | customer and status | CustomerOrders, `StatusIndex` | customer; the range key begins with the status |
//!
//! The range key ends with the time of creation, so days are bounds of it: each query is a condition on keys alone, and
//! reads nothing that is not asked for. What is spread over shards is merged.

use std::collections::VecDeque;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use chrono::{DateTime, Utc};
use domain::Version;
use domain::order::{OrderId, OrderStatus};
use domain::text::CustomerId;
use dynamodb::{Cost, Item, TableError};
use environment::{ConfigError, Environment};
use futures::future::try_join_all;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::customer_orders::status_key;
use crate::day::Day;
use crate::fresh::ReadSource;
use crate::order_row::{LIST_SHARDS, OrderSummaryRow, status_shard};

/// An order as lists show it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedOrder {
    /// Its place: lists go from large to small.
    pub order_key: String,
    pub order_id: OrderId,
    pub version: Version,
    pub customer_id: String,
    pub status: OrderStatus,
    pub currency: String,
    pub total_amount: Decimal,
    pub item_count: usize,
    #[serde(with = "domain::time::timestamp")]
    pub created_at: DateTime<Utc>,
    #[serde(with = "domain::time::timestamp")]
    pub updated_at: DateTime<Utc>,
}

impl From<OrderSummaryRow> for ListedOrder {
    fn from(row: OrderSummaryRow) -> Self {
        Self {
            order_key: row.order_key,
            order_id: row.order_id,
            version: row.version,
            customer_id: row.customer_id,
            status: row.status,
            currency: row.currency,
            total_amount: row.total_amount,
            item_count: row.item_count,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Days from `from` to `to`, both included. `from` is not after `to`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Days {
    pub from: Option<Day>,
    pub to: Option<Day>,
}

/// Which orders are wanted.
#[derive(Debug, Clone, Copy)]
pub struct ListQuery<'a> {
    pub customer_id: Option<&'a CustomerId>,
    pub status: Option<OrderStatus>,
    pub created: Days,
    pub limit: usize,
    /// An order that is to be shown at least as new as here, in its right place, also while its row is behind.
    pub read_after: Option<&'a ListedOrder>,
}

/// Part of a list, and where the next part begins.
#[derive(Debug, Clone, PartialEq)]
pub struct ListPage {
    pub orders: Vec<ListedOrder>,
    /// The `order_key` after which the next page begins; `None` after the last page.
    pub next: Option<String>,
    pub source: ReadSource,
    /// What reading it cost.
    pub cost: Cost,
}

/// The tables that lists are read from.
#[derive(Debug, Clone)]
pub struct OrderLists {
    client: Client,
    order_summary: String,
    customer_orders: String,
}

/// How many rows of an index fit into 4 KB, the least that a query is charged for: one has about 290 bytes with the names
/// of its attributes, and 340 when its customer's id has 48 characters.
const ROWS_PER_READ: usize = 12;

impl OrderLists {
    /// # Errors
    /// When `ORDER_SUMMARY_TABLE` or `CUSTOMER_ORDERS_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self {
            client,
            order_summary: tables::ORDER_SUMMARY.name_in(env)?.to_owned(),
            customer_orders: tables::CUSTOMER_ORDERS.name_in(env)?.to_owned(),
        })
    }

    /// A page of the list after `after`, newest first.
    ///
    /// # Errors
    /// What DynamoDB said, or [`TableError::Unreadable`] when a row cannot be read.
    pub async fn page(&self, query: &ListQuery<'_>, after: Option<&str>) -> Result<ListPage, TableError> {
        let reader = self.reader(query, after);
        let mut parts = reader.parts();
        let mut page = ListPage {
            orders: Vec::new(),
            next: None,
            source: ReadSource::Projection,
            cost: Cost::default(),
        };
        loop {
            try_join_all(parts.iter_mut().map(|part| reader.fill(part))).await?;
            let newest = parts
                .iter_mut()
                .filter(|part| !part.ready.is_empty())
                .max_by(|a, b| a.place().cmp(&b.place()));
            let Some((order, is_fresh)) = newest.and_then(|part| Some((part.ready.pop_front()?, part.is_fresh))) else {
                break;
            };
            // The row has come to the version that is asked for, or further.
            if page.orders.last().is_some_and(|last| last.order_key == order.order_key) {
                continue;
            }
            if page.orders.len() == query.limit {
                page.next = page.orders.last().map(|last| last.order_key.clone());
                break;
            }
            if is_fresh {
                page.source = ReadSource::Events;
            }
            page.orders.push(order);
        }
        for part in &parts {
            page.cost += part.cost;
            if part.had_older {
                page.source = ReadSource::Events;
            }
        }
        Ok(page)
    }

    fn reader<'a>(&'a self, query: &'a ListQuery<'a>, after: Option<&'a str>) -> Reader<'a> {
        let shards = 0..LIST_SHARDS;
        let (table, index, hash, range, keys) = match (query.customer_id, query.status) {
            (None, None) => {
                let keys = shards.map(|shard| shard.to_string()).collect();
                (&self.order_summary, Some("ListIndex"), "ListShard", "OrderKey", keys)
            }
            (None, Some(status)) => {
                let keys = shards.map(|shard| status_shard(status, shard)).collect();
                (
                    &self.order_summary,
                    Some("StatusIndex"),
                    "StatusShard",
                    "OrderKey",
                    keys,
                )
            }
            (Some(customer), None) => {
                let keys = vec![customer.to_string()];
                (&self.customer_orders, None, "CustomerId", "OrderKey", keys)
            }
            (Some(customer), Some(_)) => {
                let keys = vec![customer.to_string()];
                (
                    &self.customer_orders,
                    Some("StatusIndex"),
                    "CustomerId",
                    "StatusKey",
                    keys,
                )
            }
        };
        // One more shows whether there is a next page; `after` is read again, and an older row may have to go.
        let wanted = query.limit + 1 + usize::from(after.is_some()) + usize::from(query.read_after.is_some());
        Reader {
            client: &self.client,
            table,
            index,
            hash,
            range,
            chunk: wanted.div_ceil(keys.len()).max(ROWS_PER_READ),
            keys,
            query,
            after,
        }
    }
}

/// What is read alike from every shard.
struct Reader<'a> {
    client: &'a Client,
    table: &'a str,
    index: Option<&'static str>,
    hash: &'static str,
    range: &'static str,
    /// The values of `hash`.
    keys: Vec<String>,
    /// How many rows to ask for at once.
    chunk: usize,
    query: &'a ListQuery<'a>,
    after: Option<&'a str>,
}

/// The orders of one key, as far as they have been read and not shown.
#[derive(Default)]
struct Part {
    key: String,
    ready: VecDeque<ListedOrder>,
    /// Where the query goes on.
    start: Option<Item>,
    is_through: bool,
    /// It is no key's, but the one order that was read beside them.
    is_fresh: bool,
    /// It had an older row of that order.
    had_older: bool,
    cost: Cost,
}

impl Part {
    /// Newest first; where a row and the fresh order are equally new, the row comes first.
    fn place(&self) -> (Option<&str>, bool) {
        (self.ready.front().map(|order| order.order_key.as_str()), !self.is_fresh)
    }
}

impl Reader<'_> {
    fn parts(&self) -> Vec<Part> {
        let keys = self.keys.iter().map(|key| Part {
            key: key.clone(),
            ..Part::default()
        });
        let fresh = self
            .query
            .read_after
            .filter(|fresh| self.wants(fresh))
            .map(|fresh| Part {
                ready: VecDeque::from([fresh.clone()]),
                is_through: true,
                is_fresh: true,
                ..Part::default()
            });
        keys.chain(fresh).collect()
    }

    /// Whether an order belongs to this page or a later one.
    fn wants(&self, order: &ListedOrder) -> bool {
        let (first, last) = self.bounds();
        let ListQuery {
            customer_id, status, ..
        } = self.query;
        customer_id.is_none_or(|customer_id| customer_id.as_str() == order.customer_id)
            && status.is_none_or(|status| status == order.status)
            && (first..=last).contains(&order.order_key)
            && self.after != Some(&order.order_key)
    }

    /// Between which order keys the page is. They are never left open: CustomerOrders has room for other items before
    /// its orders, whose keys begin with a digit.
    fn bounds(&self) -> (String, String) {
        let Days { from, to } = self.query.created;
        let first = from.map_or_else(|| "0".to_owned(), |day| day.to_string());
        let last = match (self.after, to) {
            (Some(after), _) => after.to_owned(),
            // `~` comes after everything that an order key has.
            (None, Some(day)) => format!("{day}~"),
            (None, None) => "~".to_owned(),
        };
        (first, last)
    }

    /// Reads on until an order is ready, or the part is through.
    async fn fill(&self, part: &mut Part) -> Result<(), TableError> {
        let (first, last) = self.bounds();
        let bound = |order_key: &str| {
            AttributeValue::S(match self.query.status {
                Some(status) if self.range == "StatusKey" => status_key(status, order_key),
                _ => order_key.to_owned(),
            })
        };
        while part.ready.is_empty() && !part.is_through {
            let found = self
                .client
                .query()
                .table_name(self.table)
                .set_index_name(self.index.map(str::to_owned))
                .key_condition_expression(format!(
                    "{} = :key AND {} BETWEEN :first AND :last",
                    self.hash, self.range
                ))
                .expression_attribute_values(":key", AttributeValue::S(part.key.clone()))
                .expression_attribute_values(":first", bound(&first))
                .expression_attribute_values(":last", bound(&last))
                .scan_index_forward(false)
                .limit(i32::try_from(self.chunk).unwrap_or(i32::MAX))
                .set_exclusive_start_key(part.start.take())
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await?;
            part.cost += Cost::read(found.consumed_capacity.as_ref());
            part.is_through = found.last_evaluated_key.is_none();
            part.start = found.last_evaluated_key;
            for item in found.items.unwrap_or_default() {
                let order: ListedOrder = dynamodb::from_item("row of a list", item)?;
                let is_older = |fresh: &ListedOrder| fresh.order_id == order.order_id && fresh.version > order.version;
                if self.query.read_after.is_some_and(is_older) {
                    part.had_older = true;
                } else if self.after != Some(&order.order_key) {
                    part.ready.push_back(order);
                }
            }
        }
        Ok(())
    }
}
