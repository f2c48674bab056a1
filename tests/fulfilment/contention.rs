//! Many orders for the last pieces.

use futures::StreamExt;

use super::{body, fulfilling};
use crate::support::Api;

const ORDERS: usize = 200;
const PIECES: u32 = 100;
const AT_ONCE: usize = 16;

async fn buy(api: &Api) -> String {
    api.submit(body(&[("A-1", 1)]), "pm_visa").await
}

/// The status of the order in the end; what can be shipped is shipped.
async fn end(api: &Api, order_id: &str) -> String {
    let is_decided = |status: &str| matches!(status, "awaiting_shipment" | "completed" | "cancelled");
    let fulfilment = api
        .fulfilment_when(order_id, |fulfilment| {
            is_decided(fulfilment["status"].as_str().unwrap())
        })
        .await;
    if fulfilment["status"] == "awaiting_shipment" {
        api.ship(order_id).await;
        api.fulfilment_is(order_id, "completed").await;
        return "completed".to_owned();
    }
    assert_eq!(fulfilment["problem"]["code"], "out_of_stock");
    fulfilment["status"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_orders_for_the_last_100_pieces_exactly_100_are_fulfilled() {
    let api = fulfilling().await;
    api.stock_up("A-1", PIECES).await;
    let bought: Vec<String> = futures::stream::iter(0..ORDERS)
        .map(|_| buy(&api))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    // Sixteen that ask all the time would take most of it themselves.
    api.stack.caught_up().await.unwrap();
    let ends: Vec<String> = futures::stream::iter(&bought)
        .map(|order_id| end(&api, order_id))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let count = |status: &str| ends.iter().filter(|end| *end == status).count();
    assert_eq!((count("completed"), count("cancelled")), (100, 100));
    assert_eq!(api.stock("A-1").await, (0, 0));
    assert_eq!(api.stack.dead_messages().len(), 0);
}
