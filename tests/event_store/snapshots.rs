//! Snapshots: loading a stream costs the same however long it is, and no snapshot can do harm.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Idempotency;
use domain::aggregate::store_event;
use domain::order::Order;
use domain::{Aggregate, Metadata};
use event_store::keys::MIN_KEYS;
use event_store::{EventStore, Snapshots, Stream, TransactError, Transacted, Version};
use serde_json::json;
use uuid::Uuid;

use crate::support::orders::{added, created, item, metadata, new_order_id};
use crate::support::{Fault, Tables, until};

/// A store that takes a snapshot of an order every `every` events.
fn store(tables: &Tables, every: u32) -> EventStore {
    let every = format!("Order:{every}").parse().unwrap();
    tables.store().with_snapshots(Snapshots::new("Snapshots", every))
}

/// An order of `length` events, written past the store.
async fn long_order(tables: &Tables, length: u32) -> String {
    let id = new_order_id();
    let mut puts = Vec::new();
    for version in 1..=length {
        let event = match version {
            1 => created([item("11", 1)]),
            _ => added(&format!("p{}", version % 7), 1),
        };
        let stored = store_event::<Order>(&event);
        let item = json!({
            "AggregateId": id,
            "Version": version,
            "AggregateType": Order::TYPE,
            "EventId": Uuid::now_v7(),
            "EventType": stored.event_type,
            "EventVersion": stored.event_version,
            "EventData": stored.data,
            "EventTypeShard": format!("{}#0", stored.event_type),
            // Ten minutes from each to the next, so that old keys are forgotten.
            "Timestamp": Utc::now() - TimeDelta::minutes(10) * i32::try_from(length - version).unwrap(),
            "CommandId": Uuid::now_v7(),
            "CorrelationId": Uuid::now_v7(),
            "CausationId": Uuid::now_v7(),
            "UserId": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "IdempotencyKey": Uuid::now_v7(),
            "RequestHash": "Yx1LmN0b3VyIHdhcyBoZXJlIGFuZCBtb3JlIGJ5dGVz",
        });
        let item = serde_dynamo::to_item(item).unwrap();
        let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
        puts.push(WriteRequest::builder().put_request(put).build());
    }
    for batch in puts.chunks(25) {
        let written = tables
            .dynamodb
            .batch_write_item()
            .request_items("EventStore", batch.to_vec())
            .send()
            .await
            .unwrap();
        assert!(written.unprocessed_items().is_none_or(|left| left.is_empty()));
    }
    id
}

async fn add(store: &EventStore, id: &str) -> Transacted<Order> {
    add_as(store, id, &metadata()).await
}

async fn add_as(store: &EventStore, id: &str, metadata: &Metadata) -> Transacted<Order> {
    let order = store.load::<Order>(id).await.unwrap();
    store
        .transact(order, metadata, |_| Ok::<_, ()>(vec![added("p1", 1)]))
        .await
        .unwrap()
}

/// Waits until the order's snapshot is at `version`: it is written beside the append, and nobody waits for it.
async fn snapshot_at(tables: &Tables, id: &str, version: Version) {
    let is_there = async || snapshot_version(tables, id).await == Some(version);
    until(&format!("a snapshot at version {version}"), is_there).await;
}

async fn snapshot_version(tables: &Tables, id: &str) -> Option<Version> {
    let item = snapshot(tables, id).await?;
    item["Version"].as_n().unwrap().parse().ok()
}

async fn snapshot(tables: &Tables, id: &str) -> Option<std::collections::HashMap<String, AttributeValue>> {
    let found = tables
        .dynamodb
        .get_item()
        .table_name("Snapshots")
        .key("AggregateId", AttributeValue::S(id.to_owned()))
        .send();
    found.await.unwrap().item
}

/// Loading gives what folding every event gives.
async fn assert_loads_as_folded(tables: &Tables, store: &EventStore, id: &str) -> Stream<Order> {
    let whole = tables.store().load::<Order>(id).await.unwrap();
    let loaded = store.load::<Order>(id).await.unwrap();
    assert_eq!((loaded.version, &loaded.state), (whole.version, &whole.state));
    loaded
}

#[tokio::test]
async fn an_order_of_10_000_events_is_loaded_with_2_requests() {
    let tables = Tables::new().await;
    let store = store(&tables, 50);
    let id = long_order(&tables, 10_000).await;
    let whole = tables.store().load::<Order>(&id).await.unwrap();

    // The first command finds no snapshot, and leaves one behind.
    add(&store, &id).await;
    snapshot_at(&tables, &id, 10_000).await;

    tables.proxy.take_operations();
    let loaded = assert_loads_as_folded(&tables, &store, &id).await;
    assert_eq!(loaded.version, 10_001);
    assert_eq!(loaded.cost.requests, 2);
    // 75 events of 0.6 KB, and half a unit for each 4 KB of the snapshot with its 100 keys.
    assert!(loaded.cost.read_units <= 16.0, "{:?}", loaded.cost);
    assert!(whole.cost.read_units > 1_000.0, "{:?}", whole.cost);
    println!("10,000 events: {:?}; without snapshots: {:?}", loaded.cost, whole.cost);
}

/// Why the interval is what template.yaml says: it costs orders of usual length nothing, and long ones little.
#[tokio::test]
async fn an_order_of_usual_length_costs_what_it_costs_without_snapshots() {
    let tables = Tables::new().await;
    for length in [1, 8, 75] {
        let id = long_order(&tables, length).await;
        let without = tables.store().load::<Order>(&id).await.unwrap();
        let with = store(&tables, 50).load::<Order>(&id).await.unwrap();
        assert_eq!(with.cost, without.cost, "{length} events");
        assert_eq!(with.cost.requests, 1);
        add(&store(&tables, 50), &id).await;
    }
    let id = long_order(&tables, 1_000).await;
    for every in [20, 50, 100] {
        let store = store(&tables, every);
        add(&store, &id).await;
        let is_used = async || store.load::<Order>(&id).await.unwrap().cost.requests == 2;
        until("a snapshot", is_used).await;
        let mut reads = Vec::new();
        for _ in 0..every {
            reads.push(add(&store, &id).await.stream.cost.read_units);
        }
        let mean = reads.iter().sum::<f64>() / reads.len() as f64;
        println!("a snapshot every {every} events: {mean:.1} read units a command");
    }
    assert_eq!(tables.items("Snapshots").await.len(), 1, "only the long order has one");
}

#[tokio::test]
async fn a_snapshot_follows_every_so_many_events_beside_the_append() {
    let tables = Tables::new().await;
    let store = store(&tables, 10);
    let id = long_order(&tables, 15).await;
    tables.proxy.take_operations();
    add(&store, &id).await;
    // The whole stream was in the first read, so nothing is known of snapshots.
    assert_eq!(tables.proxy.take_operations(), ["Query", "PutItem"]);

    add(&store, &id).await;
    snapshot_at(&tables, &id, 16).await;
    for _ in 0..9 {
        add(&store, &id).await;
    }
    assert_eq!(snapshot_version(&tables, &id).await, Some(16));
    add(&store, &id).await;
    snapshot_at(&tables, &id, 26).await;
    assert_loads_as_folded(&tables, &store, &id).await;
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_used_is_ignored_and_replaced() {
    let tables = Tables::new().await;
    let store = store(&tables, 10);
    type Damage = fn(&mut std::collections::HashMap<String, AttributeValue>);
    let damages: [(&str, Damage); 8] = [
        ("other code", |item| {
            item.insert("StateVersion".to_owned(), AttributeValue::N("0".to_owned()));
        }),
        ("code that did not know state versions", |item| {
            item.remove("StateVersion");
            item.insert("Fingerprint".to_owned(), AttributeValue::S("3f2a".to_owned()));
        }),
        ("code that stored whole keys", |item| {
            item.remove("Keys");
            item.insert("UsedKeys".to_owned(), AttributeValue::L(Vec::new()));
        }),
        ("not decodable", |item| {
            item.insert("State".to_owned(), AttributeValue::S("?".to_owned()));
        }),
        ("ahead of the stream", |item| {
            item.insert("Version".to_owned(), AttributeValue::N("1000".to_owned()));
        }),
        ("of no version", |item| {
            item.insert("Version".to_owned(), AttributeValue::N("0".to_owned()));
        }),
        ("of another history", |item| {
            item.insert("EventId".to_owned(), AttributeValue::S(Uuid::now_v7().to_string()));
        }),
        ("of another history, long ago", |item| {
            item.insert("Version".to_owned(), AttributeValue::N("2".to_owned()));
        }),
    ];
    for (case, damage) in damages {
        let id = long_order(&tables, 30).await;
        add(&store, &id).await;
        snapshot_at(&tables, &id, 30).await;
        let mut item = snapshot(&tables, &id).await.unwrap();
        damage(&mut item);
        tables
            .dynamodb
            .put_item()
            .table_name("Snapshots")
            .set_item(Some(item.clone()))
            .send()
            .await
            .unwrap();

        assert_loads_as_folded(&tables, &store, &id).await;
        add(&store, &id).await;
        snapshot_at(&tables, &id, 31).await;
        assert_ne!(snapshot(&tables, &id).await.unwrap(), item, "{case}");
        let loaded = assert_loads_as_folded(&tables, &store, &id).await;
        assert_eq!(loaded.cost.requests, 2, "{case}");
    }
}

#[tokio::test]
async fn a_snapshot_that_lags_behind_is_completed_from_the_events() {
    let tables = Tables::new().await;
    let id = long_order(&tables, 30).await;
    add(&store(&tables, 10), &id).await;
    snapshot_at(&tables, &id, 30).await;
    // A store that knows no snapshots goes on for a while.
    for _ in 0..40 {
        add(&tables.store(), &id).await;
    }
    let loaded = assert_loads_as_folded(&tables, &store(&tables, 10), &id).await;
    assert_eq!((loaded.version, loaded.cost.requests), (71, 3));
}

/// Between our read of the end and that of the snapshot, others may append and take a newer one.
#[tokio::test]
async fn a_snapshot_that_is_newer_than_what_was_read_takes_one_small_read_more() {
    let tables = Tables::new().await;
    let store = store(&tables, 10);
    let id = long_order(&tables, 30).await;
    add(&store, &id).await;
    snapshot_at(&tables, &id, 30).await;
    // The first read sees the stream as it was before its last two events.
    tables.proxy.inject(
        "Query",
        Fault::Alter(|answer| {
            let items = answer["Items"].as_array_mut().unwrap();
            items.drain(..2);
            answer.as_object_mut().unwrap().remove("LastEvaluatedKey");
        }),
    );
    tables.proxy.take_operations();
    let loaded = store.load::<Order>(&id).await.unwrap();
    assert_eq!(loaded.version, 31);
    assert_eq!(tables.proxy.take_operations(), ["Query", "GetItem", "Query"]);
    assert!(loaded.cost.read_units <= 6.0, "{:?}", loaded.cost);
}

#[tokio::test]
async fn a_snapshot_table_that_does_not_answer_is_no_error_to_the_caller() {
    let tables = Tables::new().await;
    let store = store(&tables, 10);
    let id = long_order(&tables, 30).await;
    add(&store, &id).await;
    snapshot_at(&tables, &id, 30).await;
    tables.proxy.inject("GetItem", Fault::Refuse("AccessDeniedException"));
    assert_loads_as_folded(&tables, &store, &id).await;
    assert_eq!(tables.proxy.pending_faults(), 0);

    // Nor is one that cannot be written.
    let unwritable = "Order:10".parse().unwrap();
    let unwritable = tables.store().with_snapshots(Snapshots::new("NoSuchTable", unwritable));
    let transacted = add(&unwritable, &id).await;
    assert_eq!(transacted.stream.version, 32);
}

fn with_key(key: &str) -> Metadata {
    Metadata {
        idempotency: Some(Idempotency {
            key: key.to_owned(),
            request_hash: "hash".to_owned(),
        }),
        ..metadata()
    }
}

fn hours_ago(hours: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::hours(hours)
}

/// How many keys the order's snapshot has.
async fn keys_in_snapshot(tables: &Tables, id: &str) -> usize {
    snapshot(tables, id).await.unwrap()["Keys"]
        .as_b()
        .unwrap()
        .as_ref()
        .len()
        / 36
}

#[tokio::test]
async fn a_key_counts_for_a_day_however_many_follow_and_the_most_recent_ones_count_for_longer() {
    let tables = Tables::new().await;
    let store = store(&tables, 10);
    let id = long_order(&tables, 30).await;
    let stores = [
        (store.clone().with_clock(|| hours_ago(30)), "too-old", 20),
        (store.clone().with_clock(|| hours_ago(23)), "yesterday", 30),
        (store.clone(), "today", MIN_KEYS),
    ];
    let mut version = 30;
    for (store, name, count) in &stores {
        for n in 0..*count {
            version += 1;
            let added = add_as(store, &id, &with_key(&format!("{name}-{n}"))).await;
            assert_eq!((added.is_replay, added.stream.version), (false, version));
        }
    }
    let due = version - version % 10;
    until("a snapshot", async || {
        snapshot_version(&tables, &id).await >= Some(due - 20)
    })
    .await;
    for (key, first) in [("yesterday-0", 51), ("yesterday-29", 80), ("today-0", 81)] {
        let repeated = add_as(&store, &id, &with_key(key)).await;
        assert_eq!((repeated.is_replay, repeated.stream.version), (true, first), "{key}");
    }
    let repeated = add_as(&store, &id, &with_key("too-old-0")).await;
    assert_eq!((repeated.is_replay, repeated.stream.version), (false, version + 1));
    let keys = keys_in_snapshot(&tables, &id).await;
    // Those of the long order are of some hours ago.
    assert!((MIN_KEYS..=30 + 30 + MIN_KEYS).contains(&keys), "{keys}");
}

/// What is long past counts on, as long as few follow it.
#[tokio::test]
async fn the_most_recent_keys_count_however_old_they_are() {
    let tables = Tables::new().await;
    let store = store(&tables, 10);
    let id = long_order(&tables, 30).await;
    let long_ago = store.clone().with_clock(|| hours_ago(1_000));
    add_as(&long_ago, &id, &with_key("first")).await;
    for _ in 0..40 {
        add(&store, &id).await;
    }
    until("a snapshot", async || snapshot_version(&tables, &id).await >= Some(50)).await;
    assert!(add_as(&store, &id, &with_key("first")).await.is_replay);
}

#[tokio::test]
async fn two_writers_on_a_stream_with_snapshots_lose_nothing() {
    let tables = Tables::new().await;
    let store = store(&tables, 5);
    let id = long_order(&tables, 20).await;
    let writers = (0..8).map(|_| async {
        for _ in 0..5 {
            let command = metadata();
            let append = async || {
                let order = store.load::<Order>(&id).await.unwrap();
                let decide = |_: &Stream<Order>| Ok::<_, ()>(vec![added("p1", 1)]);
                store.transact(order, &command, decide).await
            };
            // Others may be faster each time, for a while.
            while matches!(append().await, Err(TransactError::Contended { .. })) {}
        }
    });
    futures::future::join_all(writers).await;
    let loaded = assert_loads_as_folded(&tables, &store, &id).await;
    assert_eq!(loaded.version, 60);
    let pieces: u32 = loaded.state.unwrap().items.iter().map(|item| item.quantity.get()).sum();
    assert_eq!(pieces, 60);
}
