//! Everything goes well.

use serde_json::json;

use super::{body, fulfilling};
use crate::support::api::order_body;

#[tokio::test]
async fn an_order_of_things_that_are_not_kept_in_stock_is_paid_and_completed() {
    let api = fulfilling().await;
    let order_id = api.submit(order_body(), "pm_visa").await;
    let fulfilment = api.fulfilment_is(&order_id, "awaiting_shipment").await;
    assert_eq!(fulfilment["payment"]["status"], "taken", "{fulfilment}");
    let order = api.order_at(&order_id, 4).await;
    assert_eq!(order["status"], "paid");
    let ship = json!({ "tracking_number": "1Z", "carrier": "Federal Shipping" });
    assert_eq!(api.post(&format!("/orders/{order_id}/ship"), ship).await.status, 200);
    let fulfilment = api.fulfilment_is(&order_id, "completed").await;
    assert_eq!(fulfilment["timers"], json!([]));
    let _ = body(&[]);
}
