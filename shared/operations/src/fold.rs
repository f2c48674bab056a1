//! The events of a scan, order by order.
//!
//! An order's events come together and oldest first. Where they should not, or cannot be read, the order is folded from
//! a strong read of its stream instead, so nothing but speed depends on it.

use domain::Aggregate;
use domain::order::{Order, OrderId};
use event_store::scan::{EventKey, Scanned};
use event_store::{CorruptStream, EventStore, Recorded, StoreError};
use read_models::OrderSummaryRow;

/// An aggregate whose events are being scanned. A page may end within it.
pub(crate) struct Open {
    aggregate_id: String,
    /// The key of the last event that was taken in.
    pub(crate) last: EventKey,
    pub(crate) events: u64,
    state: State,
    /// The order as far as its events have been folded.
    row: Option<OrderSummaryRow>,
    /// Events that are not folded yet.
    pending: Vec<Recorded>,
}

#[derive(Clone, Copy)]
enum State {
    Folding(OrderId),
    /// An order that must be folded from its stream.
    InDoubt,
    /// An event of an aggregate that is no order.
    NoOrder,
}

/// What an aggregate has come to.
pub(crate) enum Finished {
    Folded(Box<Folded>),
    /// The id of an order that [`fold_stream`] must fold.
    InDoubt(String),
    NoOrder,
}

/// An order as its events have it.
pub(crate) struct Folded {
    pub(crate) aggregate_id: String,
    /// The order as far as its events can be read. `None` when there are none.
    pub(crate) order: Option<OrderSummaryRow>,
    pub(crate) unreadable: Option<Unreadable>,
}

/// Why an event cannot be read.
pub(crate) struct Unreadable {
    pub(crate) reason: String,
    /// Newer code has written it.
    pub(crate) is_newer: bool,
}

impl From<CorruptStream> for Unreadable {
    fn from(error: CorruptStream) -> Self {
        Self {
            is_newer: error.is_newer(),
            reason: error.to_string(),
        }
    }
}

impl Open {
    pub(crate) fn begin(first: Scanned) -> Self {
        let order_id = first.key.aggregate_id.parse();
        let state = match (&first.event, order_id) {
            (Ok(event), _) if event.aggregate_type != Order::TYPE => State::NoOrder,
            (Ok(_), Ok(order_id)) => State::Folding(order_id),
            _ => State::InDoubt,
        };
        let mut open = Self {
            aggregate_id: first.key.aggregate_id.clone(),
            last: first.key.clone(),
            events: 0,
            state,
            row: None,
            pending: Vec::new(),
        };
        open.take(first);
        open
    }

    pub(crate) fn is_of(&self, event: &Scanned) -> bool {
        self.aggregate_id == event.key.aggregate_id
    }

    pub(crate) fn take(&mut self, next: Scanned) {
        self.last = next.key;
        self.events += 1;
        match (self.state, next.event) {
            (State::Folding(_), Ok(event)) => self.pending.push(event),
            (State::Folding(_), Err(_)) => self.state = State::InDoubt,
            _ => {}
        }
    }

    /// Folds what has been taken in, so that no more than the state is kept.
    pub(crate) fn fold(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if let State::Folding(order_id) = self.state {
            let (row, folded) = OrderSummaryRow::fold(order_id, self.row.take(), &pending);
            self.row = row;
            if folded.is_err() {
                self.state = State::InDoubt;
            }
        }
    }

    pub(crate) fn finish(mut self) -> Finished {
        self.fold();
        match self.state {
            State::NoOrder => Finished::NoOrder,
            State::InDoubt => Finished::InDoubt(self.aggregate_id),
            State::Folding(_) => Finished::Folded(Box::new(Folded {
                aggregate_id: self.aggregate_id,
                order: self.row,
                unreadable: None,
            })),
        }
    }
}

/// An order folded from a strong read of its stream.
///
/// # Errors
/// What DynamoDB said.
pub(crate) async fn fold_stream(events: &EventStore, aggregate_id: &str) -> Result<Folded, StoreError> {
    let folded = |order, unreadable| Folded {
        aggregate_id: aggregate_id.to_owned(),
        order,
        unreadable,
    };
    let order_id: OrderId = match aggregate_id.parse() {
        Ok(order_id) => order_id,
        Err(error) => {
            let reason = format!("AggregateId {error}");
            let is_newer = false;
            return Ok(folded(None, Some(Unreadable { reason, is_newer })));
        }
    };
    let stream = match events.events(aggregate_id, 1, None).await {
        Ok(stream) => stream,
        Err(StoreError::Newer(error) | StoreError::Corrupt(error)) => return Ok(folded(None, Some(error.into()))),
        Err(error) => return Err(error),
    };
    let (order, read) = OrderSummaryRow::fold(order_id, None, &stream);
    Ok(folded(order, read.err().map(Unreadable::from)))
}
