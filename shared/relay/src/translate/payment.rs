//! What happens to payments.

use domain::Aggregate;
use domain::order::OrderId;
use domain::payment::{Payment, PaymentEvent, Request};
use event_store::{CorruptStream, EventStore, Recorded, StoreError};
use messages::events::{PaymentCancelled, PaymentFailed, PaymentProcessed, PaymentRefunded, PaymentReturnRefused};
use messages::{Body, Message};

use super::message;

pub(super) async fn messages(store: &EventStore, event: &Recorded) -> Result<Vec<Message>, StoreError> {
    let mut happened = event.events::<Payment>()?;
    happened.retain(is_told);
    if happened.is_empty() {
        return Ok(Vec::new());
    }
    let order_id = Payment::id_of(&event.aggregate_id)
        .ok_or_else(|| CorruptStream::NotAnEvent(format!("{} is no payment's id", event.aggregate_id)))?;
    let stream = store.load_until::<Payment>(&event.aggregate_id, event.version).await?;
    let request = stream.state.and_then(|payment| payment.request);
    let bodies = happened
        .into_iter()
        .filter_map(|happened| body(order_id, request.as_ref(), happened));
    Ok(bodies.map(|body| message(event, body, "")).collect())
}

fn is_told(event: &PaymentEvent) -> bool {
    !matches!(
        event,
        PaymentEvent::PaymentRequested { .. }
            | PaymentEvent::PaymentAuthorised { .. }
            | PaymentEvent::PaymentCancellationRequested { .. }
    )
}

/// `request` is absent of a payment that was cancelled before it was asked for.
fn body(order_id: OrderId, request: Option<&Request>, event: PaymentEvent) -> Option<Body> {
    let customer_id = request.map(|request| request.customer_id.clone());
    let currency = request.map(|request| request.currency);
    Some(match event {
        PaymentEvent::PaymentRequested { .. }
        | PaymentEvent::PaymentAuthorised { .. }
        | PaymentEvent::PaymentCancellationRequested { .. } => return None,
        PaymentEvent::PaymentCaptured { transaction_id, amount } => Body::PaymentProcessed(PaymentProcessed {
            order_id,
            customer_id: customer_id?,
            transaction_id,
            amount,
            currency: currency?,
        }),
        PaymentEvent::PaymentFailed {
            code,
            reason,
            retryable,
        } => Body::PaymentFailed(PaymentFailed {
            order_id,
            customer_id: customer_id?,
            code,
            reason,
            retryable,
        }),
        PaymentEvent::PaymentReturnRefused { code, reason } => {
            Body::PaymentReturnRefused(PaymentReturnRefused { order_id, code, reason })
        }
        PaymentEvent::PaymentCancelled {} => Body::PaymentCancelled(PaymentCancelled { order_id }),
        PaymentEvent::PaymentRefunded { amount, .. } => Body::PaymentRefunded(PaymentRefunded {
            order_id,
            customer_id: customer_id?,
            amount,
            currency: currency?,
        }),
    })
}
