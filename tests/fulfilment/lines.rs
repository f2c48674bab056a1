//! Stock follows the lines of an order, whatever its items left out.

use serde_json::{Value, json};

use super::{Money, body, fulfilling};
use crate::support::api::order_body;

fn order_of(items: Value) -> Value {
    let mut body = order_body();
    body["items"] = items;
    body
}

#[tokio::test]
async fn each_colour_of_a_product_is_taken_from_its_own_stock() {
    let api = fulfilling().await;
    for sku in ["TEE-RED", "TEE-BLUE"] {
        api.stock_up(sku, 10).await;
    }
    let tee = |sku: &str, quantity: u32| json!({ "product_id": "tee", "sku": sku, "quantity": quantity, "unit_price": "15.00" });
    let order_id = api
        .submit(order_of(json!([tee("TEE-RED", 1), tee("TEE-BLUE", 2)])), "pm_visa")
        .await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    assert_eq!(
        (api.stock("TEE-RED").await, api.stock("TEE-BLUE").await),
        ((10, 1), (10, 2))
    );
    api.ship(&order_id).await;
    api.fulfilment_is(&order_id, "completed").await;
    assert_eq!(
        (api.stock("TEE-RED").await, api.stock("TEE-BLUE").await),
        ((9, 0), (8, 0))
    );
}

#[tokio::test]
async fn an_item_with_its_own_price_is_reserved_under_the_catalogues_sku() {
    let api = fulfilling().await;
    api.stock_up("MG-72", 15).await;
    let product = json!({ "name": "Mozzarella", "sku": "MG-72", "unit_price": "34.80", "currency": "USD" });
    assert_eq!(api.put("/products/72", product).await.status, 201);
    let item = json!({ "product_id": "72", "quantity": 500, "unit_price": "30.00" });
    let order_id = api.submit(order_of(json!([item])), "pm_visa").await;
    let fulfilment = api.fulfilment_is(&order_id, "cancelled").await;
    assert_eq!(fulfilment["problem"]["code"], "out_of_stock");
    let reason = Some("Out of stock: MG-72 (500 wanted)");
    api.assert_settled(&order_id, "cancelled", reason, Money::None).await;
    assert_eq!(api.stock("MG-72").await, (15, 0));
}

#[tokio::test]
async fn a_sku_that_stock_has_never_heard_of_is_unknown_and_leaves_no_trace() {
    let api = fulfilling().await;
    api.stock_up("A-1", 1).await;
    let order_id = api.submit(body(&[("A-1", 1), ("NEVER-SEEN", 2)]), "pm_visa").await;
    let fulfilment = api.fulfilment_is(&order_id, "cancelled").await;
    assert_eq!(fulfilment["problem"]["code"], "unknown_sku");
    let reason = Some("Unknown SKU: NEVER-SEEN (2 wanted)");
    api.assert_settled(&order_id, "cancelled", reason, Money::None).await;

    api.stack.caught_up().await.unwrap();
    api.get("/inventory/NEVER-SEEN")
        .await
        .assert_problem(404, "sku_not_found");
    for (list, known) in [("/inventory", &["A-1"][..]), ("/inventory?low_stock=true", &[])] {
        let listed = api.get(list).await;
        let rows = listed.body["data"].as_array().unwrap();
        let skus: Vec<_> = rows.iter().map(|row| row["sku"].as_str().unwrap()).collect();
        assert_eq!(skus, known, "{list}");
    }

    // Then it is sold after all.
    api.stock_up("NEVER-SEEN", 5).await;
    let order_id = api.submit(body(&[("A-1", 1), ("NEVER-SEEN", 2)]), "pm_visa").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    assert_eq!(api.stock("NEVER-SEEN").await, (5, 2));
}
