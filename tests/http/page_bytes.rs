//! No answer grows without bound: a page ends by bytes as well as by count, and what has no count comes in pages, too.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Utc;
use domain::Aggregate;
use domain::fulfilment::Fulfilment;
use domain::fulfilment::event::{FulfilmentEvent, PaymentNews, Start};
use domain::order::{Order, OrderEvent, OrderId, OrderItem};
use lambda_runtime::Context;
use read_models::customer_orders::CustomerOrderRow;
use read_models::{CustomerOrders, OrderSearch, OrderSummaries, Row, Rows};
use serde_json::{Value, json};

use crate::projections::folded;
use crate::support::Tables;
use crate::support::orders::{created, item, metadata, new_order_id};
use crate::support::samples::request;

/// The order of the samples.
const ORDER: &str = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";

/// All entries of a list, and on how many pages they come. Lambda answers at most 6 MB.
async fn walk(tables: &Tables, function: &str, sample: &str, query: &str, list: &str) -> (Vec<Value>, usize) {
    let function_of = tables.function(function);
    let (mut entries, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let event = request(function, sample, &format!("{query}{cursor}"));
        let answer = function_of.invoke(event, Context::default()).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{sample}: {answer}");
        let bytes = answer.to_string().len();
        assert!(bytes < 5_000_000, "{sample}: {bytes} bytes");
        let mut body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        let Value::Array(found) = body[list].take() else {
            panic!("{sample} has no {list}");
        };
        assert!(!found.is_empty(), "{sample}");
        entries.extend(found);
        pages += 1;
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (entries, pages),
        }
    }
}

fn named(product_id: &str, name: &str) -> OrderItem {
    OrderItem {
        // As it is stored, perhaps since before there was a limit.
        product_name: Some(serde_json::from_value(json!(name)).unwrap()),
        ..item(product_id, 1)
    }
}

/// The field reports' row 23.
#[tokio::test]
async fn lists_of_whole_orders_of_500_long_products_end_their_pages_by_bytes() {
    let tables = Tables::new().await;
    // Each quote takes four bytes in Lambda's answer.
    let long = "\"".repeat(200);
    let mut ids = Vec::new();
    let summaries: OrderSummaries = Rows::new(tables.dynamodb.clone(), "OrderSummary");
    let of_customers: CustomerOrders = Rows::new(tables.dynamodb.clone(), "CustomerOrders");
    for _ in 0..9 {
        let lines = (0..499).map(|n| named(&n.to_string(), &long));
        let event = created(lines.chain([named("499", "Chai")]));
        let id = new_order_id();
        let append = tables.store().append::<Order>(&id, 0, &[event], &metadata()).await;
        append.unwrap();
        // As the projections would leave them, but written at once.
        let row = folded(&tables, &id).await;
        let of_customer = CustomerOrderRow::rows(&row).remove(0);
        let mut items = vec![
            ("OrderSummary", summaries.item(&row).unwrap()),
            ("CustomerOrders", of_customers.item(&of_customer).unwrap()),
        ];
        let postings = OrderSearch::items(&row).unwrap().into_iter();
        let chai = postings.filter(|item| item["Term"].as_s().unwrap().starts_with("chai#"));
        items.extend(chai.map(|item| ("OrderSearch", item)));
        for (table, item) in items {
            let put = tables.dynamodb.put_item().table_name(table);
            put.set_item(Some(item)).send().await.unwrap();
        }
        ids.insert(0, id);
    }
    for (function, sample, query) in [
        ("order-queries", "get-orders", "view=full&page_size=25"),
        (
            "order-queries",
            "get-orders-by-status",
            "status=created&view=full&page_size=100",
        ),
        ("customer-queries", "get-customer-orders", "view=full&page_size=25"),
        ("order-queries", "search-orders", "q=chai&view=full&page_size=25"),
    ] {
        let (orders, pages) = walk(&tables, function, sample, query, "data").await;
        let listed: Vec<_> = orders.iter().map(|order| order["order_id"].as_str().unwrap()).collect();
        assert_eq!(listed, ids, "{sample}");
        assert_eq!(pages, 2, "{sample}");
        assert!(
            orders
                .iter()
                .all(|order| order["items"].as_array().unwrap().len() == 500)
        );
    }
    // In short they fit.
    let (orders, pages) = walk(&tables, "order-queries", "search-orders", "q=chai", "data").await;
    assert_eq!((orders.len(), pages), (9, 1));
}

#[tokio::test]
async fn what_happened_to_one_order_comes_in_pages_when_it_is_long_and_each_entry_once() {
    let tables = Tables::new().await;
    let store = tables.store();
    let long = "x".repeat(100_000);
    let process = Fulfilment::aggregate_id(&ORDER.parse::<OrderId>().unwrap());
    let start = FulfilmentEvent::FulfilmentStarted(Start {
        customer_id: "VINET".parse().unwrap(),
        currency: "USD".parse().unwrap(),
        total_amount: "14.00".parse().unwrap(),
        payment_method_id: None,
        lines: Vec::new(),
    });
    store
        .append::<Order>(ORDER, 0, &[created([])], &metadata())
        .await
        .unwrap();
    store
        .append::<Fulfilment>(&process, 0, &[start], &metadata())
        .await
        .unwrap();
    for version in 1..42 {
        let event = OrderEvent::from(named(&version.to_string(), &long));
        store
            .append::<Order>(ORDER, version, &[event], &metadata())
            .await
            .unwrap();
        let event = FulfilmentEvent::FulfilmentPaymentChanged {
            payment_version: version,
            news: PaymentNews::Failed {
                code: "declined".to_owned(),
                reason: long.clone(),
                retryable: true,
            },
        };
        store
            .append::<Fulfilment>(&process, version, &[event], &metadata())
            .await
            .unwrap();
        let parked = [
            ("Projection", "order-summary"),
            ("AggregateId", &format!("order-{version}")),
            ("Error", &long),
            ("EventId", "event"),
            ("ParkedAt", &Utc::now().to_rfc3339()),
        ];
        let parked = parked.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
        let put = tables.dynamodb.put_item().table_name("ParkedEvents");
        put.set_item(Some(HashMap::from(parked))).send().await.unwrap();
    }
    for (function, sample, list, query) in [
        ("order-queries", "get-order-history", "data", ""),
        ("order-queries", "get-order-history", "data", "page_size=100"),
        ("order-queries", "get-order-events", "data", "page_size=100"),
        ("order-queries", "get-order-fulfilment", "steps", ""),
        ("admin", "query-events", "data", "page_size=100"),
    ] {
        let (entries, pages) = walk(&tables, function, sample, query, list).await;
        let versions: Vec<_> = entries.iter().map(|entry| entry["version"].as_u64().unwrap()).collect();
        assert!(versions.into_iter().eq(1..=42), "{sample}");
        assert!(pages > 1, "{sample}");
    }
    let (entries, pages) = walk(&tables, "order-queries", "get-order-history", "page_size=7", "data").await;
    assert_eq!((entries.len(), pages), (42, 6));
    assert_eq!(entries[41]["details"]["total_after"], "574.00");
    let (entries, pages) = walk(&tables, "admin", "list-parked", "page_size=100", "data").await;
    assert!(entries.len() == 41 && pages > 1, "{}", entries.len());

    // What is asked for is still looked at.
    let history = tables.function("order-queries");
    for query in ["page_size=0", "cursor=AAAA", "size=7"] {
        for sample in ["get-order-history", "get-order-fulfilment"] {
            let event = request("order-queries", sample, query);
            let answer = history.invoke(event, Context::default()).await.unwrap();
            assert_eq!(answer["statusCode"], 400, "{sample}?{query}");
        }
    }
}
