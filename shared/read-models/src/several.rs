//! Rows of an order that may become fewer, or move.
//!
//! A list beside them says where they are, and at which version of the order. They change in one transaction with it, so
//! that whoever comes late with an older state changes nothing and brings nothing back. Rows that are too many for one
//! transaction change in several, each of which goes through only if the list is as the one before has left it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::Version;
use domain::order::OrderId;
use dynamodb::patience::pause;
use dynamodb::{Item, TableError, batch_get};
use serde_json::Value;

use crate::item::{RowKey, number, row_key, to_item, version};
use crate::order_row::OrderSummaryRow;
use crate::read_model::{Comparison, PlacedRow, compare_values, json};
use crate::rows::{Found, Put, Read, Row, Rows, Writes, key_names};
use crate::totals::{MAX_ATTEMPTS, ORDER_ID, REVISION, Unchanged};

/// How many rows a transaction may hold beside the list.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const MAX_ROWS: usize = 99;

/// What the first attribute of a list's key begins with. No row's does.
const LIST_PREFIX: &str = "=";
/// The other attribute.
const LIST: &str = "rows";

/// The lists' attribute: the keys of the rows.
const PLACES: &str = "Places";
/// The lists' attribute: whether nothing of the version is left to be done.
const SETTLED: &str = "Settled";

impl<R: Row> Rows<R> {
    /// Where the list of an order's rows stands.
    pub(crate) fn list_key(order_id: OrderId) -> RowKey {
        let values = [format!("{LIST_PREFIX}{order_id}"), LIST.to_owned()];
        key_names::<R>().map(str::to_owned).zip(values).collect()
    }

    fn is_list(key: &RowKey) -> bool {
        let first = key_names::<R>().next().and_then(|name| key.get(name));
        first.is_some_and(|value| value.starts_with(LIST_PREFIX))
    }

    /// Makes the order's rows those of `order`, unless they are newer.
    pub(crate) async fn put_together(&self, order: &OrderSummaryRow, writes: Writes) -> Result<Put, TableError> {
        let rows = self.by_place(order)?;
        let list = to_item(&Self::list_key(order.order_id));
        for attempt in 0..MAX_ATTEMPTS {
            let seen = self.read(list.clone(), Read::Strong).await?;
            if let Some(seen) = &seen {
                if let Some(put) = self.in_the_way(seen, order.version) {
                    return Ok(put);
                }
                if writes == Writes::WhatIsNew && self.is_done(seen, order.version) {
                    return Ok(Put::Written);
                }
            }
            if self
                .write_together(order.order_id, seen, Some(order.version), &rows)
                .await?
            {
                return Ok(Put::Written);
            }
            pause(attempt).await;
        }
        Err(self.busy())
    }

    /// Removes an order's rows and the list of them, unless it has changed since it was seen at `version`.
    async fn remove_together(&self, list: Item, order_id: OrderId, seen: Option<Version>) -> Result<(), TableError> {
        for attempt in 0..MAX_ATTEMPTS {
            let Some(there) = self.read(list.clone(), Read::Strong).await? else {
                return Ok(());
            };
            let has_changed = seen.is_some() && version(&there) != seen;
            if self.is_of_newer_code(&there) || has_changed {
                return Ok(());
            }
            if self
                .write_together(order_id, Some(there), None, &BTreeMap::new())
                .await?
            {
                return Ok(());
            }
            pause(attempt).await;
        }
        Err(self.busy())
    }

    /// The same for the key of a list; whether it is one.
    pub(crate) async fn remove_listed(&self, key: &RowKey, seen: Option<Version>) -> Result<bool, TableError> {
        let value = key_names::<R>().next().and_then(|name| key.get(name));
        let order_id = value.and_then(|value| value.strip_prefix(LIST_PREFIX)?.parse().ok());
        if let Some(order_id) = order_id {
            self.remove_together(to_item(key), order_id, seen).await?;
        }
        Ok(order_id.is_some())
    }

    fn by_place(&self, order: &OrderSummaryRow) -> Result<BTreeMap<RowKey, Item>, TableError> {
        let items = self.of(order).into_iter().map(|row| self.item(&row));
        items.map(|item| item.map(|item| (self.key_of(&item), item))).collect()
    }

    fn is_done(&self, list: &Item, order_version: Version) -> bool {
        let is_settled = list.get(SETTLED) == Some(&AttributeValue::Bool(true));
        is_settled && version(list) == Some(order_version) && self.is_of_this_code(list)
    }

    /// Puts `rows`, removes all others that the list names, and brings the list to `version`, or removes it. `false`: the
    /// list is no longer what was seen.
    async fn write_together(
        &self,
        order_id: OrderId,
        mut seen: Option<Item>,
        version: Option<Version>,
        rows: &BTreeMap<RowKey, Item>,
    ) -> Result<bool, TableError> {
        let wanted: BTreeSet<&RowKey> = rows.keys().collect();
        let before = seen.as_ref().map(places).unwrap_or_default();
        let gone = before.iter().filter(|place| !wanted.contains(place));
        let puts = rows.values().map(|row| Unchanged::default().put(&self.table, row));
        let deletes = gone.map(|place| Unchanged::default().delete(&self.table, to_item(place)));
        let writes: Vec<TransactWriteItem> = puts.chain(deletes).collect::<Result<_, _>>()?;
        let transactions = writes.len().div_ceil(MAX_ROWS).max(1);
        for n in 0..transactions {
            let is_last = n + 1 == transactions;
            let unchanged = Unchanged::of::<R>(seen.as_ref(), &[REVISION]);
            let mut list = to_item(&Self::list_key(order_id));
            let list_write = match version {
                None if is_last => unchanged.delete(&self.table, list.clone())?,
                _ => {
                    let shown = version.or_else(|| seen.as_ref().and_then(crate::item::version));
                    let known = before.iter().filter(|_| !is_last);
                    let places: BTreeSet<&RowKey> = wanted.iter().copied().chain(known).collect();
                    let places = places.into_iter().map(|place| AttributeValue::M(to_item(place)));
                    list.extend(self.format().attributes());
                    list.extend(
                        [
                            (ORDER_ID, AttributeValue::S(order_id.to_string())),
                            ("Version", number(shown.unwrap_or_default())),
                            (REVISION, number(seen.as_ref().map_or(0, revision) + 1)),
                            (PLACES, AttributeValue::L(places.collect())),
                            (SETTLED, AttributeValue::Bool(is_last)),
                        ]
                        .map(|(name, value)| (name.to_owned(), value)),
                    );
                    unchanged.put(&self.table, &list)?
                }
            };
            let rows = writes.iter().skip(n * MAX_ROWS).take(MAX_ROWS).cloned();
            let transaction = [list_write].into_iter().chain(rows).map(Some);
            if self.write(transaction).await?.is_some() {
                return Ok(false);
            }
            seen = Some(list);
        }
        Ok(true)
    }

    /// How the rows of an order differ from what they should be.
    pub(crate) async fn compare_together(&self, order: &OrderSummaryRow) -> Result<Comparison, TableError> {
        let list = self
            .read(to_item(&Self::list_key(order.order_id)), Read::Strong)
            .await?;
        let Some(list) = list else {
            return Ok(Comparison::Missing);
        };
        if self.is_of_newer_code(&list) {
            return Ok(Comparison::OfNewerCode);
        }
        match version(&list) {
            Some(version) if version != order.version => return Ok(Comparison::AtVersion(version)),
            _ if !self.is_done(&list, order.version) => return Ok(Comparison::Outdated),
            _ => {}
        }
        let name = |place: &RowKey| place.values().cloned().collect::<Vec<_>>().join("/");
        let mut expected = serde_json::Map::new();
        let mut wanted = places(&list);
        for row in self.of(order) {
            let place = self.key_of(&self.item(&row)?);
            expected.insert(name(&place), json(&row)?);
            wanted.insert(place);
        }
        let mut found = serde_json::Map::new();
        let keys = wanted.iter().map(to_item).collect();
        for item in batch_get(&self.client, &self.table, keys, true).await? {
            let place = self.key_of(&item);
            if let Found::Row(row) = self.found(item) {
                found.insert(name(&place), json(&row)?);
            }
        }
        Ok(compare_values(&Value::Object(expected), &Value::Object(found)))
    }

    /// The lists among these items, and those of the rows that no list names, which are nobody's.
    pub(crate) async fn lists_and_strays(&self, items: Vec<Item>) -> Result<Vec<PlacedRow>, TableError> {
        let (lists, rows): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| Self::is_list(&self.key_of(item)));
        let ids: BTreeSet<OrderId> = rows.iter().filter_map(order_id).collect();
        let keys = ids.into_iter().map(|id| to_item(&Self::list_key(id)));
        let mut named = BTreeSet::new();
        let mut of_newer_code = BTreeSet::new();
        for list in batch_get(&self.client, &self.table, keys.collect(), true).await? {
            named.extend(places(&list));
            of_newer_code.extend(order_id(&list).filter(|_| self.is_of_newer_code(&list)));
        }
        let is_stray = |row: &&Item| {
            let id = order_id(row);
            !named.contains(&self.key_of(row)) && !id.is_some_and(|id| of_newer_code.contains(&id))
        };
        let strays = rows.iter().filter(is_stray).map(|row| to_item(&self.key_of(row)));
        // One that was removed just now has been named.
        let strays = batch_get(&self.client, &self.table, strays.collect(), true).await?;
        let nobodys = |row: Item| PlacedRow {
            order_id: None,
            ..self.placed(&row)
        };
        let lists = lists.iter().map(|list| self.placed(list));
        Ok(lists.chain(strays.into_iter().map(nobodys)).collect())
    }

    fn busy(&self) -> TableError {
        TableError::Throttled(format!("{} is written all the time", R::NAME))
    }
}

fn places(list: &Item) -> BTreeSet<RowKey> {
    let places = list.get(PLACES).and_then(|places| places.as_l().ok());
    let places = places.into_iter().flatten().filter_map(|place| place.as_m().ok());
    places
        .map(|place| row_key(place.keys().map(String::as_str), place))
        .collect()
}

fn revision(list: &Item) -> u64 {
    let revision = list
        .get(REVISION)
        .and_then(|revision| revision.as_n().ok()?.parse().ok());
    revision.unwrap_or_default()
}

fn order_id(item: &Item) -> Option<OrderId> {
    item.get(ORDER_ID)?.as_s().ok()?.parse().ok()
}
