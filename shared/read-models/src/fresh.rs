//! Orders as they are at least since some version, also while their rows are behind: what a caller has just changed.

use domain::Version;
use domain::order::OrderId;
use event_store::{EventStore, StoreError};

use crate::order_row::OrderSummaryRow;
use crate::order_summary::OrderSummaries;

/// Reads rows, and the events that they lack.
#[derive(Debug, Clone)]
pub struct FreshOrders {
    events: EventStore,
    rows: OrderSummaries,
}

/// Where an answer was read from: the value of `X-Read-Source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadSource {
    /// Rows alone.
    Projection,
    /// Rows, and events that had not been projected yet.
    Events,
}

impl ReadSource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Projection => "projection",
            Self::Events => "events",
        }
    }
}

impl FreshOrders {
    pub fn new(events: EventStore, rows: OrderSummaries) -> Self {
        Self { events, rows }
    }

    /// The order's row, if it shows `version` or a later one; otherwise the order as its events have it, which may be at
    /// an older version than that. `None` when there are no events.
    ///
    /// # Errors
    /// What DynamoDB said, or [`StoreError::Corrupt`] when an event cannot be read.
    pub async fn order(
        &self,
        order_id: OrderId,
        version: Version,
    ) -> Result<Option<(OrderSummaryRow, ReadSource)>, StoreError> {
        let row = self.rows.order(order_id).await?;
        let row_version = row.as_ref().map_or(0, |row| row.version);
        if row_version >= version {
            return Ok(row.map(|row| (row, ReadSource::Projection)));
        }
        let events = self.events.events(&order_id.to_string(), row_version + 1, None).await?;
        let (row, folded) = OrderSummaryRow::fold(order_id, row, &events);
        folded?;
        Ok(row.map(|row| (row, ReadSource::Events)))
    }
}
