//! Totals over the rows of a partition, which change in the same transaction as the rows.
//!
//! Each row says what it has added to the totals of its partition. Whoever writes it anew takes that away and adds what
//! the new row counts for, in one transaction that goes through only if the row is still the one that was seen. So a
//! record that comes twice counts once, and totals can be counted again from the rows at any time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put as PutRow, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use domain::money::Currency;
use domain::order::OrderStatus;
use event_store::patience::pause;
use event_store::{Cancelled, StoreError, Version, cancelled};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::rows::{Item, Put, Row, Rows, generation, version};

/// Where the totals of a partition stand: the range key of their item, beside the rows.
#[derive(Debug, Clone, Copy)]
pub struct Totals {
    pub key: &'static str,
    /// The count of what is counted once per partition, however many rows have it: of their [`Row::mark`]s.
    pub marked: Option<&'static str>,
}

/// Amounts by their names. One that is zero is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Amounts(BTreeMap<String, Decimal>);

impl Amounts {
    pub fn get(&self, name: &str) -> Decimal {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Those whose names begin with `prefix`, under the rest of their names.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, Decimal)> {
        let named = self.0.iter();
        named.filter_map(move |(name, amount)| Some((name.strip_prefix(prefix)?, *amount)))
    }

    pub fn add(&mut self, name: impl Into<String>, amount: Decimal) {
        let name = name.into();
        let sum = self.get(&name) + amount;
        match sum.is_zero() {
            true => self.0.remove(&name),
            false => self.0.insert(name, sum),
        };
    }

    /// Counts an order's money in its currency: `gross`, and `net` unless it was cancelled; and the order itself, so that
    /// a currency is known also when nothing is to be paid.
    pub fn add_money(&mut self, currency: &str, total: Decimal, status: OrderStatus) {
        self.add(format!("currency#{currency}"), Decimal::ONE);
        self.add(format!("gross#{currency}"), total);
        if status != OrderStatus::Cancelled {
            self.add(format!("net#{currency}"), total);
        }
    }

    /// The money in each currency, in the order of their codes.
    pub fn money(&self) -> Vec<Money> {
        let currencies = self.with_prefix("currency#");
        currencies
            .map(|(code, _)| {
                let amount = |name: &str| in_full(code, self.get(&format!("{name}#{code}")));
                Money {
                    currency: code.to_owned(),
                    gross: amount("gross"),
                    net: amount("net"),
                }
            })
            .collect()
    }

    pub fn add_all(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            self.add(name.clone(), *amount);
        }
    }

    fn minus(mut self, other: &Self) -> Self {
        for (name, amount) in &other.0 {
            self.add(name.clone(), -*amount);
        }
        self
    }

    /// Those attributes of an item that are numbers in lower case: ours begin with a capital.
    pub(crate) fn of_totals(item: &Item) -> Self {
        let ours = |name: &str| name.starts_with(|first: char| first.is_ascii_lowercase());
        item.iter().filter(|(name, _)| ours(name)).collect()
    }

    /// What a row has been counted for.
    pub(crate) fn of_row(item: &Item) -> Self {
        let counted = item.get(COUNTED).and_then(|counted| counted.as_m().ok());
        counted.into_iter().flatten().collect()
    }

    /// The attributes of a totals' item, beside its key and revision.
    pub fn to_item(&self) -> Item {
        let attributes = self.0.iter();
        attributes
            // Without trailing zeros, as DynamoDB gives it back.
            .map(|(name, amount)| (name.clone(), AttributeValue::N(amount.normalize().to_string())))
            .collect()
    }
}

impl<'a> FromIterator<(&'a String, &'a AttributeValue)> for Amounts {
    fn from_iter<I: IntoIterator<Item = (&'a String, &'a AttributeValue)>>(attributes: I) -> Self {
        let mut amounts = Self::default();
        for (name, value) in attributes {
            if let Some(amount) = value.as_n().ok().and_then(|number| parse(number)) {
                amounts.add(name, amount);
            }
        }
        amounts
    }
}

/// What orders in one currency come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Money {
    pub currency: String,
    /// Of all orders.
    pub gross: Decimal,
    /// Without the cancelled ones.
    pub net: Decimal,
}

/// With all decimal places of the currency.
fn in_full(code: &str, amount: Decimal) -> Decimal {
    let currency = code.parse::<Currency>();
    currency.map_or(amount, |currency| currency.round(amount))
}

/// DynamoDB may write large numbers with an exponent.
fn parse(number: &str) -> Option<Decimal> {
    number.parse().or_else(|_| Decimal::from_scientific(number)).ok()
}

/// A row's attribute: what it has been counted for.
const COUNTED: &str = "Counted";
/// A row's attribute: the range key of its mark.
const MARK: &str = "Mark";
/// The totals' attribute that changes with each change of a row.
const REVISION: &str = "Revision";
/// Every row has it; totals and marks have not.
pub(crate) const ORDER_ID: &str = "OrderId";

/// How often a write that other writers have crossed is tried again at once.
const MAX_ATTEMPTS: u32 = 8;

/// How many items of a transaction the marks of a recount may take.
const MARKS_PER_RECOUNT: usize = 90;

/// What came of counting a partition again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Recounted {
    Right,
    Wrong,
    /// Rows were written all the time: nobody can say.
    Busy,
}

/// What was in the way of a write.
enum Conflict {
    /// What stands in the row's place, which is not what was expected; or the mark is there already.
    Seen { row: Option<Option<Item>>, mark: bool },
    /// Another transaction on the same totals.
    InProgress,
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
    /// What is counted of a row, and its mark: attributes beside its own.
    pub(crate) fn counted(row: &R) -> Item {
        let mut item = Item::new();
        if R::TOTALS.is_some() {
            let amounts = AttributeValue::M(row.amounts().to_item());
            item.insert(COUNTED.to_owned(), amounts);
        }
        if let Some(mark) = row.mark() {
            item.insert(MARK.to_owned(), AttributeValue::S(mark));
        }
        item
    }

    /// Writes a row unless a newer one is there, and counts it. `there` is believed to stand in its place.
    pub(crate) async fn put_counted(
        &self,
        totals: Totals,
        row: &R,
        mut there: Option<Item>,
    ) -> Result<Put, StoreError> {
        let item = self.item(row)?;
        let mut mark_is_there = false;
        for attempt in 0..MAX_ATTEMPTS {
            if let Some(there) = &there {
                if *there == item {
                    return Ok(Put::Written);
                }
                if let Some(put) = self.in_the_way(there, row.version()) {
                    return Ok(put);
                }
            }
            let is_new = there.as_ref().is_none_or(|there| !there.contains_key(COUNTED));
            let mark = item.get(MARK).filter(|_| is_new && !mark_is_there);
            let mut change = row
                .amounts()
                .minus(&there.as_ref().map(Amounts::of_row).unwrap_or_default());
            if let (Some(_), Some(marked)) = (mark, totals.marked) {
                change.add(marked, Decimal::ONE);
            }
            let condition = Unchanged::since::<R>(there.as_ref());
            let written = match change.0.is_empty() {
                true => self.write_alone(&item, condition).await?,
                false => {
                    let mark = mark.map(|mark| self.put_mark(&item, mark)).transpose()?;
                    let count = self.count(totals, &item, &change)?;
                    self.write([Some(condition.put(&self.table, &item)?), Some(count), mark])
                        .await?
                }
            };
            match written {
                None => return Ok(Put::Written),
                Some(Conflict::Seen { row, mark }) => {
                    there = row.unwrap_or(there);
                    mark_is_there |= mark;
                }
                Some(Conflict::InProgress) => pause(attempt).await,
            }
        }
        Err(StoreError::Throttled(format!("{} is written all the time", R::NAME)))
    }

    /// What a row of this version may not replace.
    fn in_the_way(&self, there: &Item, new: Version) -> Option<Put> {
        let newer = version(there).filter(|version| *version > new);
        match generation(there) {
            there if there > self.generation() => Some(Put::OfNewerCode),
            there if there < self.generation() => newer.map(Put::Stale),
            _ => newer.map(Put::NewerThere),
        }
    }

    /// Removes a row that has not changed since it was seen at `version`, and what it counted for.
    pub(crate) async fn remove_counted(
        &self,
        totals: Totals,
        key: Item,
        seen: Option<Version>,
    ) -> Result<(), StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let Some(there) = self.read(key.clone(), true).await? else {
                return Ok(());
            };
            if self.is_of_newer_code(&there) || (seen.is_some() && version(&there) != seen) {
                return Ok(());
            }
            let delete = Unchanged::since::<R>(Some(&there)).delete(&self.table, key.clone())?;
            let change = Amounts::default().minus(&Amounts::of_row(&there));
            let count = match change.0.is_empty() {
                true => None,
                false => Some(self.count(totals, &there, &change)?),
            };
            match self.write([Some(delete), count, None]).await? {
                None => return Ok(()),
                Some(Conflict::Seen { .. }) => {}
                Some(Conflict::InProgress) => pause(attempt).await,
            }
        }
        Err(StoreError::Throttled(format!("{} is written all the time", R::NAME)))
    }

    /// The totals of a partition.
    pub(crate) async fn totals(&self, totals: Totals, partition: &str) -> Result<Amounts, StoreError> {
        let found = self.read(place::<R>(partition, totals.key), false).await?;
        Ok(found.as_ref().map(Amounts::of_totals).unwrap_or_default())
    }

    /// Counts a partition again from its rows. With `mend`, totals that were wrong are right now.
    ///
    /// Every change of a row that counts is a change of the totals' revision, so if that is still the same after all rows
    /// have been read, they are of one moment.
    pub(crate) async fn recount(&self, totals: Totals, partition: &str, mend: bool) -> Result<Recounted, StoreError> {
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
                let now = self.read(place::<R>(partition, totals.key), true).await?;
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
    async fn partition(&self, totals: Totals, partition: &str) -> Result<Partition, StoreError> {
        let [hash, range] = key_names::<R>();
        let read_totals = self.read(place::<R>(partition, totals.key), true).await?;
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
    ) -> Result<TransactWriteItem, StoreError> {
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

    fn mend_mark(&self, partition: &str, mark: &str, is_wanted: bool) -> Result<TransactWriteItem, StoreError> {
        let key = place::<R>(partition, mark);
        match is_wanted {
            true => Unchanged::since::<R>(None).put(&self.table, &key),
            false => Unchanged::default().delete(&self.table, key),
        }
    }

    fn put_mark(&self, row: &Item, mark: &AttributeValue) -> Result<TransactWriteItem, StoreError> {
        let [hash, range] = key_names::<R>();
        let mut item: Item = row.iter().filter(|(name, _)| *name == hash).map(own).collect();
        item.insert(range.to_owned(), mark.clone());
        Unchanged::since::<R>(None).put(&self.table, &item)
    }

    fn count(&self, totals: Totals, row: &Item, change: &Amounts) -> Result<TransactWriteItem, StoreError> {
        let [hash, range] = key_names::<R>();
        let mut key: Item = row.iter().filter(|(name, _)| *name == hash).map(own).collect();
        key.insert(range.to_owned(), AttributeValue::S(totals.key.to_owned()));
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":revision", AttributeValue::N("1".to_owned()));
        let mut added = vec!["#revision :revision".to_owned()];
        for (number, (name, amount)) in change.0.iter().enumerate() {
            added.push(format!("#{number} :{number}"));
            update = update
                .expression_attribute_names(format!("#{number}"), name)
                .expression_attribute_values(format!(":{number}"), AttributeValue::N(amount.to_string()));
        }
        let update = update.update_expression(format!("ADD {}", added.join(", "))).build();
        Ok(TransactWriteItem::builder().update(update.map_err(rejected)?).build())
    }

    /// Writes all of them or none. What was in the way, when it was none.
    async fn write(
        &self,
        items: impl IntoIterator<Item = Option<TransactWriteItem>>,
    ) -> Result<Option<Conflict>, StoreError> {
        let items: Vec<_> = items.into_iter().flatten().collect();
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await;
        let error = match written {
            Ok(_) => return Ok(None),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancellation)) => {
                let reasons = cancellation.cancellation_reasons();
                match cancelled(reasons) {
                    Cancelled::Refused => Ok(Some(Conflict::of_reasons(reasons))),
                    Cancelled::InProgress => Ok(Some(Conflict::InProgress)),
                    Cancelled::Store(error) => Err(error),
                }
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Some(Conflict::InProgress)),
            _ => Err(error.into()),
        }
    }

    /// Writes a row whose totals stay as they are.
    async fn write_alone(&self, item: &Item, condition: Unchanged) -> Result<Option<Conflict>, StoreError> {
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.clone()))
            .set_condition_expression(condition.expression())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match written {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => Ok(Some(Conflict::Seen {
                    row: Some(refused.item().cloned()),
                    mark: false,
                })),
                Some(PutItemError::TransactionConflictException(_)) => Ok(Some(Conflict::InProgress)),
                _ => Err(SdkError::into(error)),
            },
        }
    }
}

impl Conflict {
    /// Of the row, its count and its mark, in this order.
    fn of_reasons(reasons: &[CancellationReason]) -> Self {
        let refused = |position: usize| {
            let reason = reasons.get(position);
            reason.filter(|reason| reason.code() == Some("ConditionalCheckFailed"))
        };
        Self::Seen {
            row: refused(0).map(|reason| reason.item().filter(|item| !item.is_empty()).cloned()),
            mark: refused(2).is_some(),
        }
    }
}

/// The condition that an item is still what was seen.
#[derive(Default)]
struct Unchanged {
    terms: Vec<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl Unchanged {
    /// For a row. `None`: there was nothing.
    fn since<R: Row>(seen: Option<&Item>) -> Self {
        Self::of::<R>(seen, &["Version", "Generation", COUNTED])
    }

    /// Everything that changes the item changes one of these attributes.
    fn of<R: Row>(seen: Option<&Item>, attributes: &[&str]) -> Self {
        let mut condition = Self::default();
        let Some(seen) = seen else {
            let [hash, _] = key_names::<R>();
            condition.names.insert("#hash".to_owned(), hash.to_owned());
            condition.terms.push("attribute_not_exists(#hash)".to_owned());
            return condition;
        };
        for (number, name) in attributes.iter().enumerate() {
            condition.names.insert(format!("#seen{number}"), (*name).to_owned());
            condition.terms.push(match seen.get(*name) {
                None => format!("attribute_not_exists(#seen{number})"),
                Some(value) => {
                    condition.values.insert(format!(":seen{number}"), value.clone());
                    format!("#seen{number} = :seen{number}")
                }
            });
        }
        condition
    }

    fn expression(&self) -> Option<String> {
        (!self.terms.is_empty()).then(|| self.terms.join(" AND "))
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    fn values(&self) -> Option<Item> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    fn put(self, table: &str, item: &Item) -> Result<TransactWriteItem, StoreError> {
        let put = PutRow::builder()
            .table_name(table)
            .set_item(Some(item.clone()))
            .set_condition_expression(self.expression())
            .set_expression_attribute_names(self.names())
            .set_expression_attribute_values(self.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().put(put.map_err(rejected)?).build())
    }

    fn delete(self, table: &str, key: Item) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(table)
            .set_key(Some(key))
            .set_condition_expression(self.expression())
            .set_expression_attribute_names(self.names())
            .set_expression_attribute_values(self.values())
            .build();
        Ok(TransactWriteItem::builder().delete(delete.map_err(rejected)?).build())
    }
}

/// A request of ours that lacks what it must have.
fn rejected(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Rejected(error.to_string())
}

fn own((name, value): (&String, &AttributeValue)) -> (String, AttributeValue) {
    (name.clone(), value.clone())
}

/// Rows that are counted have a partition key and a range key.
fn key_names<R: Row>() -> [&'static str; 2] {
    match R::KEY {
        [hash, range] => [hash, range],
        _ => ["", ""],
    }
}

fn place<R: Row>(partition: &str, range: &str) -> Item {
    let [hash, range_name] = key_names::<R>();
    HashMap::from([
        (hash.to_owned(), AttributeValue::S(partition.to_owned())),
        (range_name.to_owned(), AttributeValue::S(range.to_owned())),
    ])
}

fn revision(totals: Option<&Item>) -> Option<Decimal> {
    parse(totals?.get(REVISION)?.as_n().ok()?)
}
