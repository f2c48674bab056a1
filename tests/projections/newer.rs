//! What newer code has written, while older code still runs: it holds nobody up, and is right once this code is newer, too.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{TimeDelta, Utc};
use domain::time::rfc3339_micros;
use lambda_runtime::Context;
use read_models::OrderSummaryRow;
use serde_json::{Value, json};

use super::{assert_rows_are_folds, deliver, deliver_everything, order, rows, stream_records};
use crate::support::orders::{added, submitted};
use crate::support::{Item, Tables};

/// Makes the event at `version` one that only newer code knows, or one of today again.
async fn set_event_version(tables: &Tables, id: &str, version: u64, event_version: u32) {
    let key = |name: &str, value| (name.to_owned(), value);
    let update = tables
        .dynamodb
        .update_item()
        .table_name("EventStore")
        .set_key(Some(Item::from([
            key("AggregateId", AttributeValue::S(id.to_owned())),
            key("Version", AttributeValue::N(version.to_string())),
        ])));
    let update = update.update_expression("SET EventVersion = :version");
    let update = update.expression_attribute_values(":version", AttributeValue::N(event_version.to_string()));
    update.send().await.unwrap();
}

/// What a schedule has admin do each minute.
async fn each_minute(tables: &Tables) -> Value {
    each_minute_with(tables, &[]).await
}

async fn each_minute_with(tables: &Tables, changed: &[(&str, &str)]) -> Value {
    let admin = tables.function_with("admin", changed);
    let tick = json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} });
    admin.invoke(tick, Context::default()).await.unwrap()
}

async fn parked(tables: &Tables) -> Vec<Item> {
    tables.items("ParkedEvents").await
}

/// How many aggregates `GET /projections` says are parked.
async fn shown_as_parked(tables: &Tables, projection: &str) -> u64 {
    let parked = projector::ParkedEvents::new(tables.dynamodb.clone(), "ParkedEvents");
    parked.count(projection).await.unwrap()
}

#[tokio::test]
async fn an_event_of_newer_code_holds_nobody_up_and_is_projected_once_the_code_has_come() {
    let tables = Tables::new().await;
    let newer = order(&tables, "VINET", &[added("42", 1), submitted()]).await;
    let other = order(&tables, "VINET", &[submitted()]).await;
    set_event_version(&tables, &newer, 2, 99).await;
    let records = stream_records(&tables, "EventStore").await;
    for _ in 0..2 {
        assert_eq!(deliver(&tables, "order-summary-projection", &records).await, [""; 0]);
        let rows: Vec<OrderSummaryRow> = rows(&tables, "OrderSummary").await;
        // As far as this code can read.
        let versions: BTreeMap<_, _> = rows.iter().map(|row| (row.order_id.to_string(), row.version)).collect();
        assert_eq!(versions, [(newer.clone(), 1), (other.clone(), 2)].into());
    }
    let first = parked(&tables).await;
    assert_eq!(first.len(), 1);
    assert!(first[0].contains_key("NewerSince"), "{first:?}");
    assert_eq!(shown_as_parked(&tables, "order-summary").await, 0);

    // Older code tries in vain, and waits for no longer than it began to.
    assert_eq!(each_minute(&tables).await, json!({ "applied": 0 }));
    assert_eq!(deliver(&tables, "order-summary-projection", &records).await, [""; 0]);
    assert_eq!(parked(&tables).await[0]["NewerSince"], first[0]["NewerSince"]);

    set_event_version(&tables, &newer, 2, 1).await;
    // Also when an operator redrives it at the same moment.
    for each in futures::future::join_all([each_minute(&tables), each_minute(&tables)]).await {
        assert_eq!(each, json!({ "applied": 1 }));
    }
    assert!(parked(&tables).await.is_empty());
    deliver_everything(&tables).await;
    assert_rows_are_folds(&tables, &[newer, other]).await;
}

#[tokio::test]
async fn a_rebuild_parks_an_event_of_newer_code_until_the_code_has_come() {
    let tables = Tables::new().await;
    let newer = order(&tables, "VINET", &[added("42", 1), submitted()]).await;
    let other = order(&tables, "VINET", &[submitted()]).await;
    set_event_version(&tables, &newer, 2, 99).await;
    for _ in 0..2 {
        crate::replay::rebuild(&tables).await;
        let parked = parked(&tables).await;
        assert_eq!(parked.len(), 1);
        assert_eq!(parked[0]["AggregateId"], AttributeValue::S(newer.clone()));
        assert_eq!(parked[0].get("NewerSince"), parked[0].get("ParkedAt"), "{parked:?}");
    }
    assert_eq!(each_minute(&tables).await, json!({ "applied": 0 }));
    set_event_version(&tables, &newer, 2, 1).await;
    assert_eq!(each_minute(&tables).await, json!({ "applied": 1 }));
    assert!(parked(&tables).await.is_empty());
    deliver_everything(&tables).await;
    assert_rows_are_folds(&tables, &[newer, other]).await;
}

#[tokio::test]
async fn what_no_deployment_has_mended_within_an_hour_counts_as_lasting() {
    let tables = Tables::new().await;
    let newer = order(&tables, "VINET", &[submitted()]).await;
    set_event_version(&tables, &newer, 2, 99).await;
    let records = stream_records(&tables, "EventStore").await;
    deliver(&tables, "order-summary-projection", &records).await;
    let mut entry = parked(&tables).await.remove(0);
    let long_ago = rfc3339_micros(Utc::now() - TimeDelta::minutes(61));
    entry.insert("NewerSince".to_owned(), AttributeValue::S(long_ago));
    let put = tables
        .dynamodb
        .put_item()
        .table_name("ParkedEvents")
        .set_item(Some(entry));
    put.send().await.unwrap();
    // Also when its records come once more.
    deliver(&tables, "order-summary-projection", &records).await;
    assert_eq!(shown_as_parked(&tables, "order-summary").await, 1);
    set_event_version(&tables, &newer, 2, 1).await;
    assert_eq!(each_minute(&tables).await, json!({ "applied": 0 }));
    assert_eq!(parked(&tables).await.len(), 1);
}

#[tokio::test]
async fn a_row_of_newer_code_holds_nobody_up() {
    let tables = Tables::new().await;
    let newer = order(&tables, "VINET", &[submitted()]).await;
    let other = order(&tables, "VINET", &[submitted()]).await;
    let records = stream_records(&tables, "EventStore").await;
    deliver(&tables, "order-summary-projection", &records).await;
    let mut row = tables.items("OrderSummary").await;
    row.retain(|row| row["OrderId"] == AttributeValue::S(newer.clone()));
    let of_today = row[0].clone();
    row[0].insert("Generation".to_owned(), AttributeValue::N("99".to_owned()));
    for (row, left) in [(row.remove(0), 1), (of_today, 0)] {
        let put = tables
            .dynamodb
            .put_item()
            .table_name("OrderSummary")
            .set_item(Some(row));
        put.send().await.unwrap();
        let changes = stream_records(&tables, "OrderSummary").await;
        assert_eq!(deliver(&tables, "customer-orders-projection", &changes).await, [""; 0]);
        each_minute(&tables).await;
        assert_eq!(parked(&tables).await.len(), left);
    }
    deliver_everything(&tables).await;
    assert_rows_are_folds(&tables, &[newer, other]).await;
}

#[tokio::test]
async fn a_command_on_what_newer_code_has_written_is_503_and_writes_nothing() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[added("42", 1)]).await;
    set_event_version(&tables, &id, 2, 99).await;
    let events = tables.items("EventStore").await;
    let file = crate::support::project().join("events/order-commands/submit-order.json");
    let mut request: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    request["rawPath"] = json!(format!("/orders/{id}/submit"));
    request["pathParameters"] = json!({ "order_id": id });
    let answer = tables
        .function("order-commands")
        .invoke(request, Context::default())
        .await
        .unwrap();
    assert_eq!(answer["statusCode"], 503, "{answer}");
    assert!(answer["headers"]["retry-after"].is_string(), "{answer}");
    let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(problem["code"], "newer_code");
    assert_eq!(tables.items("EventStore").await, events);
}

#[tokio::test]
async fn what_the_relay_cannot_read_yet_is_told_once_the_code_has_come_and_everything_else_at_once() {
    let tables = Tables::new().await;
    let newer = order(&tables, "VINET", &[submitted()]).await;
    let other = order(&tables, "VINET", &[submitted()]).await;
    set_event_version(&tables, &newer, 2, 99).await;
    // An aggregate that this code does not know.
    let mut unknown = tables.items("EventStore").await.remove(0);
    for (name, value) in [
        ("AggregateId", "return-1"),
        ("AggregateType", "Return"),
        ("EventType", "ReturnOpened"),
    ] {
        unknown.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
    }
    unknown.insert("Version".to_owned(), AttributeValue::N("1".to_owned()));
    let put = tables
        .dynamodb
        .put_item()
        .table_name("EventStore")
        .set_item(Some(unknown));
    put.send().await.unwrap();

    let (endpoint, taken) = crate::payloads::bus().await;
    let changed = [("AWS_ENDPOINT_URL_EVENTBRIDGE", endpoint.as_str())];
    let subjects = || {
        let told: Vec<Value> = taken.lock().unwrap().drain(..).collect();
        let subjects = told
            .iter()
            .map(|told| told["data"]["order_id"].as_str().unwrap().to_owned());
        subjects.collect::<BTreeSet<_>>()
    };
    let records = stream_records(&tables, "EventStore").await;
    let relay = tables.function_with("event-relay", &changed);
    let answer = relay
        .invoke(json!({ "Records": records }), Context::default())
        .await
        .unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(subjects(), [other].into());
    let waiting = parked(&tables).await;
    assert!(
        waiting.len() == 2 && waiting.iter().all(|entry| entry.contains_key("NewerSince")),
        "{waiting:?}"
    );

    set_event_version(&tables, &newer, 2, 1).await;
    assert_eq!(each_minute_with(&tables, &changed).await, json!({ "applied": 1 }));
    assert_eq!(subjects(), [newer].into());
    assert_eq!(parked(&tables).await.len(), 1);
}
