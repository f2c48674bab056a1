//! A table of reference data: one item per thing, with a version that counts up.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::hash::Hash;
use std::marker::PhantomData;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SubsecRound, Utc};
use domain::Version;
use domain::precondition::Precondition;
use dynamodb::{Item, Refused, TableError, batch_get, put_unless_refused};
use environment::{ConfigError, Environment};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How often a put that names no version is tried while others are faster.
const MAX_ATTEMPTS: u32 = 12;

/// What a table of reference data holds.
pub trait Reference: Clone + PartialEq + Serialize + DeserializeOwned {
    type Id: Clone + Ord + Hash + Display;

    /// Where it lies. The table's key is the id, and nothing more.
    const TABLE: tables::Table;

    fn id(&self) -> &Self::Id;

    /// The attribute that is the table's key.
    fn key() -> &'static str {
        Self::TABLE.key[0].0
    }
}

/// Something as it was put last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Versioned<R> {
    /// 1 after the first put, and one more with each that changed the entry.
    pub version: Version,
    #[serde(with = "domain::time::timestamp")]
    pub updated_at: DateTime<Utc>,
    /// Whether nothing new is made with it any more. Items of before do not say it, and are not retired.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    #[serde(flatten)]
    pub value: R,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<R: Reference> {
    pub data: Vec<Versioned<R>>,
    /// The next part is what comes after this one.
    pub next: Option<R::Id>,
}

/// What a put, or a retirement, led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Written<R> {
    pub now: Versioned<R>,
    /// There was nothing before.
    pub is_new: bool,
}

/// A put, or a retirement, that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// There is nothing to retire.
    #[error("there is none")]
    Absent,
    /// It is at a version that the caller does not want to change; 0 when it does not exist.
    #[error("at version {actual}, which the caller does not want to change")]
    VersionMismatch { expected: Precondition, actual: Version },
    /// Other writers were faster each time.
    #[error("other writers were faster {MAX_ATTEMPTS} times")]
    Contended,
    #[error(transparent)]
    Table(#[from] TableError),
}

/// A table of `R`. Every read is strong: it shows what any put before it has answered.
#[derive(Debug)]
pub struct Table<R> {
    pub(crate) client: Client,
    pub(crate) name: String,
    of: PhantomData<fn() -> R>,
}

impl<R: Reference> Table<R> {
    /// # Errors
    /// When the variable with the table's name is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self {
            client,
            name: R::TABLE.name_in(env)?.to_owned(),
            of: PhantomData,
        })
    }

    /// # Errors
    /// What DynamoDB said, or [`TableError::Unreadable`] when the item cannot be read.
    pub async fn get(&self, id: &R::Id) -> Result<Option<Versioned<R>>, TableError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key::<R>(id)))
            .consistent_read(true)
            .send()
            .await?;
        found.item.map(read).transpose()
    }

    /// Those of `ids` that exist, with one request per 100 of them.
    ///
    /// # Errors
    /// As [`Table::get`]; [`TableError::Throttled`] when DynamoDB goes on leaving some out.
    pub async fn get_many<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a R::Id>,
    ) -> Result<HashMap<R::Id, Versioned<R>>, TableError>
    where
        R::Id: 'a,
    {
        let ids: BTreeSet<_> = ids.into_iter().collect();
        let keys = ids.into_iter().map(key::<R>).collect();
        let items = batch_get(&self.client, &self.name, keys, true).await?.into_iter();
        let found = items.map(|item| read(item).map(|found: Versioned<R>| (found.value.id().clone(), found)));
        found.collect()
    }

    /// At most `limit` after `after`, in the order of the table's hash: it says nothing, and stays the same. What is there all
    /// the while is on one page and no other. Reads one more than it returns, and nothing else.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub async fn page(&self, limit: usize, after: Option<&R::Id>) -> Result<Page<R>, TableError> {
        // At most 101 items of less than 3 KB: all of them are in one answer.
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .consistent_read(true)
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(key::<R>));
        let items = scan.send().await?.items.unwrap_or_default();
        let mut data = items.into_iter().map(read).collect::<Result<Vec<Versioned<R>>, _>>()?;
        let has_more = data.len() > limit;
        data.truncate(limit);
        let next = data.last().filter(|_| has_more).map(|last| last.value.id().clone());
        Ok(Page { data, next })
    }

    /// Makes `value` what is there, if that is at a version that the caller wants to change. It is not retired then.
    ///
    /// What is there already is not written again, whatever version the caller has seen: it wants what is so. A put that is
    /// repeated because its answer was lost finds just that.
    ///
    /// # Errors
    /// See [`PutError`].
    pub async fn put(&self, value: R, expected: &Precondition) -> Result<Written<R>, PutError> {
        let next = |_: Option<&Versioned<R>>| Some((value.clone(), false));
        self.write(value.id(), expected, next).await
    }

    /// Retires what is there, as it is, if that is at a version that the caller wants to change. What is retired already is
    /// not written again, as in [`Table::put`].
    ///
    /// # Errors
    /// See [`PutError`].
    pub async fn retire(&self, id: &R::Id, expected: &Precondition) -> Result<Written<R>, PutError> {
        let next = |now: Option<&Versioned<R>>| now.map(|now| (now.value.clone(), true));
        self.write(id, expected, next).await
    }

    /// Writes what `next` makes of what is there, and whether that is retired.
    async fn write(
        &self,
        id: &R::Id,
        expected: &Precondition,
        next: impl Fn(Option<&Versioned<R>>) -> Option<(R, bool)>,
    ) -> Result<Written<R>, PutError> {
        let mut found = self.get(id).await?;
        for _ in 0..MAX_ATTEMPTS {
            let actual = found.as_ref().map_or(0, |now| now.version);
            let (value, retired) = next(found.as_ref()).ok_or(PutError::Absent)?;
            let is_so = found
                .as_ref()
                .is_some_and(|now| now.retired == retired && now.value == value);
            if let Some(now) = found.filter(|_| is_so && !expected.excludes(actual)) {
                return Ok(Written { now, is_new: false });
            }
            if !expected.is_met(actual) {
                let expected = expected.clone();
                return Err(PutError::VersionMismatch { expected, actual });
            }
            let now = Versioned {
                version: actual + 1,
                // As precise as it is stored.
                updated_at: Utc::now().trunc_subsecs(6),
                retired,
                value,
            };
            match self.put_once(&now).await? {
                Put::Written => {
                    return Ok(Written {
                        now,
                        is_new: actual == 0,
                    });
                }
                Put::Refused(there) => found = there,
            }
        }
        Err(PutError::Contended)
    }

    /// Writes `next` if what is there is at the version before.
    async fn put_once(&self, next: &Versioned<R>) -> Result<Put<R>, TableError> {
        let item = dynamodb::to_item(next)?;
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let put = match next.version - 1 {
            0 => put.condition_expression(format!("attribute_not_exists({})", R::key())),
            before => put
                .condition_expression("Version = :before")
                .expression_attribute_values(":before", AttributeValue::N(before.to_string())),
        };
        let Some(Refused(there)) = put_unless_refused(put).await? else {
            return Ok(Put::Written);
        };
        match there.map(read).transpose()? {
            // An attempt of the SDK had succeeded, and its answer was lost.
            Some(there) if there == *next => Ok(Put::Written),
            there => Ok(Put::Refused(there)),
        }
    }
}

enum Put<R> {
    Written,
    /// Something else is there.
    Refused(Option<Versioned<R>>),
}

pub(crate) fn key<R: Reference>(id: &R::Id) -> Item {
    HashMap::from([(R::key().to_owned(), AttributeValue::S(id.to_string()))])
}

pub(crate) fn read<R: Reference>(item: Item) -> Result<Versioned<R>, TableError> {
    dynamodb::from_item(format_args!("item by {}", R::key()), item)
}
