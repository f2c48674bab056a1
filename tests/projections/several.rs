//! A read model with a row for each product of an order: what it takes is in this file.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType as Role, ScalarAttributeType,
};
use domain::Version;
use domain::order::{OrderEvent, OrderId};
use fastrand::Rng;
use lambda_edge::stream::EventRecord;
use operations::{Plan, Purpose, Replay, Replayer, Replays, Scope, Status, Stop};
use projector::{ParkedEvents, ProjectError, StreamConsumer};
use read_models::{Derived, Format, OrderSummaries, OrderSummaryRow, Row, Rows};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tables::{KeyType, Table};

use super::{append, deliver, folded, order, stream_records};
use crate::replay::Watch;
use crate::support::orders::{added, item, submitted};
use crate::support::{Fault, Item, Tables};

/// A product of an order, under the product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProductOrderRow {
    product_id: String,
    order_key: String,
    order_id: OrderId,
    version: Version,
    quantity: u32,
}

impl Row for ProductOrderRow {
    const NAME: &'static str = "orders-by-product";
    const ROW_VERSION: u32 = 1;
    const TABLE: Table = Table {
        logical_id: "OrdersByProduct",
        variable: "ORDERS_BY_PRODUCT_TABLE",
        key: &[("ProductId", KeyType::Text), ("OrderKey", KeyType::Text)],
    };
    const MOVE: bool = true;

    fn rows(order: &OrderSummaryRow) -> Vec<Self> {
        // There may be several lines of a product, of different SKUs.
        let mut quantities = BTreeMap::new();
        for line in &order.order.items {
            *quantities.entry(line.product_id.to_string()).or_default() += line.quantity.get();
        }
        let row = |(product_id, quantity)| Self {
            product_id,
            order_key: order.order_key.clone(),
            order_id: order.order_id,
            version: order.version,
            quantity,
        };
        quantities.into_iter().map(row).collect()
    }

    fn version(&self) -> Version {
        self.version
    }
}

type Projection = Derived<ProductOrderRow>;

const TABLE: &str = ProductOrderRow::TABLE.logical_id;

/// The tables, with that of the read model.
async fn tables() -> Tables {
    let tables = Tables::new().await;
    let mut create = tables.dynamodb.create_table().table_name(TABLE);
    for ((name, _), role) in ProductOrderRow::TABLE.key.iter().zip([Role::Hash, Role::Range]) {
        let attribute = AttributeDefinition::builder().attribute_name(*name);
        let element = KeySchemaElement::builder().attribute_name(*name).key_type(role);
        create = create
            .attribute_definitions(attribute.attribute_type(ScalarAttributeType::S).build().unwrap())
            .key_schema(element.build().unwrap());
    }
    create.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    tables
}

fn read_model(tables: &Tables) -> Rows<ProductOrderRow> {
    Rows::new(tables.client.clone(), TABLE)
}

fn projection(tables: &Tables) -> Projection {
    let source = OrderSummaries::new(tables.client.clone(), "OrderSummary");
    Projection::new(read_model(tables), source)
}

/// A new order. OrderSummary has had each of its versions.
async fn step_by_step(tables: &Tables, events: &[OrderEvent]) -> String {
    let id = order(tables, "VINET", &[]).await;
    summarize(tables).await;
    for (version, event) in (1..).zip(events) {
        append(tables, &id, version, std::slice::from_ref(event)).await;
        summarize(tables).await;
    }
    id
}

async fn summarize(tables: &Tables) {
    let newest = stream_records(tables, "EventStore").await.pop().unwrap();
    assert_eq!(deliver(tables, "order-summary-projection", &[newest]).await, [""; 0]);
}

/// What OrderSummary's stream has said so far, with each record's order.
async fn changes(tables: &Tables) -> Vec<(String, EventRecord)> {
    let changes = stream_records(tables, "OrderSummary").await.into_iter();
    let with_order = |change: Value| {
        let order_id = change["dynamodb"]["Keys"]["OrderId"]["S"].as_str().unwrap();
        (order_id.to_owned(), serde_json::from_value(change.clone()).unwrap())
    };
    changes.map(with_order).collect()
}

/// All rows, by product and order.
async fn found(tables: &Tables) -> BTreeMap<(String, OrderId), (Version, u32)> {
    let mut items = tables.items(TABLE).await;
    // The lists beside the rows have no quantity.
    items.retain(|item| item.contains_key("Quantity"));
    by_place(serde_dynamo::from_items(items).unwrap())
}

fn by_place(rows: Vec<ProductOrderRow>) -> BTreeMap<(String, OrderId), (Version, u32)> {
    let place = |row: ProductOrderRow| ((row.product_id, row.order_id), (row.version, row.quantity));
    rows.into_iter().map(place).collect()
}

async fn assert_rows_are_folds(tables: &Tables, orders: &[String]) {
    let mut expected = Vec::new();
    for id in orders {
        expected.extend(ProductOrderRow::rows(&folded(tables, id).await));
    }
    assert_eq!(found(tables).await, by_place(expected));
}

fn removed(product: &str) -> OrderEvent {
    OrderEvent::item_removed(item(product, 1).product_id, None)
}

async fn replay(tables: &Tables, purpose: Purpose) -> (Replay, usize) {
    let environment = tables.environment("replay");
    let client = tables.client.clone();
    let replayer = Replayer::new(
        tables.store(),
        vec![Arc::new(read_model(tables))],
        ParkedEvents::from_env(&environment, client.clone()).unwrap(),
        Replays::from_env(&environment, client).unwrap(),
    );
    let plan = Plan::new(purpose, Scope::Everything, &[ProductOrderRow::NAME]);
    let begun = replayer.create(plan, Status::Running).await.unwrap();
    let watch = Watch::default();
    let replay = replayer.run(begun, &Stop::default(), &watch).await.unwrap();
    (replay, watch.differences.into_inner().unwrap().len())
}

#[tokio::test]
async fn shuffled_and_duplicated_records_end_in_the_rows_of_the_fold() {
    let mut random = Rng::with_seed(11);
    for _ in 0..12 {
        let tables = tables().await;
        let mut orders = Vec::new();
        for _ in 0..3 {
            let event = |_| match random.u32(..3) {
                0 => removed(&format!("p{}", random.u32(..4))),
                _ => added(&format!("p{}", random.u32(..4)), 1),
            };
            let events: Vec<_> = (0..6).map(event).collect();
            orders.push(step_by_step(&tables, &events).await);
        }
        let changes = changes(&tables).await;
        let projection = projection(&tables);
        let mut records: Vec<_> = changes.iter().chain(&changes).collect();
        random.shuffle(&mut records);
        for (order_id, record) in records {
            let record = std::slice::from_ref(record);
            StreamConsumer::apply(&projection, order_id, record).await.unwrap();
        }
        assert_rows_are_folds(&tables, &orders).await;
        assert_eq!(replay(&tables, Purpose::Verify).await.1, 0);
    }
}

#[tokio::test]
async fn the_row_of_a_line_that_was_removed_goes_and_no_old_record_brings_it_back() {
    let tables = tables().await;
    let id = step_by_step(&tables, &[added("p", 1), added("q", 2), removed("p")]).await;
    let changes = changes(&tables).await;
    let projection = projection(&tables);
    let order_id: OrderId = id.parse().unwrap();
    let mut seen = Vec::new();
    for (_, record) in &changes {
        let record = std::slice::from_ref(record);
        StreamConsumer::apply(&projection, &id, record).await.unwrap();
        seen.push(found(&tables).await.contains_key(&("p".to_owned(), order_id)));
    }
    assert_eq!(seen, [false, true, true, false]);
    for (_, record) in &changes {
        let record = std::slice::from_ref(record);
        StreamConsumer::apply(&projection, &id, record).await.unwrap();
    }
    assert_rows_are_folds(&tables, &[id]).await;
}

/// Whoever is late finds the list moved on, at whatever moment.
#[tokio::test]
async fn writers_at_once_end_in_the_rows_of_the_fold() {
    for _ in 0..8 {
        let tables = tables().await;
        let id = step_by_step(&tables, &[added("p", 1), added("q", 2), removed("p"), removed("q")]).await;
        let changes = changes(&tables).await;
        let projection = projection(&tables);
        let writers = changes
            .iter()
            .map(|(_, record)| StreamConsumer::apply(&projection, &id, std::slice::from_ref(record)));
        for outcome in futures::future::join_all(writers).await {
            outcome.unwrap();
        }
        assert_rows_are_folds(&tables, &[id]).await;
    }
}

/// More than one transaction holds. One that is cut off in the middle is done again, and nothing is left over.
#[tokio::test]
async fn an_order_of_many_lines_is_written_in_several_transactions() {
    let tables = tables().await;
    let lines: Vec<_> = (0..230).map(|n| item(&format!("p{n}"), 1)).collect();
    let id = crate::support::orders::new_order_id();
    append(&tables, &id, 0, &[crate::support::orders::created(lines)]).await;
    summarize(&tables).await;
    let first = changes(&tables).await;
    let projection = projection(&tables);
    tables.proxy.inject("TransactWriteItems", Fault::Hang);
    tokio::select! {
        () = tables.proxy.until_hanging() => {}
        _ = StreamConsumer::apply(&projection, &id, std::slice::from_ref(&first[0].1)) => panic!("it was not killed"),
    }
    assert_eq!(found(&tables).await.len(), 99);
    StreamConsumer::apply(&projection, &id, std::slice::from_ref(&first[0].1))
        .await
        .unwrap();
    assert_eq!(found(&tables).await.len(), 230);

    for n in 0..120 {
        append(&tables, &id, n + 1, &[removed(&format!("p{n}"))]).await;
    }
    summarize(&tables).await;
    StreamConsumer::refresh(&projection, &id).await.unwrap();
    assert_rows_are_folds(&tables, &[id]).await;
}

#[tokio::test]
async fn a_rebuild_gives_the_same_and_removes_what_is_nobodys() {
    let tables = tables().await;
    let mut orders = Vec::new();
    for n in 0..6 {
        orders.push(
            order(
                &tables,
                "VINET",
                &[added("p", 1), added(&format!("q{n}"), 2), removed("p")],
            )
            .await,
        );
    }
    replay(&tables, Purpose::Rebuild).await;
    assert_rows_are_folds(&tables, &orders).await;
    let rebuilt = found(&tables).await;

    // A row that is gone, one that says something else, and one that is nobody's.
    let mut rows = tables.items(TABLE).await;
    rows.retain(|row| row.contains_key("Quantity"));
    let key = |row: &Item| {
        let of_key = row
            .iter()
            .filter(|(name, _)| ["ProductId", "OrderKey"].contains(&name.as_str()));
        of_key
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Item>()
    };
    let delete = tables.dynamodb.delete_item().table_name(TABLE);
    delete.set_key(Some(key(&rows[0]))).send().await.unwrap();
    rows[1].insert("Quantity".to_owned(), AttributeValue::N("77".to_owned()));
    rows[2].insert("ProductId".to_owned(), AttributeValue::S("nobody's".to_owned()));
    // An order that has no events.
    let gone = crate::support::orders::new_order_id();
    let mut list = tables.items(TABLE).await;
    list.retain(|item| !item.contains_key("Quantity"));
    let mut list = list.remove(0);
    list.insert("ProductId".to_owned(), AttributeValue::S(format!("={gone}")));
    list.insert("OrderId".to_owned(), AttributeValue::S(gone));
    list.insert("Places".to_owned(), AttributeValue::L(Vec::new()));
    for item in [rows[1].clone(), rows[2].clone(), list] {
        tables
            .dynamodb
            .put_item()
            .table_name(TABLE)
            .set_item(Some(item))
            .send()
            .await
            .unwrap();
    }
    assert_eq!(replay(&tables, Purpose::Verify).await.1, 4);
    let (rebuild, _) = replay(&tables, Purpose::Rebuild).await;
    assert_eq!(rebuild.counts.removed, 2);
    assert_eq!(found(&tables).await, rebuilt);
    assert_eq!(replay(&tables, Purpose::Verify).await.1, 0);
    // A row and a list for each order.
    assert_eq!(tables.items(TABLE).await.len(), 2 * orders.len());
}

#[tokio::test]
async fn rows_of_newer_code_are_left_alone_and_those_of_older_code_written_anew() {
    let tables = tables().await;
    let id = step_by_step(&tables, &[added("p", 1), submitted()]).await;
    let source = || OrderSummaries::new(tables.client.clone(), "OrderSummary");
    let newer = Format::of_this_code(ProductOrderRow::ROW_VERSION + 1);
    StreamConsumer::refresh(&projection(&tables), &id).await.unwrap();
    let newer = Projection::new(read_model(&tables).with_format(newer), source());
    StreamConsumer::refresh(&newer, &id).await.unwrap();
    let of_newer_code = tables.items(TABLE).await;
    assert!(
        of_newer_code
            .iter()
            .all(|item| item["Generation"] == AttributeValue::N("2".to_owned()))
    );
    let outcome = StreamConsumer::refresh(&projection(&tables), &id).await;
    assert!(matches!(outcome, Err(ProjectError::Newer(_))), "{outcome:?}");
    replay(&tables, Purpose::Rebuild).await;
    assert_eq!(tables.items(TABLE).await, of_newer_code);
}
