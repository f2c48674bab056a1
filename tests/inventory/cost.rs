//! What a reservation costs, as its function makes it.

use std::time::{Duration, Instant};

use domain::Aggregate;
use domain::stock::{Stock, StockEvent};
use lambda_runtime::Context;
use serde_json::json;

use super::{given, in_an_hour, message, order, pieces, received, record, reserve, sku};
use crate::projections::deliver;
use crate::support::{LONGEST_WAIT, Tables, Units, until};

/// Orders that are reserved and committed, two events each.
async fn sold(tables: &Tables, orders: u32) {
    given(tables, 0, &[received(1_000_000)]).await;
    let mut version = 1;
    let numbers: Vec<_> = (1_000..1_000 + orders).collect();
    for some in numbers.chunks(50) {
        let events = some.iter().flat_map(|number| {
            let (order_id, quantity) = (order(*number), pieces(1));
            [
                StockEvent::StockReserved {
                    order_id,
                    quantity,
                    expires_at: None,
                },
                StockEvent::StockCommitted {
                    order_id,
                    quantity,
                    missing: pieces(0),
                },
            ]
        });
        let events: Vec<_> = events.collect();
        given(tables, version, &events).await;
        version += events.len() as u64;
    }
}

/// The requests of a reservation, without a snapshot that it may write beside it, and what they cost.
async fn reservation(tables: &Tables, number: u32) -> (Vec<String>, Units) {
    tables.proxy.take_operations();
    tables.proxy.count_units();
    let message = message(number, reserve(number, 1, in_an_hour()));
    assert_eq!(
        deliver(tables, "inventory-commands", &[record(&message)]).await,
        [""; 0]
    );
    (tables.proxy.take_operations(), tables.proxy.take_units())
}

/// The version of the newest snapshot.
async fn snapshot(tables: &Tables) -> Option<u64> {
    let items = tables.items("Snapshots").await;
    Some(items.first()?["Version"].as_n().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_reservation_of_a_sku_that_little_has_happened_to_is_2_requests() {
    let tables = Tables::new().await;
    given(&tables, 0, &[received(100)]).await;
    let (operations, units) = reservation(&tables, 1).await;
    assert_eq!(operations, ["Query", "PutItem"]);
    // The index takes one of the two write units.
    assert_eq!((units.read, units.write), (1.0, 2.0));
}

#[tokio::test]
async fn a_reservation_of_a_popular_sku_is_3_requests_however_much_has_happened_to_it() {
    let mut costs = Vec::new();
    for orders in [500, 1_000] {
        let tables = Tables::new().await;
        sold(&tables, orders).await;
        // There is no snapshot yet: everything is read, and one is written.
        let (_, without) = reservation(&tables, 1).await;
        let deadline = Instant::now() + LONGEST_WAIT;
        while snapshot(&tables).await.is_none() {
            assert!(Instant::now() < deadline, "no snapshot is written");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (operations, with) = reservation(&tables, 2).await;
        assert_eq!(operations, ["Query", "GetItem", "PutItem"]);
        println!(
            "{orders} orders: {} read units without a snapshot, {} with one",
            without.read, with.read
        );
        assert!(without.read > 5.0 * with.read);
        assert_eq!(with.write, 2.0);
        costs.push(with.read);

        let loaded = tables
            .store()
            .load::<Stock>(&Stock::aggregate_id(&sku()))
            .await
            .unwrap();
        assert_eq!(loaded.state.unwrap().reserved().get(), 2);
    }
    // 30 events, and a snapshot with 256 orders that have ended.
    assert_eq!(costs, [5.0; 2]);
}

/// Reserves for so many orders, ten messages at once, in one environment or in one for each batch. Returns the requests for
/// the last ten, and then what one more in a new environment costs.
async fn popular(in_one_environment: bool) -> (Vec<String>, Units) {
    let tables = Tables::new().await;
    given(&tables, 0, &[received(1_000_000)]).await;
    let mut function = tables.function("inventory-commands");
    for batch in (0..500).collect::<Vec<u32>>().chunks(10) {
        if !in_one_environment {
            function = tables.function("inventory-commands");
        }
        tables.proxy.take_operations();
        let messages = batch
            .iter()
            .map(|number| message(*number, reserve(*number, 1, in_an_hour())));
        let records: Vec<_> = messages.map(|message| record(&message)).collect();
        let answer = function
            .invoke(json!({ "Records": records }), Context::default())
            .await
            .unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }
    let last = tables.proxy.take_operations();
    // The newest snapshot may still be on its way.
    until("a snapshot", async || {
        snapshot(&tables).await.is_some_and(|version| version > 470)
    })
    .await;
    (last, reservation(&tables, 500).await.1)
}

#[tokio::test]
async fn reservations_in_one_environment_are_1_request_each_and_leave_a_stock_that_is_as_cheap_to_load() {
    let (warm, after_warm) = popular(true).await;
    let (cold, after_cold) = popular(false).await;
    let count = |operations: &[String], name: &str| operations.iter().filter(|of| *of == name).count();
    // With a snapshot, now and then.
    assert!((10..=11).contains(&count(&warm, "PutItem")), "{warm:?}");
    assert_eq!(count(&warm, "Query"), 0, "{warm:?}");
    assert_eq!(count(&cold, "Query"), 1, "{cold:?}");
    println!("a cold load after 500: {after_warm:?}, in as many environments as batches: {after_cold:?}");
    assert!(
        (after_warm.read - after_cold.read).abs() <= 1.0,
        "{after_warm:?} {after_cold:?}"
    );
}
