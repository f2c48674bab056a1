//! The catalogue, and items that take their price from it.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{address, order_body};
use crate::support::{Answer, Api};

fn product() -> Value {
    json!({ "name": "Queso Cabrales", "sku": "QC-1", "unit_price": "14.00", "currency": "USD" })
}

/// An item that leaves its price to the catalogue.
fn unpriced(product_id: &str) -> Value {
    json!({ "product_id": product_id, "quantity": 2 })
}

fn order_of(items: Value) -> Value {
    let mut body = order_body();
    body["items"] = items;
    body
}

async fn put_if(api: &Api, version: &str, body: &Value) -> Answer {
    let request = api.request(Method::PUT, "/products/11").header("if-match", version);
    Answer::of(request.json(body)).await
}

/// With a key of the path's own.
async fn keyed(api: &Api, path: &str, body: &Value) -> Answer {
    let request = api.request(Method::POST, path).header("idempotency-key", path);
    Answer::of(request.json(body)).await
}

#[tokio::test]
async fn a_product_is_created_replaced_and_read() {
    let api = Api::start().await;
    api.get("/products/11").await.assert_problem(404, "product_not_found");

    let created = api.put("/products/11", product()).await;
    assert_eq!((created.status, created.header("etag")), (201, Some("\"1\"")));
    let mut expected = product();
    expected["product_id"] = json!("11");
    expected["version"] = json!(1);
    expected["retired"] = json!(false);
    expected["updated_at"] = created.body["updated_at"].clone();
    assert_eq!(created.body, expected);
    assert_eq!(api.get("/products/11").await.body, expected);

    // What was left out is gone.
    let replaced = api
        .put(
            "/products/11",
            json!({ "name": "Cabrales", "unit_price": 14.5, "currency": "EUR" }),
        )
        .await;
    assert_eq!((replaced.status, replaced.header("etag")), (200, Some("\"2\"")));
    let read = api.get("/products/11").await;
    assert_eq!(read.body, replaced.body);
    assert_eq!(
        (&read.body["sku"], &read.body["unit_price"], &read.body["currency"]),
        (&Value::Null, &json!("14.50"), &json!("EUR"))
    );

    assert_eq!(read.header("cache-control"), Some("private, no-cache"));
    let again = api
        .request(Method::GET, "/products/11")
        .header("if-none-match", "\"2\"");
    assert_eq!(Answer::of(again).await.status, 304);
    let renewed = api
        .request(Method::GET, "/products/11")
        .header("if-none-match", "\"1\"");
    assert_eq!(Answer::of(renewed).await.status, 200);
}

#[tokio::test]
async fn if_match_replaces_only_that_version_and_a_repetition_is_no_error() {
    let api = Api::start().await;
    put_if(&api, "\"1\"", &product())
        .await
        .assert_problem(412, "version_mismatch");
    api.put("/products/11", product()).await;
    let mut dearer = product();
    dearer["unit_price"] = json!("15.00");
    put_if(&api, "\"2\"", &dearer)
        .await
        .assert_problem(412, "version_mismatch");
    put_if(&api, "1", &dearer).await.assert_problem(400, "malformed_header");
    let replaced = put_if(&api, "\"1\"", &dearer).await;
    assert_eq!((replaced.status, &replaced.body["version"]), (200, &json!(2)));

    // Its answer was lost: it is sent once more.
    let repeated = put_if(&api, "\"1\"", &dearer).await;
    assert_eq!((repeated.status, &repeated.body), (200, &replaced.body));
    let repeated = api.put("/products/11", dearer).await;
    assert_eq!((repeated.status, &repeated.body), (200, &replaced.body));
}

#[tokio::test]
async fn of_many_puts_at_once_none_is_lost_without_a_word() {
    let api = Api::start().await;
    api.put("/products/11", product()).await;
    let priced = |n: u32| {
        let mut body = product();
        body["unit_price"] = json!(n);
        body
    };
    // Each of them on the version that it knows: one wins.
    let bodies: Vec<_> = (20..26).map(priced).collect();
    let answers = join_all(bodies.iter().map(|body| put_if(&api, "\"1\"", body))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 412).count(),
        5,
        "{statuses:?}"
    );
    // Each of them whatever is there: all do, one after the other.
    let answers = join_all((30..34).map(|n| api.put("/products/11", priced(n)))).await;
    let mut versions: Vec<_> = answers.iter().map(|answer| answer.body["version"].as_u64()).collect();
    versions.sort_unstable();
    assert_eq!(versions, [Some(3), Some(4), Some(5), Some(6)]);
}

#[tokio::test]
async fn an_invalid_product_is_422_and_names_the_field() {
    let api = Api::start().await;
    for (field, value) in [
        ("name", Value::Null),
        ("name", json!("")),
        ("name", json!("x".repeat(201))),
        ("name", json!(7)),
        ("sku", json!(" x")),
        ("unit_price", Value::Null),
        ("unit_price", json!(-1)),
        ("unit_price", json!("0.001")),
        ("unit_price", json!("ten")),
        ("unit_price", json!(1_000_000_000_000_i64)),
        ("currency", Value::Null),
        ("currency", json!("usd")),
        ("colour", json!("red")),
        ("product_id", json!("11")),
    ] {
        let mut body = product();
        match value {
            Value::Null => {
                body.as_object_mut().unwrap().remove(field);
            }
            value => body[field] = value,
        }
        let answer = api.put("/products/11", body).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field]);
    }
    let path = format!("/products/{}", "x".repeat(65));
    for answer in [
        api.put(&path, product()).await,
        api.get(&path).await,
        api.get("/products/11?page_size=1").await,
    ] {
        answer.assert_problem(400, "malformed_parameter");
    }
    api.get("/products/11").await.assert_problem(404, "product_not_found");
    // Not every currency has cents.
    let yen = json!({ "name": "n", "unit_price": 1050, "currency": "JPY" });
    assert_eq!(api.put("/products/11", yen).await.body["unit_price"], "1050");
}

#[tokio::test]
async fn an_item_without_a_price_has_the_catalogues_in_its_event() {
    let api = Api::start().await;
    api.put("/products/11", product()).await;
    let items = json!([
        unpriced("11"),
        { "product_id": "42", "quantity": 1, "unit_price": "9.80" },
        { "product_id": "11", "quantity": 1, "unit_price": null },
    ]);
    let created = api.post("/orders", order_of(items)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["order_id"].as_str().unwrap();
    let path = format!("/orders/{id}/items");

    api.put(
        "/products/72",
        json!({ "name": "Mozzarella", "unit_price": "34.80", "currency": "USD" }),
    )
    .await;
    let named = json!({ "product_id": "72", "quantity": 1, "product_name": "Our own", "sku": "M" });
    assert_eq!(api.post(&path, named).await.status, 200);

    // What becomes of the catalogue changes no order.
    let mut dearer = product();
    dearer["unit_price"] = json!(99);
    api.put("/products/11", dearer).await;
    let order = api.get(&format!("/orders/{id}?min_version=2")).await.body;
    let items: Vec<_> = order["items"].as_array().unwrap().iter().collect();
    let shown = |item: &Value| {
        let text = |field: &str| item[field].as_str().unwrap_or("-").to_owned();
        (text("unit_price"), text("product_name"), text("sku"))
    };
    let line = |price: &str, name: &str, sku: &str| (price.to_owned(), name.to_owned(), sku.to_owned());
    assert_eq!(
        items.iter().map(|item| shown(item)).collect::<Vec<_>>(),
        [
            line("14.00", "Queso Cabrales", "QC-1"),
            line("9.80", "-", "-"),
            line("34.80", "Our own", "M"),
        ]
    );
    let events = api.get(&format!("/orders/{id}/events")).await.body;
    assert_eq!(events["data"][0]["data"]["items"][0]["unit_price"], "14.00");

    // One more comes at the price of the order; the new one is refused where it is named.
    let more = api.post(&path, unpriced("11")).await;
    assert_eq!((more.status, &more.body["line"]["unit_price"]), (200, &json!("14.00")));
    let mut priced = unpriced("11");
    priced["unit_price"] = json!(99);
    let conflict = api.post(&path, priced).await;
    conflict.assert_problem(422, "conflicting_price");
    assert_eq!(conflict.fields(), ["unit_price"]);
}

#[tokio::test]
async fn an_item_without_a_price_needs_one_in_the_catalogue_in_the_orders_currency() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let path = format!("/orders/{id}/items");
    let mut euro = product();
    euro["currency"] = json!("EUR");
    api.put("/products/59", euro).await;
    let priced = json!({ "product_id": "1", "quantity": 1, "unit_price": 1 });

    for (path, body, code, field) in [
        (
            "/orders",
            order_of(json!([priced, unpriced("7")])),
            "unknown_product",
            "items[1].product_id",
        ),
        (&path, unpriced("7"), "unknown_product", "product_id"),
        (
            "/orders",
            order_of(json!([unpriced("59")])),
            "currency_mismatch",
            "items[0].unit_price",
        ),
        (&path, unpriced("59"), "currency_mismatch", "unit_price"),
    ] {
        let refused = api.post(path, body).await;
        refused.assert_problem(422, code);
        assert_eq!(refused.fields(), [field]);
    }
    let events = api.get(&format!("/orders/{id}/events")).await.body;
    assert_eq!(events["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn many_items_without_a_price_are_all_found() {
    let api = Api::start().await;
    let ids: Vec<_> = (0..230).map(|n| n.to_string()).collect();
    join_all(
        ids.iter()
            .map(async |id| api.put(&format!("/products/{id}"), product()).await),
    )
    .await;
    let items: Value = ids.iter().map(|id| unpriced(id)).collect();
    let created = api.post("/orders", order_of(items)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let order = api
        .get(&format!("/orders/{}", created.body["order_id"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&order.body["item_count"], &order.body["subtotal"]),
        (&json!(230), &json!("6440.00"))
    );
}

#[tokio::test]
async fn a_repetition_is_answered_as_before_whatever_has_become_of_the_product() {
    let api = Api::start().await;
    api.put("/products/11", product()).await;
    let order = json!({ "customer_id": "VINET", "items": [unpriced("11")], "shipping_address": address() });
    let created = keyed(&api, "/orders", &order).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let path = format!("/orders/{}/items", created.body["order_id"].as_str().unwrap());
    let item = unpriced("11");
    let added = keyed(&api, &path, &item).await;
    assert_eq!(added.status, 200, "{}", added.body);

    let mut dearer = product();
    dearer["unit_price"] = json!(99);
    let mut euro = product();
    euro["currency"] = json!("EUR");
    for now in [Some(dearer), Some(euro), None] {
        match now {
            Some(product) => {
                api.put("/products/11", product).await;
            }
            None => {
                let delete = api.stack.dynamodb().delete_item().table_name("Products");
                let key = AttributeValue::S("11".to_owned());
                delete.key("ProductId", key).send().await.unwrap();
            }
        }
        for (path, body, first) in [("/orders", &order, &created), (path.as_str(), &item, &added)] {
            let again = keyed(&api, path, body).await;
            assert_eq!((again.status, &again.body), (first.status, &first.body));
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
            assert_eq!(again.header("etag"), first.header("etag"));
        }
        let mut other = item.clone();
        other["quantity"] = json!(3);
        keyed(&api, &path, &other)
            .await
            .assert_problem(422, "idempotency_key_reused");
    }
    let order = api
        .get(&format!("{}?min_version=2", created.header("location").unwrap()))
        .await
        .body;
    assert_eq!((&order["version"], &order["subtotal"]), (&json!(2), &json!("56.00")));
}
