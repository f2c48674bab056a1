//! Rows that follow from those of OrderSummary, and the projection that keeps them up to date with its stream.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use domain::order::OrderId;
use environment::{ConfigError, Environment};
use lambda_edge::stream::EventRecord;
use projector::{ProjectError, StreamConsumer};

use crate::order_row::OrderSummaryRow;
use crate::order_summary::OrderSummaries;
use crate::read_model::ReadModel;
use crate::rows::{Found, NEWER_CODE, Put, Read, Row, Rows, Writes};

/// What keeps a read model up to date with OrderSummary.
#[async_trait]
pub trait Follows: Send + Sync {
    /// Takes in what a batch says of one order.
    ///
    /// # Errors
    /// [`ProjectError`]
    async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError>;

    /// Makes the read model show the order as OrderSummary has it now.
    ///
    /// # Errors
    /// [`ProjectError`]
    async fn refresh(&self, order_id: &str) -> Result<(), ProjectError>;

    /// The read model, as a replay deals with it.
    fn read_model(&self) -> Arc<dyn ReadModel>;
}

/// Keeps a table of rows up to date with OrderSummary.
///
/// A record carries the order's whole row, so the newest one is all that is needed.
pub struct Derived<R> {
    rows: Rows<R>,
    /// What the records tell of.
    source: OrderSummaries,
}

/// What a batch of records says of one order.
pub(crate) struct Change {
    /// The row as the first record found it; `None` when there was nothing, or nothing that this code can read.
    pub(crate) before: Option<OrderSummaryRow>,
    /// The row as the newest record left it. `None`: it is to be read from OrderSummary, as other code wrote it.
    pub(crate) after: Option<OrderSummaryRow>,
}

impl Change {
    pub(crate) fn of(source: &OrderSummaries, records: &[EventRecord]) -> Self {
        let row = |image: &serde_dynamo::Item| match source.found(image.clone().into()) {
            Found::Row(row) => Some(row),
            _ => None,
        };
        let before = records.iter().filter_map(|record| row(&record.change.old_image));
        let after: Option<Vec<_>> = records.iter().map(|record| row(&record.change.new_image)).collect();
        Self {
            before: before.min_by_key(|row| row.version),
            after: after.and_then(|rows| rows.into_iter().max_by_key(|row| row.version)),
        }
    }
}

/// The order as OrderSummary has it now. `None` when it has none that can be shown: a record will tell of it.
pub(crate) async fn newest(source: &OrderSummaries, order_id: &str) -> Result<Option<OrderSummaryRow>, ProjectError> {
    let order_id: OrderId = order_id
        .parse()
        .map_err(|error| ProjectError::Lasting(format!("OrderId {error}")))?;
    match source.order_row(order_id, Read::Strong).await? {
        Found::Row(order) => Ok(Some(order)),
        // When an outdated row is written again, a record tells of it.
        Found::Nothing | Found::Outdated => Ok(None),
        Found::Unreadable(reason) => Err(ProjectError::Lasting(format!(
            "its row in OrderSummary cannot be read: {reason}"
        ))),
        Found::OfNewerCode => Err(ProjectError::Newer(NEWER_CODE.to_owned())),
    }
}

impl<R: Row> Derived<R> {
    /// Rows that follow those of `source`.
    pub fn new(rows: Rows<R>, source: OrderSummaries) -> Self {
        Self { rows, source }
    }

    /// # Errors
    /// When the variable of one of the two tables is not set.
    pub fn from_env(env: &Environment, client: &Client) -> Result<Self, ConfigError> {
        let rows = Rows::from_env(env, client.clone())?;
        Ok(Self::new(rows, OrderSummaries::from_env(env, client.clone())?))
    }

    /// Writes the rows of `order`. `before`: what is believed to be there.
    async fn put(&self, order: &OrderSummaryRow, before: Option<&OrderSummaryRow>) -> Result<Put, ProjectError> {
        if R::MOVE {
            return Ok(self.rows.put_together(order, Writes::WhatIsNew).await?);
        }
        let mut before = before.map(|before| self.rows.of(before)).into_iter().flatten();
        for row in self.rows.of(order) {
            let put = self.rows.put(&row, before.next().as_ref()).await?;
            if put != Put::Written {
                return Ok(put);
            }
        }
        Ok(Put::Written)
    }
}

#[async_trait]
impl<R: Row> Follows for Derived<R> {
    async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        let Change { before, after } = Change::of(&self.source, records);
        let Some(order) = after else {
            return Follows::refresh(self, order_id).await;
        };
        let before = before.as_ref().filter(|before| before.version < order.version);
        match self.put(&order, before).await? {
            Put::Stale(_) => Follows::refresh(self, order_id).await,
            put => put.settled(),
        }
    }

    async fn refresh(&self, order_id: &str) -> Result<(), ProjectError> {
        match newest(&self.source, order_id).await? {
            Some(order) => self.put(&order, None).await?.settled(),
            None => Ok(()),
        }
    }

    fn read_model(&self) -> Arc<dyn ReadModel> {
        Arc::new(self.rows.clone())
    }
}

/// A projection of its own.
#[async_trait]
impl<R: Row> StreamConsumer for Derived<R> {
    const NAME: &'static str = R::NAME;
    const AGGREGATE_KEY: &'static str = "OrderId";

    async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        Follows::apply(self, order_id, records).await
    }

    async fn refresh(&self, order_id: &str) -> Result<(), ProjectError> {
        Follows::refresh(self, order_id).await
    }
}
