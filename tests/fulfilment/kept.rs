//! A process that is kept in one environment while another tells it something.

use chrono::{TimeDelta, Utc};
use domain::Aggregate;
use domain::fulfilment::{Fulfilment, Step};
use domain::order::OrderId;
use domain::text::Reason;
use lambda_edge::Function;
use lambda_runtime::Context;
use messages::commands::TimerDue;
use messages::events::{OrderCancelled, OrderSubmitted, ShippingAddress};
use messages::{Body, Message};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Tables;

fn order_id() -> OrderId {
    OrderId(Uuid::from_u128(7))
}

async fn tell(function: &Function, number: u128, body: Body) {
    let message = Message::new(Uuid::from_u128(number), "a test".to_owned(), Utc::now(), body);
    let detail = serde_json::to_value(&message).unwrap();
    let body = json!({ "detail-type": message.body.name(), "detail": detail }).to_string();
    let batch = json!({ "Records": [{ "messageId": number.to_string(), "eventSource": "aws:sqs", "body": body }] });
    let answer: Value = function.invoke(batch, Context::default()).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn a_timer_that_is_due_has_no_effect_on_a_process_that_was_answered_elsewhere() {
    let tables = Tables::new().await;
    let (here, elsewhere) = (tables.function("fulfilment"), tables.function("fulfilment"));
    let submitted = OrderSubmitted {
        order_id: order_id(),
        customer_id: "VINET".parse().unwrap(),
        currency: "EUR".parse().unwrap(),
        total_amount: "22.00".parse().unwrap(),
        payment_method_id: None,
        items: Vec::new(),
        shipping_address: ShippingAddress {
            street: "59 rue de l'Abbaye".parse().unwrap(),
            city: "Reims".parse().unwrap(),
            state: None,
            postal_code: None,
            country: None,
        },
    };
    tell(&here, 1, Body::OrderSubmitted(submitted)).await;
    let process = || async {
        let stream = tables
            .store()
            .load::<Fulfilment>(&Fulfilment::aggregate_id(&order_id()))
            .await;
        stream.unwrap()
    };
    let before = process().await;
    let due_at = before.state.unwrap().waiting[&Step::ChoosePayment];
    let cancelled = OrderCancelled {
        order_id: order_id(),
        customer_id: "VINET".parse().unwrap(),
        reason: Reason::shortened("changed my mind"),
        currency: "EUR".parse().unwrap(),
        refund_amount: "0".parse().unwrap(),
        was_submitted: true,
        transaction_id: None,
    };
    tell(&elsewhere, 2, Body::OrderCancelled(cancelled)).await;
    let answered = process().await;
    assert!(due_at - Utc::now() > TimeDelta::zero() && answered.version > before.version);
    let timer = TimerDue {
        order_id: order_id(),
        step: Step::ChoosePayment,
        due_at,
    };
    tables.proxy.take_operations();
    tell(&here, 3, Body::TimerDue(timer)).await;
    assert_eq!(tables.proxy.take_operations(), ["Query"]);
    assert_eq!(process().await.version, answered.version);
}
