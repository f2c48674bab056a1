//! Bad input is a 4xx with its code and its field, and nothing is written.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{address, order_body};
use crate::support::{Answer, Api};

/// The body of a valid order with one place changed; `null` removes it.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = order_body();
    body["tax"] = json!({ "rate": "0.1" });
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(fields), Value::Null) => {
            fields.remove(name);
        }
        (Value::Array(values), value) => values[name.parse::<usize>().unwrap()] = value,
        (parent, value) => parent[name] = value,
    }
    body
}

fn many_items(count: usize) -> Value {
    (0..count)
        .map(|n| json!({ "product_id": n.to_string(), "quantity": 1, "unit_price": 1 }))
        .collect()
}

async fn assert_nothing_written(api: &Api) {
    let scan = api
        .stack
        .dynamodb()
        .scan()
        .table_name("EventStore")
        .send()
        .await
        .unwrap();
    assert_eq!(scan.count(), 0, "something was written: {:?}", scan.items());
}

#[tokio::test]
async fn an_invalid_field_is_422_and_named() {
    let api = Api::start().await;
    let cases = [
        ("/customer_id", Value::Null, "customer_id"),
        ("/customer_id", json!(""), "customer_id"),
        ("/customer_id", json!("x".repeat(65)), "customer_id"),
        ("/customer_id", json!(" x"), "customer_id"),
        ("/customer_id", json!("a\u{7}b"), "customer_id"),
        ("/customer_id", json!(7), "customer_id"),
        ("/shipping_address", Value::Null, "shipping_address"),
        ("/shipping_address", json!("Reims"), "shipping_address"),
        ("/shipping_address/city", Value::Null, "shipping_address.city"),
        (
            "/shipping_address/city",
            json!("x".repeat(201)),
            "shipping_address.city",
        ),
        ("/shipping_address/planet", json!("Earth"), "shipping_address.planet"),
        ("/shipping_address/zip", json!("51100"), "shipping_address.zip"),
        ("/items", json!({}), "items"),
        ("/items", many_items(501), "items"),
        ("/items/0", json!("11"), "items[0]"),
        ("/items/0", json!(["11", 2, "10.00", null, null]), "items[0]"),
        ("/tax", json!(["0.1", null]), "tax"),
        (
            "/shipping_address",
            json!(["a", "b", null, null, null]),
            "shipping_address",
        ),
        ("/items/0/product_id", Value::Null, "items[0].product_id"),
        ("/items/0/product_id", json!("\n"), "items[0].product_id"),
        ("/items/0/quantity", Value::Null, "items[0].quantity"),
        ("/items/0/quantity", json!(0), "items[0].quantity"),
        ("/items/0/quantity", json!(-1), "items[0].quantity"),
        ("/items/0/quantity", json!(10_001), "items[0].quantity"),
        ("/items/0/quantity", json!(1.5), "items[0].quantity"),
        ("/items/0/quantity", json!("2"), "items[0].quantity"),
        (
            "/items/0/quantity",
            json!(18_446_744_073_709_551_615_u64),
            "items[0].quantity",
        ),
        ("/items/0/unit_price", json!(-0.01), "items[0].unit_price"),
        ("/items/0/unit_price", json!("-5"), "items[0].unit_price"),
        ("/items/0/unit_price", json!(9.999), "items[0].unit_price"),
        ("/items/0/unit_price", json!("ten"), "items[0].unit_price"),
        ("/items/0/unit_price", json!(1e30), "items[0].unit_price"),
        (
            "/items/0/unit_price",
            json!(1_000_000_000_000_i64),
            "items[0].unit_price",
        ),
        ("/items/0/product_name", json!(""), "items[0].product_name"),
        ("/items/0/product_name", json!("x".repeat(201)), "items[0].product_name"),
        ("/items/0/colour", json!("red"), "items[0].colour"),
        ("/currency", json!("ABC"), "currency"),
        ("/currency", json!("usd"), "currency"),
        ("/currency", json!("XAU"), "currency"),
        ("/tax/rate", json!(1.01), "tax.rate"),
        ("/tax/rate", json!(-0.1), "tax.rate"),
        ("/tax/rate", Value::Null, "tax.rate"),
        ("/coupon", json!("x"), "coupon"),
    ];
    for (pointer, value, field) in cases {
        let answer = api.post("/orders", with(pointer, value.clone())).await;
        let shown: String = value.to_string().chars().take(40).collect();
        assert_eq!(
            (answer.status, answer.fields()),
            (422, vec![field]),
            "{pointer} = {shown}: {}",
            answer.body
        );
        answer.assert_problem(422, "validation_failed");
    }
    assert_nothing_written(&api).await;
}

#[tokio::test]
async fn a_price_suits_the_orders_currency() {
    let api = Api::start().await;
    let mut yen = with("/items/0/unit_price", json!("10.5"));
    yen["currency"] = json!("JPY");
    let answer = api.post("/orders", yen.clone()).await;
    assert_eq!((answer.status, answer.fields()), (422, vec!["items[0].unit_price"]));
    yen["items"][0]["unit_price"] = json!(1050);
    assert_eq!(api.post("/orders", yen).await.status, 201);
}

#[tokio::test]
async fn a_body_that_is_no_json_or_not_sent_as_json_is_refused() {
    let api = Api::start().await;
    let send = |content_type: &'static str, body: &'static str| {
        let request = api
            .request(Method::POST, "/orders")
            .header("content-type", content_type);
        Answer::of(request.body(body))
    };
    for body in ["", "{", "nonsense", "{\"customer_id\": \"x\"", "\u{feff}{}"] {
        send("application/json", body)
            .await
            .assert_problem(400, "malformed_json");
    }
    send("application/json", "[]")
        .await
        .assert_problem(422, "validation_failed");
    send("text/plain", "{}")
        .await
        .assert_problem(415, "unsupported_media_type");
    send("application/x-www-form-urlencoded", "a=b")
        .await
        .assert_problem(415, "unsupported_media_type");
    let invalid_utf8 = api
        .request(Method::POST, "/orders")
        .header("content-type", "application/json");
    let answer = Answer::of(invalid_utf8.body(vec![b'"', 0xff, b'"'])).await;
    assert_eq!(answer.status / 100, 4, "{}", answer.body);
    assert_nothing_written(&api).await;
}

#[tokio::test]
async fn a_body_of_2_mb_is_413() {
    let api = Api::start().await;
    let answer = api
        .post("/orders", with("/customer_id", json!("x".repeat(2_000_000))))
        .await;
    answer.assert_problem(413, "payload_too_large");
    assert_nothing_written(&api).await;
}

#[tokio::test]
async fn an_order_with_more_text_than_an_item_of_the_table_holds_is_413() {
    let api = Api::start().await;
    let name = "漢".repeat(200);
    let items: Value = (0..480)
        .map(|n| json!({ "product_id": format!("{n} {}", "漢".repeat(58)), "quantity": 1, "unit_price": 1, "product_name": name }))
        .collect();
    let body = json!({ "customer_id": "c", "shipping_address": address(), "items": items });
    api.post("/orders", body).await.assert_problem(413, "order_too_large");
    assert_nothing_written(&api).await;
}

#[tokio::test]
async fn an_order_id_that_is_no_uuid_is_400_and_an_unknown_one_404() {
    let api = Api::start().await;
    let item = json!({ "product_id": "1", "quantity": 1, "unit_price": 1 });
    for id in ["7", "0190b6a42c4e7c3e9f0a5d8a6d1f2b3c", "stock-42", "%20"] {
        let answer = api.post(&format!("/orders/{id}/items"), item.clone()).await;
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), ["order_id"]);
        api.get(&format!("/orders/{id}"))
            .await
            .assert_problem(400, "malformed_parameter");
    }
    let unknown = "/orders/0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";
    api.post(&format!("{unknown}/items"), item)
        .await
        .assert_problem(404, "order_not_found");
    api.post_empty(&format!("{unknown}/submit"))
        .await
        .assert_problem(404, "order_not_found");
    assert_nothing_written(&api).await;
}

#[tokio::test]
async fn the_other_commands_name_their_fields_too() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let cases = [
        ("confirm", json!({}), "payment_method_id"),
        ("confirm", json!({ "payment_method_id": "" }), "payment_method_id"),
        ("payment", json!({ "transaction_id": "t" }), "amount"),
        ("payment", json!({ "transaction_id": "t", "amount": "1,00" }), "amount"),
        ("ship", json!({ "carrier": "c" }), "tracking_number"),
        ("ship", json!({ "carrier": "", "tracking_number": "t" }), "carrier"),
        ("cancel", json!({ "reason": "x".repeat(501) }), "reason"),
        (
            "cancel",
            json!({ "reason": "r", "refund_amount": "all" }),
            "refund_amount",
        ),
        ("submit", json!({ "force": true }), "force"),
        ("deliver", json!({ "at": "door" }), "at"),
    ];
    for (command, body, field) in cases {
        let answer = api.post(&format!("/orders/{id}/{command}"), body).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field], "{command}");
    }
    let overlong = api.delete(&format!("/orders/{id}/items/{}", "x".repeat(65))).await;
    overlong.assert_problem(400, "malformed_parameter");
    assert_eq!(
        api.get(&format!("/orders/{id}/events")).await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
