//! What of an order can be put right until it ships: where it goes, and what the shop's other systems call it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{address, order_body};
use crate::support::{Answer, Api};

/// A PUT below an order, with a header or none.
async fn put(api: &Api, order_id: &str, what: &str, header: Option<(&str, &str)>, body: Value) -> Answer {
    let request = api.request(Method::PUT, &format!("/orders/{order_id}/{what}"));
    let request = header
        .into_iter()
        .fold(request, |request, (name, value)| request.header(name, value));
    Answer::of(request.json(&body)).await
}

fn paris() -> Value {
    json!({ "street": "1 quai de Seine", "city": "Paris", "postal_code": "75001", "country": "France" })
}

#[tokio::test]
async fn an_address_is_corrected_until_the_order_ships_and_everything_shows_the_newest() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let order = |step: &str| format!("/orders/{id}/{step}");

    // A condition, and a key.
    let stale = put(&api, &id, "shipping-address", Some(("if-match", "\"7\"")), paris()).await;
    stale.assert_problem(412, "version_mismatch");
    let key = Some(("idempotency-key", "to-paris"));
    let corrected = put(&api, &id, "shipping-address", key, paris()).await;
    assert_eq!((corrected.status, &corrected.body["version"]), (200, &json!(2)));
    assert_eq!(corrected.header("etag"), Some("\"2\""));
    let again = put(&api, &id, "shipping-address", key, paris()).await;
    assert_eq!(
        (again.body, again.headers.get("idempotency-replayed").is_some()),
        (corrected.body, true)
    );
    let other = put(&api, &id, "shipping-address", key, address()).await;
    other.assert_problem(422, "idempotency_key_reused");
    // What is so already is no new version.
    let same = put(&api, &id, "shipping-address", Some(("if-match", "\"2\"")), paris()).await;
    assert_eq!((same.status, &same.body["version"]), (200, &json!(2)));

    api.order_at(&id, 2).await;
    let found = async |city: &str| {
        api.get(&format!("/orders/search?q={city}")).await.body["data"]
            .as_array()
            .unwrap()
            .len()
    };
    api.eventually("/orders/search?q=paris&view=full", |answer| {
        answer.body["data"][0]["shipping_address"] == paris()
    })
    .await;
    assert_eq!(found("reims").await, 0);
    let history = api.get(&order("history")).await.body;
    let last = &history["data"][1]["details"];
    assert_eq!(last["event"], "OrderShippingAddressCorrected");
    assert_eq!(last["data"]["shipping_address"], paris());

    // All that is wrong with one, at once.
    let wrong = put(&api, &id, "shipping-address", None, json!({ "city": "", "postal": 1 })).await;
    wrong.assert_problem(422, "validation_failed");
    assert_eq!(wrong.fields(), ["city", "postal", "street"]);
    let absent = put(
        &api,
        "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c",
        "shipping-address",
        None,
        paris(),
    )
    .await;
    absent.assert_problem(404, "order_not_found");

    // Also of an order that is paid, and no longer of one that is shipped.
    let steps = [
        ("confirm", json!({ "payment_method_id": "pm" })),
        ("payment", json!({ "transaction_id": "tx-1", "amount": "20.00" })),
    ];
    for (step, body) in steps {
        assert_eq!(api.post(&order(step), body).await.status, 200, "{step}");
    }
    let paid = put(&api, &id, "shipping-address", None, address()).await;
    assert_eq!((paid.status, &paid.body["status"]), (200, &json!("paid")));
    let shipment = json!({ "tracking_number": "1Z", "carrier": "c" });
    assert_eq!(api.post(&order("ship"), shipment).await.status, 200);
    for (what, body) in [
        ("shipping-address", paris()),
        ("reference", json!({ "reference": "WEB-1" })),
    ] {
        let late = put(&api, &id, what, None, body).await;
        late.assert_problem(409, "invalid_transition");
        assert_eq!(
            late.body["detail"],
            "The order is shipped. What is possible now: deliver."
        );
    }
    assert_eq!(
        api.get(&format!("/orders/{id}?min_version=7")).await.body["shipping_address"],
        address()
    );
}

#[tokio::test]
async fn a_reference_is_shown_found_changed_and_taken_away() {
    let api = Api::start().await;
    let mut body = order_body();
    body["reference"] = json!("WEB-2026/4711");
    let refused = api.post("/orders", body.clone()).await;
    refused.assert_problem(422, "validation_failed");
    assert_eq!(refused.fields(), ["reference"]);
    body["reference"] = json!("WEB-2026-4711");
    let created = api.post("/orders", body).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["order_id"].as_str().unwrap().to_owned();
    let without = api.create_order().await;

    let reference = async |path: &str| api.get(path).await.body["reference"].clone();
    assert_eq!(reference(&format!("/orders/{id}?min_version=1")).await, "WEB-2026-4711");
    assert_eq!(
        reference(&format!("/orders/{without}?min_version=1")).await,
        Value::Null
    );
    // As it is printed, and as it is typed.
    for asked in ["WEB-2026-4711", "web20264711", "4711"] {
        let path = format!("/orders/search?q={asked}&view=full");
        let found = api
            .eventually(&path, |answer| answer.body["data"][0]["order_id"] == *id)
            .await;
        assert_eq!(found.body["data"].as_array().unwrap().len(), 1, "{asked}");
    }
    for list in ["/orders", "/customers/VINET/orders"] {
        let path = format!("{list}?view=full");
        let page = api.eventually(&path, |answer| {
            answer.body["data"].as_array().is_some_and(|data| data.len() == 2)
        });
        let page = page.await.body;
        let shown: Vec<_> = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| &order["reference"])
            .collect();
        assert_eq!(shown, [&Value::Null, &json!("WEB-2026-4711")], "{list}");
    }

    let stale = put(
        &api,
        &id,
        "reference",
        Some(("if-match", "\"2\"")),
        json!({ "reference": "POS-1" }),
    )
    .await;
    stale.assert_problem(412, "version_mismatch");
    let changed = put(
        &api,
        &id,
        "reference",
        Some(("if-match", "\"1\"")),
        json!({ "reference": "POS-1815" }),
    )
    .await;
    assert_eq!((changed.status, &changed.body["version"]), (200, &json!(2)));
    api.eventually("/orders/search?q=pos1815", |answer| {
        answer.body["data"][0]["order_id"] == *id
    })
    .await;
    assert_eq!(api.get("/orders/search?q=4711").await.body["data"], json!([]));
    let wrong = put(&api, &id, "reference", None, json!({ "reference": " POS" })).await;
    wrong.assert_problem(422, "validation_failed");
    let misspelt = put(&api, &id, "reference", None, json!({ "referense": "POS" })).await;
    assert_eq!(misspelt.fields(), ["referense"]);
    let none = put(&api, &id, "reference", None, json!({ "reference": null })).await;
    assert_eq!((none.status, &none.body["version"]), (200, &json!(3)));
    assert_eq!(reference(&format!("/orders/{id}?min_version=3")).await, Value::Null);
    assert_eq!(reference(&format!("/orders/{id}?version=2")).await, "POS-1815");
}

/// What the catalogue and the order's own lines say against items, of all of them at once.
#[tokio::test]
async fn a_refusal_names_every_refused_item() {
    let api = Api::start().await;
    let product = json!({ "name": "Chai", "unit_price": "18", "currency": "EUR" });
    assert_eq!(api.put("/products/1", product).await.status, 201);
    let mut body = order_body();
    body["items"] = json!([
        { "product_id": "11", "quantity": 1, "unit_price": 10, "product_name": "Queso" },
        { "product_id": "none", "quantity": 1 },
        { "product_id": "11", "quantity": 10_000, "unit_price": 9, "product_name": "Cabrales" },
        { "product_id": "1", "quantity": 1 },
        { "product_id": "neither", "quantity": 2 },
    ]);
    let refused = api.post("/orders", body.clone()).await;
    refused.assert_problem(422, "unknown_product");
    assert_eq!(
        refused.fields(),
        [
            "items[1].product_id",
            "items[2].quantity",
            "items[2].unit_price",
            "items[2].product_name",
            "items[3].unit_price",
            "items[4].product_id"
        ]
    );
    // A bounded answer, however many there are.
    body["items"] = (0..70)
        .map(|n| json!({ "product_id": format!("none {n}"), "quantity": 1 }))
        .collect();
    let refused = api.post("/orders", body).await;
    refused.assert_problem(422, "unknown_product");
    let fields = refused.fields();
    assert_eq!(
        (fields.len(), fields[49], fields[50]),
        (51, "items[49].product_id", "…")
    );
    assert_eq!(refused.body["errors"][50]["message"], "20 more are wrong");

    let id = api.create_order().await;
    let item = json!({ "product_id": "11", "quantity": 9_999, "unit_price": "9" });
    let refused = api.post(&format!("/orders/{id}/items"), item).await;
    refused.assert_problem(422, "validation_failed");
    assert_eq!(refused.fields(), ["quantity", "unit_price"]);
}
