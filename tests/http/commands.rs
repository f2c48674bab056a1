//! Every command, and what it answers.

use reqwest::Method;
use serde_json::json;

use crate::support::api::{address, order_body};
use crate::support::{Answer, Api};

#[tokio::test]
async fn an_order_goes_its_whole_way() {
    let api = Api::start().await;
    let body = json!({
        "customer_id": "VINET",
        "items": [
            { "product_id": "11", "quantity": 12, "unit_price": 14.00, "product_name": "Queso Cabrales", "sku": "QC-1" },
            { "product_id": "42", "quantity": 10, "unit_price": "9.80" },
        ],
        "shipping_address": address(),
        "currency": "EUR",
        "tax": { "rate": 0.055, "jurisdiction": "FR" },
    });
    let created = api.post("/orders", body).await;
    assert_eq!(created.status, 201);
    let id = created.body["order_id"].as_str().unwrap();
    assert_eq!(created.header("location"), Some(format!("/orders/{id}").as_str()));
    assert_eq!(created.header("etag"), Some("\"1\""));
    assert_eq!(
        created.body,
        json!({ "order_id": id, "version": 1, "status": "created", "message": "Order created" })
    );

    let path = |rest: &str| format!("/orders/{id}{rest}");
    let added = json!({ "product_id": "72 & Süß", "quantity": 5, "unit_price": 34.8 });
    let steps = [
        (api.post(&path("/items"), added).await, 2, "created"),
        (api.delete(&path("/items/42")).await, 3, "created"),
        (api.post_empty(&path("/submit")).await, 4, "submitted"),
        (
            api.post(&path("/confirm"), json!({ "payment_method_id": "pm_1" }))
                .await,
            5,
            "confirmed",
        ),
        // 12 × 14.00 + 5 × 34.80 = 342.00, and 5.5 % of it.
        (
            api.post(&path("/payment"), json!({ "transaction_id": "tx 1", "amount": 360.81 }))
                .await,
            6,
            "paid",
        ),
        (
            api.post(
                &path("/ship"),
                json!({ "tracking_number": "1Z 999", "carrier": "Federal Shipping" }),
            )
            .await,
            7,
            "shipped",
        ),
        (api.post_empty(&path("/deliver")).await, 8, "delivered"),
    ];
    for (answer, version, status) in steps {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(
            (&answer.body["version"], &answer.body["status"]),
            (&json!(version), &json!(status))
        );
        assert_eq!(answer.header("etag"), Some(format!("\"{version}\"").as_str()));
    }

    let order = api.order_at(id, 8).await;
    let (number, created_at, updated_at) = (
        &order["confirmation_number"],
        &order["created_at"],
        &order["updated_at"],
    );
    assert!(number.as_str().unwrap().starts_with("C-"));
    assert!(updated_at.as_str() > created_at.as_str());
    assert_eq!(
        order,
        json!({
            "order_id": id,
            "version": 8,
            "customer_id": "VINET",
            "customer_name": null,
            "status": "delivered",
            "currency": "EUR",
            "subtotal": "342.00",
            "tax_amount": "18.81",
            "total_amount": "360.81",
            "item_count": 2,
            "items": [
                { "product_id": "11", "product_name": "Queso Cabrales", "sku": "QC-1", "quantity": 12, "unit_price": "14.00", "line_total": "168.00" },
                { "product_id": "72 & Süß", "product_name": null, "sku": null, "quantity": 5, "unit_price": "34.80", "line_total": "174.00" },
            ],
            "shipping_address": address(),
            "reference": null,
            "confirmation_number": number,
            "payment_method_id": "pm_1",
            "tracking_number": "1Z 999",
            "carrier": "Federal Shipping",
            "cancellation_reason": null,
            "refund_amount": null,
            "created_at": created_at,
            "updated_at": updated_at,
        })
    );
}

#[tokio::test]
async fn an_open_order_is_confirmed_at_once_and_a_paid_one_cancelled_with_its_refund() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let confirmed = api
        .post(&format!("/orders/{id}/confirm"), json!({ "payment_method_id": "pm" }))
        .await;
    assert_eq!(
        (&confirmed.body["version"], &confirmed.body["status"]),
        (&json!(3), &json!("confirmed"))
    );
    let paid = json!({ "transaction_id": "tx", "amount": "20.00" });
    assert_eq!(api.post(&format!("/orders/{id}/payment"), paid).await.status, 200);
    let cancelled = api
        .post(&format!("/orders/{id}/cancel"), json!({ "reason": "ordered twice" }))
        .await;
    assert_eq!(cancelled.body["status"], "cancelled");

    let order = api.order_at(&id, 5).await;
    assert_eq!(
        (&order["cancellation_reason"], &order["refund_amount"]),
        (&json!("ordered twice"), &json!("20.00"))
    );
}

#[tokio::test]
async fn an_empty_order_can_be_created_and_filled_later() {
    let api = Api::start().await;
    let created = api
        .post("/orders", json!({ "customer_id": "c", "shipping_address": address() }))
        .await;
    let id = created.body["order_id"].as_str().unwrap();
    api.post_empty(&format!("/orders/{id}/submit"))
        .await
        .assert_problem(409, "invalid_transition");
    let item = json!({ "product_id": "a b", "quantity": 1, "unit_price": 1 });
    assert_eq!(api.post(&format!("/orders/{id}/items"), item).await.status, 200);
    // The product is named in the path, percent-encoded.
    assert_eq!(api.delete(&format!("/orders/{id}/items/a%20b")).await.status, 200);
    api.delete(&format!("/orders/{id}/items/a%20b"))
        .await
        .assert_problem(404, "item_not_found");
}

#[tokio::test]
async fn if_match_lets_a_command_through_only_at_that_version() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let submit = |version: &str| {
        let request = api.request(Method::POST, &format!("/orders/{id}/submit"));
        Answer::of(request.header("if-match", version.to_owned()))
    };
    submit("\"2\"").await.assert_problem(412, "version_mismatch");
    submit("2").await.assert_problem(400, "malformed_header");
    let create = api.request(Method::POST, "/orders").json(&order_body());
    Answer::of(create.header("if-match", "\"1\""))
        .await
        .assert_problem(412, "version_mismatch");
    let unknown = api.post_empty(&format!("/orders/{id}/submit?force=true")).await;
    unknown.assert_problem(400, "malformed_parameter");
    let submitted = submit("\"1\"").await;
    assert_eq!((submitted.status, submitted.header("etag")), (200, Some("\"2\"")));
}

#[tokio::test]
async fn a_command_that_the_rules_refuse_changes_nothing() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let path = |rest: &str| format!("/orders/{id}{rest}");
    let other_price = json!({ "product_id": "11", "quantity": 1, "unit_price": 9 });
    api.post(&path("/items"), other_price)
        .await
        .assert_problem(422, "conflicting_price");
    api.post_empty(&path("/deliver"))
        .await
        .assert_problem(409, "invalid_transition");
    assert_eq!(
        api.post(&path("/confirm"), json!({ "payment_method_id": "pm" }))
            .await
            .status,
        200
    );
    let wrong = api
        .post(&path("/payment"), json!({ "transaction_id": "tx", "amount": 19.99 }))
        .await;
    wrong.assert_problem(422, "amount_mismatch");
    let refund = api
        .post(&path("/cancel"), json!({ "reason": "r", "refund_amount": 0.01 }))
        .await;
    refund.assert_problem(422, "validation_failed");
    assert_eq!(refund.fields(), ["refund_amount"]);

    let events = api.get(&path("/events")).await;
    assert_eq!(events.body["data"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_correlation_id_is_the_callers_or_a_new_one_and_is_recorded() {
    let api = Api::start().await;
    let create = api.request(Method::POST, "/orders").json(&order_body());
    let answer = Answer::of(create.header("x-correlation-id", "basket-7")).await;
    assert_eq!(answer.header("x-correlation-id"), Some("basket-7"));
    let id = answer.body["order_id"].as_str().unwrap();
    let submitted = api.post_empty(&format!("/orders/{id}/submit")).await;
    let new_id = submitted.header("x-correlation-id").unwrap();

    let events = api.get(&format!("/orders/{id}/events")).await.body;
    assert_eq!(events["data"][0]["correlation_id"], "basket-7");
    assert_eq!(events["data"][1]["correlation_id"], new_id);
    for event in events["data"].as_array().unwrap() {
        assert_eq!(event["causation_id"], event["command_id"]);
        assert_eq!(event["user_id"], "local");
    }

    let spaced = api
        .request(Method::GET, "/health")
        .header("x-correlation-id", "two words");
    Answer::of(spaced).await.assert_problem(400, "malformed_header");
}

#[tokio::test]
async fn a_quantity_may_be_written_with_a_point_if_it_is_whole() {
    let api = Api::start().await;
    let id = api.create_order().await;
    let item = |quantity: f64| json!({ "product_id": "42", "quantity": quantity, "unit_price": 1 });
    let path = format!("/orders/{id}/items");
    assert_eq!(api.post(&path, item(5.0)).await.status, 200);
    assert_eq!(api.order_at(&id, 2).await["items"][1]["quantity"], 5);
    for quantity in [5.5, 0.0, -5.0, 10_001.0, 1e30] {
        let refused = api.post(&path, item(quantity)).await;
        refused.assert_problem(422, "validation_failed");
        assert_eq!(refused.fields(), ["quantity"]);
    }
}
