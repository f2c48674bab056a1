//! Events of one type in time order, over the sharded index.

use chrono::{DateTime, Duration, Utc};
use domain::order::Order;
use event_store::Recorded;

use crate::support::Tables;
use crate::support::orders::{added, created, metadata, new_order_id};

async fn sixty_orders(tables: &Tables) -> Vec<Recorded> {
    let store = tables.store();
    let mut all = Vec::new();
    for _ in 0..60 {
        let events = [created([]), added("11", 1)];
        let appended = store
            .append::<Order>(&new_order_id(), 0, &events, &metadata())
            .await
            .unwrap();
        all.extend(appended.events);
    }
    all
}

fn day() -> (DateTime<Utc>, DateTime<Utc>) {
    (Utc::now() - Duration::hours(12), Utc::now() + Duration::hours(12))
}

#[tokio::test]
async fn events_of_one_type_come_in_time_order_whole_and_page_by_page() {
    let tables = Tables::new().await;
    let store = tables.store();
    let all = sixty_orders(&tables).await;
    let (from, to) = day();
    let shards: std::collections::HashSet<_> = tables
        .items("EventStore")
        .await
        .iter()
        .map(|item| item["EventTypeShard"].as_s().unwrap().clone())
        .collect();
    assert!(shards.len() > 8, "the events lie in {shards:?}");

    for page_size in [1, 7, 60, 100] {
        let mut found = Vec::new();
        let mut after = Some(Default::default());
        while let Some(place) = after {
            let page = store
                .events_of_type("OrderCreated", from..to, page_size, place)
                .await
                .unwrap();
            assert!(page.events.len() <= page_size);
            found.extend(page.events);
            after = page.next;
        }
        assert!(found.is_sorted_by_key(|event| event.timestamp));
        let mut expected: Vec<_> = all
            .iter()
            .filter(|event| event.version == 1)
            .map(|event| event.event_id)
            .collect();
        let mut ids: Vec<_> = found.iter().map(|event| event.event_id).collect();
        expected.sort_unstable();
        ids.sort_unstable();
        assert_eq!(ids, expected, "pages of {page_size}");
    }
}

#[tokio::test]
async fn a_time_range_includes_its_start_and_excludes_its_end() {
    let tables = Tables::new().await;
    let all = sixty_orders(&tables).await;
    let added: Vec<_> = all.iter().filter(|event| event.version == 2).collect();
    let (from, to) = (added[10].timestamp, added[20].timestamp);
    let page = tables
        .store()
        .events_of_type("OrderItemAdded", from..to, 100, Default::default())
        .await
        .unwrap();
    let expected = added
        .iter()
        .filter(|event| (from..to).contains(&event.timestamp))
        .count();
    assert_eq!(page.events.len(), expected);
    assert!(page.events.iter().all(|event| (from..to).contains(&event.timestamp)));
    assert_eq!(page.next, None);

    // Bounds between two microseconds.
    let nanosecond = Duration::nanoseconds(1);
    let page = tables
        .store()
        .events_of_type(
            "OrderItemAdded",
            from + nanosecond..to + nanosecond,
            100,
            Default::default(),
        )
        .await
        .unwrap();
    assert!(
        page.events
            .iter()
            .all(|event| event.timestamp > from && event.timestamp <= to)
    );
    assert!(page.events.iter().any(|event| event.timestamp == to));
    let between = from + nanosecond..from + nanosecond * 2;
    let nothing = tables
        .store()
        .events_of_type("OrderItemAdded", between, 100, Default::default())
        .await
        .unwrap();
    assert_eq!(nothing.events, []);

    let nothing = tables
        .store()
        .events_of_type("OrderItemAdded", to..from, 100, Default::default())
        .await
        .unwrap();
    assert_eq!(nothing.events, []);
}
