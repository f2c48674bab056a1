//! Stock: over HTTP, by messages, and as it is read.

mod cost;
mod history;
mod http;
mod orders;
mod projection;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Aggregate;
use domain::order::OrderId;
use domain::stock::{Pieces, Stock, StockEvent};
use domain::text::Sku;
use event_store::Stream;
use messages::commands::{CommitStock, ReleaseStock, ReserveStock};
use messages::{Body, Message};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Tables;
use crate::support::orders::metadata;

fn sku() -> Sku {
    "QC-1".parse().unwrap()
}

fn pieces(pieces: u32) -> Pieces {
    pieces.try_into().unwrap()
}

fn order(number: u32) -> OrderId {
    OrderId(Uuid::from_u128(u128::from(number)))
}

/// A message with an id that follows from `number`.
pub(crate) fn message(number: u32, body: Body) -> Message {
    Message::new(
        Uuid::from_u128(u128::from(number) << 64),
        "fulfilment-x",
        Utc::now(),
        body,
    )
}

/// When reservations expire that do so after every test.
pub(crate) fn in_an_hour() -> Option<DateTime<Utc>> {
    Some(Utc::now() + TimeDelta::hours(1))
}

pub(crate) fn reserve(number: u32, quantity: u32, expires_at: Option<DateTime<Utc>>) -> Body {
    Body::ReserveStock(ReserveStock {
        order_id: order(number),
        sku: sku(),
        quantity: pieces(quantity),
        expires_at,
    })
}

fn release(number: u32) -> Body {
    Body::ReleaseStock(ReleaseStock {
        order_id: order(number),
        sku: sku(),
    })
}

fn commit(number: u32, quantity: u32) -> Body {
    Body::CommitStock(CommitStock {
        order_id: order(number),
        sku: sku(),
        quantity: pieces(quantity),
    })
}

/// The message as a function finds it in its queue.
pub(crate) fn record(message: &Message) -> Value {
    let event = json!({ "version": "0", "detail-type": message.body.name(), "detail": message });
    json!({
        "messageId": message.id,
        "body": event.to_string(),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    })
}

/// Appends past the function.
async fn given(tables: &Tables, version: u64, events: &[StockEvent]) {
    let id = Stock::aggregate_id(&sku());
    let store = tables.store();
    store.append::<Stock>(&id, version, events, &metadata()).await.unwrap();
}

fn received(quantity: u32) -> StockEvent {
    StockEvent::StockReceived {
        quantity: pieces(quantity),
        reference: None,
    }
}

async fn stock(tables: &Tables) -> Stream<Stock> {
    tables.store().load(&Stock::aggregate_id(&sku())).await.unwrap()
}
