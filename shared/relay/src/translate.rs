//! What stored events mean to others. Each service has its part; what no part speaks of stays inside.

mod fulfilment;
mod order;
mod payment;
mod stock;

use domain::fulfilment::Fulfilment;
use domain::order::Order;
use domain::payment::Payment;
use domain::stock::Stock;
use domain::transaction::Transaction;
use domain::{Aggregate, UnreadableEvent};
use event_store::{CorruptStream, EventStore, Recorded, StoreError};
use messages::{Body, Message};
use uuid::Uuid;

/// The messages that tell of `events`, which are all of one aggregate.
///
/// # Errors
/// What DynamoDB said, or that an event cannot be read.
pub(crate) async fn messages(store: &EventStore, events: &[Recorded]) -> Result<Vec<Message>, StoreError> {
    let mut messages = Vec::new();
    let changes = || events.iter().filter(|event| event.is_change());
    for event in changes() {
        messages.extend(match event.aggregate_type.as_str() {
            Order::TYPE => order::messages(store, event).await?,
            Stock::TYPE => stock::messages(event)?,
            Payment::TYPE => payment::messages(store, event).await?,
            Fulfilment::TYPE => fulfilment::messages(store, event).await?,
            // Who has claimed a transaction is told by the order.
            Transaction::TYPE => Vec::new(),
            // Only newer code can have written it.
            _ => {
                let source = UnreadableEvent::UnknownType {
                    event_type: event.stored.event_type.clone(),
                };
                return Err(CorruptStream::Unreadable {
                    aggregate_id: event.aggregate_id.clone(),
                    version: event.version,
                    source,
                }
                .into());
            }
        });
    }
    if let Some(newest) = changes().max_by_key(|event| event.version)
        && newest.aggregate_type == Stock::TYPE
    {
        messages.extend(stock::level(store, newest).await?);
    }
    Ok(messages)
}

/// A message that follows from `event`; `part` tells those of one type apart that follow from the same event.
fn message(event: &Recorded, body: Body, part: &str) -> Message {
    let id = Uuid::new_v5(&event.event_id, format!("{}/{part}", body.name()).as_bytes());
    Message {
        correlationid: event.metadata.correlation_id.clone(),
        causationid: Some(event.event_id.to_string()),
        aggregateversion: Some(event.version),
        ..Message::new(id, event.aggregate_id.clone(), event.timestamp, body)
    }
}
