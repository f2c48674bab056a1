//! Every event type in every schema version that was ever written, as it lies in the event store.
//!
//! A fixture is never edited: events like it are in somebody's table. When an event changes, its new version gets a new
//! fixture, and the old one must load for ever.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail loudly too")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::aggregate::{StoredEvent, read_events, store_event};
use domain::order::event::EVENT_TYPES;
use domain::order::{Order, OrderEvent};
use serde_json::{Value, json};

/// `<event type>.v<version>.json`, by type and version.
fn fixtures() -> BTreeMap<(String, u32), Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stored_events");
    let mut fixtures = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (event_type, version) = name.split_once(".v").unwrap();
        let data = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        fixtures.insert((event_type.to_owned(), version.parse().unwrap()), data);
    }
    fixtures
}

fn read(event_type: &str, event_version: u32, data: Value) -> OrderEvent {
    let events = read_events::<Order>(StoredEvent {
        event_type: event_type.to_owned(),
        event_version,
        data,
    });
    let [event] = <[_; 1]>::try_from(events.unwrap_or_else(|error| panic!("{error}"))).unwrap();
    event
}

#[test]
fn every_stored_version_loads_and_the_newest_is_written_back_unchanged() {
    for ((event_type, version), data) in &fixtures() {
        let event = read(event_type, *version, data.clone());
        let written = store_event::<Order>(&event);
        assert_eq!(&written.event_type, event_type);
        assert!(written.event_version >= *version);
        if written.event_version == *version {
            assert_eq!(
                &written.data, data,
                "the stored form of {event_type} version {version} has changed"
            );
        }
    }
}

#[test]
fn every_event_type_has_a_fixture_of_every_version() {
    let fixtures = fixtures();
    let mut versions = BTreeMap::<&str, u32>::new();
    for (event_type, version) in fixtures.keys() {
        let newest = versions.entry(event_type).or_default();
        assert_eq!(*version, *newest + 1, "{event_type}");
        *newest = *version;
    }
    for ((event_type, version), data) in &fixtures {
        let newest = store_event::<Order>(&read(event_type, *version, data.clone())).event_version;
        assert_eq!(versions[event_type.as_str()], newest, "{event_type}");
    }
    let types: BTreeSet<_> = versions.keys().copied().collect();
    assert_eq!(types, BTreeSet::from(EVENT_TYPES));
    // Fails to compile when an event type is added, so that it is not forgotten in the list.
    let listed = |event: OrderEvent| match event {
        OrderEvent::OrderCreated { .. }
        | OrderEvent::OrderItemAdded(_)
        | OrderEvent::OrderItemRemoved { .. }
        | OrderEvent::OrderSubmitted { .. }
        | OrderEvent::OrderConfirmed { .. }
        | OrderEvent::OrderPaid { .. }
        | OrderEvent::OrderShipped { .. }
        | OrderEvent::OrderDelivered {}
        | OrderEvent::OrderCancelled { .. } => 9,
    };
    assert_eq!(EVENT_TYPES.len(), listed(OrderEvent::OrderDelivered {}));
}

#[test]
fn an_order_of_version_1_is_in_dollars_and_untaxed() {
    let data = fixtures().remove(&("OrderCreated".to_owned(), 1)).unwrap();
    let OrderEvent::OrderCreated {
        currency, tax, items, ..
    } = read("OrderCreated", 1, data)
    else {
        panic!("not an OrderCreated");
    };
    assert_eq!(currency.to_string(), "USD");
    assert!(tax.rate.as_decimal().is_zero());
    assert_eq!(items.len(), 2);
}

#[test]
fn an_order_of_version_2_keeps_its_currency() {
    let data = fixtures().remove(&("OrderCreated".to_owned(), 2)).unwrap();
    let OrderEvent::OrderCreated { currency, tax, .. } = read("OrderCreated", 2, data) else {
        panic!("not an OrderCreated");
    };
    assert_eq!(currency.to_string(), "EUR");
    assert!(tax.rate.as_decimal().is_zero());
}

#[test]
fn what_the_code_does_not_know_is_an_error() {
    let unreadable = |event_type: &str, event_version: u32, data: Value| {
        let stored = StoredEvent {
            event_type: event_type.to_owned(),
            event_version,
            data,
        };
        read_events::<Order>(stored).unwrap_err().to_string()
    };
    assert_eq!(
        unreadable("OrderCreated", 4, Value::Null),
        "OrderCreated is stored in schema version 4, but this code knows versions 1 to 3"
    );
    assert!(unreadable("OrderCreated", 0, Value::Null).contains("version 0"));
    assert_eq!(
        unreadable("OrderMisplaced", 3, Value::Null),
        "OrderMisplaced is an event type that this code does not know"
    );
    assert!(unreadable("OrderCreated", 1, Value::Null).contains("cannot be decoded"));
}

#[test]
fn the_reason_tells_nothing_of_what_is_stored() {
    let reason = |event_type: &str, data: Value| {
        let stored = StoredEvent {
            event_type: event_type.to_owned(),
            event_version: 1,
            data,
        };
        read_events::<Order>(stored).unwrap_err().to_string()
    };
    for (data, expected) in [
        (json!({ "product_id": { "name": "Anders" } }), "not a string"),
        (json!({ "product_id": 4_242 }), "not a string"),
        (json!({ "product_id": true }), "not a string"),
        (json!("Maria \"M\" Anders"), "not"),
        (json!({}), "missing field `product_id`"),
    ] {
        let reason = reason("OrderItemRemoved", data);
        assert!(reason.contains(expected), "{reason}");
        for value in ["Anders", "Maria", "4242", "true"] {
            assert!(!reason.contains(value), "{reason}");
        }
    }
}
