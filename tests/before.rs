//! A store as older code left it, with the answers that older code gave: this code gives the same, and goes on from there.
//!
//! `before/decider.json` was written by the code before commands had one decider: five orders, one of them long enough for a
//! snapshot; one fulfilled, one declined; a stock with a snapshot; a customer, a product, and what was told of them.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Aggregate;
use domain::order::Order;
use local_stack::dynamodb::{Embedded, create_tables};
use local_stack::{DynamoDb, Options};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::options;
use crate::support::{Answer, Api, Item, project, template_of, until};

/// A stack on the store of before. Nothing happens there but what is asked over HTTP.
async fn stack_of_before(store: &Value) -> (Embedded, Api) {
    let embedded = Embedded::memory().await.unwrap();
    let options = Options {
        dynamodb: DynamoDb::Endpoint(embedded.endpoint().to_owned()),
        ..options(false)
    };
    let mut template = template_of(&options);
    let dynamodb = embedded.client().await;
    create_tables(&dynamodb, &template).await.unwrap();
    for (table, items) in store["tables"].as_object().unwrap() {
        for item in items.as_array().unwrap() {
            let item: serde_dynamo::Item = serde_json::from_value(item.clone()).unwrap();
            let item: Item = item.into();
            let put = dynamodb.put_item().table_name(table).set_item(Some(item));
            put.send().await.unwrap();
        }
    }
    for function in &mut template.functions {
        function.triggers.clear();
        function.queues.clear();
        function.schedules.clear();
    }
    let api = Api::start_from(template, options).await;
    (embedded, api)
}

async fn snapshot_of(embedded: &Embedded, id: &str) -> Item {
    let get = embedded.client().await.get_item().table_name("Snapshots");
    let get = get.key("AggregateId", AttributeValue::S(id.to_owned()));
    get.send().await.unwrap().item.unwrap()
}

/// What answers have had since, and says of a store of before that there is nothing, or that it is as it was.
fn take_out_what_came_later(answer: &mut Value) {
    if let Some(fields) = answer.as_object_mut() {
        let later = [
            ("reference", Value::Null),
            ("retired", json!(false)),
            ("time_zone", json!("UTC")),
        ];
        for (field, expected) in later {
            assert_eq!(fields.remove(field).unwrap_or(expected.clone()), expected, "{field}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_answers_what_it_answered_before_and_commands_go_on() {
    let file = project().join("tests/before/decider.json");
    let store: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let (embedded, api) = stack_of_before(&store).await;
    for (path, before) in store["answers"].as_object().unwrap() {
        let answer = api.get(path).await;
        let (mut before, mut now) = (before.clone(), json!([answer.status, answer.body]));
        // A cursor is good for the code that gave it out, and sealed with other words by each.
        for answer in [&mut before, &mut now] {
            if let Some(cursor) = answer[1].get_mut("next_cursor").filter(|cursor| cursor.is_string()) {
                *cursor = json!("some");
            }
        }
        take_out_what_came_later(&mut now[1]);
        assert!(now == before, "{path}: {now} was {before}");
    }

    // A key that was used before, and a new command. The snapshot says what made it in another way: it is not used, and
    // replaced.
    let long = store["long"].as_str().unwrap();
    assert!(snapshot_of(&embedded, long).await.contains_key("Fingerprint"));
    let add = async |key: &str| {
        let item = json!({ "product_id": "51", "quantity": 1, "unit_price": "42.40" });
        let request = api.request(Method::POST, &format!("/orders/{long}/items")).json(&item);
        Answer::of(request.header("idempotency-key", key)).await
    };
    assert_eq!(add("k0").await.body["version"], 2);
    let added = add("another").await;
    assert_eq!(
        (added.status, &added.body["version"]),
        (200, &json!(97)),
        "{}",
        added.body
    );
    until("a snapshot of this code", async || {
        let snapshot = snapshot_of(&embedded, long).await;
        snapshot.get("StateVersion") == Some(&AttributeValue::N(Order::STATE_VERSION.to_string()))
    })
    .await;
    assert_eq!(api.put("/inventory/QC-11", json!({ "on_hand": 50 })).await.status, 200);
}
