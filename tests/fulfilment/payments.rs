//! Payments, past the bus: messages that come again when everything has happened already.

use domain::Aggregate;
use domain::order::OrderId;
use domain::payment::{Payment, PaymentStatus};
use lambda_runtime::Context;
use messages::commands::{ReturnPayment, TakePayment};
use messages::{Body, Message};
use payment_gateway::Sandbox;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Tables;

fn message(order_id: OrderId, body: Body) -> Message {
    Message::new(
        Uuid::now_v7(),
        format!("fulfilment-{order_id}"),
        chrono::Utc::now(),
        body,
    )
}

fn take(order_id: OrderId, payment_method_id: &str) -> Message {
    let body = Body::TakePayment(TakePayment {
        order_id,
        customer_id: "VINET".parse().unwrap(),
        amount: "60.00".parse().unwrap(),
        currency: "EUR".parse().unwrap(),
        payment_method_id: payment_method_id.parse().unwrap(),
        attempt: 1,
    });
    message(order_id, body)
}

async fn handle(tables: &Tables, message: &Message) -> Value {
    let environment = tables.environment_with("payment-commands", &[("PAYMENT_TIMEOUT_SECONDS", "1")]);
    let function = payment_commands::function(&environment, &tables.config).unwrap();
    let body = json!({ "detail": message }).to_string();
    let batch = json!({ "Records": [{ "messageId": "1", "body": body }] });
    function.invoke(batch, Context::default()).await.unwrap()
}

async fn payment(tables: &Tables, order_id: OrderId) -> (u64, PaymentStatus) {
    let stream = tables
        .store()
        .load::<Payment>(&Payment::aggregate_id(&order_id))
        .await
        .unwrap();
    (stream.version, stream.state.unwrap().status)
}

fn handled() -> Value {
    json!({ "batchItemFailures": [] })
}

#[tokio::test]
async fn a_request_that_comes_again_after_the_payment_asks_the_provider_nothing() {
    let tables = Tables::new().await;
    let order_id = OrderId(Uuid::now_v7());
    let request = take(order_id, "pm_visa");
    for _ in 0..3 {
        assert_eq!(handle(&tables, &request).await, handled());
        assert_eq!(payment(&tables, order_id).await, (3, PaymentStatus::Captured));
        assert!(Sandbox::shared().balance(&order_id.to_string()).held.is_zero());
    }
}

#[tokio::test]
async fn a_request_that_comes_again_after_its_cancellation_does_not_wait_for_the_provider() {
    let tables = Tables::new().await;
    let order_id = OrderId(Uuid::now_v7());
    let request = take(order_id, "pm_timeout");
    assert_ne!(handle(&tables, &request).await, handled());
    let refund_amount = None;
    let cancel = message(
        order_id,
        Body::ReturnPayment(ReturnPayment {
            order_id,
            refund_amount,
        }),
    );
    assert_eq!(handle(&tables, &cancel).await, handled());
    let ended = payment(&tables, order_id).await;
    assert_eq!(ended.1, PaymentStatus::Cancelled);
    assert_eq!(handle(&tables, &request).await, handled());
    assert_eq!(payment(&tables, order_id).await, ended);
}
