//! What the tables of rows have in common: rows of orders, which go only forwards.
//!
//! A row's [`Format`] says what rows hold. What reads a row of an older one goes to its source instead, and a replay writes
//! every row again. Rows of a newer one were written by newer code, and are left as they are.

use std::cmp::Ordering;
use std::marker::PhantomData;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::Version;
use domain::aggregate::reason_without_data;
use dynamodb::{Item, Refused, TableError, put_unless_refused};
use environment::{ConfigError, Environment};
use projector::ProjectError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tables::Table;

use crate::day::Zone;
use crate::item::{Format, RowKey, number, row_key, version};
use crate::order_row::OrderSummaryRow;
use crate::totals::{Amounts, COUNTED, MARK, Totals};

/// A row that an order has in a read model: a function of the order alone.
pub trait Row: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The read model's name.
    const NAME: &'static str;

    /// The rows' version, from 1. Raised whenever the same order leads to other rows: a test shows when that is due.
    const ROW_VERSION: u32;

    /// Where they stand. All attributes of its key are text.
    const TABLE: Table;

    /// The rows of this order: as many at each of its versions, and in the same places, unless they move.
    fn rows(order: &OrderSummaryRow) -> Vec<Self>;

    /// The same of a stack with this time zone; for rows that are told by days.
    fn rows_in(order: &OrderSummaryRow, _: &Zone) -> Vec<Self> {
        Self::rows(order)
    }

    /// Whether an order's rows may become fewer, or move. They have then a key of two attributes, and a list beside them.
    const MOVE: bool = false;

    /// The order's version that the row shows.
    fn version(&self) -> Version;

    /// Where the totals of a partition stand; `None` when these rows are not counted.
    const TOTALS: Option<Totals> = None;

    /// What the row adds to the totals of its partition.
    fn amounts(&self) -> Amounts {
        Amounts::default()
    }

    /// The range key of what is counted once, however many rows of the partition have it.
    fn mark(&self) -> Option<String> {
        None
    }
}

/// How a row is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// The row as it is now, at twice the price.
    Strong,
    /// The row as it was a moment ago.
    Eventual,
}

/// Which rows of an order are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// None when the list says that they are there.
    WhatIsNew,
    /// Also those that should be there.
    All,
}

/// A table of rows.
#[derive(Debug)]
pub struct Rows<R> {
    pub(crate) client: Client,
    pub(crate) table: String,
    format: Format,
    pub(crate) zone: Zone,
    row: PhantomData<fn() -> R>,
}

/// What stands in a row's place.
#[derive(Debug)]
pub(crate) enum Found<R> {
    Nothing,
    Row(R),
    /// A row of an older format: it is to be written again.
    Outdated,
    /// No row that this code can read, with the reason; to be written again, too.
    Unreadable(String),
    /// A row that newer code wrote.
    OfNewerCode,
}

/// What came of writing a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Put {
    Written,
    /// A row of this format at this newer version is there; that is all that was wanted, too.
    NewerThere(Version),
    /// A row at this newer version is there, but of an older format: the order has to be folded again.
    Stale(Version),
    /// The row there was written by newer code.
    OfNewerCode,
}

impl<R> Clone for Rows<R> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            table: self.table.clone(),
            format: self.format,
            zone: self.zone.clone(),
            row: PhantomData,
        }
    }
}

impl<R: Row> Rows<R> {
    /// The rows of this table, as this code has them, by days of UTC.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        const { assert!(R::TOTALS.is_none() || !R::MOVE, "rows that move are not counted") };
        Self {
            client,
            table: table.into(),
            format: Format::of_this_code(R::ROW_VERSION),
            zone: Zone::UTC,
            row: PhantomData,
        }
    }

    /// # Errors
    /// When the table's variable is not set, or the time zone is none.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self {
            zone: Zone::from_env(env)?,
            ..Self::new(client, R::TABLE.name_in(env)?)
        })
    }

    /// The rows that an order has here.
    pub(crate) fn of(&self, order: &OrderSummaryRow) -> Vec<R> {
        R::rows_in(order, &self.zone)
    }

    /// The same table as other code has it, for tests of rolling one out.
    pub fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether an item is of this code, of older or of newer.
    pub(crate) fn age(&self, item: &Item) -> Ordering {
        Format::of(item).beside(self.format)
    }

    pub(crate) fn is_of_newer_code(&self, item: &Item) -> bool {
        self.age(item) == Ordering::Greater
    }

    pub(crate) fn is_of_this_code(&self, item: &Item) -> bool {
        self.age(item) == Ordering::Equal
    }

    pub(crate) fn key_of(&self, item: &Item) -> RowKey {
        row_key(key_names::<R>(), item)
    }

    pub(crate) async fn get(&self, key: Item, how: Read) -> Result<Found<R>, TableError> {
        let found = self.read(key, how).await?;
        Ok(found.map_or(Found::Nothing, |item| self.found(item)))
    }

    pub(crate) async fn read(&self, key: Item, how: Read) -> Result<Option<Item>, TableError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(how == Read::Strong)
            .send()
            .await?;
        Ok(read.item)
    }

    /// What an item of the table, or an image in its stream, is to this code.
    pub(crate) fn found(&self, item: Item) -> Found<R> {
        match self.age(&item) {
            Ordering::Greater => return Found::OfNewerCode,
            Ordering::Less => return Found::Outdated,
            Ordering::Equal => {}
        }
        match serde_dynamo::from_item(item) {
            Ok(row) => Found::Row(row),
            Err(error) => {
                let reason = reason_without_data(&error);
                tracing::warn!(read_model = R::NAME, reason, "a row cannot be read");
                Found::Unreadable(reason)
            }
        }
    }

    /// A row of the same version is written again: it says the same, or it was written by other code. So is one whose
    /// `Version` is not a number, which cannot be a row of ours.
    pub(crate) async fn put_uncounted(&self, row: &R) -> Result<Put, TableError> {
        let mut values = self.format.values();
        values.insert(":number".to_owned(), AttributeValue::S("N".to_owned()));
        values.insert(":version".to_owned(), number(row.version()));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(self.item(row)?))
            .condition_expression(format!(
                "(NOT attribute_type(Version, :number) OR Version <= :version) AND {}",
                Format::NOT_NEWER
            ))
            .set_expression_attribute_values(Some(values));
        let Some(Refused(there)) = put_unless_refused(put).await? else {
            return Ok(Put::Written);
        };
        let version = there.as_ref().and_then(version).unwrap_or_default();
        Ok(match there.as_ref().map_or(Ordering::Equal, |there| self.age(there)) {
            Ordering::Greater => Put::OfNewerCode,
            Ordering::Less => Put::Stale(version),
            Ordering::Equal => Put::NewerThere(version),
        })
    }

    /// What is counted of a row, and its mark: attributes beside its own.
    fn counted(row: &R) -> Item {
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

    /// The row as it is stored.
    ///
    /// # Errors
    /// [`TableError::Rejected`] when it does not serialize.
    pub fn item(&self, row: &R) -> Result<Item, TableError> {
        let mut item = dynamodb::to_item(row)?;
        item.extend(self.format.attributes());
        item.extend(Self::counted(row));
        Ok(item)
    }
}

/// The attributes of the key.
pub(crate) fn key_names<R: Row>() -> impl Iterator<Item = &'static str> {
    R::TABLE.key.iter().map(|(name, _)| *name)
}

impl Put {
    /// What came of it, where the row was folded, or read from its source, just now.
    ///
    /// # Errors
    /// When other code has written the row: [`ProjectError::Newer`] when this code is being replaced,
    /// [`ProjectError::Passing`] when the other is.
    pub(crate) fn settled(self) -> Result<(), ProjectError> {
        match self {
            Self::Written | Self::NewerThere(_) => Ok(()),
            Self::Stale(_) => Err(ProjectError::Passing("older code has moved the row on".to_owned())),
            Self::OfNewerCode => Err(ProjectError::Newer(NEWER_CODE.to_owned())),
        }
    }
}

/// Why a row was not touched.
pub(crate) const NEWER_CODE: &str = "the row was written by newer code";
