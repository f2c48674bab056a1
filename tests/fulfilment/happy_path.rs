//! Everything goes well.

use serde_json::{Value, json};

use local_stack::Options;

use super::{Money, body, fulfilling, fulfilling_with};
use crate::support::TestFolder;
use crate::support::api::{options, order_body};

#[tokio::test]
async fn an_order_is_reserved_paid_and_shipped_and_its_stock_is_down() {
    let api = fulfilling().await;
    api.stock_up("A-1", 10).await;
    api.stock_up("B-2", 5).await;
    let order_id = api.submit(body(&[("A-1", 3), ("B-2", 5)]), "pm_visa").await;
    let fulfilment = api.fulfilment_is(&order_id, "awaiting_shipment").await;
    assert_eq!(fulfilment["payment"]["status"], "taken");
    assert_eq!(fulfilment["timers"][0]["step"], "ship");
    assert_eq!(fulfilment["problem"], Value::Null);
    let held: Vec<_> = fulfilment["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["status"])
        .collect();
    assert_eq!(held, ["held", "held"]);
    api.assert_settled(&order_id, "paid", None, Money::Taken("80.00")).await;
    assert_eq!((api.stock("A-1").await, api.stock("B-2").await), ((10, 3), (5, 5)));

    api.ship(&order_id).await;
    api.fulfilment_is(&order_id, "completed").await;
    api.assert_settled(&order_id, "shipped", None, Money::Taken("80.00"))
        .await;
    assert_eq!((api.stock("A-1").await, api.stock("B-2").await), ((7, 0), (0, 0)));
}

#[tokio::test]
async fn one_correlation_id_goes_through_everything_that_follows_from_a_submission() {
    let folder = TestFolder::new();
    let api = fulfilling_with(
        Options {
            variables: run::mails::variables(Some(&folder.path("mail"))),
            ..options(true)
        },
        &[],
    )
    .await;
    let customer = json!({ "name": "Vins et alcools Chevalier", "email": "orders@vinet.example" });
    api.put("/customers/VINET", customer).await;
    api.stock_up("A-1", 10).await;
    let created = api.post("/orders", body(&[("A-1", 3)])).await;
    let order_id = created.body["order_id"].as_str().unwrap().to_owned();
    let submit = api.request(reqwest::Method::POST, &format!("/orders/{order_id}/submit"));
    let submit = submit
        .header("x-correlation-id", "the-one")
        .json(&json!({ "payment_method_id": "pm_visa" }));
    assert_eq!(crate::support::Answer::of(submit).await.status, 200);
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.stack.caught_up().await.unwrap();

    // The customer was told, in a mail that lies in the maildir.
    let told = api.stack.dynamodb().scan().table_name("Notifications").send().await;
    let told = told.unwrap().items.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["CorrelationId"].as_s().unwrap(), "the-one");
    let mails: Vec<_> = std::fs::read_dir(folder.path("mail/new")).unwrap().collect();
    assert_eq!(mails.len(), 1);
    let mut types = Vec::new();
    let mut pages = api
        .stack
        .dynamodb()
        .scan()
        .table_name("EventStore")
        .into_paginator()
        .items()
        .send();
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let text = |name: &str| item.get(name).map(|value| value.as_s().unwrap().clone());
        if text("CorrelationId").as_deref() == Some("the-one") {
            types.push(format!(
                "{}/{}",
                text("AggregateType").unwrap(),
                text("EventType").unwrap()
            ));
        }
    }
    for expected in [
        "Order/OrderSubmitted",
        "Fulfilment/FulfilmentStarted",
        "Stock/StockReserved",
        "Payment/PaymentRequested",
        "Payment/PaymentCaptured",
        "Order/OrderConfirmed",
        "Order/OrderPaid",
    ] {
        assert!(
            types.iter().any(|found| found == expected),
            "no {expected} in {types:?}"
        );
    }
}

#[tokio::test]
async fn an_order_of_things_that_are_not_kept_in_stock_is_paid_and_completed() {
    let api = fulfilling().await;
    let order_id = api.submit(order_body(), "pm_visa").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.ship(&order_id).await;
    api.fulfilment_is(&order_id, "completed").await;
    api.assert_settled(&order_id, "shipped", None, Money::Taken("20.00"))
        .await;
}

#[tokio::test]
async fn an_order_that_costs_nothing_needs_no_payment() {
    let api = fulfilling().await;
    let mut gift = order_body();
    gift["items"][0]["unit_price"] = json!("0.00");
    let order_id = api.submit(gift, "pm_visa").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.assert_settled(&order_id, "paid", None, Money::None).await;
}

#[tokio::test]
async fn a_customer_may_choose_how_to_pay_after_the_submission() {
    let api = fulfilling().await;
    api.stock_up("A-1", 10).await;
    let created = api.post("/orders", body(&[("A-1", 3)])).await;
    let order_id = created.body["order_id"].as_str().unwrap().to_owned();
    api.post_empty(&format!("/orders/{order_id}/submit")).await;
    let is_waiting = |fulfilment: &Value| fulfilment["timers"][0]["step"] == "choose_payment";
    api.fulfilment_when(&order_id, is_waiting).await;
    let confirm = json!({ "payment_method_id": "pm_visa" });
    assert_eq!(
        api.post(&format!("/orders/{order_id}/confirm"), confirm).await.status,
        200
    );
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.assert_settled(&order_id, "paid", None, Money::Taken("30.00")).await;
}
