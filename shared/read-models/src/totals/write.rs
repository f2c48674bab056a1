//! Rows written and removed together with what they count for.

use std::cmp::Ordering;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use domain::Version;
use dynamodb::patience::pause;
use dynamodb::{Cancelled, Item, TableError, cancelled};
use rust_decimal::Decimal;

use super::amounts::{Amounts, COUNTED, MARK, Totals};
use super::place::{MAX_ATTEMPTS, REVISION, key_names};
use super::unchanged::Unchanged;
use crate::item::version;
use crate::rows::{Put, Read, Row, Rows};

/// What was in the way of a write.
pub(crate) enum Conflict {
    /// What stands in the row's place, which is not what was expected; or the mark is there already.
    Seen { row: Option<Option<Item>>, mark: bool },
    /// Another transaction on the same totals.
    InProgress,
}

impl<R: Row> Rows<R> {
    /// Writes a row unless a newer one is there. Rows go only forwards, and so do their formats.
    ///
    /// `before` is believed to be the row there; when it is not, a row that is counted costs one request more.
    pub(crate) async fn put(&self, row: &R, before: Option<&R>) -> Result<Put, TableError> {
        match R::TOTALS {
            Some(totals) => {
                let there = before.map(|before| self.item(before)).transpose()?;
                self.put_counted(totals, row, there).await
            }
            None => self.put_uncounted(row).await,
        }
    }

    /// Writes a row unless a newer one is there, and counts it. `there` is believed to stand in its place.
    pub(crate) async fn put_counted(
        &self,
        totals: Totals,
        row: &R,
        mut there: Option<Item>,
    ) -> Result<Put, TableError> {
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
        Err(TableError::Throttled(format!("{} is written all the time", R::NAME)))
    }

    /// What a row of this version may not replace.
    pub(crate) fn in_the_way(&self, there: &Item, new: Version) -> Option<Put> {
        let newer = version(there).filter(|version| *version > new);
        match self.age(there) {
            Ordering::Greater => Some(Put::OfNewerCode),
            Ordering::Less => newer.map(Put::Stale),
            Ordering::Equal => newer.map(Put::NewerThere),
        }
    }

    /// Removes a row that has not changed since it was seen at `version`, and what it counted for.
    pub(crate) async fn remove_counted(
        &self,
        totals: Totals,
        key: Item,
        seen: Option<Version>,
    ) -> Result<(), TableError> {
        for attempt in 0..MAX_ATTEMPTS {
            let Some(there) = self.read(key.clone(), Read::Strong).await? else {
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
        Err(TableError::Throttled(format!("{} is written all the time", R::NAME)))
    }

    fn put_mark(&self, row: &Item, mark: &AttributeValue) -> Result<TransactWriteItem, TableError> {
        let [hash, range] = key_names::<R>();
        let mut item: Item = row.iter().filter(|(name, _)| *name == hash).map(own).collect();
        item.insert(range.to_owned(), mark.clone());
        Unchanged::since::<R>(None).put(&self.table, &item)
    }

    fn count(&self, totals: Totals, row: &Item, change: &Amounts) -> Result<TransactWriteItem, TableError> {
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
        Ok(TransactWriteItem::builder().update(update?).build())
    }

    /// Writes all of them or none. What was in the way, when it was none.
    pub(crate) async fn write(
        &self,
        items: impl IntoIterator<Item = Option<TransactWriteItem>>,
    ) -> Result<Option<Conflict>, TableError> {
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
        match cancelled(error) {
            Cancelled::Refused(reasons) => Ok(Some(Conflict::of_reasons(&reasons))),
            Cancelled::InProgress => Ok(Some(Conflict::InProgress)),
            Cancelled::Table(error) => Err(error),
        }
    }

    /// Writes a row whose totals stay as they are.
    async fn write_alone(&self, item: &Item, condition: Unchanged) -> Result<Option<Conflict>, TableError> {
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
                _ => Err(error.into()),
            },
        }
    }
}

impl Conflict {
    /// The reasons of the row, its count and its mark, in this order.
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

fn own((name, value): (&String, &AttributeValue)) -> (String, AttributeValue) {
    (name.clone(), value.clone())
}
