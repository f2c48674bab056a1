//! How far each projection has come, as it writes it and as `GET /projections` shows it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use lambda_runtime::Context;
use local_stack::dynamodb::local_config;
use projector::{ParkedEvents, ProjectionStatuses};
use read_models::projections::NAMES;
use read_models::{OrderSummaries, OrderSummaryProjection, OrderSummaryRow};
use run::FUNCTIONS;
use serde_json::{Value, json};

use super::{append, deliver, order, rows, stream_records};
use crate::support::orders::{added, submitted};
use crate::support::{Fault, Tables, project, until};

const SUMMARY: &str = "order-summary-projection";
const CUSTOMERS: &str = "customer-orders-projection";

pub fn statuses(tables: &Tables) -> ProjectionStatuses {
    ProjectionStatuses::new(tables.dynamodb.clone(), "ProjectionStatus")
}

/// What `GET /projections` says of order-summary and customer-orders.
async fn shown(tables: &Tables) -> [Value; 2] {
    let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == "admin").unwrap();
    let admin = constructor(&tables.environment("admin"), &tables.config).unwrap();
    let request = std::fs::read_to_string(project().join("events/admin/get-projections.json")).unwrap();
    let request = serde_json::from_str(&request).unwrap();
    let answer = admin.invoke(request, Context::default()).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let mut body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let Value::Array(data) = body["data"].take() else {
        panic!("data is a list");
    };
    let names: Vec<_> = data.iter().map(|view| view["projection"].as_str().unwrap()).collect();
    assert_eq!(names[..3], NAMES);
    assert_eq!(names[3..], ["event-relay"]);
    ["order-summary", "customer-orders"].map(|name| {
        let found = data.iter().find(|view| view["projection"] == name);
        found.unwrap().clone()
    })
}

/// A record's event as `last_event` shows it.
fn event(record: &Value) -> Value {
    let image = &record["dynamodb"]["NewImage"];
    let version: u64 = image["Version"]["N"].as_str().unwrap().parse().unwrap();
    json!({ "aggregate_id": image["AggregateId"]["S"], "version": version, "at": image["Timestamp"]["S"] })
}

fn is_up_to_date(view: &Value) -> bool {
    view["lag_ms"] == 0 && view["oldest_unapplied_at"].is_null()
}

#[tokio::test]
async fn without_events_nothing_is_behind() {
    let tables = Tables::new().await;
    for view in shown(&tables).await {
        assert!(is_up_to_date(&view), "{view}");
        assert_eq!(
            (&view["last_event"], &view["parked"]),
            (&Value::Null, &json!(0)),
            "{view}"
        );
    }
}

#[tokio::test]
async fn what_is_applied_leaves_no_lag_and_its_newest_event_is_shown() {
    let tables = Tables::new().await;
    order(&tables, "VINET", &[added("11", 1)]).await;
    order(&tables, "TOMSP", &[submitted()]).await;
    let records = stream_records(&tables, "EventStore").await;
    deliver(&tables, SUMMARY, &records).await;
    let changes = stream_records(&tables, "OrderSummary").await;
    deliver(&tables, CUSTOMERS, &changes).await;
    for view in shown(&tables).await {
        assert!(is_up_to_date(&view), "{view}");
        assert_eq!(view["last_event"], event(&records[3]));
    }
}

#[tokio::test]
async fn a_projection_that_stands_still_is_behind_by_the_oldest_event_that_it_lacks() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[]).await;
    deliver(&tables, SUMMARY, &stream_records(&tables, "EventStore").await).await;
    append(&tables, &id, 1, &[added("11", 1), submitted()]).await;
    let records = stream_records(&tables, "EventStore").await;

    let [summary, customers] = shown(&tables).await;
    assert_eq!(summary["last_event"], event(&records[0]));
    assert_eq!(summary["oldest_unapplied_at"], event(&records[1])["at"]);
    // It has never run.
    assert_eq!(customers["last_event"], Value::Null);
    assert_eq!(customers["oldest_unapplied_at"], event(&records[0])["at"]);

    // Still, and for longer.
    let ms = |view: &Value| view["lag_ms"].as_i64().unwrap();
    let mut later = summary.clone();
    let has_grown = async || {
        [later, _] = shown(&tables).await;
        ms(&later) >= ms(&summary) + 20
    };
    until("the lag to grow", has_grown).await;
    let at: DateTime<Utc> = later["oldest_unapplied_at"].as_str().unwrap().parse().unwrap();
    assert!(ms(&later) <= (Utc::now() - at).num_milliseconds());
}

#[tokio::test]
async fn an_event_that_is_left_is_unapplied_until_its_order_is_applied_whatever_else_is() {
    let tables = Tables::new().await;
    let left = order(&tables, "VINET", &[]).await;
    order(&tables, "TOMSP", &[submitted()]).await;
    let records = stream_records(&tables, "EventStore").await;
    for _ in 0..3 {
        tables.proxy.inject("GetItem", Fault::Refuse("ThrottlingException"));
    }
    assert_eq!(deliver(&tables, SUMMARY, &records[..1]).await.len(), 1);
    let [behind, _] = shown(&tables).await;
    assert_eq!(behind["last_event"], Value::Null);

    // As another shard's batch.
    assert_eq!(deliver(&tables, SUMMARY, &records[1..]).await, [""; 0]);
    let [behind, _] = shown(&tables).await;
    assert_eq!(behind["last_event"], event(&records[2]));
    assert_eq!(behind["oldest_unapplied_at"], event(&records[0])["at"]);

    assert_eq!(deliver(&tables, SUMMARY, &records[..1]).await, [""; 0]);
    let [summary, _] = shown(&tables).await;
    assert!(is_up_to_date(&summary), "{left}: {summary}");
    assert_eq!(summary["last_event"], event(&records[2]));
}

#[tokio::test]
async fn an_event_that_is_delivered_no_more_is_not_waited_for() {
    let tables = Tables::new().await;
    order(&tables, "VINET", &[]).await;
    order(&tables, "TOMSP", &[]).await;
    let records = stream_records(&tables, "EventStore").await;
    for _ in 0..3 {
        tables.proxy.inject("GetItem", Fault::Refuse("ThrottlingException"));
    }
    assert_eq!(deliver(&tables, SUMMARY, &records[..1]).await.len(), 1);
    deliver(&tables, SUMMARY, &records[1..]).await;
    let [behind, _] = shown(&tables).await;
    assert_eq!(behind["oldest_unapplied_at"], event(&records[0])["at"]);

    let update = tables.dynamodb.update_item().table_name("ProjectionStatus");
    update
        .key("Projection", AttributeValue::S("order-summary".to_owned()))
        .update_expression("SET #left.SeenAt = :earlier")
        .expression_attribute_names("#left", "Left")
        .expression_attribute_values(":earlier", AttributeValue::S("2026-01-01T00:00:00.000000Z".to_owned()))
        .send()
        .await
        .unwrap();
    let [summary, _] = shown(&tables).await;
    assert!(is_up_to_date(&summary), "{summary}");

    deliver(&tables, SUMMARY, &records[1..]).await;
    let status = tables.items("ProjectionStatus").await.remove(0);
    assert_eq!(status["Left"], AttributeValue::Null(true));
}

#[tokio::test]
async fn parked_aggregates_are_counted_for_each_projection_and_hold_nothing_up() {
    let tables = Tables::new().await;
    order(&tables, "VINET", &[]).await;
    let good = stream_records(&tables, "EventStore").await.remove(0);
    let bad = ["stock-1", "stock-2"].map(|id| {
        let mut bad = good.clone();
        bad["dynamodb"]["Keys"]["AggregateId"]["S"] = json!(id);
        bad
    });
    deliver(&tables, SUMMARY, &bad).await;
    deliver(&tables, SUMMARY, &[good]).await;
    let [summary, customers] = shown(&tables).await;
    assert_eq!((&summary["parked"], &customers["parked"]), (&json!(2), &json!(0)));
    assert!(is_up_to_date(&summary), "{summary}");
}

#[tokio::test]
async fn late_repeated_and_concurrent_batches_never_take_the_status_back() {
    let tables = Tables::new().await;
    for n in 0..6 {
        order(&tables, &format!("customer {n}"), &[submitted()]).await;
    }
    let records = stream_records(&tables, "EventStore").await;
    let newest = event(records.last().unwrap());
    deliver(&tables, SUMMARY, &records[10..]).await;
    for batch in records.chunks(3).rev() {
        deliver(&tables, SUMMARY, batch).await;
        let [summary, _] = shown(&tables).await;
        assert_eq!(summary["last_event"], newest);
    }
    // Of several shards.
    let delete = tables.dynamodb.delete_item().table_name("ProjectionStatus");
    let key = AttributeValue::S("order-summary".to_owned());
    delete.key("Projection", key).send().await.unwrap();
    join_all(records.chunks(4).map(|batch| deliver(&tables, SUMMARY, batch))).await;
    let [summary, _] = shown(&tables).await;
    assert_eq!(summary["last_event"], newest);
}

#[tokio::test]
async fn an_instance_that_finds_its_status_removed_or_unwritten_writes_it_anew() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[]).await;
    let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == SUMMARY).unwrap();
    let function = constructor(&tables.environment(SUMMARY), &tables.config).unwrap();
    let first = stream_records(&tables, "EventStore").await;
    let invoke = async |records: &[Value]| {
        let answer = function
            .invoke(json!({ "Records": records }), Context::default())
            .await
            .unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    };
    invoke(&first).await;
    let delete = tables.dynamodb.delete_item().table_name("ProjectionStatus");
    let key = AttributeValue::S("order-summary".to_owned());
    delete.key("Projection", key).send().await.unwrap();
    append(&tables, &id, 1, &[submitted()]).await;
    let both = stream_records(&tables, "EventStore").await;
    invoke(&both[1..]).await;
    invoke(&first).await;
    let [summary, _] = shown(&tables).await;
    assert_eq!(summary["last_event"], event(&both[1]));
}

#[tokio::test]
async fn a_status_that_cannot_be_written_fails_no_batch() {
    let tables = Tables::new().await;
    order(&tables, "VINET", &[submitted()]).await;
    let delete = tables.dynamodb.delete_table().table_name("ProjectionStatus");
    delete.send().await.unwrap();
    let records = stream_records(&tables, "EventStore").await;
    assert_eq!(deliver(&tables, SUMMARY, &records).await, [""; 0]);
    assert_eq!(rows::<OrderSummaryRow>(&tables, "OrderSummary").await[0].version, 2);
}

#[tokio::test]
async fn a_status_table_that_never_answers_holds_no_batch_up_beyond_its_time() {
    let tables = Tables::new().await;
    order(&tables, "VINET", &[submitted()]).await;
    let records = stream_records(&tables, "EventStore").await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let nowhere = Client::new(&local_config(&endpoint).await);
    let client = tables.client.clone();
    let function = projector::function(
        OrderSummaryProjection::new(tables.store(), OrderSummaries::new(client.clone(), "OrderSummary")),
        ParkedEvents::new(client, "ParkedEvents"),
        ProjectionStatuses::new(nowhere, "ProjectionStatus"),
    );
    let mut context = Context::default();
    let time_limit = Duration::from_millis(1_500);
    context.deadline = (SystemTime::now() + time_limit)
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64;
    let batch = json!({ "Records": records });
    let answer = tokio::time::timeout(time_limit, function.invoke(batch, context)).await;
    assert_eq!(answer.unwrap().unwrap(), json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn a_batch_costs_one_write_for_its_status() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[]).await;
    let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == SUMMARY).unwrap();
    let function = constructor(&tables.environment(SUMMARY), &tables.config).unwrap();
    for version in 1..4 {
        let records = stream_records(&tables, "EventStore").await;
        let batch = json!({ "Records": &records[records.len() - 1..] });
        tables.proxy.take_operations();
        function.invoke(batch, Context::default()).await.unwrap();
        assert_eq!(
            tables.proxy.take_operations(),
            ["GetItem", "Query", "PutItem", "PutItem"]
        );
        append(&tables, &id, version, &[added("11", 1)]).await;
    }
}
