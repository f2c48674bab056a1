//! Where fulfilment is switched off, the shop sends the commands itself.

use chrono::{TimeDelta, Utc};
use domain::order::Order;
use event_store::EventStore;
use local_stack::{Data, Options};
use serde_json::json;

use super::{Money, body, fulfilling};
use crate::support::api::options;
use crate::support::orders::{created, item, metadata, new_order_id, submitted};
use crate::support::{Api, SHARDS, TestFolder};

#[tokio::test]
async fn the_commands_work_as_before_and_nobody_interferes() {
    let api = Api::start().await;
    let order_id = api.create_order().await;
    let path = |command: &str| format!("/orders/{order_id}/{command}");
    let submit = json!({ "payment_method_id": "pm_declined" });
    assert_eq!(api.post(&path("submit"), submit).await.status, 200);
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

#[tokio::test]
async fn what_has_begun_before_goes_on() {
    let folder = TestFolder::new();
    let start = async |is_fulfilling| {
        let data = Data::Folder(folder.path("data"));
        Api::start_with(Options {
            data,
            ..options(is_fulfilling)
        })
        .await
    };
    let api = start(true).await;
    api.stock_up("A-1", 10).await;
    let order_id = api.submit(body(&[("A-1", 3)]), "pm_visa").await;
    api.fulfilment_is(&order_id, "awaiting_shipment").await;
    api.stack.stop().await;

    let api = start(false).await;
    api.cancel(&order_id).await;
    api.fulfilment_is(&order_id, "cancelled").await;
    api.assert_settled(&order_id, "cancelled", Some("changed my mind"), Money::None)
        .await;
    assert_eq!(api.stock("A-1").await, (10, 0));
    let manual = api.submit(body(&[("A-1", 3)]), "pm_visa").await;
    api.stack.caught_up().await.unwrap();
    let path = format!("/orders/{manual}/fulfilment");
    api.get(&path).await.assert_problem(404, "fulfilment_not_found");
}

/// What came into the table long after it had happened was imported: nobody is told, so nothing is done for it again.
#[tokio::test]
async fn events_that_are_imported_start_nothing() {
    let api = fulfilling().await;
    let an_hour_ago = || Utc::now() - TimeDelta::hours(1);
    let store = EventStore::new(api.stack.dynamodb(), "EventStore", SHARDS);
    let order_id = new_order_id();
    let submitted = [created([item("11", 2)]), submitted()];
    let old = store.clone().with_clock(an_hour_ago);
    old.append::<Order>(&order_id, 0, &submitted, &metadata())
        .await
        .unwrap();
    api.stack.caught_up().await.unwrap();
    let path = format!("/orders/{order_id}/fulfilment");
    api.get(&path).await.assert_problem(404, "fulfilment_not_found");

    let order_id = new_order_id();
    store
        .append::<Order>(&order_id, 0, &submitted, &metadata())
        .await
        .unwrap();
    api.fulfilment_when(&order_id, |_| true).await;
}
