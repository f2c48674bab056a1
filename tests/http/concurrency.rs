//! Many clients on one order.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::json;

use crate::support::Api;
use crate::support::api::address;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_clients_add_to_one_order_and_every_200_is_an_event_once() {
    let api = Api::start().await;
    let created = api
        .post(
            "/orders",
            json!({ "customer_id": "busy", "shipping_address": address() }),
        )
        .await;
    let id = created.body["order_id"].as_str().unwrap();
    let path = format!("/orders/{id}/items");

    let clients = (0..16).map(|client| {
        let (api, path) = (&api, &path);
        async move {
            let mut accepted = BTreeMap::new();
            for n in 0..4_u32 {
                let product = format!("client {client} item {n}");
                let item = json!({ "product_id": product, "quantity": n + 1, "unit_price": "1.10" });
                let answer = api.post(path, item).await;
                match answer.status {
                    200 => accepted.insert(product, u64::from(n + 1)),
                    _ => {
                        answer.assert_problem(409, "concurrent_modification");
                        None
                    }
                };
            }
            accepted
        }
    });
    let accepted: BTreeMap<String, u64> = join_all(clients).await.into_iter().flatten().collect();
    // Some may be told to try again; that most are not shows that conflicts are resolved.
    assert!(accepted.len() > 32, "only {} of 64 were accepted", accepted.len());

    api.stack.caught_up().await.unwrap();
    let mut added = BTreeMap::new();
    let mut cursor = String::new();
    let mut next_version = 1;
    loop {
        let page = api
            .get(&format!("/orders/{id}/events?page_size=100{cursor}"))
            .await
            .body;
        for event in page["data"].as_array().unwrap() {
            assert_eq!(event["version"], next_version);
            next_version += 1;
            if event["event_type"] == "OrderItemAdded" {
                let product = event["data"]["product_id"].as_str().unwrap().to_owned();
                let quantity = event["data"]["quantity"].as_u64().unwrap();
                assert_eq!(added.insert(product, quantity), None, "added twice");
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(added, accepted);

    let order = api.order_at(id, next_version - 1).await;
    let total = rust_decimal::Decimal::new(110, 2) * rust_decimal::Decimal::from(accepted.values().sum::<u64>());
    assert_eq!(order["total_amount"], json!(total.to_string()));
}
