//! Totals counted again from the rows.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use dynamodb::patience::pause;
use dynamodb::{Item, TableError};
use rust_decimal::Decimal;

use super::amounts::{Amounts, COUNTED, MARK, Totals, parse};
use super::place::{MAX_ATTEMPTS, ORDER_ID, REVISION, key_names, place};
use super::unchanged::Unchanged;
use crate::rows::{Read, Row, Rows};

/// How many items of a transaction the marks of a recount may take.
const MARKS_PER_RECOUNT: usize = 90;

/// What is done about totals that are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recount {
    /// They are made right.
    Mend,
    /// Nothing: they are only found.
    Compare,
}

/// What came of counting a partition again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Recounted {
    /// They are what the rows come to.
    Right,
    /// They were not.
    Wrong,
    /// Rows were written all the time: nobody can say.
    Busy,
}

/// Everything in a partition.
struct Partition {
    totals: Option<Item>,
    counted: Amounts,
    /// Marks that rows have, and those that are there.
    marks: BTreeSet<String>,
    marks_there: BTreeSet<String>,
    is_empty: bool,
}

impl<R: Row> Rows<R> {
    /// Counts a partition again from its rows.
    ///
    /// Every change of a row that counts is a change of the totals' revision, so if that is still the same after all rows
    /// have been read, they are of one moment.
    pub(crate) async fn recount(
        &self,
        totals: Totals,
        partition: &str,
        what: Recount,
    ) -> Result<Recounted, TableError> {
        let mend = what == Recount::Mend;
        let mut attempt = 0;
        while attempt < MAX_ATTEMPTS {
            let found = self.partition(totals, partition).await?;
            let mut expected = found.counted.clone();
            if let Some(marked) = totals.marked {
                expected.add(marked, found.marks.len().into());
            }
            let there = found.totals.as_ref().map(Amounts::of_totals).unwrap_or_default();
            let wrong_marks: Vec<_> = found.marks.symmetric_difference(&found.marks_there).collect();
            let is_orphan = found.is_empty && found.totals.is_some();
            if expected == there && wrong_marks.is_empty() && !is_orphan {
                return Ok(Recounted::Right);
            }
            let crossed = if mend {
                let mut writes = vec![self.put_totals(totals, partition, &expected, &found)?];
                for mark in wrong_marks.iter().take(MARKS_PER_RECOUNT) {
                    writes.push(self.mend_mark(partition, mark, found.marks.contains(*mark))?);
                }
                self.write(writes.into_iter().map(Some)).await?.is_some()
            } else {
                let now = self.read(place::<R>(partition, totals.key), Read::Strong).await?;
                revision(now.as_ref()) != revision(found.totals.as_ref())
            };
            if !crossed && (!mend || wrong_marks.len() <= MARKS_PER_RECOUNT) {
                return Ok(Recounted::Wrong);
            }
            if crossed {
                pause(attempt).await;
                attempt += 1;
            }
        }
        Ok(Recounted::Busy)
    }

    /// Everything in a partition, as of now.
    async fn partition(&self, totals: Totals, partition: &str) -> Result<Partition, TableError> {
        let [hash, range] = key_names::<R>();
        let read_totals = self.read(place::<R>(partition, totals.key), Read::Strong).await?;
        let mut found = Partition {
            totals: read_totals,
            counted: Amounts::default(),
            marks: BTreeSet::new(),
            marks_there: BTreeSet::new(),
            is_empty: true,
        };
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#hash = :partition")
            .projection_expression("#range, #order, #counted, #mark")
            .expression_attribute_names("#hash", hash)
            .expression_attribute_names("#range", range)
            .expression_attribute_names("#order", ORDER_ID)
            .expression_attribute_names("#counted", COUNTED)
            .expression_attribute_names("#mark", MARK)
            .expression_attribute_values(":partition", AttributeValue::S(partition.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let item = item?;
            let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
            let range = text(range).cloned().unwrap_or_default();
            if item.contains_key(ORDER_ID) {
                found.is_empty = false;
                found.counted.add_all(&Amounts::of_row(&item));
                found.marks.extend(text(MARK).cloned());
            } else if range != totals.key {
                found.marks_there.insert(range);
            }
        }
        Ok(found)
    }

    fn put_totals(
        &self,
        totals: Totals,
        partition: &str,
        expected: &Amounts,
        found: &Partition,
    ) -> Result<TransactWriteItem, TableError> {
        let seen = found.totals.as_ref();
        let unchanged = Unchanged::of::<R>(seen, &[REVISION]);
        let key = place::<R>(partition, totals.key);
        if found.is_empty && seen.is_some() {
            return unchanged.delete(&self.table, key);
        }
        let mut item = key;
        item.extend(expected.to_item());
        let revision = revision(seen).unwrap_or_default() + Decimal::ONE;
        item.insert(REVISION.to_owned(), AttributeValue::N(revision.to_string()));
        unchanged.put(&self.table, &item)
    }

    fn mend_mark(&self, partition: &str, mark: &str, is_wanted: bool) -> Result<TransactWriteItem, TableError> {
        let key = place::<R>(partition, mark);
        match is_wanted {
            true => Unchanged::since::<R>(None).put(&self.table, &key),
            false => Unchanged::default().delete(&self.table, key),
        }
    }
}

fn revision(totals: Option<&Item>) -> Option<Decimal> {
    parse(totals?.get(REVISION)?.as_n().ok()?)
}
