//! A record that can never be handled is parked with its error, and the stream goes on.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::Order;
use lambda_edge::stream::EventRecord;
use lambda_runtime::Context;
use projector::parked::Parked;
use projector::{ParkedEvents, ProjectError, StreamConsumer};
use read_models::OrderSummaryRow;
use serde_json::{Value, json};

use super::status::statuses;
use super::{assert_rows_are_folds, deliver, folded, order, rows, stream_records};
use crate::support::Tables;
use crate::support::orders::{added, created, metadata, new_order_id, submitted};

/// Overwrites attributes of a stored event, as nobody may.
async fn tamper(tables: &Tables, id: &str, version: u64, attributes: &[(&str, AttributeValue)]) {
    let items = tables.items("EventStore").await;
    let mut item = items
        .into_iter()
        .find(|item| {
            item["AggregateId"] == AttributeValue::S(id.to_owned())
                && item["Version"] == AttributeValue::N(version.to_string())
        })
        .unwrap();
    for (name, value) in attributes {
        item.insert((*name).to_owned(), value.clone());
    }
    tables
        .dynamodb
        .put_item()
        .table_name("EventStore")
        .set_item(Some(item))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn an_undecodable_event_amid_a_batch_is_parked_and_the_records_around_it_are_projected() {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let broken: [(&[(&str, AttributeValue)], &str); 5] = [
        (
            &[("EventType", text("OrderMisplaced"))],
            "OrderMisplaced is an event type that this code does not know",
        ),
        (
            &[("EventVersion", AttributeValue::N("9".to_owned()))],
            "schema version 9",
        ),
        (
            &[("EventData", AttributeValue::M(Default::default()))],
            "missing field `product_id`",
        ),
        (&[("EventData", text("nonsense"))], "cannot be decoded"),
        (&[("Timestamp", text("yesterday"))], "is not an event"),
    ];
    for (attributes, reason) in broken {
        let tables = Tables::new().await;
        let before = order(&tables, "before", &[submitted()]).await;
        let damaged = order(&tables, "damaged", &[added("11", 1), submitted()]).await;
        let after = order(&tables, "after", &[submitted()]).await;
        let records = stream_records(&tables, "EventStore").await;
        tamper(&tables, &damaged, 2, attributes).await;

        let failed = deliver(&tables, "order-summary-projection", &records).await;
        assert_eq!(failed, [""; 0], "the stream must go on");
        let parked: Vec<Parked> = rows(&tables, "ParkedEvents").await;
        assert_eq!(parked.len(), 1);
        assert_eq!(parked[0].projection, "order-summary");
        assert_eq!(parked[0].aggregate_id, damaged);
        assert!(parked[0].error.contains(reason), "{} lacks {reason}", parked[0].error);

        let summaries: Vec<OrderSummaryRow> = rows(&tables, "OrderSummary").await;
        for id in [before, after] {
            let expected = folded(&tables, &id).await;
            assert!(summaries.contains(&expected));
        }
    }
}

#[tokio::test]
async fn a_row_before_a_broken_event_is_a_state_that_the_order_had() {
    let tables = Tables::new().await;
    let id = order(&tables, "damaged", &[added("11", 1), added("42", 1)]).await;
    let records = stream_records(&tables, "EventStore").await;
    tamper(&tables, &id, 3, &[("EventVersion", AttributeValue::N("9".to_owned()))]).await;
    deliver(&tables, "order-summary-projection", &records).await;
    let summaries: Vec<OrderSummaryRow> = rows(&tables, "OrderSummary").await;
    assert_eq!(summaries[0].version, 2);
    assert_eq!(summaries[0].item_count, 1);
}

#[tokio::test]
async fn a_row_that_customer_orders_cannot_read_is_parked() {
    let tables = Tables::new().await;
    let good = order(&tables, "good", &[submitted()]).await;
    let bad = order(&tables, "bad", &[submitted()]).await;
    deliver(
        &tables,
        "order-summary-projection",
        &stream_records(&tables, "EventStore").await,
    )
    .await;
    let mut changes = stream_records(&tables, "OrderSummary").await;
    for change in &mut changes {
        if change["dynamodb"]["Keys"]["OrderId"]["S"] == json!(bad) {
            change["dynamodb"]["NewImage"]["Status"] = json!({ "S": "lost" });
            // Nor does the row itself help.
            let image: serde_dynamo::Item = serde_json::from_value(change["dynamodb"]["NewImage"].clone()).unwrap();
            let put = tables.dynamodb.put_item().table_name("OrderSummary");
            put.set_item(Some(image.into())).send().await.unwrap();
        }
    }
    assert_eq!(deliver(&tables, "customer-orders-projection", &changes).await, [""; 0]);
    let parked: Vec<Parked> = rows(&tables, "ParkedEvents").await;
    assert_eq!(
        (parked[0].projection.as_str(), &parked[0].aggregate_id),
        ("customer-orders", &bad)
    );
    let listed = tables.rows("CustomerOrders").await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["OrderId"], AttributeValue::S(good));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_sends_a_projection_to_the_row() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[submitted()]).await;
    let records = stream_records(&tables, "EventStore").await;
    deliver(&tables, "order-summary-projection", &records).await;
    let mut changes = stream_records(&tables, "OrderSummary").await;
    for change in &mut changes {
        change["dynamodb"]["NewImage"]["Status"] = json!({ "S": "lost" });
    }
    for projection in ["customer-orders-projection", "order-index-projection"] {
        assert_eq!(deliver(&tables, projection, &changes).await, [""; 0]);
    }
    assert_rows_are_folds(&tables, &[id]).await;
}

#[tokio::test]
async fn an_aggregate_that_is_no_order_is_parked_by_its_name() {
    let tables = Tables::new().await;
    let store = tables.store();
    store
        .append::<Order>("stock-42", 0, &[created([])], &metadata())
        .await
        .unwrap();
    let mut record: Value = stream_records(&tables, "EventStore").await.remove(0);
    deliver(&tables, "order-summary-projection", std::slice::from_ref(&record)).await;
    record["dynamodb"]["Keys"] = json!({});
    record["eventID"] = json!(new_order_id());
    deliver(&tables, "order-summary-projection", std::slice::from_ref(&record)).await;

    let parked: Vec<Parked> = rows(&tables, "ParkedEvents").await;
    let mut names: Vec<_> = parked.into_iter().map(|entry| entry.aggregate_id).collect();
    names.sort();
    assert_eq!(
        names,
        [
            format!("record-{}", record["eventID"].as_str().unwrap()),
            "stock-42".to_owned()
        ]
    );
}

/// Panics on one aggregate and applies the others.
struct Panicking;

#[async_trait::async_trait]
impl StreamConsumer for Panicking {
    const NAME: &'static str = "panicking";
    const AGGREGATE_KEY: &'static str = "AggregateId";

    async fn apply(&self, aggregate_id: &str, _: &[EventRecord]) -> Result<(), ProjectError> {
        assert_ne!(aggregate_id, "bad", "a bug that only this aggregate brings out");
        Ok(())
    }

    async fn refresh(&self, _: &str) -> Result<(), ProjectError> {
        Ok(())
    }
}

#[tokio::test]
async fn an_aggregate_on_which_the_projection_panics_is_parked() {
    let tables = Tables::new().await;
    order(&tables, "VINET", &[]).await;
    let good = stream_records(&tables, "EventStore").await.remove(0);
    let mut bad = good.clone();
    bad["dynamodb"]["Keys"]["AggregateId"]["S"] = json!("bad");

    let parked = ParkedEvents::new(tables.dynamodb.clone(), "ParkedEvents");
    let function = projector::function(Panicking, parked, statuses(&tables));
    let answer = function
        .invoke(json!({ "Records": [good, bad] }), Context::default())
        .await
        .unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let parked: Vec<Parked> = rows(&tables, "ParkedEvents").await;
    assert_eq!(
        (parked[0].aggregate_id.as_str(), parked[0].error.as_str()),
        ("bad", "the projection panicked")
    );
}

#[tokio::test]
async fn a_batch_that_runs_out_of_time_is_asked_for_again() {
    /// Never comes to an end.
    struct Stuck;

    #[async_trait::async_trait]
    impl StreamConsumer for Stuck {
        const NAME: &'static str = "stuck";
        const AGGREGATE_KEY: &'static str = "AggregateId";

        async fn apply(&self, _: &str, _: &[EventRecord]) -> Result<(), ProjectError> {
            std::future::pending().await
        }

        async fn refresh(&self, _: &str) -> Result<(), ProjectError> {
            Ok(())
        }
    }

    let tables = Tables::new().await;
    order(&tables, "VINET", &[]).await;
    let record = stream_records(&tables, "EventStore").await.remove(0);
    let number = record["dynamodb"]["SequenceNumber"].clone();
    let mut context = Context::default();
    let deadline = std::time::SystemTime::now() + std::time::Duration::from_millis(600);
    context.deadline = deadline.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;

    let parked = ParkedEvents::new(tables.dynamodb.clone(), "ParkedEvents");
    let answer = projector::function(Stuck, parked, statuses(&tables))
        .invoke(json!({ "Records": [record] }), context)
        .await
        .unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": number }] }));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_written_anew() {
    for damage in [
        ("Order", json!({ "S": "nonsense" })),
        ("Version", json!({ "S": "many" })),
    ] {
        let tables = Tables::new().await;
        let id = order(&tables, "VINET", &[added("11", 1)]).await;
        let records = stream_records(&tables, "EventStore").await;
        deliver(&tables, "order-summary-projection", &records).await;
        let mut row = tables.items("OrderSummary").await.remove(0);
        row.insert(
            damage.0.to_owned(),
            AttributeValue::S(damage.1["S"].as_str().unwrap().to_owned()),
        );
        tables
            .dynamodb
            .put_item()
            .table_name("OrderSummary")
            .set_item(Some(row))
            .send()
            .await
            .unwrap();

        assert_eq!(deliver(&tables, "order-summary-projection", &records).await, [""; 0]);
        let summaries: Vec<OrderSummaryRow> = rows(&tables, "OrderSummary").await;
        assert_eq!(summaries, [folded(&tables, &id).await], "{}", damage.0);
    }
}
