//! A store whose events were all written at schema version 1 answers every query, and takes commands.

use aws_sdk_dynamodb::Client;
use local_stack::dynamodb::local_config;
use operations::{Difference, Observer, Plan, Purpose, Replay, Replayer, Scope, Status, Stop};
use serde_json::{Value, json};

use crate::support::orders::new_order_id;
use crate::support::{Api, Tables, project};

/// An order of the stored fixtures of version 1, one event a minute.
async fn order(api: &Api, hour: u32, event_types: &[&str]) -> String {
    let id = new_order_id();
    for (version, event_type) in (1..).zip(event_types) {
        let fixture = format!("shared/domain/tests/stored_events/{event_type}.v1.json");
        let data: Value = serde_json::from_str(&std::fs::read_to_string(project().join(fixture)).unwrap()).unwrap();
        let item = json!({
            "AggregateId": id,
            "Version": version,
            "AggregateType": "Order",
            "EventId": uuid::Uuid::now_v7(),
            "EventType": event_type,
            "EventVersion": 1,
            "EventData": data,
            "EventTypeShard": format!("{event_type}#0"),
            "Timestamp": format!("2019-03-04T{hour:02}:{version:02}:00.000000Z"),
            "CommandId": uuid::Uuid::now_v7(),
            "CorrelationId": format!("basket {hour}"),
        });
        let item = serde_dynamo::to_item(item).unwrap();
        let put = api.stack.dynamodb().put_item().table_name("EventStore");
        put.set_item(Some(item)).send().await.unwrap();
    }
    id
}

async fn ok(api: &Api, path: &str) -> Value {
    let answer = api.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

struct NoDifferences;

impl Observer for NoDifferences {
    fn progressed(&self, _: &Replay) {}
    fn found(&self, difference: &Difference) {
        panic!("{difference:?}");
    }
}

#[tokio::test]
async fn a_store_of_first_versions_answers_every_query() {
    let api = Api::start().await;
    let whole_life = [
        "OrderCreated",
        "OrderItemAdded",
        "OrderItemRemoved",
        "OrderSubmitted",
        "OrderConfirmed",
        "OrderPaid",
        "OrderShipped",
        "OrderDelivered",
    ];
    let delivered = order(&api, 10, &whole_life).await;
    let cancelled = order(&api, 11, &["OrderCreated", "OrderCancelled"]).await;
    let open = order(&api, 12, &["OrderCreated"]).await;
    api.stack.caught_up().await.unwrap();

    // The order, now and then.
    let now = ok(&api, &format!("/orders/{delivered}")).await;
    for (field, expected) in [
        ("status", "delivered"),
        ("currency", "USD"),
        ("tax_amount", "0.00"),
        ("total_amount", "266.00"),
        ("tracking_number", "1Z 999"),
        ("confirmation_number", "C-7Q2M4K9XW1ZD"),
    ] {
        assert_eq!(now[field], expected, "{field}");
    }
    let then = ok(&api, &format!("/orders/{delivered}?version=2")).await;
    assert_eq!(
        (&then["status"], &then["total_amount"]),
        (&json!("created"), &json!("440.00"))
    );
    let then = ok(&api, &format!("/orders/{delivered}?as_of=2019-03-04T10:05:00Z")).await;
    assert_eq!((&then["status"], &then["version"]), (&json!("confirmed"), &json!(5)));
    let now = ok(&api, &format!("/orders/{cancelled}?min_version=2")).await;
    assert_eq!(
        (&now["status"], &now["refund_amount"]),
        (&json!("cancelled"), &json!("319.20"))
    );

    // What happened to it: told in today's schema, and kept as it was stored.
    let history = ok(&api, &format!("/orders/{delivered}/history")).await;
    assert_eq!(history["data"].as_array().unwrap().len(), whole_life.len());
    assert_eq!(history["data"][0]["details"]["data"]["currency"], "USD");
    assert_eq!(history["data"][1]["details"]["total_after"], "440.00");
    let events = ok(&api, &format!("/orders/{delivered}/events?page_size=3")).await;
    assert_eq!(events["data"][0]["event_version"], 1);
    assert_eq!(events["data"][0]["data"].get("currency"), None);
    let cursor = events["next_cursor"].as_str().unwrap();
    ok(&api, &format!("/orders/{delivered}/events?page_size=3&cursor={cursor}")).await;

    // Lists and searches over all orders.
    let listed = ok(&api, "/customers/VINET/orders").await;
    let ids: Vec<_> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["order_id"])
        .collect();
    assert_eq!(ids, [&json!(open), &json!(cancelled), &json!(delivered)]);
    let listed = ok(&api, "/customers/VINET/orders?status=cancelled").await;
    assert_eq!(listed["data"][0]["order_id"], json!(cancelled));
    let found = ok(
        &api,
        "/events?type=OrderCreated&from=2019-03-04T00:00:00Z&to=2019-03-05T00:00:00Z",
    )
    .await;
    assert_eq!(found["data"].as_array().unwrap().len(), 3);
    let found = ok(&api, "/events?correlation_id=basket%2011&from=2019-03-04T00:00:00Z").await;
    assert_eq!(found["data"].as_array().unwrap().len(), 2);
    assert_eq!(ok(&api, "/admin/parked").await["data"], json!([]));

    // What follows is written in today's schema.
    let confirmed = api
        .post(&format!("/orders/{open}/confirm"), json!({ "payment_method_id": "pm" }))
        .await;
    assert_eq!((confirmed.status, &confirmed.body["version"]), (200, &json!(3)));
    assert_eq!(
        ok(&api, &format!("/orders/{open}?min_version=3")).await["total_amount"],
        "266.00"
    );
    api.stack.caught_up().await.unwrap();

    let environment = Tables::new().await.environment("replay");
    let config = local_config(api.stack.dynamodb_endpoint()).await;
    let replayer = Replayer::from_env(&environment, Client::new(&config)).unwrap();
    let verify = Plan::new(Purpose::Verify, Scope::Everything, &replayer.read_models());
    let begun = replayer.create(verify, Status::Running).await.unwrap();
    let verified = replayer.run(begun, &Stop::default(), &NoDifferences).await.unwrap();
    assert_eq!(verified.counts.orders, 3);
}
