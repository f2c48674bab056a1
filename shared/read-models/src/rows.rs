//! What the tables of rows have in common: one row per order, which goes only forwards.
//!
//! A row's generation says what rows hold. Code that makes them hold something else raises it; what reads a row of an
//! older generation goes to its source instead, and a replay writes every row anew. Rows of a newer generation were
//! written by newer code, and are left as they are.

use std::marker::PhantomData;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::Version;
use domain::aggregate::reason_without_data;
use dynamodb::{Item, Refused, TableError, put_unless_refused};
use projector::ProjectError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::item::{generation, version};
use crate::order_row::OrderSummaryRow;
use crate::totals::{Amounts, COUNTED, MARK, Totals};

/// The row that an order has in a read model: a function of the order alone.
pub trait Row: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Of the read model.
    const NAME: &'static str;

    /// From 1. Rows that say nothing of it are of the first.
    const GENERATION: u32;

    /// The attributes of the table's key, all of them text.
    const KEY: &'static [&'static str];

    /// The row of this order.
    fn of(order: &OrderSummaryRow) -> Self;

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
    /// As of now, at twice the price.
    Strong,
    /// As of a moment ago.
    Eventual,
}

/// A table of rows.
#[derive(Debug)]
pub struct Rows<R> {
    pub(crate) client: Client,
    pub(crate) table: String,
    generation: u32,
    row: PhantomData<fn() -> R>,
}

/// What stands in a row's place.
#[derive(Debug)]
pub(crate) enum Found<R> {
    Nothing,
    Row(R),
    /// A row of an older generation: it is to be written anew.
    Outdated,
    /// No row that this code can read, with the reason; to be written anew, too.
    Unreadable(String),
    /// A row that newer code wrote.
    OfNewerCode,
}

/// What came of writing a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Put {
    Written,
    /// A row of this generation at this newer version is there; that is all that was wanted, too.
    NewerThere(Version),
    /// A row at this newer version is there, but of an older generation: the order has to be folded again.
    Stale(Version),
    /// The row there was written by newer code.
    OfNewerCode,
}

impl<R> Clone for Rows<R> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            table: self.table.clone(),
            generation: self.generation,
            row: PhantomData,
        }
    }
}

impl<R: Row> Rows<R> {
    /// The rows of this table, as this code has them.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            generation: R::GENERATION,
            row: PhantomData,
        }
    }

    /// The same table as code of another generation has it, for tests of rolling one out.
    pub fn with_generation(self, generation: u32) -> Self {
        Self { generation, ..self }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) fn is_of_newer_code(&self, item: &Item) -> bool {
        generation(item) > self.generation
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
        match generation(&item) {
            newer if newer > self.generation => return Found::OfNewerCode,
            older if older < self.generation => return Found::Outdated,
            _ => {}
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
        let number = |number: u64| AttributeValue::N(number.to_string());
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(self.item(row)?))
            .condition_expression(
                "(NOT attribute_type(Version, :number) OR Version <= :version) \
                 AND (attribute_not_exists(Generation) OR Generation <= :generation)",
            )
            .expression_attribute_values(":number", AttributeValue::S("N".to_owned()))
            .expression_attribute_values(":version", number(row.version()))
            .expression_attribute_values(":generation", number(self.generation.into()));
        let Some(Refused(there)) = put_unless_refused(put).await? else {
            return Ok(Put::Written);
        };
        let version = there.as_ref().and_then(version).unwrap_or_default();
        Ok(match there.as_ref().map_or(1, generation) {
            there if there > self.generation => Put::OfNewerCode,
            there if there < self.generation => Put::Stale(version),
            _ => Put::NewerThere(version),
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
        item.insert("Generation".to_owned(), AttributeValue::N(self.generation.to_string()));
        item.extend(Self::counted(row));
        Ok(item)
    }
}

impl Put {
    /// For a row that was folded, or read from its source, just now.
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
pub(crate) const NEWER_CODE: &str = "the row is of a newer generation than this code";
