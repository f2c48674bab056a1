//! A line of an order is a product and a SKU: adding, removing, reading and searching follow it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::order_body;
use crate::support::{Answer, Api};

fn tee(sku: &str, quantity: u32) -> Value {
    json!({ "product_id": "tee", "sku": sku, "product_name": format!("T-shirt {sku}"), "quantity": quantity, "unit_price": "15.00" })
}

async fn create(api: &Api, items: Value) -> String {
    let mut body = order_body();
    body["items"] = items;
    let created = api.post("/orders", body).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.body["order_id"].as_str().unwrap().to_owned()
}

/// SKU and quantity of each line.
async fn lines(api: &Api, order_id: &str, version: u64) -> Vec<(Value, Value)> {
    let order = api.order_at(order_id, version).await;
    let items = order["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| (item["sku"].clone(), item["quantity"].clone()))
        .collect()
}

#[tokio::test]
async fn two_colours_of_one_product_are_two_lines() {
    let api = Api::start().await;
    let id = create(&api, json!([tee("RED", 1), tee("BLUE", 2)])).await;
    assert_eq!(
        lines(&api, &id, 1).await,
        [(json!("RED"), json!(1)), (json!("BLUE"), json!(2))]
    );

    let items = format!("/orders/{id}/items");
    let added = api.post(&items, tee("BLUE", 3)).await;
    assert_eq!(added.status, 200, "{}", added.body);
    let mut line = tee("BLUE", 5);
    assert_eq!(added.body["line"], line);
    let added = api.post(&items, tee("GREEN", 1)).await;
    line = tee("GREEN", 1);
    assert_eq!(added.body["line"], line);

    // Which is to go must be said, and nothing goes in the meantime.
    let path = format!("{items}/tee");
    let refused = api.delete(&path).await;
    refused.assert_problem(409, "several_lines");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(
        ["RED", "BLUE", "GREEN"].iter().all(|sku| detail.contains(sku)),
        "{detail}"
    );
    api.delete(&format!("{path}?sku=PINK"))
        .await
        .assert_problem(404, "item_not_found");
    api.delete(&format!("{path}?sku="))
        .await
        .assert_problem(404, "item_not_found");
    api.delete(&format!("{path}?colour=RED"))
        .await
        .assert_problem(400, "malformed_parameter");
    api.post(&items, json!({ "product_id": "tee", "quantity": 1 }))
        .await
        .assert_problem(409, "several_lines");

    assert_eq!(api.delete(&format!("{path}?sku=BLUE")).await.status, 200);
    assert_eq!(
        lines(&api, &id, 4).await,
        [(json!("RED"), json!(1)), (json!("GREEN"), json!(1))]
    );
    assert_eq!(api.delete(&format!("{path}?sku=RED")).await.status, 200);
    // With one line left, it need not be said.
    assert_eq!(api.delete(&path).await.status, 200);
    assert_eq!(lines(&api, &id, 6).await, []);
}

#[tokio::test]
async fn each_line_is_found_by_its_sku_and_name_until_it_goes() {
    let api = Api::start().await;
    let id = create(&api, json!([tee("RED", 1), tee("BLUE", 2)])).await;
    let found = |word: &str| format!("/orders/search?q={word}");
    for word in ["red", "blue"] {
        api.eventually(&found(word), |answer| {
            answer.body["data"].as_array().is_some_and(|orders| orders.len() == 1)
        })
        .await;
    }
    assert_eq!(
        api.delete(&format!("/orders/{id}/items/tee?sku=BLUE")).await.status,
        200
    );
    api.eventually(&found("blue"), |answer| {
        answer.body["data"].as_array().is_some_and(Vec::is_empty)
    })
    .await;
    let red = api.get(&found("red")).await;
    assert_eq!(red.body["data"][0]["order_id"], json!(id));
}

#[tokio::test]
async fn one_more_comes_at_the_orders_price_and_the_answer_says_so() {
    let api = Api::start().await;
    let product = |price: &str| json!({ "name": "Chai", "sku": "CHAI", "unit_price": price, "currency": "USD" });
    api.put("/products/1", product("18.00")).await;
    let id = create(&api, json!([{ "product_id": "1", "quantity": 1 }])).await;
    api.put("/products/1", product("20.00")).await;

    let request = || {
        let body = json!({ "product_id": "1", "quantity": 1 });
        let request = api.request(Method::POST, &format!("/orders/{id}/items"));
        Answer::of(request.header("idempotency-key", "one-more").json(&body))
    };
    let added = request().await;
    let line =
        json!({ "product_id": "1", "product_name": "Chai", "sku": "CHAI", "quantity": 2, "unit_price": "18.00" });
    assert_eq!((added.status, &added.body["line"]), (200, &line));
    // Also when it is asked again, after more has happened.
    let other = json!({ "product_id": "1", "quantity": 5, "unit_price": "18.00" });
    assert_eq!(api.post(&format!("/orders/{id}/items"), other).await.status, 200);
    let again = request().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.body, added.body);

    let named = json!({ "product_id": "1", "quantity": 1, "unit_price": "20.00" });
    let refused = api.post(&format!("/orders/{id}/items"), named).await;
    refused.assert_problem(422, "conflicting_price");
    assert_eq!(refused.fields(), ["unit_price"]);
}

#[tokio::test]
async fn a_repetition_is_answered_as_before_whatever_the_catalogue_has_come_to_say() {
    let api = Api::start().await;
    let mut body = order_body();
    // Two lines today. With what the catalogue says later they would be one with two names.
    body["items"] = json!([
        { "product_id": "tee", "quantity": 1, "unit_price": "15.00" },
        tee("RED", 1),
    ]);
    let create = || {
        let request = api.request(Method::POST, "/orders");
        Answer::of(request.header("idempotency-key", "two-lines").json(&body))
    };
    let created = create().await;
    assert_eq!(created.status, 201, "{}", created.body);
    let product = json!({ "name": "Shirt", "sku": "RED", "unit_price": "20.00", "currency": "USD" });
    assert_eq!(api.put("/products/tee", product).await.status, 201);
    let again = create().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{}", again.body);
    assert_eq!(again.body, created.body);
}

#[tokio::test]
async fn what_an_item_with_a_price_leaves_out_comes_from_the_catalogue() {
    let api = Api::start().await;
    api.put(
        "/products/72",
        json!({ "name": "Mozzarella", "sku": "MG-1", "unit_price": "34.80", "currency": "EUR" }),
    )
    .await;
    // In another currency, which is that of a price and not of a name.
    let item = json!({ "product_id": "72", "quantity": 500, "unit_price": "30.00" });
    let unknown = json!({ "product_id": "73", "quantity": 1, "unit_price": "1.00" });
    let id = create(&api, json!([item, unknown])).await;
    let order = api.order_at(&id, 1).await;
    assert_eq!(
        (
            &order["items"][0]["sku"],
            &order["items"][0]["product_name"],
            &order["items"][0]["unit_price"]
        ),
        (&json!("MG-1"), &json!("Mozzarella"), &json!("30.00"))
    );
    assert_eq!(order["items"][1]["sku"], Value::Null);
}
