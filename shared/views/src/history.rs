//! What happened to an order, its payment, its fulfilment or a stock, event by event, folded from the event store itself.

use domain::Aggregate;
use domain::aggregate::store_event;
use domain::order::{Order, OrderStatus};
use domain::time::rfc3339_micros;
use event_store::{CorruptStream, Recorded, Version};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// One change of an aggregate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change<State, Figures> {
    pub version: Version,
    /// What is shown of the aggregate's state after the change.
    #[serde(flatten)]
    pub state: State,
    pub changed_at: String,
    pub details: ChangeDetails<Figures>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeDetails<Figures> {
    pub event: String,
    /// What the event says, in its newest schema version.
    pub data: Value,
    /// What there was before and after the change.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One change of an order.
pub type HistoryEntry = Change<Status<OrderStatus>, Totals>;

/// What an aggregate with a status shows of its state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status<S> {
    pub status: S,
}

/// Nothing to show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nothing {}

/// An order's total.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// `null` before the order's creation.
    pub total_before: Option<Decimal>,
    pub total_after: Decimal,
}

/// An event as the audit trail shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventView {
    pub event_id: Uuid,
    pub event_type: String,
    /// The schema version in which `data` is stored.
    pub event_version: u32,
    /// The event's number in the order's stream.
    pub version: Version,
    pub timestamp: String,
    pub command_id: Uuid,
    pub correlation_id: Option<String>,
    pub causation_id: Option<String>,
    pub user_id: Option<String>,
    /// The data as they were stored.
    pub data: Value,
}

/// One entry per event, oldest first; events into which an upcaster splits a stored one have its version. `events` are what
/// follows `before` in a stream, without gaps, as [`EventStore::events`](event_store::EventStore::events) reads them. `figure` is
/// looked at before and after each change, `show` says what is shown of both.
///
/// # Errors
/// [`CorruptStream`] when an event cannot be read.
pub fn changes<A: Aggregate, Figure, State, Figures>(
    before: Option<A>,
    events: &[Recorded],
    figure: impl Fn(&A) -> Figure,
    show: impl Fn(&A, Option<Figure>, Figure) -> (State, Figures),
) -> Result<Vec<Change<State, Figures>>, CorruptStream> {
    let mut aggregate = before;
    let mut entries = Vec::with_capacity(events.len());
    for recorded in events {
        for event in recorded.events::<A>()? {
            let before = aggregate.as_ref().map(&figure);
            aggregate = A::evolve(aggregate, &event);
            let Some(now) = &aggregate else {
                continue;
            };
            let newest = store_event::<A>(&event);
            let (state, figures) = show(now, before, figure(now));
            entries.push(Change {
                version: recorded.version,
                state,
                changed_at: rfc3339_micros(recorded.timestamp),
                details: ChangeDetails {
                    event: newest.event_type,
                    data: newest.data,
                    figures,
                },
            });
        }
    }
    Ok(entries)
}

/// The history of an order, whose whole stream `events` are.
///
/// # Errors
/// As [`changes`].
pub fn history(events: &[Recorded]) -> Result<Vec<HistoryEntry>, CorruptStream> {
    changes(None, events, Order::total_amount, |order, total_before, total_after| {
        let status = order.status;
        let totals = Totals {
            total_before,
            total_after,
        };
        (Status { status }, totals)
    })
}

/// The tag of a page of `count` events from version `from` on. Events never change, so a page only grows, and has a next one
/// at last.
pub fn page_tag(from: Version, count: usize, has_next: bool) -> String {
    let last = from + count as Version - 1;
    format!("{from}-{last}{}", if has_next { "+" } else { "" })
}

impl From<Recorded> for EventView {
    fn from(event: Recorded) -> Self {
        Self {
            event_id: event.event_id,
            event_type: event.stored.event_type,
            event_version: event.stored.event_version,
            version: event.version,
            timestamp: rfc3339_micros(event.timestamp),
            command_id: event.metadata.command_id,
            correlation_id: event.metadata.correlation_id,
            causation_id: event.metadata.causation_id,
            user_id: event.metadata.user_id,
            data: event.stored.data,
        }
    }
}
