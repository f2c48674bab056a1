//! What messages ask for on behalf of orders.

use std::sync::Arc;

use chrono::Utc;
use domain::Metadata;
use domain::order::OrderId;
use domain::stock::{Context, Stock, StockCommand, StockEvent};
use dynamodb::Cost;
use event_bus::queue::NotHandled;
use event_store::{StoreError, Stream};
use messages::commands::{CommitStock, ReleaseStock, ReserveStock};
use messages::{Body, Message};

use crate::App;

/// [`perform`] for a message of a queue.
///
/// # Errors
/// When it is to be received again.
pub async fn handle(app: Arc<App>, message: Message) -> Result<(), NotHandled> {
    perform(&app, message).await.map(|_| ())
}

/// Does what a message asks for, and tells what it cost. Nothing, when that has been done before: the stock knows its orders.
///
/// # Errors
/// When it is to be received again.
pub async fn perform(app: &App, message: Message) -> Result<Cost, NotHandled> {
    // Without an idempotency key. A stock remembers more orders than it does keys, and a SKU that is in demand would
    // forget those of people over the messages'.
    let metadata = Metadata {
        idempotency: None,
        ..message.metadata()
    };
    let (sku, command) = match message.body {
        Body::ReserveStock(ReserveStock {
            order_id,
            sku,
            quantity,
            expires_at,
        }) => {
            let command = StockCommand::Reserve {
                order_id,
                quantity,
                expires_at,
            };
            (sku, command)
        }
        Body::ReleaseStock(ReleaseStock { order_id, sku }) => (sku, StockCommand::Release { order_id }),
        Body::CommitStock(CommitStock {
            order_id,
            sku,
            quantity,
        }) => (sku, StockCommand::Commit { order_id, quantity }),
        other => return Err(NotHandled::Lasting(format!("a stock cannot do {}", other.name()))),
    };

    let context = Context { now: Utc::now() };
    if let StockCommand::Commit { order_id, .. } = command {
        let stock = app.stocks.load(&sku).await?;
        if is_committed(app, &stock, order_id).await? {
            return Ok(stock.cost);
        }
        let executed = app.stocks.execute_on(stock, command, &context, &metadata).await;
        return Ok(executed?.stream.cost);
    }
    let executed = app.stocks.execute(&sku, command, &context, &metadata).await;
    Ok(executed?.stream.cost)
}

/// Whether the order's pieces have left the warehouse already, so long ago that the stock does not remember the order: then
/// its whole stream is searched. That is rare, as whoever commits has reserved.
async fn is_committed(app: &App, stock: &Stream<Stock>, order_id: OrderId) -> Result<bool, NotHandled> {
    let Some(state) = &stock.state else {
        return Ok(false);
    };
    if state.reservations.contains_key(&order_id) || state.end_of(order_id).is_some() {
        return Ok(false);
    }
    for event in app.stocks.store().events(&stock.aggregate_id, 1, None).await? {
        let happened = event.events::<Stock>().map_err(StoreError::from)?;
        let is_it =
            |event: &StockEvent| matches!(event, StockEvent::StockCommitted { order_id: of, .. } if *of == order_id);
        if happened.iter().any(is_it) {
            return Ok(true);
        }
    }
    Ok(false)
}
