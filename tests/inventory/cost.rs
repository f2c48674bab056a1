//! What a reservation costs, as its function makes it.

use std::time::{Duration, Instant};

use domain::Aggregate;
use domain::stock::{Stock, StockEvent};

use super::{given, in_an_hour, message, order, pieces, received, record, reserve, sku};
use crate::projections::deliver;
use crate::support::{LONGEST_WAIT, Tables, Units};

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
