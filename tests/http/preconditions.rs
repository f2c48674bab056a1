//! `If-Match` and `If-None-Match` on every route that writes: what is absent and would not be created is 404; where the request
//! would create it, 412.
//! <https://www.rfc-editor.org/rfc/rfc9110#name-when-to-evaluate>

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::order_body;
use crate::support::{Answer, Api, template};

const ABSENT: &str = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";

/// The commands on an order that exists, one after the other. `null` for no body.
fn commands() -> [(&'static str, Value); 10] {
    [
        (
            "POST /orders/{order_id}/items",
            json!({ "product_id": "42", "quantity": 1, "unit_price": 1 }),
        ),
        ("DELETE /orders/{order_id}/items/{product_id}", Value::Null),
        ("PUT /orders/{order_id}/reference", json!({ "reference": "WEB-1" })),
        (
            "PUT /orders/{order_id}/shipping-address",
            json!({ "street": "1 Rue", "city": "Reims", "state": "Marne", "postal_code": "51100", "country": "FR" }),
        ),
        ("POST /orders/{order_id}/submit", Value::Null),
        ("POST /orders/{order_id}/confirm", json!({ "payment_method_id": "pm" })),
        (
            "POST /orders/{order_id}/payment",
            json!({ "transaction_id": "tx", "amount": "20.00" }),
        ),
        (
            "POST /orders/{order_id}/ship",
            json!({ "tracking_number": "1Z", "carrier": "DHL" }),
        ),
        ("POST /orders/{order_id}/deliver", Value::Null),
        ("POST /orders/{order_id}/cancel", json!({ "reason": "r" })),
    ]
}

/// What creates or replaces a thing, twice with different bodies.
fn puts() -> [(&'static str, [Value; 2]); 4] {
    let customer = |name: &str| json!({ "name": name });
    let product = |price: u32| json!({ "name": "Chai", "unit_price": price, "currency": "EUR" });
    let stock = |on_hand: u32| json!({ "on_hand": on_hand });
    let receipt = |quantity: u32| json!({ "quantity": quantity });
    [
        ("PUT /customers/{customer_id}", [customer("a"), customer("b")]),
        ("PUT /products/{product_id}", [product(1), product(2)]),
        ("PUT /inventory/{sku}", [stock(1), stock(2)]),
        ("POST /inventory/{sku}/receipts", [receipt(1), receipt(2)]),
    ]
}

/// What retires a thing, what puts it there, and what is answered when there is none.
fn retirements() -> [(&'static str, &'static str, &'static str); 2] {
    [
        (
            "DELETE /customers/{customer_id}",
            "PUT /customers/{customer_id}",
            "customer_not_found",
        ),
        (
            "DELETE /products/{product_id}",
            "PUT /products/{product_id}",
            "product_not_found",
        ),
    ]
}

/// Sends a command with a header of this value, with ids of a thing or an order in its path.
async fn send(api: &Api, operation: &str, id: &str, body: &Value, header: (&str, &str)) -> Answer {
    let (method, path) = operation.split_once(' ').unwrap();
    let path = path.replace("{product_id}", "42").replace("{order_id}", id);
    let path = path.replace("{customer_id}", id).replace("{sku}", id);
    let request = api.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
    let request = request.header(header.0, header.1);
    Answer::of(if body.is_null() { request } else { request.json(body) }).await
}

#[test]
fn these_are_all_routes_that_write() {
    let routes = template().functions.into_iter().flat_map(|function| function.routes);
    let writing = routes.filter(|route| !matches!(route.method.as_str(), "GET" | "HEAD"));
    let writing: BTreeSet<_> = writing
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let commands = commands().map(|(operation, _)| operation);
    let puts = puts().map(|(operation, _)| operation);
    let retirements = retirements().map(|(operation, ..)| operation);
    // What is parked has no version that anybody could name; that of a fulfilment is named in `openapi.rs`.
    let others = [
        "POST /orders",
        "POST /orders/{order_id}/fulfilment/settle",
        "POST /admin/parked/redrive",
        "POST /admin/parked/{projection}/{aggregate_id}/redrive",
    ];
    let tested = commands
        .into_iter()
        .chain(puts)
        .chain(retirements)
        .chain(others)
        .map(str::to_owned)
        .collect();
    assert_eq!(writing, tested);
}

#[tokio::test]
async fn a_command_on_an_order_changes_the_version_that_is_named_and_404_goes_before() {
    let api = Api::start().await;
    let (walked, cancelled) = (api.create_order().await, api.create_order().await);
    let (mut version, mut last) = (1, String::new());
    for (operation, body) in commands() {
        let send = async |id: &str, header, value: &str| send(&api, operation, id, &body, (header, value)).await;
        for (header, value) in [("if-match", "\"1\""), ("if-match", "*"), ("if-none-match", "\"1\"")] {
            send(ABSENT, header, value).await.assert_problem(404, "order_not_found");
        }
        let id = if operation.ends_with("/cancel") {
            version = 1;
            &cancelled
        } else {
            &walked
        };
        let current = format!("\"{version}\"");
        for (header, value) in [
            ("if-match", "\"99\""),
            ("if-match", "\"98\", \"99\""),
            ("if-match", &format!("W/{current}")),
            ("if-match", "\"x\""),
            ("if-none-match", &current),
            ("if-none-match", &format!("\"99\", W/{current}")),
            ("if-none-match", "*"),
        ] {
            send(id, header, value).await.assert_problem(412, "version_mismatch");
        }
        for (header, value) in [("if-match", "99"), ("if-none-match", "99"), ("if-match", "\"1")] {
            send(id, header, value).await.assert_problem(400, "malformed_header");
        }
        // Each of them once.
        let (header, value) = match version % 3 {
            0 => ("if-match", "*".to_owned()),
            1 => ("if-match", format!("\"99\", {current}")),
            _ => ("if-none-match", "\"99\"".to_owned()),
        };
        let answer = send(id, header, &value).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        version = answer.body["version"].as_u64().unwrap();
        last = answer.body["status"].as_str().unwrap().to_owned();
    }
    assert_eq!(last, "cancelled");
}

#[tokio::test]
async fn an_item_that_is_not_in_the_order_is_404_whatever_version_is_named() {
    let api = Api::start().await;
    let id = api.create_order().await;
    for (header, value) in [
        ("if-match", "\"99\""),
        ("if-match", "\"1\""),
        ("if-match", "*"),
        ("if-none-match", "*"),
    ] {
        let operation = "DELETE /orders/{order_id}/items/{product_id}";
        let answer = send(&api, operation, &id, &Value::Null, (header, value)).await;
        answer.assert_problem(404, "item_not_found");
    }
}

#[tokio::test]
async fn what_a_request_would_create_is_at_no_version_yet() {
    let api = Api::start().await;
    for (operation, [first, second]) in puts() {
        // A thing of its own for each.
        let id = &operation.replace(['/', ' ', '{', '}'], "-");
        let send = async |body: &Value, header, value: &str| send(&api, operation, id, body, (header, value)).await;
        for value in ["\"1\"", "*", "W/\"1\""] {
            send(&first, "if-match", value)
                .await
                .assert_problem(412, "version_mismatch");
        }
        let created = send(&first, "if-none-match", "*").await;
        assert!([200, 201].contains(&created.status), "{operation}: {}", created.body);
        let version = created.body["version"].as_u64().unwrap();
        let current = format!("\"{version}\"");
        // Also what is so already.
        for body in [&first, &second] {
            for value in ["*", &current, &format!("W/{current}")] {
                send(body, "if-none-match", value)
                    .await
                    .assert_problem(412, "version_mismatch");
            }
        }
        for value in ["\"99\"", &format!("W/{current}")] {
            send(&second, "if-match", value)
                .await
                .assert_problem(412, "version_mismatch");
        }
        let replaced = send(&second, "if-match", &format!("\"99\", {current}")).await;
        assert_eq!(replaced.status, 200, "{operation}: {}", replaced.body);
        assert!(replaced.body["version"].as_u64().unwrap() > version, "{operation}");
    }
    let create = async |header, value| send(&api, "POST /orders", "", &order_body(), (header, value)).await;
    for value in ["\"1\"", "*"] {
        create("if-match", value).await.assert_problem(412, "version_mismatch");
    }
    for value in ["\"1\"", "*"] {
        assert_eq!(create("if-none-match", value).await.status, 201);
    }
}

#[tokio::test]
async fn what_is_retired_is_there_and_at_a_version_that_is_named() {
    let api = Api::start().await;
    for (retire, put, absent) in retirements() {
        let (_, [body, _]) = puts().into_iter().find(|(operation, _)| *operation == put).unwrap();
        let retire = async |header, value: &str| send(&api, retire, "42", &Value::Null, (header, value)).await;
        let put = async |header, value: &str| send(&api, put, "42", &body, (header, value)).await;
        for (header, value) in [("if-match", "\"1\""), ("if-match", "*"), ("if-none-match", "*")] {
            retire(header, value).await.assert_problem(404, absent);
        }
        put("if-none-match", "*").await;
        for (header, value) in [
            ("if-match", "\"2\""),
            ("if-match", "W/\"1\""),
            ("if-none-match", "*"),
            ("if-none-match", "\"1\""),
        ] {
            retire(header, value).await.assert_problem(412, "version_mismatch");
        }
        retire("if-match", "1").await.assert_problem(400, "malformed_header");
        let retired = retire("if-match", "\"1\"").await;
        assert_eq!((retired.status, retired.header("etag")), (200, Some("\"2\"")));
        assert_eq!(retired.body["retired"], true);
        // Its answer was lost: it is sent once more.
        for (header, value) in [("if-match", "\"1\""), ("if-match", "*"), ("if-none-match", "\"99\"")] {
            let again = retire(header, value).await;
            assert_eq!((again.status, &again.body), (200, &retired.body));
        }
        retire("if-none-match", "*")
            .await
            .assert_problem(412, "version_mismatch");

        put("if-match", "\"1\"").await.assert_problem(412, "version_mismatch");
        let back = put("if-match", "\"2\"").await;
        assert_eq!((back.status, &back.body["version"]), (200, &json!(3)));
        assert_eq!(back.body["retired"], false);
    }
}
