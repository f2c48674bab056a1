//! What happened to an order, event by event, folded from the event store itself.

use domain::Aggregate;
use domain::aggregate::store_event;
use domain::order::{Order, OrderStatus};
use domain::time::rfc3339_micros;
use event_store::{CorruptStream, Recorded, Version};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// One change of an order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryEntry {
    pub version: Version,
    /// After the change.
    pub status: OrderStatus,
    pub changed_at: String,
    pub details: ChangeDetails,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeDetails {
    pub event: String,
    /// What the event says, in its newest schema version.
    pub data: Value,
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

/// One entry per event, oldest first; events into which an upcaster splits a stored one have its version. `events` is
/// the whole stream of an order, without gaps, as [`EventStore::events`](event_store::EventStore::events) reads it.
///
/// # Errors
/// [`CorruptStream`] when an event cannot be read.
pub fn history(events: &[Recorded]) -> Result<Vec<HistoryEntry>, CorruptStream> {
    let mut order = None;
    let mut entries = Vec::with_capacity(events.len());
    for recorded in events {
        for event in recorded.events::<Order>()? {
            let total_before = order.as_ref().map(Order::total_amount);
            order = Order::evolve(order, &event);
            let Some(order) = &order else {
                continue;
            };
            let newest = store_event::<Order>(&event);
            entries.push(HistoryEntry {
                version: recorded.version,
                status: order.status,
                changed_at: rfc3339_micros(recorded.timestamp),
                details: ChangeDetails {
                    event: newest.event_type,
                    data: newest.data,
                    total_before,
                    total_after: order.total_amount(),
                },
            });
        }
    }
    Ok(entries)
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
