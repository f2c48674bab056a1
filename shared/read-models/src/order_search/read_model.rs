//! OrderSearch as a replay deals with it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use domain::Version;
use domain::order::OrderId;
use dynamodb::{Item, Segment, TableError, batch_get, batch_write, delete_request};
use serde_json::Value;

use super::index::{self, FoundRow, OrderSearch, POSTING, Postings, SearchRow, TERM, row_key};
use super::words::terms_of;
use crate::item::{self, RowKey, to_item, version};
use crate::order_row::OrderSummaryRow;
use crate::read_model::{Comparison, FieldDifference, PlacedRow, ReadModel, RowPage, Shown};
use crate::totals::{Recount, Recounted};

impl OrderSearch {
    pub const NAME: &str = "order-search";
}

#[async_trait]
impl ReadModel for OrderSearch {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn show(&self, order: &OrderSummaryRow) -> Result<Shown, TableError> {
        OrderSearch::show(self, order, Postings::All).await
    }

    /// An order whose words have stayed the same has a row of an older version, which is right.
    async fn compare(&self, order: &OrderSummaryRow) -> Result<Comparison, TableError> {
        let row = match self.row(order.order_id).await? {
            None => return Ok(Comparison::Missing),
            Some(FoundRow::Unreadable) => return Ok(Comparison::Outdated),
            Some(FoundRow::OfNewerCode) => return Ok(Comparison::OfNewerCode),
            Some(FoundRow::Row(row)) if row.format != index::FORMAT => return Ok(Comparison::Outdated),
            Some(FoundRow::Row(row)) => row,
        };
        let expected: Vec<String> = terms_of(order).into_iter().collect();
        let terms: Vec<String> = row.terms.0.iter().map(|(term, _)| term.clone()).collect();
        if row.version < order.version && (!row.is_settled() || terms != expected) {
            return Ok(Comparison::AtVersion(row.version));
        }
        let mut differences = Vec::new();
        let mut differ = |path: &str, expected: Vec<String>, found: Vec<String>| {
            if expected != found {
                differences.push(FieldDifference {
                    path: path.to_owned(),
                    expected: Value::from(expected),
                    found: Value::from(found),
                });
            }
        };
        differ("Postings", terms.clone(), self.terms_with_postings(&row).await?);
        differ("Terms", expected, terms);
        Ok(match differences.is_empty() {
            true => Comparison::Same,
            false => Comparison::Different(differences),
        })
    }

    async fn rows(&self, segment: Segment, limit: usize, after: Option<&RowKey>) -> Result<RowPage, TableError> {
        let page = segment
            .scan(&self.client, &self.table, limit)
            .set_exclusive_start_key(after.map(to_item))
            .send()
            .await?;
        let (rows, postings): (Vec<Item>, Vec<Item>) = page
            .items
            .unwrap_or_default()
            .into_iter()
            .partition(|item| item.contains_key("Version"));
        let placed = |item: Item| PlacedRow {
            key: key_of(&item),
            order_id: item.get("OrderId").and_then(|id| id.as_s().ok()?.parse().ok()),
            version: version(&item),
        };
        let ours = rows
            .into_iter()
            .filter(|item| !matches!(FoundRow::of(item.clone()), FoundRow::OfNewerCode));
        let mut rows: Vec<PlacedRow> = ours.map(placed).collect();
        rows.extend(self.unaccounted_for(postings).await?.into_iter().map(placed));
        Ok(RowPage {
            rows,
            partitions: BTreeSet::new(),
            next: page.last_evaluated_key.as_ref().map(key_of),
        })
    }

    fn places_of(&self, order: &OrderSummaryRow) -> Result<Vec<RowKey>, TableError> {
        Ok(vec![key_of(&row_key(order.order_id))])
    }

    fn items(&self, order: &OrderSummaryRow) -> Result<Vec<Item>, TableError> {
        OrderSearch::items(order)
    }

    async fn remove(&self, row: &RowKey, seen: Option<Version>) -> Result<(), TableError> {
        let order_id = row.get(TERM).and_then(|term| term.strip_prefix('=')?.parse().ok());
        match order_id {
            Some(order_id) if seen.is_some() => OrderSearch::remove(self, order_id, seen).await,
            _ => batch_write(&self.client, &self.table, vec![delete_request(to_item(row))?]).await,
        }
    }

    async fn recount(&self, _: &str, _: Recount) -> Result<Recounted, TableError> {
        Ok(Recounted::Right)
    }
}

impl OrderSearch {
    /// The terms of a row that have their postings.
    async fn terms_with_postings(&self, row: &SearchRow) -> Result<Vec<String>, TableError> {
        let keys: Vec<Item> = row.terms.0.iter().map(|term| row.posting_key(term)).collect();
        let there = batch_get(&self.client, &self.table, keys, true).await?;
        let there: BTreeSet<RowKey> = there.iter().map(key_of).collect();
        let with_posting = row
            .terms
            .0
            .iter()
            .filter(|term| there.contains(&key_of(&row.posting_key(term))));
        Ok(with_posting.map(|(term, _)| term.clone()).collect())
    }

    /// Those of the postings that no row has, and that are there still.
    async fn unaccounted_for(&self, postings: Vec<Item>) -> Result<Vec<Item>, TableError> {
        let order_id = |posting: &Item| -> Option<OrderId> {
            let (order_key, _) = posting.get(POSTING)?.as_s().ok()?.rsplit_once('#')?;
            order_key.rsplit_once('#')?.1.parse().ok()
        };
        let ids: BTreeSet<OrderId> = postings.iter().filter_map(order_id).collect();
        let keys = ids.into_iter().map(row_key);
        let mut rows = BTreeMap::new();
        for item in batch_get(&self.client, &self.table, keys.collect(), true).await? {
            let id = item
                .get("OrderId")
                .and_then(|id| id.as_s().ok()?.parse::<OrderId>().ok());
            let accounted: Option<BTreeSet<RowKey>> = match FoundRow::of(item) {
                FoundRow::Row(row) => {
                    let terms = row.terms.0.union(&row.removing.0);
                    Some(terms.map(|term| key_of(&row.posting_key(term))).collect())
                }
                // What newer code has is left alone.
                FoundRow::OfNewerCode => None,
                FoundRow::Unreadable => Some(BTreeSet::new()),
            };
            if let Some(id) = id {
                rows.insert(id, accounted);
            }
        }
        let extra: Vec<Item> = postings
            .into_iter()
            .filter(|posting| match order_id(posting).and_then(|id| rows.get(&id)) {
                None => true,
                Some(None) => false,
                Some(Some(accounted)) => !accounted.contains(&key_of(posting)),
            })
            .collect();
        // One that was removed just now has been accounted for.
        batch_get(
            &self.client,
            &self.table,
            extra.iter().map(|item| to_item(&key_of(item))).collect(),
            true,
        )
        .await
    }
}

fn key_of(item: &Item) -> RowKey {
    item::row_key([TERM, POSTING], item)
}
