//! The table of the index: rows and postings, and how they change.
//!
//! Postings are too many for one transaction. So an order's row is written first, with all that is to be done; then the
//! postings; then the row says that it is settled. Whoever finds a row that is not does it again. A posting carries the
//! order's version at which it was put, so what is put and what is removed at different versions are different items, and
//! nobody who is late can remove what another has put.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::Version;
use domain::order::OrderId;
use dynamodb::{Item, TableError, batch_write, delete_request, put_request, shard_of, unless_refused};
use environment::{ConfigError, Environment};
use lambda_edge::stream::EventRecord;
use projector::ProjectError;
use serde::{Deserialize, Serialize};

use super::terms::Terms;
use super::words::terms_of;
use crate::derived::{Follows, newest};
use crate::item::Format;
use crate::order_row::OrderSummaryRow;
use crate::order_summary::OrderSummaries;
use crate::read_model::{ReadModel, Shown};
use crate::rows::{Found, NEWER_CODE};

/// As [`Row::ROW_VERSION`](crate::Row::ROW_VERSION): raised when an order is to have other terms.
const ROW_VERSION: u32 = 2;
pub(super) const FORMAT: Format = Format::of_this_code(ROW_VERSION);

/// Over how many keys the postings of a term are spread. Each takes 1,000 new orders a second.
pub(super) const SHARDS: u32 = 4;

/// The attributes of the table's key.
pub(super) const TERM: &str = "Term";
pub(super) const POSTING: &str = "Posting";

/// Where an order's row stands: terms have neither character.
const ROW_PREFIX: &str = "=";
const ROW: &str = "terms";

const MAX_ATTEMPTS: u32 = 8;

/// The OrderSearch table.
#[derive(Debug, Clone)]
pub struct OrderSearch {
    pub(super) client: Client,
    pub(super) table: String,
}

/// What an order is found by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SearchRow {
    /// `=<order id>`
    pub(super) term: String,
    /// `terms`
    pub(super) posting: String,
    #[serde(flatten)]
    pub(super) format: Format,
    pub(super) order_id: OrderId,
    /// `<created_at>#<order id>`
    pub(super) order_key: String,
    /// The version these terms were taken from. Later versions with the same terms do not change it.
    pub(super) version: Version,
    /// Terms that were added at later versions than this may have no posting yet.
    pub(super) settled: Version,
    pub(super) terms: Terms,
    /// Terms whose postings may be there yet.
    pub(super) removing: Terms,
    /// How often the row was written: what is written late, by a process that is gone, finds it moved on.
    revision: u64,
}

impl SearchRow {
    fn empty(order: &OrderSummaryRow) -> Self {
        Self {
            term: row_term(order.order_id),
            posting: ROW.to_owned(),
            format: FORMAT,
            order_id: order.order_id,
            order_key: order.order_key.clone(),
            version: 0,
            settled: 0,
            terms: Terms::default(),
            removing: Terms::default(),
            revision: 0,
        }
    }

    /// The row of `order`, and what is to be done for it.
    fn moved_to(&self, order: &OrderSummaryRow) -> Self {
        let wanted = terms_of(order);
        let (kept, gone): (BTreeSet<_>, BTreeSet<_>) = self
            .terms
            .0
            .iter()
            .cloned()
            .partition(|(term, _)| wanted.contains(term));
        let known: BTreeSet<&String> = kept.iter().map(|(term, _)| term).collect();
        let new = wanted.iter().filter(|term| !known.contains(term));
        let new: Vec<_> = new.map(|term| (term.clone(), order.version)).collect();
        let mut next = self.clone();
        next.format = FORMAT;
        next.version = order.version;
        next.revision += 1;
        next.removing.0.extend(gone);
        next.terms = Terms(kept.into_iter().chain(new).collect());
        next
    }

    fn item(&self) -> Result<Item, TableError> {
        dynamodb::to_item(self)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled == self.version && self.removing.0.is_empty()
    }

    pub(super) fn posting_key(&self, (term, added): &(String, Version)) -> Item {
        let shard = shard_of(&self.order_id.to_string(), SHARDS);
        HashMap::from([
            (TERM.to_owned(), AttributeValue::S(term_key(term, shard))),
            (
                POSTING.to_owned(),
                AttributeValue::S(format!("{}#{added}", self.order_key)),
            ),
        ])
    }
}

pub(super) fn row_term(order_id: OrderId) -> String {
    format!("{ROW_PREFIX}{order_id}")
}

pub(super) fn term_key(term: &str, shard: u32) -> String {
    format!("{term}#{shard}")
}

pub(super) fn row_key(order_id: OrderId) -> Item {
    HashMap::from([
        (TERM.to_owned(), AttributeValue::S(row_term(order_id))),
        (POSTING.to_owned(), AttributeValue::S(ROW.to_owned())),
    ])
}

impl OrderSearch {
    /// # Errors
    /// When `ORDER_SEARCH_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self {
            client,
            table: tables::ORDER_SEARCH.name_in(env)?.to_owned(),
        })
    }

    /// Everything that the table has of an order whose index is done: its row and its postings.
    ///
    /// # Errors
    /// [`TableError::Rejected`] when the row does not serialize.
    pub fn items(order: &OrderSummaryRow) -> Result<Vec<Item>, TableError> {
        let mut row = SearchRow::empty(order).moved_to(order);
        row.settled = row.version;
        let mut items: Vec<Item> = row.terms.0.iter().map(|term| row.posting_key(term)).collect();
        items.push(row.item()?);
        Ok(items)
    }

    /// Makes an order be found by its words, and by no others.
    pub(super) async fn show(&self, order: &OrderSummaryRow, postings: Postings) -> Result<Shown, TableError> {
        for _ in 0..MAX_ATTEMPTS {
            let seen = match self.row(order.order_id).await? {
                Some(FoundRow::Row(row)) => Some(row),
                Some(FoundRow::OfNewerCode) => return Ok(Shown::OfNewerCode),
                None => None,
                // A replay finds its postings.
                Some(FoundRow::Unreadable) => {
                    batch_write(
                        &self.client,
                        &self.table,
                        vec![delete_request(row_key(order.order_id))?],
                    )
                    .await?;
                    None
                }
            };
            if let Some(seen) = seen.as_ref().filter(|seen| seen.version > order.version) {
                return Ok(Shown::Newer(seen.version));
            }
            let before = seen.clone().unwrap_or_else(|| SearchRow::empty(order));
            let mut next = before.moved_to(order);
            let is_done = before.is_settled() && next.terms == before.terms && postings == Postings::New;
            if is_done {
                if before.version == order.version && before.format == FORMAT {
                    return Ok(Shown::Written);
                }
                // There is nothing to do, but an older state must not follow this one.
                next.settled = next.version;
            }
            if postings == Postings::All {
                next.settled = 0;
            }
            if !self.put(&next, seen.as_ref()).await? {
                continue;
            }
            if !is_done {
                self.settle(next).await?;
            }
            return Ok(Shown::Written);
        }
        Err(TableError::Throttled("the row is written all the time".to_owned()))
    }

    /// Puts and removes what a row that was just written says.
    async fn settle(&self, row: SearchRow) -> Result<(), TableError> {
        let new = row.terms.0.iter().filter(|(_, added)| *added > row.settled);
        let puts = new.map(|term| put_request(row.posting_key(term)));
        let deletes = row.removing.0.iter().map(|term| delete_request(row.posting_key(term)));
        let writes = puts.chain(deletes).collect::<Result<Vec<_>, _>>()?;
        batch_write(&self.client, &self.table, writes).await?;
        let settled = SearchRow {
            settled: row.version,
            removing: Terms::default(),
            revision: row.revision + 1,
            ..row.clone()
        };
        // If another has moved it on, it does all of this again.
        self.put(&settled, Some(&row)).await.map(|_| ())
    }

    /// Removes a row, unless it has changed since it was seen at `version`, and its postings.
    pub(super) async fn remove(&self, order_id: OrderId, version: Option<Version>) -> Result<(), TableError> {
        if let Some(FoundRow::Row(row)) = self.row(order_id).await? {
            if version.is_some_and(|version| version != row.version) {
                return Ok(());
            }
            let delete = self.client.delete_item().table_name(&self.table);
            let delete = delete
                .set_key(Some(row_key(order_id)))
                .condition_expression("Revision = :seen")
                .expression_attribute_values(":seen", AttributeValue::N(row.revision.to_string()));
            if unless_refused(delete.send().await)? {
                let postings = row.terms.0.union(&row.removing.0);
                let deletes = postings.map(|term| delete_request(row.posting_key(term)));
                batch_write(&self.client, &self.table, deletes.collect::<Result<_, _>>()?).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn row(&self, order_id: OrderId) -> Result<Option<FoundRow>, TableError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(row_key(order_id)));
        let read = read.consistent_read(true).send().await?;
        Ok(read.item.map(FoundRow::of))
    }

    /// Writes a row if what stands in its place is what was seen. Whether it was.
    async fn put(&self, row: &SearchRow, seen: Option<&SearchRow>) -> Result<bool, TableError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row.item()?));
        let put = match seen {
            // What stands there and is no row of ours is replaced.
            None => put.condition_expression("attribute_not_exists(Revision)"),
            Some(seen) => put
                .condition_expression("Revision = :seen")
                .expression_attribute_values(":seen", AttributeValue::N(seen.revision.to_string())),
        };
        unless_refused(put.send().await)
    }
}

/// Which postings of an order are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Postings {
    /// All of its words, also those that should be there.
    All,
    /// Those of words that it had not before.
    New,
}

/// What an order's row is to this code. Terms mean the same in rows of older formats; which ones an order has may
/// differ.
pub(super) enum FoundRow {
    Row(SearchRow),
    Unreadable,
    OfNewerCode,
}

impl FoundRow {
    pub(super) fn of(item: Item) -> Self {
        if Format::of(&item).beside(FORMAT) == Ordering::Greater {
            return Self::OfNewerCode;
        }
        serde_dynamo::from_item(item).map_or(Self::Unreadable, Self::Row)
    }
}

/// Keeps OrderSearch up to date with OrderSummary.
pub struct OrderSearchIndex {
    search: OrderSearch,
    source: OrderSummaries,
}

impl OrderSearchIndex {
    pub fn new(search: OrderSearch, source: OrderSummaries) -> Self {
        Self { search, source }
    }
}

#[async_trait]
impl Follows for OrderSearchIndex {
    /// Most changes of an order leave its words as they are, and cost nothing here.
    async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        let terms = |image: &serde_dynamo::Item| match self.source.found(image.clone().into()) {
            Found::Row(order) => Some(terms_of(&order)),
            _ => None,
        };
        let is_same = |record: &EventRecord| {
            let before = terms(&record.change.old_image);
            before.is_some() && before == terms(&record.change.new_image)
        };
        if records.iter().all(is_same) {
            return Ok(());
        }
        self.refresh(order_id).await
    }

    /// Records may come late and in any order.
    async fn refresh(&self, order_id: &str) -> Result<(), ProjectError> {
        let Some(order) = newest(&self.source, order_id).await? else {
            return Ok(());
        };
        match self.search.show(&order, Postings::New).await? {
            Shown::Written | Shown::Newer(_) | Shown::Stale(_) => Ok(()),
            Shown::OfNewerCode => Err(ProjectError::Newer(NEWER_CODE.to_owned())),
        }
    }

    fn read_model(&self) -> Arc<dyn ReadModel> {
        Arc::new(self.search.clone())
    }
}
