//! The order as it was.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::order::Order;
use event_store::EventStore;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::orders::{added, created, metadata, new_order_id, submitted};
use crate::support::{Answer, Api, SHARDS};

/// What the clock of each of four appends says: once it stands still, once it runs backwards.
const TIMES: [&str; 4] = [
    "2026-11-20T12:00:10.000000Z",
    "2026-11-20T12:00:20.000000Z",
    "2026-11-20T12:00:20.000000Z",
    "2026-11-20T12:00:15.000000Z",
];

fn next_time() -> DateTime<Utc> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    TIMES[NEXT.fetch_add(1, Ordering::Relaxed)].parse().unwrap()
}

/// An order with one event at each of the [`TIMES`].
async fn order(api: &Api) -> String {
    let store = EventStore::new(api.stack.dynamodb(), "EventStore", SHARDS).with_clock(next_time);
    let id = new_order_id();
    for (version, event) in [created([]), added("11", 1), added("42", 1), submitted()]
        .into_iter()
        .enumerate()
    {
        store
            .append::<Order>(&id, version as u64, &[event], &metadata())
            .await
            .unwrap();
    }
    id
}

async fn get(api: &Api, id: &str, query: &str) -> Answer {
    api.get(&format!("/orders/{id}?{query}")).await
}

fn version_and_status(answer: &Answer) -> (Value, Value) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    (answer.body["version"].clone(), answer.body["status"].clone())
}

#[tokio::test]
async fn an_order_is_shown_as_it_was_at_a_moment_and_at_a_version() {
    let api = Api::start().await;
    let id = order(&api).await;

    for (at, version, status) in [
        // Equal to an event's time: that event is included.
        ("2026-11-20T12:00:10Z", 1, "created"),
        ("2026-11-20T12:00:14.999999Z", 1, "created"),
        // The last event's clock ran backwards; it is the last all the same, and includes those before it.
        ("2026-11-20T12:00:15Z", 4, "submitted"),
        ("2026-11-20T13:00:20%2B01:00", 4, "submitted"),
        ("2099-01-01T00:00:00Z", 4, "submitted"),
    ] {
        let answer = get(&api, &id, &format!("as_of={at}")).await;
        assert_eq!(version_and_status(&answer), (json!(version), json!(status)), "{at}");
        assert_eq!(answer.header("etag"), Some(format!("\"{version}\"").as_str()));
    }
    get(&api, &id, "as_of=2026-11-20T12:00:09.999999Z")
        .await
        .assert_problem(404, "order_not_found");

    for version in 1..=4 {
        let answer = get(&api, &id, &format!("version={version}")).await;
        assert_eq!(answer.body["version"], version);
        assert_eq!(answer.body["item_count"], [0, 1, 2, 2][version - 1]);
        assert_eq!(answer.body["created_at"], TIMES[0]);
        assert_eq!(answer.body["updated_at"], TIMES[version - 1]);
    }
    get(&api, &id, "version=5")
        .await
        .assert_problem(404, "version_not_found");
    get(&api, &new_order_id(), "version=1")
        .await
        .assert_problem(404, "order_not_found");
    get(&api, &new_order_id(), "as_of=2099-01-01T00:00:00Z")
        .await
        .assert_problem(404, "order_not_found");

    // The history follows the versions, not the clocks.
    let history = api.get(&format!("/orders/{id}/history")).await.body;
    let times: Vec<_> = history["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["changed_at"].clone())
        .collect();
    assert_eq!(times, TIMES);

    for (query, field) in [
        ("min_version=0", "min_version"),
        ("min_version=1&as_of=2099-01-01T00:00:00Z", "min_version"),
        ("as_of=yesterday", "as_of"),
        ("version=0", "version"),
        ("version=-1", "version"),
        ("version=%2B1", "version"),
        ("min_version=01", "min_version"),
        ("version=1&as_of=2099-01-01T00:00:00Z", "version"),
    ] {
        let answer = get(&api, &id, query).await;
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn at_a_version_that_changed_nothing_an_order_is_as_before() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let path = format!("/orders/{id}/reference");
    let nothing = api.request(Method::PUT, &path).header("idempotency-key", "k");
    let nothing = Answer::of(nothing.json(&json!({ "reference": null }))).await;
    assert_eq!((nothing.status, &nothing.body["version"]), (200, &json!(1)));
    let changed = api.put(&path, json!({ "reference": "WEB-1" })).await;
    assert_eq!(changed.body["version"], 3);
    for (asked, shown, reference) in [(1, 1, Value::Null), (2, 1, Value::Null), (3, 3, json!("WEB-1"))] {
        let order = get(&api, &id, &format!("version={asked}")).await;
        assert_eq!(
            (&order.body["version"], &order.body["reference"]),
            (&json!(shown), &reference)
        );
    }
    let missing = get(&api, &id, "version=4").await;
    missing.assert_problem(404, "version_not_found");
    assert_eq!(
        missing.body["detail"],
        "The order is at version 3; it has no version 4 yet."
    );
}

#[tokio::test]
async fn min_version_never_shows_an_older_order_and_says_where_it_read() {
    let api = Api::start().await;
    let id = api.create_order().await;
    api.order_at(&id, 1).await;
    // Every command's answer can be read back at once, whether the read model has followed or not.
    for n in 2..12 {
        let item = json!({ "product_id": format!("p{n}"), "quantity": 1, "unit_price": 1 });
        let version = api.post(&format!("/orders/{id}/items"), item).await.body["version"]
            .as_u64()
            .unwrap();
        let read = get(&api, &id, &format!("min_version={version}")).await;
        assert_eq!((read.status, &read.body["version"]), (200, &json!(version)));
        assert_eq!(read.body["item_count"], version);
    }
    api.stack.caught_up().await.unwrap();
    let read = get(&api, &id, "min_version=11").await;
    assert_eq!(read.header("x-read-source"), Some("projection"));
    get(&api, &id, "min_version=12")
        .await
        .assert_problem(409, "version_not_reached");
    get(&api, &new_order_id(), "min_version=1")
        .await
        .assert_problem(404, "order_not_found");

    // The row is gone; the events are not.
    let dynamodb = api.stack.dynamodb();
    let row = dynamodb.delete_item().table_name("OrderSummary");
    row.key("OrderId", AttributeValue::S(id.clone())).send().await.unwrap();
    for query in ["min_version=11", ""] {
        let read = get(&api, &id, query).await;
        assert_eq!(
            (read.header("x-read-source"), &read.body["version"]),
            (Some("events"), &json!(11))
        );
    }
    get(&api, &new_order_id(), "")
        .await
        .assert_problem(404, "order_not_found");
}
