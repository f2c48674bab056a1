//! A process that is killed after any of its writes: repeating what it did leaves what one that lives leaves.
//!
//! The same work is done again and again, each time with another write after which the process is gone before it knows
//! of it. Whoever sent a command sends it again; a batch of a stream is delivered again. (The writes of a replay are killed
//! in `replay::resume`.)

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::Context;
use local_stack::dynamodb::local_config;
use run::FUNCTIONS;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::projections::{assert_rows_are_folds, stream_records};
use crate::support::api::order_body;
use crate::support::{LONGEST_WAIT, Tables, project};

pub(crate) const WRITES: [&str; 5] = [
    "PutItem",
    "TransactWriteItems",
    "DeleteItem",
    "UpdateItem",
    "BatchWriteItem",
];

/// Invokes a function in a process of its own, until one lives to answer.
pub(crate) async fn invoke(tables: &Tables, binary: &'static str, payload: &Value) -> Value {
    let environment = tables.environment_with(binary, &[("SNAPSHOT_EVERY", "Order:2,Stock:2")]);
    let deadline = Instant::now() + LONGEST_WAIT;
    loop {
        let process = tokio::task::spawn_blocking(|| Runtime::new().unwrap()).await.unwrap();
        let (environment, endpoint, payload) = (environment.clone(), tables.proxy.endpoint.clone(), payload.clone());
        let invocation = process.spawn(async move {
            let config = local_config(&endpoint).await;
            let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == binary).unwrap();
            let function = constructor(&environment, &config).unwrap();
            function.invoke(payload, Context::default()).await.unwrap()
        });
        while !invocation.is_finished() && !tables.proxy.is_hanging() {
            assert!(Instant::now() < deadline, "{binary} does not answer");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let is_killed = !invocation.is_finished();
        // With all that it has begun beside the answer.
        process.shutdown_background();
        tables.proxy.pass();
        if !is_killed {
            return invocation.await.unwrap();
        }
    }
}

async fn command(tables: &Tables, key: &str, order_id: &str, route: &str, body: Option<Value>) -> Value {
    let file = project().join("events/order-commands/submit-order.json");
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let route_key = format!("POST {route}");
    event["routeKey"] = json!(route_key);
    event["requestContext"]["routeKey"] = json!(route_key);
    event["rawPath"] = json!(route.replace("{order_id}", order_id));
    event["pathParameters"] = json!({ "order_id": order_id });
    event["headers"]["idempotency-key"] = json!(key);
    if let Some(body) = body {
        event["headers"]["content-type"] = json!("application/json");
        event["body"] = json!(body.to_string());
    }
    let answer = invoke(tables, "order-commands", &event).await;
    assert!(answer["statusCode"].as_u64().unwrap() < 300, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

async fn deliver_all(tables: &Tables, source: &str, projection: &'static str) {
    let records = stream_records(tables, source).await;
    let answer = invoke(tables, projection, &json!({ "Records": records })).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

/// Two orders from their creation on, one of them long enough for snapshots; an order whose event cannot be read.
async fn work(tables: &Tables) -> [String; 2] {
    let created = command(tables, "create", "", "/orders", Some(order_body())).await;
    let id = created["order_id"].as_str().unwrap().to_owned();
    for n in 0..5 {
        let item = json!({ "product_id": format!("p{n}"), "quantity": 1, "unit_price": 1 });
        command(tables, &format!("add-{n}"), &id, "/orders/{order_id}/items", Some(item)).await;
    }
    deliver_all(tables, "EventStore", "order-summary-projection").await;
    let confirm = json!({ "payment_method_id": "pm" });
    command(tables, "confirm", &id, "/orders/{order_id}/confirm", Some(confirm)).await;

    let created = command(tables, "create-another", "", "/orders", Some(order_body())).await;
    let broken = created["order_id"].as_str().unwrap().to_owned();
    command(tables, "submit", &broken, "/orders/{order_id}/submit", None).await;
    let mut submitted = tables.items("EventStore").await;
    submitted.retain(|item| item["AggregateId"] == AttributeValue::S(broken.clone()));
    let mut submitted = submitted.pop().unwrap();
    submitted.insert("EventVersion".to_owned(), AttributeValue::N("9".to_owned()));
    let put = tables.dynamodb.put_item().table_name("EventStore");
    put.set_item(Some(submitted)).send().await.unwrap();

    deliver_all(tables, "EventStore", "order-summary-projection").await;
    deliver_all(tables, "OrderSummary", "customer-orders-projection").await;
    deliver_all(tables, "OrderSummary", "order-index-projection").await;
    [id, broken]
}

/// What was left: events, rows and parked aggregates, without what differs each time.
async fn left(tables: &Tables, [id, broken]: &[String; 2]) -> Vec<String> {
    let mut left = Vec::new();
    for item in tables.items("EventStore").await {
        let text = |name: &str| item[name].as_s().unwrap().clone();
        let version: u32 = item["Version"].as_n().unwrap().parse().unwrap();
        let mut data = item["EventData"].as_m().unwrap().clone();
        data.remove("confirmation_number");
        let mut data: Vec<_> = data
            .into_iter()
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        data.sort_unstable();
        let key = text("IdempotencyKey");
        left.push(format!(
            "{} {version} {} {key} {}",
            text("AggregateId"),
            text("EventType"),
            data.len()
        ));
    }
    for (table, key) in [
        ("OrderSummary", "OrderId"),
        ("CustomerOrders", "OrderId"),
        ("DailyOrders", "OrderId"),
        ("ParkedEvents", "AggregateId"),
    ] {
        for row in tables
            .items(table)
            .await
            .into_iter()
            .filter(|row| row.contains_key(key))
        {
            let version = row.get("Version").map_or("", |version| version.as_n().unwrap());
            left.push(format!("{table} {} {version}", row[key].as_s().unwrap()));
        }
    }
    left.sort_unstable();
    // The second order's rows stand before its broken event.
    assert!(left.contains(&format!("OrderSummary {broken} 1")), "{left:?}");
    let event = tables.dynamodb.delete_item().table_name("EventStore");
    let event = event.key("AggregateId", AttributeValue::S(broken.clone()));
    event
        .key("Version", AttributeValue::N("2".to_owned()))
        .send()
        .await
        .unwrap();
    assert_rows_are_folds(tables, &[id.clone(), broken.clone()]).await;
    left
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_after_any_write_leaves_what_one_that_lives_leaves() {
    let undisturbed = Tables::new().await;
    let ids = work(&undisturbed).await;
    let operations = undisturbed.proxy.take_operations();
    let writes = operations
        .iter()
        .filter(|operation| WRITES.contains(&operation.as_str()))
        .count();
    let expected = left(&undisturbed, &ids).await;
    assert!(!undisturbed.items("Snapshots").await.is_empty());
    assert!(
        writes >= 15,
        "appends, snapshots, rows and a parked aggregate: {writes}"
    );

    let mut killed_with_snapshot = 0;
    for survived in 0..writes as u32 {
        let tables = Tables::new().await;
        tables.proxy.hang_after_writes(survived);
        let ids = work(&tables).await;
        assert_eq!(left(&tables, &ids).await, expected, "killed after write {survived}");
        killed_with_snapshot += usize::from(!tables.items("Snapshots").await.is_empty());
    }
    assert!(killed_with_snapshot > 0);
}
