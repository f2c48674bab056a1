//! What a client sees when the table has trouble.

use serde_json::{Value, json};

use crate::support::Fault;
use crate::support::api::{behind_proxy, order_body};

#[tokio::test]
async fn a_command_whose_append_lost_its_answer_succeeds_and_happens_once() {
    let (_embedded, proxy, api) = behind_proxy().await;
    for fault in [Fault::LoseAnswer, Fault::AnswerWith500] {
        proxy.inject("PutItem", fault);
        let created = api.post("/orders", order_body()).await;
        assert_eq!((created.status, &created.body["version"]), (201, &json!(1)));
        let id = created.body["order_id"].as_str().unwrap();
        let events = api.get(&format!("/orders/{id}/events")).await;
        assert_eq!(events.body["data"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_is_answered_as_what_it_was() {
    let (_embedded, proxy, api) = behind_proxy().await;
    for (version, status, fault) in [(1, 201, Fault::LoseAnswer), (2, 200, Fault::AnswerWith500)] {
        proxy.inject("PutItem", fault);
        let product = json!({ "name": "n", "unit_price": version, "currency": "USD" });
        let put = api.put("/products/11", product).await;
        assert_eq!(
            (put.status, &put.body["version"]),
            (status, &json!(version)),
            "{}",
            put.body
        );
    }
}

/// DynamoDB answers for fewer keys than it was asked for: here for none.
fn process_none(answer: &mut Value) {
    let products = answer["Responses"]["Products"].take();
    let keys: Vec<_> = products
        .as_array()
        .unwrap()
        .iter()
        .map(|product| json!({ "ProductId": product["ProductId"] }))
        .collect();
    *answer = json!({
        "Responses": { "Products": [] },
        "UnprocessedKeys": { "Products": { "Keys": keys, "ConsistentRead": true } },
    });
}

#[tokio::test]
async fn products_that_the_catalogue_leaves_out_at_first_are_asked_for_again() {
    let (_embedded, proxy, api) = behind_proxy().await;
    let mut order = order_body();
    order["items"] = json!([{ "product_id": "11", "quantity": 2 }, { "product_id": "12", "quantity": 1 }]);
    for id in ["11", "12"] {
        let product = json!({ "name": "n", "unit_price": 1, "currency": "USD" });
        api.put(&format!("/products/{id}"), product).await;
    }
    proxy.inject("BatchGetItem", Fault::Alter(process_none));
    let created = api.post("/orders", order.clone()).await;
    assert_eq!(created.status, 201, "{}", created.body);
    // Not for ever: the caller waits. An unknown product it is not.
    for _ in 0..6 {
        proxy.inject("BatchGetItem", Fault::Alter(process_none));
    }
    api.post("/orders", order).await.assert_problem(503, "throttled");
    assert_eq!(proxy.pending_faults(), 0);
}

#[tokio::test]
async fn a_throttled_command_is_503_with_retry_after_and_changes_nothing() {
    let (_embedded, proxy, api) = behind_proxy().await;
    let id = api.create_order().await;
    api.stack.caught_up().await.unwrap();
    for _ in 0..3 {
        proxy.inject("PutItem", Fault::Refuse("ProvisionedThroughputExceededException"));
    }
    let throttled = api.post_empty(&format!("/orders/{id}/submit")).await;
    throttled.assert_problem(503, "throttled");
    assert_eq!(throttled.header("retry-after"), Some("1"));
    assert_eq!(api.post_empty(&format!("/orders/{id}/submit")).await.body["version"], 2);
}

#[tokio::test]
async fn a_table_that_is_missing_is_500_without_a_word_about_it() {
    let (embedded, _proxy, api) = behind_proxy().await;
    let id = api.create_order().await;
    api.stack.caught_up().await.unwrap();
    embedded
        .client()
        .await
        .delete_table()
        .table_name("EventStore")
        .send()
        .await
        .unwrap();
    let refused = api.post_empty(&format!("/orders/{id}/submit")).await;
    refused.assert_problem(500, "internal_error");
    assert!(!refused.body.to_string().contains("EventStore"));
    assert_eq!(api.order_at(&id, 1).await["status"], "created");
}

#[tokio::test]
async fn a_read_model_catches_up_after_its_table_was_throttled() {
    let (_embedded, proxy, api) = behind_proxy().await;
    for _ in 0..9 {
        proxy.inject("GetItem", Fault::Refuse("ThrottlingException"));
    }
    let id = api.create_order().await;
    api.stack.caught_up().await.unwrap();
    assert_eq!(api.order_at(&id, 1).await["status"], "created");
    assert!(api.stack.failed_batches().is_empty());
}
