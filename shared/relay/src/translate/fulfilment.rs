//! What the process manager asks for: its events become commands to those who do it.

use chrono::{DateTime, Utc};
use domain::Aggregate;
use domain::fulfilment::state::{Line, LineStatus};
use domain::fulfilment::{Fulfilment, FulfilmentEvent, Step};
use domain::order::{Order, OrderId};
use domain::text::Sku;
use event_store::{CorruptStream, EventStore, Recorded, StoreError};
use messages::commands::{
    CancelOrder, CommitStock, ConfirmFreeOrder, ConfirmOrder, RecordPayment, ReleaseStock, ReserveStock, ReturnPayment,
    TakePayment,
};
use messages::events::{PaymentMethodNeeded, ShipmentRequested};
use messages::{Body, Message};

use super::{message, order};

use LineStatus::{Committed, Held, Requested, Reserved};

pub(super) async fn messages(store: &EventStore, event: &Recorded) -> Result<Vec<Message>, StoreError> {
    let order_id = Fulfilment::id_of(&event.aggregate_id)
        .ok_or_else(|| CorruptStream::NotAnEvent(format!("{} is no fulfilment's id", event.aggregate_id)))?;
    let mut messages = Vec::new();
    for happened in event.events::<Fulfilment>()? {
        let FulfilmentEvent::FulfilmentStepRequested {
            step,
            due_at,
            expires_at,
        } = happened
        else {
            continue;
        };
        let stream = store
            .load_until::<Fulfilment>(&event.aggregate_id, event.version)
            .await?;
        let Some(state) = stream.state else {
            continue;
        };
        match step {
            Step::Ship => messages.extend(shipment(store, event, order_id).await?),
            Step::ChoosePayment => {
                let needed = payment_method_needed(order_id, &state, due_at);
                messages.extend(needed.map(|body| message(event, body, "")));
            }
            _ => {
                let bodies = bodies(order_id, &state, step, expires_at);
                messages.extend(bodies.into_iter().map(|(part, body)| message(event, body, &part)));
            }
        }
    }
    Ok(messages)
}

/// The commands of a step, each with what tells it from the others.
fn bodies(order_id: OrderId, state: &Fulfilment, step: Step, expires_at: Option<DateTime<Utc>>) -> Vec<(String, Body)> {
    let of_lines = |body: &dyn Fn(Sku, &Line) -> Body, concerns: &dyn Fn(LineStatus) -> bool| {
        let lines = state.lines.iter().filter(|(_, line)| concerns(line.status));
        lines
            .map(|(sku, line)| (sku.to_string(), body(sku.clone(), line)))
            .collect()
    };
    let reserve = |sku, line: &Line| {
        Body::ReserveStock(ReserveStock {
            order_id,
            sku,
            quantity: line.quantity,
            expires_at,
        })
    };
    let one = |body: Option<Body>| body.into_iter().map(|body| (String::new(), body)).collect();
    match step {
        Step::ReserveStock => of_lines(&reserve, &|status| status == Requested),
        Step::HoldStock => of_lines(&reserve, &|status| status == Reserved),
        Step::ReleaseStock => of_lines(
            &|sku, _| Body::ReleaseStock(ReleaseStock { order_id, sku }),
            &|status| matches!(status, Requested | Reserved | Held),
        ),
        Step::CommitStock => {
            let commit = |sku, line: &Line| {
                Body::CommitStock(CommitStock {
                    order_id,
                    sku,
                    quantity: line.quantity,
                })
            };
            of_lines(&commit, &|status| status != Committed)
        }
        Step::TakePayment => one(take_payment(order_id, state)),
        Step::ReturnPayment => one(Some(Body::ReturnPayment(ReturnPayment {
            order_id,
            refund_amount: state.refund_of_our_payment(),
        }))),
        Step::ConfirmOrder if state.is_free() => one(Some(Body::ConfirmFreeOrder(ConfirmFreeOrder { order_id }))),
        Step::ConfirmOrder => one(state.payment_method_id.clone().map(|payment_method_id| {
            Body::ConfirmOrder(ConfirmOrder {
                order_id,
                payment_method_id,
            })
        })),
        Step::RecordPayment => one(record_payment(order_id, state)),
        Step::CancelOrder => one(state.abandoned.as_ref().map(|abandoned| {
            Body::CancelOrder(CancelOrder {
                order_id,
                reason: abandoned.reason.clone(),
            })
        })),
        // People do it, and tell the order.
        Step::ChoosePayment | Step::Ship => Vec::new(),
    }
}

fn take_payment(order_id: OrderId, state: &Fulfilment) -> Option<Body> {
    let order = state.order.clone()?;
    Some(Body::TakePayment(TakePayment {
        order_id,
        customer_id: order.customer_id,
        amount: order.total_amount,
        currency: order.currency,
        payment_method_id: state.payment_method_id.clone()?,
        attempt: state.payment.attempts,
    }))
}

fn record_payment(order_id: OrderId, state: &Fulfilment) -> Option<Body> {
    Some(Body::RecordPayment(RecordPayment {
        order_id,
        transaction_id: state.payment.transaction_id.clone()?,
        amount: state.order.as_ref()?.total_amount,
        payment_method_id: state.payment_method_id.clone(),
    }))
}

/// Tells a customer that the payment has failed, and another method is needed. Who has chosen no method yet knows it.
fn payment_method_needed(order_id: OrderId, state: &Fulfilment, until: DateTime<Utc>) -> Option<Body> {
    Some(Body::PaymentMethodNeeded(PaymentMethodNeeded {
        order_id,
        customer_id: state.order.as_ref()?.customer_id.clone(),
        code: state.payment.failure.as_ref()?.code.clone(),
        until,
    }))
}

/// Who packs it needs to know what, and where it goes.
async fn shipment(store: &EventStore, event: &Recorded, order_id: OrderId) -> Result<Option<Message>, StoreError> {
    let order = store.load::<Order>(&order_id.to_string()).await?.state;
    let body = order.map(|order| {
        Body::ShipmentRequested(ShipmentRequested {
            order_id,
            customer_id: order.terms.customer_id.clone(),
            items: order::items(&order),
            shipping_address: (&order.terms.shipping_address).into(),
        })
    });
    Ok(body.map(|body| message(event, body, "")))
}
