//! Events across aggregates in time order, over the sharded index.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};
use domain::order::Order;
use dynamodb::Segment;
use event_store::Recorded;
use event_store::by_time::EventQuery;

use crate::support::Tables;
use crate::support::orders::{added, created, item, metadata, new_order_id};

const BOTH: [&str; 2] = ["OrderCreated", "OrderItemAdded"];

/// Five orders in every microsecond: ties within and across shards.
fn crowded_clock() -> DateTime<Utc> {
    static READINGS: AtomicI64 = AtomicI64::new(0);
    start() + Duration::microseconds(READINGS.fetch_add(1, Ordering::Relaxed) / 5)
}

fn start() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// Sixty orders, each created and filled in one append; every third in a correlation of its own.
async fn sixty_orders(tables: &Tables) -> Vec<Recorded> {
    let store = tables.store().with_clock(crowded_clock);
    let mut all = Vec::new();
    for n in 0..60 {
        let mut metadata = metadata();
        metadata.correlation_id = Some(format!("basket {}", n % 3));
        let events = [created([]), added("11", 1)];
        let appended = store
            .append::<Order>(&new_order_id(), 0, &events, &metadata)
            .await
            .unwrap();
        all.extend(appended.events);
    }
    all
}

fn day() -> Range<DateTime<Utc>> {
    start() - Duration::hours(12)..start() + Duration::hours(12)
}

async fn all_pages(tables: &Tables, query: &EventQuery<'_>, page_size: usize) -> Vec<Recorded> {
    let mut found = Vec::new();
    let mut place = None;
    loop {
        let page = tables
            .store()
            .query_events(query, page_size, place.as_ref())
            .await
            .unwrap();
        assert!(page.events.len() <= page_size);
        found.extend(page.events);
        place = page.next;
        if place.is_none() {
            return found;
        }
    }
}

#[track_caller]
fn assert_same_events(found: &[Recorded], expected: impl Iterator<Item = Recorded>, what: &str) {
    assert!(
        found.is_sorted_by_key(|event| event.timestamp),
        "{what}: not in time order"
    );
    let mut found: Vec<_> = found.iter().map(|event| event.event_id).collect();
    let mut expected: Vec<_> = expected.map(|event| event.event_id).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{what}");
}

#[tokio::test]
async fn events_come_in_time_order_by_type_by_correlation_and_all_of_them_on_pages_of_any_size() {
    let tables = Tables::new().await;
    let all = sixty_orders(&tables).await;
    let shards: HashSet<_> = tables
        .items("EventStore")
        .await
        .iter()
        .map(|item| item["EventTypeShard"].as_s().unwrap().clone())
        .collect();
    assert!(shards.len() > 8, "the events lie in {shards:?}");

    for page_size in [1, 2, 7, 100] {
        let of_type = EventQuery {
            event_types: &["OrderCreated"],
            time: day(),
            correlation_id: None,
            segment: Segment::WHOLE,
        };
        let found = all_pages(&tables, &of_type, page_size).await;
        let expected = all.iter().filter(|event| event.version == 1).cloned();
        assert_same_events(&found, expected, &format!("one type, pages of {page_size}"));
    }
    let everything = EventQuery {
        event_types: &BOTH,
        time: day(),
        correlation_id: None,
        segment: Segment::WHOLE,
    };
    let found = all_pages(&tables, &everything, 11).await;
    assert_same_events(&found, all.iter().cloned(), "everything");

    let of_basket = EventQuery {
        correlation_id: Some("basket 1"),
        segment: Segment::WHOLE,
        ..everything
    };
    let found = all_pages(&tables, &of_basket, 11).await;
    let in_basket = |event: &&Recorded| event.metadata.correlation_id.as_deref() == Some("basket 1");
    assert_same_events(&found, all.iter().filter(in_basket).cloned(), "one correlation");
}

#[tokio::test]
async fn a_time_range_includes_its_start_and_excludes_its_end() {
    let tables = Tables::new().await;
    let all = sixty_orders(&tables).await;
    let (from, to) = (all[20].timestamp, all[60].timestamp);
    assert!(from < to);
    let nanosecond = Duration::nanoseconds(1);
    for time in [
        from..to,
        // Bounds between two microseconds.
        from + nanosecond..to + nanosecond,
        from + nanosecond..from + nanosecond * 2,
        to..from,
    ] {
        let query = EventQuery {
            event_types: &BOTH,
            time: time.clone(),
            correlation_id: None,
            segment: Segment::WHOLE,
        };
        let found = all_pages(&tables, &query, 50).await;
        let expected = all.iter().filter(|event| time.contains(&event.timestamp)).cloned();
        assert_same_events(&found, expected, &format!("{time:?}"));
    }
}

#[tokio::test]
async fn a_page_of_large_events_ends_early_and_none_is_lost() {
    let tables = Tables::new().await;
    let name = "é".repeat(200);
    let items = || {
        (0..480).map(|n| {
            let mut item = item(&n.to_string(), 1);
            item.product_name = Some(name.parse().unwrap());
            item
        })
    };
    let mut all = Vec::new();
    for _ in 0..16 {
        let appended = tables
            .store()
            .append::<Order>(&new_order_id(), 0, &[created(items())], &metadata())
            .await;
        all.extend(appended.unwrap().events);
    }
    let query = EventQuery {
        event_types: &["OrderCreated"],
        time: all[0].timestamp..Utc::now() + Duration::hours(1),
        correlation_id: None,
        segment: Segment::WHOLE,
    };
    let first = tables.store().query_events(&query, 100, None).await.unwrap();
    assert!(
        (1..16).contains(&first.events.len()),
        "{} events on one page",
        first.events.len()
    );
    assert_same_events(&all_pages(&tables, &query, 100).await, all.into_iter(), "large events");
}
