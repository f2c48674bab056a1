//! What is due is asked for, as long as it may help, and no longer; what is paid is said of what paid.

use domain::Aggregate;
use domain::order::{Order, OrderId};
use domain::payment::Payment;
use domain::transaction::{Transaction, TransactionEvent};
use futures::future::join_all;
use payment_gateway::Sandbox;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Money, body, fulfilling, fulfilling_with};
use crate::support::api::{address, options};
use crate::support::orders::metadata;
use crate::support::{Answer, Api, SHARDS};
use event_store::EventStore;

fn store(api: &Api) -> EventStore {
    EventStore::new(api.stack.dynamodb(), "EventStore", SHARDS)
}

/// The method that the payment of an order is, or was, taken with.
async fn charged(api: &Api, order_id: &str) -> Option<String> {
    let id = Payment::aggregate_id(&order_id.parse().unwrap());
    let payment = store(api).load::<Payment>(&id).await.unwrap().state;
    payment.map(|payment| payment.request.unwrap().payment_method_id.to_string())
}

async fn confirm(api: &Api, order_id: &str, body: Value) -> Answer {
    api.post(&format!("/orders/{order_id}/confirm"), body).await
}

async fn confirm_with(api: &Api, order_id: &str, method: &str) -> Answer {
    confirm(api, order_id, json!({ "payment_method_id": method })).await
}

async fn order(api: &Api, order_id: &str) -> Value {
    api.stack.caught_up().await.unwrap();
    api.get(&format!("/orders/{order_id}")).await.body
}

async fn created(api: &Api, body: Value) -> String {
    let created = api.post("/orders", body).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.body["order_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn where_nothing_is_due_nothing_is_asked() {
    let api = fulfilling().await;
    api.stock_up("A-1", 10).await;
    let free = |price: Value| {
        let item = json!({ "product_id": "P", "sku": "A-1", "quantity": 2, "unit_price": price });
        let tax = json!({ "rate": "0.19" });
        json!({ "customer_id": "VINET", "items": [item], "tax": tax, "shipping_address": address() })
    };
    let shipped = created(&api, free(json!("0.00"))).await;
    api.post_empty(&format!("/orders/{shipped}/submit")).await;
    // A method does not matter, nor is one needed by whoever confirms.
    let cancelled = api.submit(free(json!(0)), "pm_declined").await;
    let by_hand = created(&api, free(json!("0"))).await;
    let confirmed = confirm(&api, &by_hand, json!({})).await;
    assert_eq!((confirmed.status, &confirmed.body["status"]), (200, &json!("paid")));
    for order_id in [&shipped, &cancelled, &by_hand] {
        let fulfilment = api.fulfilment_is(order_id, "awaiting_shipment").await;
        assert_eq!(fulfilment["payment"]["status"], "none", "{fulfilment}");
        let order = order(&api, order_id).await;
        assert_eq!(
            (&order["status"], &order["transaction_id"]),
            (&json!("paid"), &Value::Null),
            "{order}"
        );
        assert!(order["confirmation_number"].is_string(), "{order}");
    }
    assert_eq!(api.stock("A-1").await, (10, 6));
    api.ship(&shipped).await;
    api.cancel(&cancelled).await;
    api.fulfilment_is(&shipped, "completed").await;
    api.fulfilment_is(&cancelled, "cancelled").await;
    api.assert_settled(&shipped, "shipped", None, Money::None).await;
    api.assert_settled(&cancelled, "cancelled", Some("changed my mind"), Money::None)
        .await;
    for order_id in [&shipped, &cancelled, &by_hand] {
        assert_eq!(charged(&api, order_id).await, None);
        assert!(!Sandbox::shared().ledger().contains_key(order_id));
    }
    // A cent is due.
    let cent = created(&api, free(json!("0.01"))).await;
    confirm(&api, &cent, json!({}))
        .await
        .assert_problem(422, "validation_failed");
    assert_eq!(api.stock("A-1").await, (8, 2));
}

#[tokio::test]
async fn after_a_declined_card_another_may_be_tried() {
    let api = fulfilling().await;
    api.stock_up("A-1", 10).await;
    let failed = |fulfilment: &Value| {
        fulfilment["payment"]["status"] == "failed" && fulfilment["timers"][0]["step"] == "choose_payment"
    };
    let order_id = api.submit(body(&[("A-1", 6)]), "pm_declined").await;
    let fulfilment = api.fulfilment_when(&order_id, failed).await;
    assert_eq!(fulfilment["status"], "fulfilling");
    assert_eq!(api.stock("A-1").await, (10, 6));
    assert_eq!(confirm_with(&api, &order_id, "pm_insufficient_funds").await.status, 200);
    let again = |fulfilment: &Value| failed(fulfilment) && fulfilment["payment"]["attempts"] == 2;
    let fulfilment = api.fulfilment_when(&order_id, again).await;
    assert_eq!(fulfilment["payment"]["failure_code"], "insufficient_funds");
    let number = order(&api, &order_id).await["confirmation_number"].clone();

    // Several try at once: one is charged.
    let methods = ["pm_visa", "pm_b", "pm_c", "pm_d"];
    let answers = join_all(methods.map(|method| confirm_with(&api, &order_id, method))).await;
    let accepted: Vec<_> = (0..4).filter(|n| answers[*n].status == 200).collect();
    let [accepted] = accepted[..] else {
        panic!("{accepted:?}")
    };
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (409, &json!("payment_in_progress")),
            "{}",
            answer.body
        );
    }
    let fulfilment = api.fulfilment_is(&order_id, "awaiting_shipment").await;
    assert_eq!(fulfilment["payment"]["attempts"], 3);
    api.assert_settled(&order_id, "paid", None, Money::Taken("60.00")).await;
    let order = order(&api, &order_id).await;
    assert_eq!(order["payment_method_id"], methods[accepted]);
    assert_eq!(charged(&api, &order_id).await.as_deref(), Some(methods[accepted]));
    assert_eq!(order["confirmation_number"], number);
    confirm_with(&api, &order_id, "pm_other")
        .await
        .assert_problem(409, "invalid_transition");

    // The last one is the end.
    let order_id = api.submit(body(&[("A-1", 2)]), "pm_declined").await;
    for attempts in 1..3 {
        api.fulfilment_when(&order_id, |it| failed(it) && it["payment"]["attempts"] == attempts)
            .await;
        assert_eq!(confirm_with(&api, &order_id, "pm_declined").await.status, 200);
    }
    let fulfilment = api.fulfilment_is(&order_id, "cancelled").await;
    assert_eq!(fulfilment["problem"]["code"], "payment_failed");
    api.assert_settled(&order_id, "cancelled", Some("the card was declined"), Money::None)
        .await;
    assert_eq!(api.stock("A-1").await, (10, 6));
    confirm_with(&api, &order_id, "pm_visa")
        .await
        .assert_problem(409, "invalid_transition");
}

#[tokio::test]
async fn another_card_may_be_tried_only_until_its_time_is_over() {
    let changed = [("STEP_TIMEOUTS", "choose_payment:1")];
    let api = fulfilling_with(options(true), &changed).await;
    api.stock_up("A-1", 10).await;
    let order_id = api.submit(body(&[("A-1", 2)]), "pm_declined").await;
    let fulfilment = api.fulfilment_is(&order_id, "cancelled").await;
    assert_eq!(fulfilment["problem"]["code"], "payment_failed");
    api.assert_settled(&order_id, "cancelled", Some("the card was declined"), Money::None)
        .await;
    assert_eq!(api.stock("A-1").await, (10, 0));
}

#[tokio::test]
async fn the_order_names_the_method_that_paid() {
    let api = fulfilling().await;
    api.stock_up("A-1", 10).await;
    let order_id = api.submit(body(&[("A-1", 2)]), "pm_slow").await;
    let is_charging = |fulfilment: &Value| fulfilment["payment"]["status"] == "requested";
    api.fulfilment_when(&order_id, is_charging).await;
    let refused = confirm_with(&api, &order_id, "pm_other").await;
    refused.assert_problem(409, "payment_in_progress");
    // The same is no other.
    assert_eq!(confirm_with(&api, &order_id, "pm_slow").await.status, 200);
    // The process has not heard of it when another is chosen.
    api.stack.pause_bus();
    let early = api.submit(body(&[("A-1", 2)]), "pm_visa").await;
    assert_eq!(confirm_with(&api, &early, "pm_other").await.status, 200);
    api.stack.resume_bus();
    for order_id in [&order_id, &early] {
        api.fulfilment_is(order_id, "awaiting_shipment").await;
        api.assert_settled(order_id, "paid", None, Money::Taken("20.00")).await;
        let named = order(&api, order_id).await["payment_method_id"].clone();
        assert_eq!(named.as_str(), charged(&api, order_id).await.as_deref());
    }
}

#[tokio::test]
async fn a_refund_that_never_works_is_settled_by_an_operator() {
    let api = fulfilling().await;
    api.stock_up("A-1", 10).await;
    let refused = api.submit(body(&[("A-1", 1)]), "pm_refund_refused").await;
    let elsewhere = api.submit(body(&[("A-1", 1)]), "pm_already_refunded").await;
    // Its money is one too many.
    let cash = api.submit(body(&[("A-1", 1)]), "pm_refund_refused").await;
    let settle = async |order_id: &str, reason: &str| {
        let path = format!("/orders/{order_id}/fulfilment/settle");
        api.post(&path, json!({ "reason": reason })).await
    };
    for order_id in [&refused, &elsewhere, &cash] {
        api.fulfilment_is(order_id, "awaiting_shipment").await;
    }
    settle(&refused, "early").await.assert_problem(409, "nothing_to_settle");
    for order_id in [&refused, &elsewhere, &cash] {
        api.cancel(order_id).await;
    }
    api.fulfilment_is(&elsewhere, "cancelled").await;
    api.assert_settled(&elsewhere, "cancelled", Some("changed my mind"), Money::None)
        .await;
    for order_id in [&refused, &cash] {
        let fulfilment = api.fulfilment_is(order_id, "needs_attention").await;
        assert_eq!(fulfilment["attention"]["code"], "refund_refused");
        assert_eq!(
            (&fulfilment["timers"], &fulfilment["attention"]["settled"]),
            (&json!([]), &Value::Null)
        );
        assert_eq!(fulfilment["payment"]["status"], "return_refused");
    }
    // The stock has gone back all the same.
    assert_eq!(api.stock("A-1").await, (10, 0));
    let open = async || {
        let mut open = Vec::new();
        let mut path = "/admin/attention?page_size=1".to_owned();
        loop {
            let page = api.get(&path).await;
            assert_eq!(page.status, 200, "{}", page.body);
            open.extend(
                page.body["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it["order_id"].clone()),
            );
            match page.body["next_cursor"].as_str() {
                Some(cursor) => path = format!("/admin/attention?page_size=1&cursor={cursor}"),
                None => break open,
            }
        }
    };
    let mut listed = open().await;
    listed.sort_by_key(Value::to_string);
    let mut both = [json!(refused), json!(cash)];
    both.sort_by_key(Value::to_string);
    assert_eq!(listed, both);

    let path = format!("/orders/{refused}/fulfilment/settle");
    api.post(&path, json!({}))
        .await
        .assert_problem(422, "validation_failed");
    for replayed in [None, Some("true")] {
        let request = api.request(Method::POST, &path).header("idempotency-key", "s-1");
        let answer = Answer::of(request.json(&json!({ "reason": "by bank transfer" }))).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("idempotency-replayed"), replayed);
    }
    let fulfilment = api.fulfilment_is(&refused, "cancelled").await;
    assert_eq!(fulfilment["attention"]["settled"]["reason"], "by bank transfer");
    assert!(fulfilment["attention"]["settled"]["by"].is_string(), "{fulfilment}");
    assert_eq!(settle(&refused, "by bank transfer").await.status, 200);
    settle(&refused, "in cash")
        .await
        .assert_problem(409, "nothing_to_settle");
    let unknown = OrderId(uuid::Uuid::now_v7()).to_string();
    settle(&unknown, "in cash")
        .await
        .assert_problem(404, "fulfilment_not_found");
    assert_eq!(open().await, [json!(cash)]);
}

/// A confirmed order of 20.00, where nobody fulfils.
async fn confirmed(api: &Api) -> String {
    let order_id = api.create_order().await;
    assert_eq!(confirm_with(api, &order_id, "pm_visa").await.status, 200);
    order_id
}

async fn pay(api: &Api, order_id: &str, transaction_id: &str, amount: &str) -> Answer {
    let payment = json!({ "transaction_id": transaction_id, "amount": amount });
    api.post(&format!("/orders/{order_id}/payment"), payment).await
}

#[tokio::test]
async fn a_transaction_pays_one_order() {
    let api = Api::start().await;
    let orders = join_all((0..16).map(|_| confirmed(&api))).await;
    let answers = join_all(orders.iter().map(|order_id| pay(&api, order_id, "wire-1", "20.00"))).await;
    let won: Vec<_> = (0..16).filter(|n| answers[*n].status == 200).collect();
    assert_eq!(won.len(), 1, "{won:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.assert_problem(409, "transaction_already_used");
    }
    let [winner, loser, third] = [won[0], (won[0] + 1) % 16, (won[0] + 2) % 16].map(|n| &orders[n]);
    let versions = async |order_id: &str| store(&api).load::<Order>(order_id).await.unwrap().version;
    assert_eq!((versions(winner).await, versions(loser).await), (4, 3));
    // The loser is paid by another; what its rules refuse claims nothing.
    pay(&api, loser, "wire-2", "19.99")
        .await
        .assert_problem(422, "amount_mismatch");
    pay(&api, winner, "wire-2", "20.00")
        .await
        .assert_problem(409, "invalid_transition");
    assert_eq!(pay(&api, third, "wire-2", "20.00").await.status, 200);
    pay(&api, loser, "wire-2", "20.00")
        .await
        .assert_problem(409, "transaction_already_used");

    // Its writer died after the claim: it may claim it again, and no other may.
    let claimed = TransactionEvent::TransactionClaimed {
        order_id: loser.parse().unwrap(),
    };
    let id = Transaction::aggregate_id(&"wire-3".parse().unwrap());
    let appended = store(&api).append::<Transaction>(&id, 0, &[claimed], &metadata()).await;
    appended.unwrap();
    let fourth = &orders[(won[0] + 3) % 16];
    pay(&api, fourth, "wire-3", "20.00")
        .await
        .assert_problem(409, "transaction_already_used");
    let request = || {
        let path = format!("/orders/{loser}/payment");
        let request = api.request(Method::POST, &path).header("idempotency-key", "p-1");
        request.json(&json!({ "transaction_id": "wire-3", "amount": "20.00" }))
    };
    for replayed in [None, Some("true")] {
        let answer = Answer::of(request()).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (200, replayed));
    }
    // Nobody parks what is none of theirs.
    api.stack.caught_up().await.unwrap();
    assert_eq!(api.get("/admin/parked").await.body["data"], json!([]));
}
