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

/// What has become of an order: whether it can be shipped.
async fn is_reserved(api: &Api, order_id: &str) -> bool {
    let is_decided = |status: &str| matches!(status, "awaiting_shipment" | "cancelled");
    let fulfilment = api
        .fulfilment_when(order_id, |fulfilment| {
            is_decided(fulfilment["status"].as_str().unwrap())
        })
        .await;
    if fulfilment["status"] == "awaiting_shipment" {
        return true;
    }
    assert_eq!(fulfilment["problem"]["code"], "out_of_stock");
    false
}

/// Does something about each order, several at once, and waits until all has happened that follows from it: whoever asks all the
/// time would take most of it himself.
async fn for_each<T>(api: &Api, orders: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let done = futures::stream::iter(orders).buffer_unordered(AT_ONCE).collect().await;
    api.stack.caught_up().await.unwrap();
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_orders_for_the_last_100_pieces_exactly_100_are_fulfilled() {
    let api = fulfilling().await;
    api.stock_up("A-1", PIECES).await;
    let bought = for_each(&api, (0..ORDERS).map(|_| buy(&api))).await;
    let ends = for_each(
        &api,
        bought
            .iter()
            .map(async |order_id| (order_id, is_reserved(&api, order_id).await)),
    )
    .await;
    let (reserved, cancelled): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(_, is_reserved)| *is_reserved);
    assert_eq!((reserved.len(), cancelled.len()), (100, 100));
    for_each(&api, reserved.iter().map(|(order_id, _)| api.ship(order_id))).await;
    for_each(
        &api,
        reserved
            .iter()
            .map(|(order_id, _)| api.fulfilment_is(order_id, "completed")),
    )
    .await;
    assert_eq!(api.stock("A-1").await, (0, 0));
    assert_eq!(api.stack.dead_messages().len(), 0);
}
