//! Customer summaries and daily reports: totals that agree with the orders, whatever happens to them, at a constant cost.

use std::collections::BTreeMap;

use chrono::Utc;
use domain::order::OrderEvent;
use futures::future::join_all;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::projections::{append, deliver, deliver_everything, order, stream_records};
use crate::support::orders::{added, submitted};
use crate::support::samples::{get, request};
use crate::support::{Api, Fault, Tables};

async fn summary(tables: &Tables) -> Value {
    get(tables, "customer-queries", "get-customer-order-summary", "").await
}

async fn today(tables: &Tables) -> Value {
    let query = format!("date={}", Utc::now().date_naive());
    get(tables, "report-queries", "get-daily-orders", &query).await
}

fn cancelled() -> OrderEvent {
    OrderEvent::OrderCancelled {
        reason: "changed their mind".parse().unwrap(),
        refund_amount: Decimal::ZERO,
    }
}

#[tokio::test]
async fn totals_follow_every_change_and_redelivery_counts_nothing_twice() {
    let tables = Tables::new().await;
    let first = order(&tables, "VINET", &[added("p", 2), submitted()]).await;
    let second = order(&tables, "VINET", &[added("p", 1)]).await;
    order(&tables, "HANAR", &[added("p", 5)]).await;
    deliver_everything(&tables).await;
    let usd = |gross: &str, net: &str| json!([{ "currency": "USD", "gross": gross, "net": net }]);
    let asked = summary(&tables).await;
    assert_eq!(asked["by_status"], json!({ "created": 1, "submitted": 1 }));
    assert_eq!(
        (&asked["total_orders"], &asked["totals"]),
        (&json!(2), &usd("42.00", "42.00"))
    );
    assert!(
        asked["first_order_at"].as_str() < asked["last_order_at"].as_str(),
        "{asked}"
    );
    let report = today(&tables).await;
    assert_eq!(
        (&report["total_orders"], &report["unique_customers"], &report["revenue"]),
        (&json!(3), &json!(2), &usd("112.00", "112.00"))
    );

    append(&tables, &first, 3, &[cancelled()]).await;
    append(&tables, &second, 2, &[added("q", 1), submitted()]).await;
    for _ in 0..2 {
        deliver_everything(&tables).await;
        let asked = summary(&tables).await;
        assert_eq!(asked["by_status"], json!({ "cancelled": 1, "submitted": 1 }));
        assert_eq!(asked["totals"], usd("56.00", "28.00"));
        let report = today(&tables).await;
        assert_eq!(
            (&report["total_orders"], &report["cancelled_orders"]),
            (&json!(3), &json!(1))
        );
        assert_eq!(report["revenue"], usd("126.00", "98.00"));
    }
}

#[tokio::test]
async fn a_customer_and_a_day_without_orders_have_zeros() {
    let tables = Tables::new().await;
    let known = json!({ "CustomerId": "VINET", "Version": 1, "UpdatedAt": "2026-11-20T12:00:00.000000Z", "Name": "n" });
    let known = serde_dynamo::to_item(known).unwrap();
    let put = tables.dynamodb.put_item().table_name("Customers");
    put.set_item(Some(known)).send().await.unwrap();
    assert_eq!(
        summary(&tables).await,
        json!({
            "customer_id": "VINET", "total_orders": 0, "by_status": {}, "totals": [],
            "first_order_at": null, "last_order_at": null,
        })
    );
    assert_eq!(
        today(&tables).await,
        json!({
            "date": Utc::now().date_naive(), "time_zone": "UTC", "total_orders": 0, "unique_customers": 0, "shipped_orders": 0,
            "cancelled_orders": 0, "revenue": [],
        })
    );
}

#[tokio::test]
async fn a_date_that_is_none_is_refused_by_its_name() {
    let api = Api::start().await;
    for query in [
        "",
        "?date=",
        "?date=2026-13-01",
        "?date=2026-1-2",
        "?date=20-11-2026",
        "?date=%2B2026-11-20",
    ] {
        let answer = api.get(&format!("/reports/daily-orders{query}")).await;
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), ["date"], "{query}");
    }
}

/// A transaction that was carried out although nobody was told, and one that another has crossed.
#[tokio::test]
async fn lost_answers_and_crossing_transactions_count_once() {
    let tables = Tables::new().await;
    order(&tables, "VINET", &[added("p", 2), submitted()]).await;
    let records = stream_records(&tables, "EventStore").await;
    deliver(&tables, "order-summary-projection", &records).await;
    let changes = stream_records(&tables, "OrderSummary").await;
    for projection in ["customer-orders-projection", "order-index-projection"] {
        for fault in [
            Fault::LoseAnswer,
            Fault::Cancel(&["None", "TransactionConflict"]),
            Fault::AnswerWith500,
        ] {
            tables.proxy.inject("TransactWriteItems", fault);
            assert_eq!(deliver(&tables, projection, &changes).await, [""; 0]);
        }
    }
    assert_eq!(summary(&tables).await["total_orders"], 1);
    assert_eq!(today(&tables).await["unique_customers"], 1);
}

/// The one customer's totals are written by everybody at once.
#[tokio::test]
async fn many_orders_of_one_customer_at_once_are_all_counted() {
    let tables = Tables::new().await;
    for _ in 0..40 {
        order(&tables, "VINET", &[added("p", 1)]).await;
    }
    let records = stream_records(&tables, "EventStore").await;
    deliver(&tables, "order-summary-projection", &records).await;
    let changes = stream_records(&tables, "OrderSummary").await;
    for projection in ["customer-orders-projection", "order-index-projection"] {
        let deliveries = changes.chunks(7).map(|batch| deliver(&tables, projection, batch));
        assert!(join_all(deliveries).await.iter().all(Vec::is_empty));
    }
    assert_eq!(summary(&tables).await["total_orders"], 40);
    assert_eq!(today(&tables).await["total_orders"], 40);
}

#[tokio::test]
async fn a_closed_day_is_read_once_and_may_be_kept_and_today_is_not() {
    let api = Api::start().await;
    let closed = api.get("/reports/daily-orders?date=2026-01-02").await;
    assert_eq!(closed.header("cache-control"), Some("private, max-age=3600"));
    let today = Utc::now().date_naive();
    let open = api.get(&format!("/reports/daily-orders?date={today}")).await;
    assert_eq!(open.header("cache-control"), Some("no-store"));

    let tables = Tables::new().await;
    let environment = tables.environment("report-queries");
    let function = report_queries::function(&environment, &tables.config).unwrap();
    let mut requests = BTreeMap::new();
    for day in ["2026-01-02".to_owned(), today.to_string()] {
        let event = request("report-queries", "get-daily-orders", &format!("date={day}"));
        tables.proxy.take_operations();
        for _ in 0..5 {
            function
                .invoke(event.clone(), lambda_runtime::Context::default())
                .await
                .unwrap();
        }
        requests.insert(day, tables.proxy.take_operations().len());
    }
    assert_eq!(requests.into_values().collect::<Vec<_>>(), [1, 5]);
}

/// However many orders the customer has.
#[tokio::test]
async fn a_summary_costs_three_requests_and_a_report_one() {
    let tables = Tables::new().await;
    for _ in 0..30 {
        order(&tables, "VINET", &[]).await;
    }
    deliver_everything(&tables).await;
    tables.proxy.take_operations();
    summary(&tables).await;
    let mut operations = tables.proxy.take_operations();
    operations.sort_unstable();
    assert_eq!(operations, ["GetItem", "Query", "Query"]);
    today(&tables).await;
    assert_eq!(tables.proxy.take_operations(), ["BatchGetItem"]);
}
