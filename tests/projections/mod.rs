//! The promises of a projection.

mod delivery;
mod faults;
mod newer;
mod parking;
mod several;
mod status;

use std::collections::{BTreeMap, BTreeSet};

use domain::order::{Order, OrderEvent, OrderId, Terms};
use event_store::Recorded;
use lambda_runtime::Context;
use read_models::customer_orders::CustomerOrderRow;
use read_models::daily_orders::DailyOrderRow;
use read_models::{OrderSummaryRow, Row};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::orders::{metadata, new_order_id, terms};
use crate::support::{Item, Tables, is_row};

/// Invokes a projection with a batch of records; returns the sequence numbers that it wants again.
pub(crate) async fn deliver(tables: &Tables, binary: &str, records: &[Value]) -> Vec<String> {
    let answer = tables
        .function(binary)
        .invoke(json!({ "Records": records }), Context::default())
        .await
        .unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect()
}

/// Each projection with the table whose stream it reads, in the order in which they follow each other.
pub(crate) const TRIGGERS: [(&str, &str); 3] = [
    ("EventStore", "order-summary-projection"),
    ("OrderSummary", "customer-orders-projection"),
    ("OrderSummary", "order-index-projection"),
];

/// Delivers everything to every projection.
pub(crate) async fn deliver_everything(tables: &Tables) {
    for (source, projection) in TRIGGERS {
        let records = stream_records(tables, source).await;
        assert_eq!(deliver(tables, projection, &records).await, [""; 0]);
    }
}

/// All records of a table's stream, as DynamoDB gives them to Lambda.
pub(crate) async fn stream_records(tables: &Tables, table: &str) -> Vec<Value> {
    let streams = async |operation: &str, body: Value| -> Value {
        let answer = crate::support::http()
            .post(tables.endpoint())
            .header("x-amz-target", format!("DynamoDBStreams_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", "20261120T000000Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=local/20261120/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{operation}: {}",
            answer.text().await.unwrap()
        );
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    };
    let stream = streams("ListStreams", json!({ "TableName": table })).await["Streams"][0]["StreamArn"].clone();
    let shard =
        streams("DescribeStream", json!({ "StreamArn": stream })).await["StreamDescription"]["Shards"][0]["ShardId"]
            .clone();
    let iterator = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let mut iterator = streams("GetShardIterator", iterator).await["ShardIterator"].clone();
    let mut records = Vec::new();
    loop {
        let mut page = streams("GetRecords", json!({ "ShardIterator": iterator })).await;
        let Value::Array(found) = page["Records"].take() else {
            panic!("GetRecords answers a list");
        };
        if found.is_empty() {
            return records;
        }
        records.extend(found);
        iterator = page["NextShardIterator"].take();
    }
}

/// The rows of a table, without totals and marks.
pub(crate) async fn rows<T: DeserializeOwned>(tables: &Tables, table: &str) -> Vec<T> {
    serde_dynamo::from_items(tables.rows(table).await).unwrap()
}

/// The row that folding the order's events gives.
pub(crate) async fn folded(tables: &Tables, order_id: &str) -> OrderSummaryRow {
    let events: Vec<Recorded> = tables.store().events(order_id, 1, None).await.unwrap();
    let (row, folded) = OrderSummaryRow::fold(order_id.parse::<OrderId>().unwrap(), None, &events);
    folded.unwrap();
    row.unwrap()
}

/// All tables of rows hold exactly what folding the events of these orders gives, and their totals are right.
pub(crate) async fn assert_rows_are_folds(tables: &Tables, order_ids: &[String]) {
    let mut expected = Vec::new();
    for id in order_ids {
        expected.push(folded(tables, id).await);
    }
    let mut summaries: Vec<OrderSummaryRow> = rows(tables, "OrderSummary").await;
    expected.sort_by_key(|row| row.order_id);
    summaries.sort_by_key(|row| row.order_id);
    assert_eq!(summaries, expected);

    let orders = expected;
    let expected: Vec<CustomerOrderRow> = orders.iter().flat_map(CustomerOrderRow::rows).collect();
    let mut listed: Vec<CustomerOrderRow> = rows(tables, "CustomerOrders").await;
    listed.sort_by_key(|row| row.order_id);
    assert_eq!(listed, expected);
    let wrong = wrong_totals::<CustomerOrderRow>(tables.items("CustomerOrders").await);
    assert_eq!(wrong, [""; 0]);

    let expected: Vec<DailyOrderRow> = orders.iter().flat_map(DailyOrderRow::rows).collect();
    let mut days: Vec<DailyOrderRow> = rows(tables, "DailyOrders").await;
    days.sort_by_key(|row| row.order_id);
    assert_eq!(days, expected);
    let wrong = wrong_totals::<DailyOrderRow>(tables.items("DailyOrders").await);
    assert_eq!(wrong, [""; 0]);
}

/// What is wrong with the totals and marks of a table, computed from its rows without the code that keeps them.
pub(crate) fn wrong_totals<R: Row>(items: Vec<Item>) -> Vec<String> {
    let [(hash, _), (range, _)] = R::TABLE.key else {
        panic!("a table of two keys")
    };
    let text = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
    let mut expected: BTreeMap<String, BTreeMap<String, Decimal>> = BTreeMap::new();
    let mut totals = expected.clone();
    let (mut marks, mut marks_there) = (BTreeSet::new(), BTreeSet::new());
    for item in items {
        let partition = text(&item, hash);
        let key = text(&item, range);
        if is_row(&item) {
            let row: R = serde_dynamo::from_item(item).unwrap();
            let sums = expected.entry(partition.clone()).or_default();
            for (name, amount) in row.amounts().with_prefix("") {
                *sums.entry(name.to_owned()).or_default() += amount;
            }
            if let Some(mark) = row.mark()
                && marks.insert((partition, mark))
            {
                *sums.entry("customers".to_owned()).or_default() += Decimal::ONE;
            }
        } else if item.contains_key("Revision") {
            let amounts = item.iter().filter(|(name, _)| name.starts_with(char::is_lowercase));
            let amounts = amounts.map(|(name, value)| (name.clone(), value.as_n().unwrap().parse().unwrap()));
            totals.insert(partition, amounts.collect());
        } else {
            marks_there.insert((partition, key));
        }
    }
    for amounts in expected.values_mut().chain(totals.values_mut()) {
        amounts.retain(|_, amount| !amount.is_zero());
    }
    let mut wrong = Vec::new();
    if expected != totals {
        wrong.push(format!("the rows come to {expected:?}, and the totals are {totals:?}"));
    }
    if marks != marks_there {
        wrong.push(format!(
            "the rows have the marks {marks:?}, and there are {marks_there:?}"
        ));
    }
    wrong
}

/// A new order of `customer` with `events` after its creation.
pub(crate) async fn order(tables: &Tables, customer: &str, events: &[OrderEvent]) -> String {
    let created = OrderEvent::OrderCreated {
        terms: Terms {
            customer_id: customer.parse().unwrap(),
            ..terms()
        },
        items: Vec::new(),
    };
    let id = new_order_id();
    append(tables, &id, 0, &[created]).await;
    append(tables, &id, 1, events).await;
    id
}

/// One append per event, as commands do.
pub(crate) async fn append(tables: &Tables, id: &str, mut version: u64, events: &[OrderEvent]) {
    for event in events {
        tables
            .store()
            .append::<Order>(id, version, std::slice::from_ref(event), &metadata())
            .await
            .unwrap();
        version += 1;
    }
}
