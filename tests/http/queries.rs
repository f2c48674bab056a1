//! Every query.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::Api;
use crate::support::api::{address, order_body};

const UNKNOWN: &str = "/orders/0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";

#[tokio::test]
async fn the_history_has_one_entry_per_event_oldest_first() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let item = json!({ "product_id": "42", "quantity": 1, "unit_price": "9.80" });
    api.post(&format!("/orders/{id}/items"), item.clone()).await;
    api.post_empty(&format!("/orders/{id}/submit")).await;

    let history = api.get(&format!("/orders/{id}/history")).await;
    assert_eq!(history.status, 200);
    let entries = history.body["data"].as_array().unwrap();
    let versions: Vec<_> = entries
        .iter()
        .map(|entry| (&entry["version"], &entry["status"]))
        .collect();
    let expected = [
        (json!(1), json!("created")),
        (json!(2), json!("created")),
        (json!(3), json!("submitted")),
    ];
    assert_eq!(
        versions,
        expected
            .iter()
            .map(|(version, status)| (version, status))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        entries[1]["details"],
        json!({ "event": "OrderItemAdded", "data": item, "total_before": "20.00", "total_after": "29.80" })
    );
    assert!(entries[0]["changed_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn the_events_are_the_audit_trail_page_by_page() {
    let api = Api::start().await;
    let id = api.create_order().await;
    for n in 0..6 {
        let item = json!({ "product_id": format!("p{n}"), "quantity": 1, "unit_price": 1 });
        api.post(&format!("/orders/{id}/items"), item).await;
    }
    let mut versions = Vec::new();
    let mut path = format!("/orders/{id}/events?page_size=3");
    loop {
        let page = api.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let events = page.body["data"].as_array().unwrap();
        assert!(events.len() <= 3);
        versions.extend(events.iter().map(|event| event["version"].as_u64().unwrap()));
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("/orders/{id}/events?page_size=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7]);

    let first = &api.get(&format!("/orders/{id}/events?page_size=1")).await.body["data"][0];
    let mut fields: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let expected = [
        "causation_id",
        "command_id",
        "correlation_id",
        "data",
        "event_id",
        "event_type",
        "event_version",
        "timestamp",
        "user_id",
        "version",
    ];
    assert_eq!(fields, expected);
    assert_eq!(
        (&first["event_type"], &first["event_version"]),
        (&json!("OrderCreated"), &json!(5))
    );
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let api = Api::start().await;
    for rest in ["", "/history", "/events"] {
        api.get(&format!("{UNKNOWN}{rest}"))
            .await
            .assert_problem(404, "order_not_found");
    }
    assert_eq!(
        api.get("/customers/nobody/orders").await.body,
        json!({ "data": [], "next_cursor": null })
    );
    assert_eq!(api.get("/nowhere").await.status, 404);
}

/// Thirteen orders of one customer, every third submitted, oldest first.
async fn thirteen_orders(api: &Api) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..13 {
        let id = api.create_order().await;
        if n % 3 == 0 {
            api.post_empty(&format!("/orders/{id}/submit")).await;
        }
        ids.push(id);
    }
    api.post(
        "/orders",
        json!({ "customer_id": "other", "shipping_address": address() }),
    )
    .await;
    api.stack.caught_up().await.unwrap();
    ids
}

async fn all_pages(api: &Api, query: &str) -> Vec<Value> {
    let mut orders = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("/customers/VINET/orders?{query}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        orders.extend(page.body["data"].as_array().unwrap().clone());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return orders,
        }
    }
}

#[tokio::test]
async fn a_customers_orders_come_newest_first_by_page_and_by_status() {
    let api = Api::start().await;
    let mut ids = thirteen_orders(&api).await;
    ids.reverse();
    for query in ["page_size=1", "page_size=5", "page_size=13", "page_size=100"] {
        let orders = all_pages(&api, query).await;
        let listed: Vec<_> = orders.iter().map(|order| order["order_id"].as_str().unwrap()).collect();
        assert_eq!(listed, ids, "{query}");
    }

    let submitted: HashSet<_> = ids.iter().rev().step_by(3).cloned().collect();
    let orders = all_pages(&api, "status=submitted&page_size=2").await;
    let listed: Vec<_> = orders
        .iter()
        .map(|order| order["order_id"].as_str().unwrap().to_owned())
        .collect();
    let expected: Vec<_> = ids.iter().filter(|id| submitted.contains(*id)).cloned().collect();
    assert_eq!(listed, expected);
    assert!(all_pages(&api, "status=paid").await.is_empty());

    let row = &orders[0];
    let (created_at, updated_at) = (&row["created_at"], &row["updated_at"]);
    assert_eq!(
        row,
        &json!({
            "order_id": listed[0], "version": 2, "customer_id": "VINET", "status": "submitted", "currency": "USD",
            "total_amount": "20.00", "item_count": 1, "created_at": created_at, "updated_at": updated_at,
        })
    );
}

#[tokio::test]
async fn a_cursor_that_was_altered_or_is_of_another_query_is_refused() {
    let api = Api::start().await;
    thirteen_orders(&api).await;
    let page = api.get("/customers/VINET/orders?page_size=2").await;
    let cursor = page.body["next_cursor"].as_str().unwrap();
    assert_eq!(
        api.get(&format!("/customers/VINET/orders?cursor={cursor}"))
            .await
            .status,
        200
    );

    let flipped = if cursor.starts_with('A') { "B" } else { "A" };
    let altered = format!("{flipped}{}", &cursor[1..]);
    for path in [
        format!("/customers/VINET/orders?cursor={altered}"),
        format!("/customers/VINET/orders?cursor={}", &cursor[..cursor.len() - 1]),
        "/customers/VINET/orders?cursor=".to_owned(),
        "/customers/VINET/orders?cursor=%F0%9F%A6%80".to_owned(),
        format!("/customers/other/orders?cursor={cursor}"),
        format!("/customers/VINET/orders?status=submitted&cursor={cursor}"),
        format!("{UNKNOWN}/events?cursor={cursor}"),
    ] {
        api.get(&path).await.assert_problem(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn a_query_parameter_that_cannot_be_used_is_named() {
    let api = Api::start().await;
    for (query, field) in [
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("page_size=ten", "page_size"),
        ("page_size=%2B5", "page_size"),
        ("page_size=05", "page_size"),
        ("status=lost", "status"),
        ("colour=red", "colour"),
        ("status=paid&status=paid", "status"),
    ] {
        let answer = api.get(&format!("/customers/VINET/orders?{query}")).await;
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), [field], "{query}");
    }
    let long = "x".repeat(65);
    let answer = api.get(&format!("/customers/{long}/orders")).await;
    answer.assert_problem(400, "malformed_parameter");
    assert_eq!(answer.fields(), ["customer_id"]);
    api.get("/health?deep=1")
        .await
        .assert_problem(400, "malformed_parameter");
    api.get(&format!("{UNKNOWN}?min_versoin=3"))
        .await
        .assert_problem(400, "malformed_parameter");
}

#[tokio::test]
async fn customers_of_any_script_are_found() {
    let api = Api::start().await;
    let mut order = order_body();
    order["customer_id"] = json!("Süß & Söhne 注文");
    assert_eq!(api.post("/orders", order).await.status, 201);
    api.stack.caught_up().await.unwrap();
    let path = "/customers/S%C3%BC%C3%9F%20%26%20S%C3%B6hne%20%E6%B3%A8%E6%96%87/orders";
    assert_eq!(api.get(path).await.body["data"][0]["customer_id"], "Süß & Söhne 注文");
}

#[tokio::test]
async fn health_reads_every_table() {
    let api = Api::start().await;
    let healthy = api.get("/health").await;
    assert_eq!((healthy.status, &healthy.body["status"]), (200, &json!("healthy")));
    assert_eq!(
        healthy.body["components"].as_object().unwrap().len(),
        crate::support::template().tables.len()
    );

    api.stack
        .dynamodb()
        .delete_table()
        .table_name("ParkedEvents")
        .send()
        .await
        .unwrap();
    let unhealthy = api.get("/health").await;
    assert_eq!(
        (unhealthy.status, &unhealthy.body["status"]),
        (503, &json!("unhealthy"))
    );
    assert_eq!(unhealthy.body["components"]["parked_events"], "unhealthy");
    assert_eq!(unhealthy.body["components"]["event_store"], "healthy");
}
