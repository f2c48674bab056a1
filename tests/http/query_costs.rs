//! What each query costs, and each projection per event: requests that reach DynamoDB and the capacity units that it
//! reports. `docs/costs.md` has these figures.

use std::cell::Cell;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use chrono::TimeDelta;
use domain::order::{OrderEvent, OrderItem};
use domain::time::rfc3339_micros;
use futures::{StreamExt, stream};
use lambda_runtime::Context;
use read_models::customer_orders::CustomerOrderRow;
use read_models::totals::Amounts;
use read_models::{CustomerOrders, Row, Rows};
use run::FUNCTIONS;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::projections::{TRIGGERS, append, deliver_everything, folded, order, stream_records};
use crate::support::orders::{added, item, submitted};
use crate::support::samples::{get, request};
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
async fn each_query_costs_what_the_documents_say() {
    let tables = Tables::new().await;
    for _ in 0..25 {
        order(&tables, "VINET", &[added("p", 1), submitted()]).await;
    }
    deliver_everything(&tables).await;
    put_reference_data(&tables).await;
    for (function, sample, query, expected) in [
        ("catalogue", "get-products", "", read("1 Scan", 1.0)),
        ("catalogue", "get-products", "page_size=100", read("1 Scan", 3.0)),
        ("catalogue", "get-products", "retired=false", read("1 Scan", 1.0)),
        ("customer-queries", "get-customers", "", read("1 Scan", 1.0)),
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

/// 250 products and customers, as a put leaves them.
async fn put_reference_data(tables: &Tables) {
    for n in 0..250 {
        let of_all =
            json!({ "Version": 1, "UpdatedAt": "2026-01-01T00:00:00.000000Z", "Name": "Mozzarella di Giovanni" });
        let mut product = of_all.clone();
        product["ProductId"] = json!(format!("P-{n}"));
        product["UnitPrice"] = json!("34.80");
        product["Currency"] = json!("EUR");
        let mut customer = of_all;
        customer["CustomerId"] = json!(format!("C-{n}"));
        for (table, item) in [("Products", product), ("Customers", customer)] {
            let put = tables.dynamodb.put_item().table_name(table);
            put.set_item(Some(serde_dynamo::to_item(item).unwrap()))
                .send()
                .await
                .unwrap();
        }
    }
}

/// As its projection would leave them, but written at once.
async fn orders_of(tables: &Tables, customer: &str, count: usize) {
    let id = order(tables, customer, &[added("p", 1), submitted()]).await;
    let first = folded(tables, &id).await;
    let rows: CustomerOrders = Rows::new(tables.dynamodb.clone(), "CustomerOrders");
    let mut totals = Amounts::default();
    let mut puts = Vec::new();
    for n in 0..count {
        let created_at = first.created_at + TimeDelta::seconds(n as i64);
        let row = CustomerOrderRow {
            order_key: format!("{}#{id}", rfc3339_micros(created_at)),
            created_at,
            ..CustomerOrderRow::rows(&first).remove(0)
        };
        totals.add_all(&row.amounts());
        puts.push(rows.item(&row).unwrap());
    }
    let mut summary = totals.to_item();
    for (name, value) in [("CustomerId", customer), ("OrderKey", "#summary")] {
        summary.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
    }
    puts.push(summary);
    let batches = puts.chunks(25).map(|items| {
        let puts = items.iter().cloned().map(|item| {
            let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        let write = tables.dynamodb.batch_write_item();
        write.request_items("CustomerOrders", puts.collect()).send()
    });
    let written: Vec<_> = stream::iter(batches).buffer_unordered(8).collect().await;
    assert!(written.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_customer_of_20_000_orders_costs_no_more_than_one_of_25() {
    let tables = Tables::new().await;
    let mut costs = Vec::new();
    for count in [25, 20_000] {
        // Names of the same length, as the units are of bytes.
        let customer = format!("customer {count:5}");
        orders_of(&tables, &customer, count).await;
        let cost = cost(&tables, async || {
            for sample in ["get-customer-order-summary", "get-customer-orders"] {
                let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == "customer-queries").unwrap();
                let function = constructor(&tables.environment("customer-queries"), &tables.config).unwrap();
                let mut event = request("customer-queries", sample, "");
                event["pathParameters"]["customer_id"] = json!(customer);
                let answer = function.invoke(event, Context::default()).await.unwrap();
                let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
                let orders = body["total_orders"].as_u64().unwrap_or(20) as usize;
                assert!(
                    orders == count || body["data"].as_array().unwrap().len() == 20,
                    "{body}"
                );
            }
        });
        costs.push(cost.await);
    }
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[1], read("1 GetItem, 3 Query", 3.0));
}

/// From the second batch of an instance on: the first one learns how far others have come.
#[tokio::test]
async fn each_projection_costs_what_the_documents_say() {
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
    append(&tables, &id, 1, &[OrderEvent::from(named)]).await;
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
