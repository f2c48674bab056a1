//! Appending and loading.

use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::order::{Order, OrderEvent};
use event_store::{AppendError, CorruptStream, StoreError};

use crate::support::Tables;
use crate::support::orders::{added, created, item, metadata, new_order_id, submitted};

#[tokio::test]
async fn what_was_appended_is_loaded_and_listed_from_any_version() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = new_order_id();
    let metadata = metadata();
    store
        .append::<Order>(&id, 0, &[created([item("11", 1)])], &metadata)
        .await
        .unwrap();
    store
        .append::<Order>(&id, 1, &[added("11", 2), submitted()], &metadata)
        .await
        .unwrap();

    let order = store.load::<Order>(&id).await.unwrap();
    assert_eq!(order.version, 3);
    assert_eq!(order.state.unwrap().items, [item("11", 3)]);
    assert_eq!(store.version(&id).await.unwrap(), 3);

    let from_two = store.events(&id, 2, None).await.unwrap();
    assert_eq!(from_two.iter().map(|event| event.version).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(from_two[0].events::<Order>().unwrap(), [added("11", 2)]);
    assert_eq!(from_two[0].metadata, metadata);
    assert_eq!(store.events(&id, 1, Some(2)).await.unwrap().len(), 2);
    assert_eq!(store.events(&id, 4, None).await.unwrap(), []);
}

#[tokio::test]
async fn a_stream_without_events_is_at_version_0() {
    let tables = Tables::new().await;
    let id = new_order_id();
    assert_eq!(tables.store().version(&id).await.unwrap(), 0);
    let order = tables.store().load::<Order>(&id).await.unwrap();
    assert_eq!((order.version, order.state), (0, None));
}

#[tokio::test]
async fn a_version_is_taken_once() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = new_order_id();
    let winner = metadata();
    store.append::<Order>(&id, 0, &[created([])], &winner).await.unwrap();

    match store.append::<Order>(&id, 0, &[created([])], &metadata()).await {
        Err(AppendError::Conflict { winners }) => assert_eq!(winners[0].metadata, winner),
        other => panic!("expected a conflict, got {other:?}"),
    }
    // A transaction whose first event alone collides writes none of its events.
    let two = [created([]), submitted()];
    assert!(matches!(
        store.append::<Order>(&id, 0, &two, &metadata()).await,
        Err(AppendError::Conflict { winners }) if winners.len() == 1
    ));
    assert_eq!(store.version(&id).await.unwrap(), 1);
}

#[tokio::test]
async fn a_stream_of_3000_events_is_longer_than_a_page_and_loads_whole() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = new_order_id();
    let named = |version: u64| {
        let mut item = item(&format!("product {}", version % 7), 1);
        item.product_name = Some("x".repeat(200).parse().unwrap());
        OrderEvent::from(item)
    };
    store
        .append::<Order>(&id, 0, &[created([])], &metadata())
        .await
        .unwrap();
    let mut version = 1;
    while version < 3_000 {
        let events: Vec<_> = (version..3_000).take(100).map(named).collect();
        store.append::<Order>(&id, version, &events, &metadata()).await.unwrap();
        version += events.len() as u64;
    }

    tables.proxy.take_operations();
    let order = store.load::<Order>(&id).await.unwrap();
    assert_eq!(order.version, 3_000);
    let pieces: u32 = order.state.unwrap().items.iter().map(|item| item.quantity.get()).sum();
    assert_eq!(pieces, 2_999);
    let pages = tables.proxy.take_operations().len();
    assert!(pages > 1, "the stream fits into {pages} page");
    assert_eq!(order.cost.requests as usize, pages);
}

#[tokio::test]
async fn a_gap_in_a_stream_is_found() {
    let tables = Tables::new().await;
    let store = tables.store();
    let id = new_order_id();
    store
        .append::<Order>(&id, 0, &[created([]), added("11", 1), added("11", 1)], &metadata())
        .await
        .unwrap();
    tables
        .dynamodb
        .delete_item()
        .table_name("EventStore")
        .key("AggregateId", AttributeValue::S(id.clone()))
        .key("Version", AttributeValue::N("2".to_owned()))
        .send()
        .await
        .unwrap();

    let gap = CorruptStream::Gap {
        aggregate_id: id.clone(),
        expected: 2,
        found: 3,
    };
    assert!(matches!(store.load::<Order>(&id).await, Err(StoreError::Corrupt(found)) if found == gap));
    assert!(matches!(store.events(&id, 1, None).await, Err(StoreError::Corrupt(found)) if found == gap));
}

#[tokio::test]
async fn an_event_that_is_too_large_for_an_item_is_refused_before_it_is_sent() {
    let tables = Tables::new().await;
    let name = "漢".repeat(200);
    let items = (0..500).map(|n| {
        let mut item = item(&format!("{n}{}", "漢".repeat(60)), 1);
        item.product_name = Some(name.parse().unwrap());
        item
    });
    let appended = tables
        .store()
        .append::<Order>(&new_order_id(), 0, &[created(items)], &metadata())
        .await;
    assert!(matches!(appended, Err(AppendError::TooLarge { bytes, limit: 409_600 }) if bytes > 409_600));
    assert_eq!(tables.proxy.take_operations(), [""; 0]);
}

/// Each reading is a second before the one before.
fn clock_that_runs_backwards() -> DateTime<Utc> {
    static READINGS: AtomicI64 = AtomicI64::new(0);
    let back = READINGS.fetch_add(1, Ordering::Relaxed);
    DateTime::from_timestamp(1_795_176_000 - back, 0).unwrap()
}

#[tokio::test]
async fn versions_order_events_whatever_the_clock_says() {
    let tables = Tables::new().await;
    let store = tables.store().with_clock(clock_that_runs_backwards);
    let id = new_order_id();
    for (version, event) in [created([]), added("11", 1), submitted()].into_iter().enumerate() {
        store
            .append::<Order>(&id, version as u64, &[event], &metadata())
            .await
            .unwrap();
    }
    let events = store.events(&id, 1, None).await.unwrap();
    assert!(events.is_sorted_by(|a, b| a.version < b.version && a.timestamp > b.timestamp));
    let order = store.load::<Order>(&id).await.unwrap().state.unwrap();
    assert_eq!((order.status.as_str(), order.items.len()), ("submitted", 1));
}
