//! What each query costs, and each projection per event: requests that reach DynamoDB and the capacity units that it
//! reports. The README's table has these figures.

use std::cell::Cell;

use domain::order::{OrderEvent, OrderItem};
use lambda_runtime::Context;
use local_stack::functions::FUNCTIONS;
use rust_decimal::Decimal;
use serde_json::json;

use crate::projections::{TRIGGERS, append, deliver_everything, order, stream_records};
use crate::support::orders::{added, item, submitted};
use crate::support::samples::get;
use crate::support::{Tables, Units};

/// The operations, how often each, and the units they take.
async fn cost(tables: &Tables, work: impl AsyncFnOnce()) -> (String, Units) {
    tables.proxy.take_operations();
    tables.proxy.count_units();
    work().await;
    let mut operations = tables.proxy.take_operations();
    operations.sort_unstable();
    let counted = operations.chunk_by(|a, b| a == b);
    let counted: Vec<_> = counted.map(|same| format!("{} {}", same.len(), same[0])).collect();
    (counted.join(", "), tables.proxy.take_units())
}

fn read(operations: &str, read: f64) -> (String, Units) {
    (operations.to_owned(), Units { read, write: 0.0 })
}

#[tokio::test]
async fn each_query_costs_what_the_readme_says() {
    let tables = Tables::new().await;
    for _ in 0..25 {
        order(&tables, "VINET", &[added("p", 1), submitted()]).await;
    }
    deliver_everything(&tables).await;
    for (function, sample, query, expected) in [
        (
            "customer-queries",
            "get-customer-order-summary",
            "",
            read("1 GetItem, 2 Query", 1.5),
        ),
        ("customer-queries", "get-customer-orders", "", read("1 Query", 1.5)),
        (
            "customer-queries",
            "get-customer-orders",
            "status=submitted",
            read("1 Query", 1.5),
        ),
        ("order-queries", "get-orders", "", read("4 Query", 2.0)),
        ("order-queries", "get-orders", "status=submitted", read("4 Query", 2.0)),
        (
            "order-queries",
            "get-orders",
            "from_date=2026-01-01&status=submitted",
            read("4 Query", 2.0),
        ),
        (
            "order-queries",
            "get-orders",
            "customer_id=VINET&to_date=2099-01-01",
            read("1 Query", 1.5),
        ),
        (
            "report-queries",
            "get-daily-orders",
            "date=2026-01-01",
            read("1 BatchGetItem", 4.0),
        ),
        (
            "order-queries",
            "search-orders",
            "q=reims",
            read("1 BatchGetItem, 4 Query", 12.5),
        ),
        (
            "order-queries",
            "search-orders",
            "q=reims vin",
            read("1 BatchGetItem, 8 Query", 14.5),
        ),
        ("order-queries", "search-orders", "q=nowhere", read("4 Query", 2.0)),
    ] {
        let found = cost(&tables, async || {
            get(&tables, function, sample, query).await;
        })
        .await;
        assert_eq!(found, expected, "{sample}?{query}");
    }
}

/// From the second batch of an instance on: the first one learns how far others have come.
#[tokio::test]
async fn each_projection_costs_what_the_readme_says() {
    let tables = Tables::new().await;
    let projections = TRIGGERS.map(|(source, binary)| {
        let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == binary).unwrap();
        let function = constructor(&tables.environment(binary), &tables.config).unwrap();
        (source, binary, function, Cell::new(0))
    });
    let deliver_new = async || {
        let mut costs = Vec::new();
        for (source, binary, function, delivered) in &projections {
            let records = stream_records(&tables, source).await;
            let new = &records[delivered.replace(records.len())..];
            let batch = json!({ "Records": new });
            let cost = cost(&tables, async || {
                let answer = function.invoke(batch, Context::default()).await.unwrap();
                assert_eq!(answer, json!({ "batchItemFailures": [] }), "{binary}");
            });
            costs.push(cost.await);
        }
        costs
    };
    order(&tables, "HANAR", &[]).await;
    deliver_new().await;

    let id = order(&tables, "VINET", &[]).await;
    let step = |operations: [&str; 3], units: [(f64, f64); 3]| {
        let units = units.map(|(read, write)| Units { read, write });
        let mut units = units.into_iter();
        operations.map(|operations| (operations.to_owned(), units.next().unwrap()))
    };
    let created = step(
        [
            "1 GetItem, 2 PutItem, 1 Query",
            "1 PutItem, 1 TransactWriteItems",
            "1 BatchWriteItem, 2 GetItem, 3 PutItem, 1 TransactWriteItems",
        ],
        [(2.0, 4.0), (0.0, 6.0), (2.0, 29.0)],
    );
    assert_eq!(deliver_new().await, created);
    let named = OrderItem {
        product_name: Some("Chai".parse().unwrap()),
        ..item("1", 2)
    };
    append(&tables, &id, 1, &[OrderEvent::OrderItemAdded(named)]).await;
    // Three postings of `chai`.
    let same = created.each_ref().map(|(operations, _)| operations.as_str());
    let item_added = step(same, [(2.0, 4.0), (0.0, 6.0), (2.0, 9.0)]);
    assert_eq!(deliver_new().await, item_added);
    append(&tables, &id, 2, &[submitted()]).await;
    // The row moves to another key of the indexes by status; the day's totals and the words stay as they are.
    let submitted = step(
        [
            "1 GetItem, 2 PutItem, 1 Query",
            "1 PutItem, 1 TransactWriteItems",
            "2 PutItem",
        ],
        [(2.0, 5.0), (0.0, 7.0), (0.0, 2.0)],
    );
    assert_eq!(deliver_new().await, submitted);
    // The row moves, one is shipped more that day, and the tracking number has 14 terms.
    let event = OrderEvent::OrderShipped {
        tracking_number: "1Z999AA101234567".parse().unwrap(),
        carrier: "Federal Shipping".parse().unwrap(),
    };
    append(&tables, &id, 3, &[event]).await;
    let shipped = step(same, [(2.0, 5.0), (0.0, 7.0), (2.0, 21.0)]);
    assert_eq!(deliver_new().await, shipped);
    let event = OrderEvent::OrderCancelled {
        reason: "lost".parse().unwrap(),
        refund_amount: Decimal::ZERO,
    };
    append(&tables, &id, 4, &[event]).await;
    let cancelled = step(
        [
            "1 GetItem, 2 PutItem, 1 Query",
            "1 PutItem, 1 TransactWriteItems",
            "1 PutItem, 1 TransactWriteItems",
        ],
        [(2.0, 5.0), (0.0, 7.0), (0.0, 5.0)],
    );
    assert_eq!(deliver_new().await, cancelled);
}
