//! What a client sees when the table has trouble.

use local_stack::Options;
use local_stack::dynamodb::Embedded;
use serde_json::json;

use crate::support::api::order_body;
use crate::support::{Api, Fault, FaultProxy, project};

/// A stack whose functions reach their DynamoDB through a proxy.
pub(super) async fn behind_proxy() -> (Embedded, FaultProxy, Api) {
    let embedded = Embedded::memory().await.unwrap();
    let proxy = FaultProxy::start(embedded.endpoint()).await;
    let options = Options {
        dynamodb: local_stack::DynamoDb::Endpoint(embedded.endpoint().to_owned()),
        function_dynamodb_endpoint: Some(proxy.endpoint.clone()),
        ..Options::in_memory(project().join("template.yaml"))
    };
    let api = Api::start_with(options).await;
    (embedded, proxy, api)
}

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
