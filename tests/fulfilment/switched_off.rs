//! Where fulfilment is switched off, the shop sends the commands itself.

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn the_commands_work_as_before_and_nobody_interferes() {
    let api = Api::start().await;
    let order_id = api.create_order().await;
    let path = |command: &str| format!("/orders/{order_id}/{command}");
    assert_eq!(
        api.post(&path("submit"), json!({ "payment_method_id": "pm_declined" }))
            .await
            .status,
        200
    );
    api.stack.caught_up().await.unwrap();
    api.get(&path("fulfilment"))
        .await
        .assert_problem(404, "fulfilment_not_found");
    let confirm = json!({ "payment_method_id": "pm_visa" });
    assert_eq!(api.post(&path("confirm"), confirm).await.body["status"], "confirmed");
    let payment = json!({ "transaction_id": "tx-1", "amount": "20.00" });
    assert_eq!(api.post(&path("payment"), payment).await.body["status"], "paid");
    let ship = json!({ "tracking_number": "1Z", "carrier": "Federal Shipping" });
    assert_eq!(api.post(&path("ship"), ship).await.body["status"], "shipped");
    api.stack.caught_up().await.unwrap();
    assert_eq!(api.order_at(&order_id, 5).await["status"], "shipped");
}
