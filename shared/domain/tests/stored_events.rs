//! Every event type in every schema version that was ever written, as it lies in the event store.
//!
//! A fixture is never edited: events like it are in somebody's table. When an event changes, its new version gets a new
//! fixture, and the old one must load for ever.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail loudly too")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::Aggregate;
use domain::aggregate::{StoredEvent, UnreadableEvent, fnv1a, read_events, store_event};
use domain::fulfilment::Fulfilment;
use domain::order::{Order, OrderEvent};
use domain::payment::Payment;
use domain::stock::Stock;
use serde_json::{Value, json};

/// Every aggregate whose events are stored.
fn kinds() -> Vec<Kind> {
    vec![
        Kind::of::<Order>(),
        Kind::of::<Stock>(),
        Kind::of::<Payment>(),
        Kind::of::<Fulfilment>(),
    ]
}

/// What the tests need to know of an aggregate.
struct Kind {
    name: &'static str,
    prefix: &'static str,
    event_types: &'static [&'static str],
    state_version: u32,
    /// The state after each of some stored events, one after the other.
    states: fn(Vec<StoredEvent>) -> Vec<Value>,
    /// What was stored, read and stored again.
    rewrite: fn(StoredEvent) -> Result<Vec<StoredEvent>, UnreadableEvent>,
    /// The names of the variants of its event.
    variants: BTreeSet<String>,
}

impl Kind {
    fn of<A: Aggregate>() -> Self {
        // Serde names all of them when it finds another.
        let unknown = serde_json::from_value::<A::Event>(json!({ "EventType": "" })).unwrap_err();
        let unknown = unknown.to_string();
        let names = unknown.split('`').skip(1).step_by(2).filter(|name| !name.is_empty());
        Self {
            name: A::TYPE,
            prefix: A::PREFIX,
            event_types: A::EVENT_TYPES,
            state_version: A::STATE_VERSION,
            states: |stored| {
                let mut state = None;
                let mut after = |stored| {
                    state = A::fold(state.take(), &read_events::<A>(stored).unwrap());
                    serde_json::to_value(&state).unwrap()
                };
                stored.into_iter().map(&mut after).collect()
            },
            rewrite: |stored| {
                let events = read_events::<A>(stored)?;
                Ok(events.iter().map(store_event::<A>).collect())
            },
            variants: names.map(str::to_owned).collect(),
        }
    }

    /// The one event that this one is now.
    fn rewritten(&self, event_type: &str, event_version: u32, data: Value) -> StoredEvent {
        let events = (self.rewrite)(StoredEvent {
            event_type: event_type.to_owned(),
            event_version,
            data,
        });
        let [event] = <[_; 1]>::try_from(events.unwrap_or_else(|error| panic!("{error}"))).unwrap();
        event
    }
}

/// The aggregate that has events of this type.
fn kind_of(event_type: &str) -> Kind {
    let mut having = kinds()
        .into_iter()
        .filter(|kind| kind.event_types.contains(&event_type));
    let kind = having.next().unwrap_or_else(|| panic!("no aggregate has {event_type}"));
    assert!(having.next().is_none(), "{event_type} is of two aggregates");
    kind
}

/// `<event type>.v<version>.json`, or with `-<case>` before the end where an event may say several things, by type and
/// version.
fn fixtures() -> BTreeMap<(String, u32), Vec<Value>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stored_events");
    let mut fixtures = BTreeMap::<_, Vec<Value>>::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (event_type, version) = name.split_once(".v").unwrap();
        let version = version.split('-').next().unwrap();
        let data = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let of_version = fixtures.entry((event_type.to_owned(), version.parse().unwrap()));
        of_version.or_default().push(data);
    }
    fixtures
}

fn each(fixtures: &BTreeMap<(String, u32), Vec<Value>>) -> impl Iterator<Item = (&str, u32, &Value)> {
    fixtures.iter().flat_map(|((event_type, version), of_version)| {
        of_version.iter().map(|data| (event_type.as_str(), *version, data))
    })
}

/// Of an event of which there is only one in this version.
fn fixture(event_type: &str, version: u32) -> Value {
    let of_version = fixtures().remove(&(event_type.to_owned(), version)).unwrap();
    let [data] = <[_; 1]>::try_from(of_version).unwrap();
    data
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
    let fixtures = fixtures();
    for (event_type, version, data) in each(&fixtures) {
        let written = kind_of(event_type).rewritten(event_type, version, data.clone());
        assert_eq!(written.event_type, event_type);
        assert!(written.event_version >= version);
        if written.event_version == version {
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
    for (event_type, version, data) in each(&fixtures) {
        let newest = kind_of(event_type).rewritten(event_type, version, data.clone());
        assert_eq!(versions[event_type], newest.event_version, "{event_type}");
    }
    let types: BTreeSet<_> = versions.keys().copied().collect();
    let listed: BTreeSet<_> = kinds().iter().flat_map(|kind| kind.event_types).copied().collect();
    assert_eq!(types, listed);
}

#[test]
fn every_event_is_listed_under_its_type() {
    for kind in kinds() {
        let listed: BTreeSet<_> = kind.event_types.iter().map(|name| (*name).to_owned()).collect();
        assert!(
            kind.variants.len() > 1 && kind.variants.is_subset(&listed),
            "{}",
            kind.name
        );
    }
}

#[test]
fn no_two_aggregates_have_the_same_name_or_prefix() {
    let kinds = kinds();
    let names: BTreeSet<_> = kinds.iter().map(|kind| kind.name).collect();
    let prefixes: BTreeSet<_> = kinds.iter().map(|kind| kind.prefix).collect();
    assert_eq!((names.len(), prefixes.len()), (kinds.len(), kinds.len()));
}

/// What the stored events lead to, pinned: snapshots hold such states, and are used by code of the same state version.
#[test]
fn a_state_that_changes_has_another_state_version() {
    let pinned: BTreeMap<String, (u32, String)> = serde_json::from_str(include_str!("states.json")).unwrap();
    let mut folded = BTreeMap::new();
    for kind in kinds() {
        let states = (kind.states)(history(&kind));
        let digest = fnv1a(&[serde_json::to_string(&states).unwrap().as_bytes()]);
        folded.insert(kind.name.to_owned(), (kind.state_version, format!("{digest:016x}")));
    }
    for (name, (version, digest)) in &pinned {
        let (now, folded) = &folded[name];
        assert!(
            digest == folded || now > version,
            "the stored events lead to other states: raise {name}::STATE_VERSION to {}",
            version + 1
        );
    }
    let folded_json = serde_json::to_string_pretty(&folded).unwrap();
    assert_eq!(pinned, folded, "write this to states.json:\n{folded_json}");
}

/// All stored events of an aggregate, in the order in which their types are listed, and each version: as far as that makes
/// a history.
fn history(kind: &Kind) -> Vec<StoredEvent> {
    let fixtures = fixtures();
    let of_type = |event_type: &'static str| each(&fixtures).filter(move |(name, ..)| *name == event_type);
    let events = kind.event_types.iter().flat_map(|event_type| of_type(event_type));
    let stored = |(event_type, event_version, data): (&str, u32, &Value)| StoredEvent {
        event_type: event_type.to_owned(),
        event_version,
        data: data.clone(),
    };
    events.map(stored).collect()
}

#[test]
fn an_order_of_version_1_is_in_dollars_and_untaxed() {
    let data = fixture("OrderCreated", 1);
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
    let data = fixture("OrderCreated", 2);
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
    // Without an upcaster the only version is the first.
    let stored = |event_version| StoredEvent {
        event_type: "StockReceived".to_owned(),
        event_version,
        data: json!({ "quantity": 1 }),
    };
    assert!(read_events::<Stock>(stored(1)).is_ok());
    assert_eq!(
        read_events::<Stock>(stored(2)).unwrap_err().to_string(),
        "StockReceived is stored in schema version 2, but this code knows versions 1 to 1"
    );
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
