//! Submitted orders: reserved, paid, confirmed and shipped by services that speak over the bus, or undone.

mod happy_path;

use serde_json::{Value, json};

use crate::support::Api;
use crate::support::api::{address, options};

/// A stack that fulfils orders.
pub async fn fulfilling() -> Api {
    Api::start_with(options(true)).await
}

/// An order of pieces of some SKUs, at 10.00 each.
pub fn body(lines: &[(&str, u32)]) -> Value {
    let item = |(sku, quantity): &(&str, u32)| json!({ "product_id": format!("P-{sku}"), "sku": sku, "quantity": quantity, "unit_price": "10.00" });
    let items: Vec<_> = lines.iter().map(item).collect();
    json!({ "customer_id": "VINET", "items": items, "shipping_address": address() })
}

impl Api {
    /// Creates an order and submits it with a payment method.
    pub async fn submit(&self, body: Value, payment_method_id: &str) -> String {
        let created = self.post("/orders", body).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let order_id = created.body["order_id"].as_str().unwrap().to_owned();
        let path = format!("/orders/{order_id}/submit");
        let submitted = self
            .post(&path, json!({ "payment_method_id": payment_method_id }))
            .await;
        assert_eq!(submitted.status, 200, "{}", submitted.body);
        order_id
    }

    /// The fulfilment of an order, once it has this status.
    pub async fn fulfilment_is(&self, order_id: &str, status: &str) -> Value {
        let path = format!("/orders/{order_id}/fulfilment");
        self.eventually(&path, |answer| answer.body["status"] == status)
            .await
            .body
    }
}
