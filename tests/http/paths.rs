//! Identifiers in paths: any character that one may hold, percent-encoded, and what follows the path.

use aws_sdk_dynamodb::types::AttributeValue;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::order_body;
use crate::support::{Answer, Api, template};

fn encoded(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

/// Each with something that means something else in a URL, or looks as if it were encoded.
const IDS: [&str; 14] = [
    "A#1",
    "50%",
    "%23",
    "%2523",
    "a b",
    "a+b",
    "a&b=c",
    "k=v;w",
    "ä-ß",
    "日本",
    "🦀",
    "a\\b",
    "\"q\"",
    "[x]{y}|^`~<>@:,!'()*$",
];

/// A body that the route reads without an error.
fn body(route: &str) -> Value {
    match route {
        "POST /inventory/{sku}/receipts" => json!({ "quantity": 1 }),
        "PUT /inventory/{sku}" => json!({ "on_hand": 1 }),
        "PUT /products/{product_id}" => json!({ "name": "n", "unit_price": 1, "currency": "USD" }),
        "PUT /customers/{customer_id}" => json!({ "name": "n" }),
        _ => Value::Null,
    }
}

/// An unknown parameter is refused everywhere: a query that got lost is not.
#[tokio::test]
async fn a_path_keeps_its_query_on_every_route_with_an_identifier() {
    let api = Api::start().await;
    let order_id = api.create_order().await;
    let routes = template().functions.into_iter().flat_map(|function| function.routes);
    let takes_text = |path: &str| {
        ["{sku}", "{product_id}", "{customer_id}", "{aggregate_id}"]
            .iter()
            .any(|name| path.contains(name))
    };
    let routes: Vec<_> = routes
        .filter(|route| route.method != "HEAD" && takes_text(&route.path))
        .collect();
    assert!(routes.len() >= 12, "{routes:?}");
    for route in routes {
        let key = format!("{} {}", route.method, route.path);
        for id in IDS {
            let path = route
                .path
                .replace("{order_id}", &order_id)
                .replace("{projection}", "event-relay");
            let path = ["{sku}", "{product_id}", "{customer_id}", "{aggregate_id}"]
                .iter()
                .fold(path, |path, name| path.replace(name, &encoded(id)));
            let request = api.request(
                Method::from_bytes(route.method.as_bytes()).unwrap(),
                &format!("{path}?nosuch=%23%26"),
            );
            let request = match body(&key) {
                Value::Null => request,
                body => request.json(&body),
            };
            let answer = Answer::of(request).await;
            answer.assert_problem(400, "malformed_parameter");
            assert_eq!(answer.fields(), ["nosuch"], "{key} {id}");
        }
    }
}

#[tokio::test]
async fn what_was_put_under_a_name_is_found_under_it() {
    let api = Api::start().await;
    for id in IDS {
        let at = encoded(id);
        assert_eq!(
            api.put(&format!("/inventory/{at}"), json!({ "on_hand": 1 })).await.body["sku"],
            id
        );
        assert_eq!(api.get(&format!("/inventory/{at}?min_version=1")).await.body["sku"], id);
        api.get(&format!("/inventory/{at}?min_version=99"))
            .await
            .assert_problem(409, "version_not_reached");
        let product = json!({ "name": "n", "unit_price": 1, "currency": "USD" });
        assert_eq!(api.put(&format!("/products/{at}"), product).await.status, 201, "{id}");
        assert_eq!(api.get(&format!("/products/{at}")).await.body["product_id"], id);
        assert_eq!(
            api.put(&format!("/customers/{at}"), json!({ "name": "n" }))
                .await
                .status,
            201,
            "{id}"
        );
        assert_eq!(api.get(&format!("/customers/{at}")).await.body["customer_id"], id);

        let mut order = order_body();
        order["customer_id"] = json!(id);
        order["items"] = json!([{ "product_id": id, "quantity": 1, "unit_price": 1 }]);
        let order = api.post("/orders", order).await;
        let order_id = order.body["order_id"].as_str().unwrap();
        api.stack.caught_up().await.unwrap();
        let listed = api.get(&format!("/customers/{at}/orders?page_size=1")).await.body;
        assert_eq!(listed["data"][0]["order_id"], order_id, "{id}");
        assert_eq!(
            api.delete(&format!("/orders/{order_id}/items/{at}")).await.status,
            200,
            "{id}"
        );
    }
}

/// Whatever a list shows can be named on the routes for one.
#[tokio::test]
async fn what_is_parked_can_be_named_whatever_it_is_called() {
    let api = Api::start().await;
    let longest = "S".repeat(64);
    let widest = "日".repeat(64);
    let ids = [
        longest.as_str(),
        widest.as_str(),
        " leading and trailing ",
        "a\tb",
        "A#1",
        "%41",
    ];
    for id in ids {
        let entry = [
            ("Projection", "ghost"),
            ("AggregateId", &format!("stock-{id}")),
            ("ParkedAt", "2026-11-20T12:00:00.000000Z"),
        ];
        let entry = entry.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
        let park = api.stack.dynamodb().put_item().table_name("ParkedEvents");
        park.set_item(Some(entry.into())).send().await.unwrap();
    }
    let listed = api.get("/admin/parked?page_size=100").await.body;
    let listed = listed["data"].as_array().unwrap();
    assert_eq!(listed.len(), ids.len());
    for entry in listed {
        let id = entry["aggregate_id"].as_str().unwrap();
        let one = api.get(&format!("/admin/parked/ghost/{}", encoded(id))).await;
        assert_eq!((one.status, &one.body["aggregate_id"]), (200, &json!(id)));
    }
    api.get(&format!("/admin/parked/ghost/{}", "x".repeat(100)))
        .await
        .assert_problem(404, "not_parked");
}

/// As it was found: an event of a SKU of 64 characters that cannot be read.
#[tokio::test]
async fn an_unreadable_event_of_a_long_sku_is_shown_and_redriven() {
    let api = Api::start().await;
    let sku = "S".repeat(64);
    api.put(&format!("/inventory/{sku}"), json!({ "on_hand": 1 })).await;
    api.stack.caught_up().await.unwrap();
    let events = api.stack.dynamodb().query().table_name("EventStore");
    let events = events.key_condition_expression("AggregateId = :id");
    let events = events.expression_attribute_values(":id", AttributeValue::S(format!("stock-{sku}")));
    let mut bad = events.send().await.unwrap().items.unwrap().remove(0);
    bad.insert("Version".to_owned(), AttributeValue::N("2".to_owned()));
    bad.insert("EventData".to_owned(), AttributeValue::S("?".to_owned()));
    let put = api.stack.dynamodb().put_item().table_name("EventStore");
    put.set_item(Some(bad)).send().await.unwrap();
    let path = format!("/admin/parked/event-relay/stock-{sku}");
    assert_eq!(
        api.eventually(&path, |answer| answer.status == 200).await.body["projection"],
        "event-relay"
    );
    api.post_empty(&format!("{path}/redrive"))
        .await
        .assert_problem(409, "still_failing");
}

#[tokio::test]
async fn a_summary_is_of_somebody_who_is_known_or_has_ordered() {
    let api = Api::start().await;
    for nobody in ["NOBODY", "A%231", "%E6%97%A5", "a%20b"] {
        api.get(&format!("/customers/{nobody}/order-summary"))
            .await
            .assert_problem(404, "customer_not_found");
    }
    api.put("/customers/KNOWN", json!({ "name": "n" })).await;
    let known = api.get("/customers/KNOWN/order-summary").await;
    assert_eq!((known.status, &known.body["total_orders"]), (200, &json!(0)));
    api.create_order().await;
    api.stack.caught_up().await.unwrap();
    let unnamed = api.get("/customers/VINET/order-summary").await;
    assert_eq!((unnamed.status, &unnamed.body["total_orders"]), (200, &json!(1)));
}
