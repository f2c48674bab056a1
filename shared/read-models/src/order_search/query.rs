//! Orders found by a text.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::OrderId;
use dynamodb::TableError;
use futures::future::try_join_all;

use super::index::{OrderSearch, POSTING, SHARDS, TERM, term_key};
use super::words::SearchText;
use crate::order_row::OrderSummaryRow;
use crate::order_summary::OrderSummaries;

/// How many postings are read at once: they are about 85 bytes long, and 4 KB are half a read unit.
const POSTINGS_PER_READ: i32 = 48;

/// After so many reads a page ends, short or empty: two common words that never come together are looked for page by page.
const MAX_READS: usize = 100;

/// After so many orders that were found and looked at, a page ends likewise.
const MAX_CANDIDATES: usize = 400;
const MAX_CANDIDATES_AT_ONCE: usize = 100;

/// After all order keys, which begin with a year.
const NEWEST: &str = ":";

/// Orders that have the words of a text, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    pub orders: Vec<OrderSummaryRow>,
    /// Before which place in time the next page begins; `None` after the last page.
    pub next: Option<String>,
}

/// Finds orders.
#[derive(Debug, Clone)]
pub struct OrderSearchQueries {
    index: OrderSearch,
    rows: OrderSummaries,
}

impl OrderSearchQueries {
    pub fn new(index: OrderSearch, rows: OrderSummaries) -> Self {
        Self { index, rows }
    }

    /// At most `limit` orders before `before`, as their rows are now. Only rows that have the words are shown, whatever
    /// the index says.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn page(
        &self,
        text: &SearchText,
        limit: usize,
        before: Option<String>,
    ) -> Result<SearchPage, TableError> {
        let start = before.unwrap_or_else(|| NEWEST.to_owned());
        let reads = AtomicUsize::new(0);
        let mut shards: Vec<Shard<'_>> = Vec::new();
        for terms in text.ways() {
            shards.extend((0..SHARDS).map(|shard| Shard::new(&self.index, &reads, &terms, shard, &start)));
        }
        let mut orders: Vec<OrderSummaryRow> = Vec::new();
        let mut candidates = 0;
        loop {
            // One more shows whether there is a next page. Where orders found turn out not to answer, more are read at once.
            let wanted = match candidates {
                0 => limit + 1,
                _ => MAX_CANDIDATES_AT_ONCE.max(limit + 1 - orders.len()),
            };
            let (found, end) = next_matches(&mut shards, wanted).await?;
            candidates += found.len();
            let last = found.last().cloned();
            let ids: Vec<OrderId> = found.iter().filter_map(|key| order_id(key)).collect();
            let mut rows = self.rows.orders(&ids).await?;
            let rows = ids.iter().filter_map(|id| rows.remove(id));
            orders.extend(rows.filter(|order| text.is_in(order)));
            let next = if orders.len() > limit {
                orders.truncate(limit);
                orders.last().map(|last| last.order_key.clone())
            } else {
                match end {
                    None if candidates >= MAX_CANDIDATES => last,
                    None => continue,
                    Some(End::Through) => None,
                    Some(End::OutOfReads(before)) => Some(before),
                }
            };
            return Ok(SearchPage { orders, next });
        }
    }
}

/// Why there are no more matches.
enum End {
    Through,
    /// What comes before this place has not been looked at.
    OutOfReads(String),
}

/// At most `wanted` order keys that stand under all terms of one way, newest first, and what came after them if it was less.
async fn next_matches(shards: &mut [Shard<'_>], wanted: usize) -> Result<(Vec<String>, Option<End>), TableError> {
    let mut found = Vec::new();
    while found.len() < wanted {
        try_join_all(shards.iter_mut().map(Shard::advance)).await?;
        let newest = shards.iter().max_by(|a, b| a.place().cmp(&b.place()));
        let key = match newest.map(|newest| &newest.head) {
            Some(Head::Match(key)) => key.clone(),
            Some(Head::OutOfReads) => {
                let before = newest.map(|newest| newest.before.clone()).unwrap_or_default();
                return Ok((found, Some(End::OutOfReads(before))));
            }
            Some(Head::Unknown | Head::Through) | None => return Ok((found, Some(End::Through))),
        };
        // An order may answer in either way.
        for shard in shards.iter_mut().filter(|shard| shard.place() == Some(&key)) {
            shard.before.clone_from(&key);
            shard.head = Head::Unknown;
        }
        found.push(key);
    }
    Ok((found, None))
}

fn order_id(order_key: &str) -> Option<OrderId> {
    order_key.rsplit_once('#')?.1.parse().ok()
}

/// A part of the orders that may answer in one way: those whose postings have the same number in their keys.
struct Shard<'a> {
    lists: Vec<Postings<'a>>,
    /// What comes next stands before this place.
    before: String,
    head: Head,
}

/// The newest match of a shard that has not been shown.
enum Head {
    Unknown,
    Match(String),
    OutOfReads,
    Through,
}

impl Shard<'_> {
    fn new<'a>(
        search: &'a OrderSearch,
        reads: &'a AtomicUsize,
        terms: &[String],
        shard: u32,
        start: &str,
    ) -> Shard<'a> {
        let list = |term: &String| Postings {
            search,
            reads,
            key: term_key(term, shard),
            ready: VecDeque::new(),
            is_through: false,
        };
        Shard {
            lists: terms.iter().map(list).collect(),
            before: start.to_owned(),
            head: Head::Unknown,
        }
    }

    /// Before which place in time something may come; what is through comes last.
    fn place(&self) -> Option<&str> {
        match &self.head {
            Head::Match(key) => Some(key),
            Head::OutOfReads => Some(&self.before),
            Head::Unknown | Head::Through => None,
        }
    }

    /// Looks for the next match, if it is not known.
    async fn advance(&mut self) -> Result<(), TableError> {
        while matches!(self.head, Head::Unknown) {
            let before = &self.before;
            // A list that has been read to its end is short: its orders are looked at themselves, rather than looked for in
            // the other lists one by one.
            let lists = match self.lists.iter().position(|list| list.is_through) {
                Some(short) => &mut self.lists[short..=short],
                None => &mut self.lists[..],
            };
            let newest = try_join_all(lists.iter_mut().map(|list| list.newest_before(before))).await?;
            // The oldest of them is the newest that can be a match.
            let mut oldest: Option<String> = None;
            let mut is_match = true;
            for place in newest {
                match place {
                    Place::OutOfReads => {
                        self.head = Head::OutOfReads;
                        return Ok(());
                    }
                    Place::None => {
                        self.head = Head::Through;
                        return Ok(());
                    }
                    Place::At(key) => {
                        is_match &= oldest.as_ref().is_none_or(|oldest| *oldest == key);
                        oldest = Some(oldest.map_or(key.clone(), |oldest| oldest.min(key)));
                    }
                }
            }
            match oldest {
                None => self.head = Head::Through,
                Some(key) if is_match => self.head = Head::Match(key),
                // At the oldest or before it.
                Some(key) => self.before = format!("{key}$"),
            }
        }
        Ok(())
    }
}

/// The postings of a term in a shard, newest first.
struct Postings<'a> {
    search: &'a OrderSearch,
    reads: &'a AtomicUsize,
    key: String,
    /// Order keys that have been read.
    ready: VecDeque<String>,
    /// Nothing comes after them.
    is_through: bool,
}

enum Place {
    At(String),
    None,
    OutOfReads,
}

impl Postings<'_> {
    async fn newest_before(&mut self, before: &str) -> Result<Place, TableError> {
        while self.ready.front().is_some_and(|key| key.as_str() >= before) {
            self.ready.pop_front();
        }
        if self.ready.is_empty() && !self.is_through {
            if self.reads.fetch_add(1, Ordering::Relaxed) >= MAX_READS {
                return Ok(Place::OutOfReads);
            }
            self.read(before).await?;
        }
        Ok(self.ready.front().cloned().map_or(Place::None, Place::At))
    }

    async fn read(&mut self, before: &str) -> Result<(), TableError> {
        let found = self
            .search
            .client
            .query()
            .table_name(&self.search.table)
            .key_condition_expression("#term = :term AND #posting < :before")
            .set_expression_attribute_names(Some(HashMap::from([
                ("#term".to_owned(), TERM.to_owned()),
                ("#posting".to_owned(), POSTING.to_owned()),
            ])))
            .expression_attribute_values(":term", AttributeValue::S(self.key.clone()))
            .expression_attribute_values(":before", AttributeValue::S(before.to_owned()))
            .scan_index_forward(false)
            .limit(POSTINGS_PER_READ)
            .send()
            .await?;
        self.is_through = found.last_evaluated_key.is_none();
        for item in found.items.unwrap_or_default() {
            let posting = item.get(POSTING).and_then(|posting| posting.as_s().ok());
            // Without the version at which it was put.
            if let Some((order_key, _)) = posting.and_then(|posting| posting.rsplit_once('#')) {
                self.ready.push_back(order_key.to_owned());
            }
        }
        Ok(())
    }
}
