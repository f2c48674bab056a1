//! What happens to stock.

use domain::Aggregate;
use domain::stock::{Stock, StockEvent};
use domain::text::Sku;
use event_store::{CorruptStream, EventStore, Recorded, StoreError};
use messages::events::{
    InventoryCommitted, InventoryReleased, InventoryReservationFailed, InventoryReserved, SkuQuantity, SkuShortage,
    StockLevelChanged,
};
use messages::{Body, Message};

use super::message;

pub(super) fn messages(event: &Recorded) -> Result<Vec<Message>, StoreError> {
    let sku = sku(event)?;
    let happened = event.events::<Stock>()?;
    let bodies = happened.into_iter().filter_map(|happened| body(sku.clone(), happened));
    Ok(bodies.map(|body| message(event, body, "")).collect())
}

fn body(sku: Sku, event: StockEvent) -> Option<Body> {
    Some(match event {
        StockEvent::StockReceived { .. }
        | StockEvent::StockAdjusted { .. }
        | StockEvent::LowStockThresholdSet { .. } => return None,
        StockEvent::StockReserved {
            order_id,
            quantity,
            expires_at,
        } => Body::InventoryReserved(InventoryReserved {
            order_id,
            items: vec![SkuQuantity { sku, quantity }],
            expires_at,
        }),
        StockEvent::StockReservationRefused {
            order_id,
            wanted,
            available,
            unknown_sku,
        } => Body::InventoryReservationFailed(InventoryReservationFailed {
            order_id,
            items: vec![SkuShortage {
                sku,
                wanted,
                available,
                unknown_sku,
            }],
        }),
        StockEvent::StockReleased { order_id, quantity, .. } => Body::InventoryReleased(InventoryReleased {
            order_id,
            items: vec![SkuQuantity { sku, quantity }],
        }),
        StockEvent::StockCommitted { order_id, quantity, .. } => Body::InventoryCommitted(InventoryCommitted {
            order_id,
            items: vec![SkuQuantity { sku, quantity }],
        }),
    })
}

/// How much there is, at `event` or later; `None` of a SKU that nobody sells. It reads the newest state: a stock that many orders want has many events, and its newest state is read
/// from a snapshot.
pub(super) async fn level(store: &EventStore, event: &Recorded) -> Result<Option<Message>, StoreError> {
    let stream = store.load::<Stock>(&event.aggregate_id).await?;
    let Some(stock) = stream.state.filter(|stock| stock.is_known) else {
        return Ok(None);
    };
    let body = Body::StockLevelChanged(StockLevelChanged {
        sku: sku(event)?,
        on_hand: stock.on_hand,
        reserved: stock.reserved(),
        available: stock.available(),
        low_stock_threshold: stock.low_stock_threshold,
    });
    Ok(Some(Message {
        aggregateversion: Some(stream.changed),
        ..message(event, body, &stream.changed.to_string())
    }))
}

fn sku(event: &Recorded) -> Result<Sku, StoreError> {
    Stock::id_of(&event.aggregate_id)
        .ok_or_else(|| CorruptStream::NotAnEvent(format!("{} is no stock's id", event.aggregate_id)).into())
}
