//! Products and customers: their lists, and what becomes of those that are retired.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::order_body;
use crate::support::{Answer, Api};

fn product() -> Value {
    json!({ "name": "Queso Cabrales", "sku": "QC-1", "unit_price": "14.00", "currency": "USD" })
}

/// Leaves nothing to the catalogue.
fn whole(product_id: &str) -> Value {
    json!({ "product_id": product_id, "quantity": 1, "unit_price": 1, "product_name": "n", "sku": "S" })
}

fn unpriced(product_id: &str) -> Value {
    json!({ "product_id": product_id, "quantity": 1 })
}

fn order_of(items: Value) -> Value {
    let mut body = order_body();
    body["items"] = items;
    body
}

async fn retire(api: &Api, path: &str) -> Answer {
    let retired = api.delete(path).await;
    assert_eq!(retired.status, 200, "{}", retired.body);
    retired
}

#[tokio::test]
async fn what_is_retired_is_in_no_new_order_or_line_and_stays_in_the_old_ones() {
    let api = Api::start().await;
    for path in ["/products/11", "/products/42"] {
        api.put(path, product()).await;
    }
    api.put("/customers/VINET", json!({ "name": "Vins", "email": "a@b.example" }))
        .await;
    let keyed = async || {
        let request = api.request(Method::POST, "/orders").header("idempotency-key", "k");
        Answer::of(request.json(&order_of(json!([unpriced("11")])))).await
    };
    let first = keyed().await;
    let id = first.body["order_id"].as_str().unwrap();
    let items = format!("/orders/{id}/items");

    let retired = retire(&api, "/products/11").await;
    let mut expected = api.get("/products/11").await;
    assert_eq!(
        (expected.body["retired"].take(), &retired.body["retired"]),
        (json!(true), &json!(true))
    );
    assert_eq!(
        (expected.header("etag"), &expected.body["name"]),
        (Some("\"2\""), &json!("Queso Cabrales"))
    );
    // Each such item is named.
    let refused = api
        .post(
            "/orders",
            order_of(json!([unpriced("11"), whole("42"), whole("11"), whole("unknown")])),
        )
        .await;
    refused.assert_problem(422, "product_retired");
    assert_eq!(refused.fields(), ["items[0].product_id", "items[2].product_id"]);
    let many = api
        .post("/orders", order_of((0..60).map(|_| unpriced("11")).collect()))
        .await;
    assert_eq!((many.fields().len(), many.fields()[50]), (51, "…"));
    // The order of before has one more of it, but no other line.
    assert_eq!(api.post(&items, unpriced("11")).await.body["line"]["quantity"], 2);
    let another = json!({ "product_id": "11", "quantity": 1, "sku": "QC-2" });
    let refused = api.post(&items, another).await;
    refused.assert_problem(422, "product_retired");
    assert_eq!(refused.fields(), ["product_id"]);

    retire(&api, "/customers/VINET").await;
    let refused = api
        .post("/orders", order_of(json!([whole("42"), unpriced("11")])))
        .await;
    refused.assert_problem(422, "customer_retired");
    assert_eq!(refused.fields(), ["customer_id", "items[1].product_id"]);
    api.post("/orders", order_of(json!([unpriced("42")])))
        .await
        .assert_problem(422, "customer_retired");
    // Who names price, name and SKU asks nobody.
    assert_eq!(api.post("/orders", order_of(json!([whole("11")]))).await.status, 201);
    assert_eq!(api.get("/customers/VINET").await.body["email"], "a@b.example");
    // Its orders go on, and a repetition is answered as before.
    assert_eq!(api.post_empty(&format!("/orders/{id}/submit")).await.status, 200);
    let order = api.get(&format!("/orders/{id}?min_version=3")).await.body;
    assert_eq!(
        (&order["customer_name"], &order["items"][0]["product_name"]),
        (&json!("Vins"), &json!("Queso Cabrales"))
    );
    let again = keyed().await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));

    // Back again, as they were.
    for (path, body) in [
        ("/products/11", product()),
        ("/customers/VINET", json!({ "name": "Vins", "email": "a@b.example" })),
    ] {
        let back = api.put(path, body).await;
        assert_eq!((back.status, &back.body["version"]), (200, &json!(3)));
        assert_eq!(back.body["retired"], false);
    }
    assert_eq!(api.post("/orders", order_of(json!([unpriced("11")]))).await.status, 201);
}

/// What a list shows over all pages of `page_size`: each by its id, and whether it is retired.
async fn walk(api: &Api, path: &str, query: &str, page_size: usize) -> Vec<(String, bool)> {
    let id = if path == "/products" {
        "product_id"
    } else {
        "customer_id"
    };
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}?page_size={page_size}{query}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let data = page.body["data"].as_array().unwrap();
        assert!(data.len() <= page_size);
        let shown = |one: &Value| (one[id].as_str().unwrap().to_owned(), one["retired"] == true);
        all.extend(data.iter().map(shown));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn products_and_customers_are_listed_in_pages_and_without_the_retired_ones() {
    let api = Api::start().await;
    for (path, body) in [("/products", product()), ("/customers", json!({ "name": "Vins" }))] {
        assert_eq!(walk(&api, path, "", 3).await, []);
        let ids: BTreeSet<_> = (0..13).map(|n| format!("T{n:02}")).collect();
        let put = async |id: &String| api.put(&format!("{path}/{id}"), body.clone()).await;
        join_all(ids.iter().map(put)).await;
        // One of before, which may also have a name that new ones may not have.
        let (table, key) = match path {
            "/products" => ("Products", "ProductId"),
            _ => ("Customers", "CustomerId"),
        };
        let before = json!({
            key: "M8/40", "Version": 1, "UpdatedAt": "2026-01-01T00:00:00.000000Z", "Name": "Of before", "UnitPrice": "1", "Currency": "HRK",
        });
        let mut before: crate::support::Item = serde_dynamo::to_item(before).unwrap();
        if table == "Customers" {
            before.retain(|name, _| !["UnitPrice", "Currency"].contains(&name.as_str()));
        }
        let put = api.stack.dynamodb().put_item().table_name(table).set_item(Some(before));
        put.send().await.unwrap();
        for id in ["T03", "T07"] {
            retire(&api, &format!("{path}/{id}")).await;
        }
        let mut expected: Vec<_> = ids
            .iter()
            .map(|id| (id.clone(), ["T03", "T07"].contains(&id.as_str())))
            .collect();
        expected.insert(0, ("M8/40".to_owned(), false));
        for page_size in [1, 2, 5, 13, 14, 15, 100] {
            let mut all = walk(&api, path, "", page_size).await;
            let mut current = walk(&api, path, "&retired=false", page_size).await;
            // In the same order, without them.
            assert_eq!(
                current,
                all.iter().filter(|(_, retired)| !retired).cloned().collect::<Vec<_>>()
            );
            all.sort();
            current.sort();
            assert_eq!(all, expected, "{path} on pages of {page_size}");
            assert_eq!(current.len(), 12);
        }
        // The same as each is shown alone.
        let listed = api.get(&format!("{path}?page_size=100")).await;
        for one in listed.body["data"].as_array().unwrap() {
            let id = one["product_id"].as_str().or(one["customer_id"].as_str()).unwrap();
            let name = if path == "/products" {
                "product_id"
            } else {
                "customer_id"
            };
            let alone = api.get(&format!("{path}/-?{name}={}", id.replace('/', "%2F"))).await;
            assert_eq!(*one, alone.body);
        }
        assert_eq!(listed.header("cache-control"), Some("no-store"));

        let cursor = api.get(&format!("{path}?page_size=1")).await.body["next_cursor"].clone();
        let cursor = cursor.as_str().unwrap();
        let other = if path == "/products" { "/customers" } else { "/products" };
        for foreign in [
            format!("{other}?cursor={cursor}"),
            format!("{path}?retired=false&cursor={cursor}"),
        ] {
            api.get(&foreign).await.assert_problem(400, "invalid_cursor");
        }
        for (query, field) in [
            ("page_size=0", "page_size"),
            ("page_size=101", "page_size"),
            ("retired=yes", "retired"),
            ("retired=true", "retired"),
            ("limit=3", "limit"),
        ] {
            let refused = api.get(&format!("{path}?{query}")).await;
            refused.assert_problem(400, "malformed_parameter");
            assert_eq!(refused.fields(), [field]);
        }
        // What new ones may not be called, or be in, is no reason not to retire one of before.
        let name = if path == "/products" {
            "product_id"
        } else {
            "customer_id"
        };
        let retired = retire(&api, &format!("{path}/-?{name}=M8%2F40")).await;
        assert_eq!(
            (&retired.body["version"], &retired.body["retired"]),
            (&json!(2), &json!(true))
        );
    }
    let stored = api.stack.dynamodb().get_item().table_name("Products");
    let stored = stored
        .key("ProductId", AttributeValue::S("T00".to_owned()))
        .send()
        .await
        .unwrap();
    // What is not retired is as before.
    assert!(!stored.item.unwrap().contains_key("Retired"));
}

#[tokio::test]
async fn an_order_that_is_sent_once_a_retirement_is_answered_is_refused_whatever_happens_at_once() {
    let api = Api::start().await;
    for n in 0..4 {
        let path = format!("/products/{n}");
        api.put(&path, product()).await;
        let create = || api.post("/orders", order_of(json!([unpriced(&n.to_string())])));
        let after = async {
            retire(&api, &path).await;
            create().await
        };
        let (beside, after) = futures::join!(join_all((0..4).map(|_| create())), after);
        after.assert_problem(422, "product_retired");
        // Those beside it may come before or after it.
        for answer in beside {
            assert!([201, 422].contains(&answer.status), "{}", answer.body);
        }
    }
}
