//! Rows that follow from those of OrderSummary, and the projection that keeps them up to date with its stream.

use domain::order::OrderId;
use lambda_edge::stream::EventRecord;
use projector::ProjectError;

use crate::order_row::OrderSummaryRow;
use crate::order_summary::OrderSummaries;
use crate::rows::{Found, NEWER_CODE, Put, Read, Row, Rows};

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
    /// As the first record found it; `None` when there was nothing, or nothing that this code can read.
    pub(crate) before: Option<OrderSummaryRow>,
    /// As the newest record left it. `None`: it is to be read from OrderSummary, as another generation of code wrote it.
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
        // When an outdated row is written anew, a record tells of it.
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

    /// Takes in what a batch says of one order.
    ///
    /// # Errors
    /// [`ProjectError`]
    pub async fn apply(&self, order_id: &str, records: &[EventRecord]) -> Result<(), ProjectError> {
        let Change { before, after } = Change::of(&self.source, records);
        let Some(order) = after else {
            return self.refresh(order_id).await;
        };
        let before = before
            .as_ref()
            .filter(|before| before.version < order.version)
            .map(R::of);
        match self.rows.put(&R::of(&order), before.as_ref()).await? {
            Put::Stale(_) => self.refresh(order_id).await,
            put => put.settled(),
        }
    }

    /// Makes the row that of the order as OrderSummary has it now.
    ///
    /// # Errors
    /// [`ProjectError`]
    pub async fn refresh(&self, order_id: &str) -> Result<(), ProjectError> {
        match newest(&self.source, order_id).await? {
            Some(order) => self.rows.put(&R::of(&order), None).await?.settled(),
            None => Ok(()),
        }
    }
}
