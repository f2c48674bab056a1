//! Everything goes well.

use serde_json::{Value, json};

use local_stack::Options;

use super::{Money, body, fulfilling, fulfilling_with};
use crate::support::api::{options, order_body};
use crate::support::{Api, TestFolder};

#[tokio::test]
async fn an_order_is_reserved_paid_and_shipped_and_its_stock_is_down() {
    let api = fulfilling().await;
    let open = api.create_order().await;
    for (what, code) in [("fulfilment", "fulfilment_not_found"), ("payment", "payment_not_found")] {
        for order_id in [&open, "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c"] {
            let absent = api.get(&format!("/orders/{order_id}/{what}/history")).await;
            absent.assert_problem(404, code);
        }
    }
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

    // What happened meanwhile, on pages of any size.
    let payment = history(&api, &order_id, "payment").await;
    let told: Vec<_> = payment
        .iter()
        .map(|entry| (&entry["details"]["event"], &entry["status"]))
        .collect();
    let expected = ["requested", "authorised", "captured"].map(|status| json!(status));
    let events = ["PaymentRequested", "PaymentAuthorised", "PaymentCaptured"].map(|event| json!(event));
    assert_eq!(told, events.iter().zip(&expected).collect::<Vec<_>>());
    assert_eq!(payment[2]["details"]["data"]["amount"], "80.00");
    let process = history(&api, &order_id, "fulfilment").await;
    let steps = api.get(&format!("/orders/{order_id}/fulfilment")).await.body;
    let steps = steps["steps"].as_array().unwrap();
    assert_eq!(process.len(), steps.len());
    for (entry, step) in process.iter().zip(steps) {
        assert_eq!(
            (&entry["version"], &entry["changed_at"]),
            (&step["version"], &step["at"])
        );
        assert_eq!(
            (&entry["details"]["event"], &entry["details"]["data"]),
            (&step["event"], &step["details"])
        );
    }
    let mut statuses: Vec<_> = process.iter().map(|entry| entry["status"].as_str().unwrap()).collect();
    statuses.dedup();
    assert_eq!(statuses, ["fulfilling", "awaiting_shipment", "fulfilling", "completed"]);
    let path = format!("/orders/{order_id}/payment/history");
    let known = api
        .request(reqwest::Method::GET, &path)
        .header("if-none-match", "\"1-3\"");
    assert_eq!(crate::support::Answer::of(known).await.status, 304);
}

/// The whole history, the same on pages of any size.
async fn history(api: &Api, order_id: &str, what: &str) -> Vec<Value> {
    let path = format!("/orders/{order_id}/{what}/history");
    let mut walks = Vec::new();
    for page_size in [1, 2, 7, 100] {
        let (mut entries, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api.get(&format!("{path}?page_size={page_size}{cursor}")).await.body;
            let data = page["data"].as_array().unwrap();
            assert!(data.len() <= page_size);
            entries.extend(data.clone());
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        walks.push(entries);
    }
    let whole = walks.pop().unwrap();
    assert!(walks.iter().all(|walk| *walk == whole));
    whole
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
