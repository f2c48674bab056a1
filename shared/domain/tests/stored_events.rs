//! Every event type in every schema version that was ever written, as it lies in the event store.
//!
//! A fixture is never edited: events like it are in somebody's table. When an event changes, its new version gets a new
//! fixture, and the old one must load for ever.
//!
//! | file | what it pins |
//! |---|---|
//! | `stored_events/` | stored events of every type and version |
//! | `fields.json` | the fields that an event of a version may have |
//! | `states.json` | the states that these events lead to |

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail loudly too")]

mod fields;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::Aggregate;
use domain::aggregate::{StoredEvent, UnreadableEvent, fnv1a, read_events, store_event};
use domain::fulfilment::Fulfilment;
use domain::order::{Order, OrderEvent, OrderItem, Terms};
use domain::payment::{Payment, Request};
use domain::stock::Stock;
use domain::transaction::Transaction;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use fields::Fields;

/// Every aggregate whose events are stored.
fn kinds() -> Vec<Kind> {
    vec![
        Kind::of::<Order>(),
        Kind::of::<Stock>(),
        Kind::of::<Payment>(),
        Kind::of::<Fulfilment>(),
        Kind::of::<Transaction>(),
    ]
}

/// What the tests need to know of an aggregate.
struct Kind {
    name: &'static str,
    prefix: &'static str,
    event_types: &'static [&'static str],
    state_version: u32,
    /// The state after each of some stored events, one after the other, with its fields.
    states: fn(Vec<StoredEvent>) -> Vec<(Value, Fields)>,
    /// What was stored, read and stored again.
    rewrite: fn(StoredEvent) -> Result<Vec<StoredEvent>, UnreadableEvent>,
    /// The fields of an event's newest version, or why it is none.
    fields: fn(&str, Value) -> Result<Fields, String>,
    /// The names of the variants of its event.
    variants: BTreeSet<String>,
}

impl Kind {
    fn of<A: Aggregate>() -> Self {
        let fields = |event_type: &str, data: Value| {
            let event = json!({ "EventType": event_type, "EventData": data });
            let event: A::Event = serde_json::from_value(event).map_err(|error| error.to_string())?;
            Ok(Fields::of(&event))
        };
        Self {
            name: A::TYPE,
            prefix: A::PREFIX,
            event_types: A::EVENT_TYPES,
            state_version: A::STATE_VERSION,
            states: |stored| {
                let mut state = None;
                let mut after = |stored| {
                    state = A::fold(state.take(), &read_events::<A>(stored).unwrap());
                    (serde_json::to_value(&state).unwrap(), Fields::of(&state))
                };
                stored.into_iter().map(&mut after).collect()
            },
            rewrite: |stored| {
                let events = read_events::<A>(stored)?;
                Ok(events.iter().map(store_event::<A>).collect())
            },
            fields,
            variants: variants(&fields("", Value::Null).unwrap_err()).collect(),
        }
    }

    /// The one event that this one is now.
    fn rewritten(&self, fixture: &Fixture) -> StoredEvent {
        let events = (self.rewrite)(fixture.stored());
        let events = events.unwrap_or_else(|error| {
            let Fixture {
                event_type, version, ..
            } = fixture;
            panic!(
                "{error}: such events are stored. A changed field is version {} of {event_type}, with an upcaster",
                version + 1
            )
        });
        let [event] = <[_; 1]>::try_from(events).unwrap();
        event
    }
}

/// The names that serde knows instead of an empty one. It lists them when it does not find one.
fn variants(error: &str) -> impl Iterator<Item = String> {
    let (_, names) = error.split_once("unknown variant ``, expected ").unwrap_or_default();
    names.split('`').skip(1).step_by(2).map(str::to_owned)
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

/// `<event type>.v<version>.json`, or with `-<case>` before the end where an event may say several things.
#[derive(Clone)]
struct Fixture {
    /// Without `.json`.
    name: String,
    event_type: String,
    version: u32,
    data: Value,
}

impl Fixture {
    fn stored(&self) -> StoredEvent {
        StoredEvent {
            event_type: self.event_type.clone(),
            event_version: self.version,
            data: self.data.clone(),
        }
    }
}

/// All of them, by their names.
fn fixtures() -> Vec<Fixture> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stored_events");
    let mut fixtures = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (event_type, version) = name.split_once(".v").unwrap();
        fixtures.push(Fixture {
            event_type: event_type.to_owned(),
            version: version.split('-').next().unwrap().parse().unwrap(),
            data: serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap(),
            name: name.to_owned(),
        });
    }
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    fixtures
}

fn by_version(fixtures: &[Fixture]) -> BTreeMap<(&str, u32), Vec<&Fixture>> {
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for fixture in fixtures {
        let of_version = versions.entry((fixture.event_type.as_str(), fixture.version));
        of_version.or_default().push(fixture);
    }
    versions
}

fn fixture(name: &str) -> Fixture {
    let mut fixtures = fixtures().into_iter();
    fixtures.find(|fixture| fixture.name == name).unwrap()
}

fn read(fixture: Fixture) -> OrderEvent {
    let events = read_events::<Order>(fixture.stored());
    let [event] = <[_; 1]>::try_from(events.unwrap_or_else(|error| panic!("{error}"))).unwrap();
    event
}

#[test]
fn every_stored_version_loads_and_the_newest_is_written_back_unchanged() {
    for fixture in fixtures() {
        let Fixture {
            event_type,
            version,
            data,
            ..
        } = &fixture;
        let written = kind_of(event_type).rewritten(&fixture);
        assert_eq!(written.event_type, *event_type);
        assert!(written.event_version >= *version);
        if written.event_version == *version {
            assert_eq!(
                &written.data,
                data,
                "the stored form of {event_type} version {version} has changed: that is version {}, with an upcaster",
                version + 1
            );
        }
    }
}

#[test]
fn every_event_type_has_a_fixture_of_every_version() {
    let fixtures = fixtures();
    let mut versions = BTreeMap::<&str, u32>::new();
    for (event_type, version) in by_version(&fixtures).into_keys() {
        let newest = versions.entry(event_type).or_default();
        assert_eq!(version, *newest + 1, "{event_type}");
        *newest = version;
    }
    for fixture in &fixtures {
        let event_type = fixture.event_type.as_str();
        let newest = kind_of(event_type).rewritten(fixture).event_version;
        assert_eq!(
            versions[event_type], newest,
            "{event_type} is at version {newest}: what it stores now belongs into {event_type}.v{newest}.json"
        );
    }
    let types: BTreeSet<_> = versions.keys().copied().collect();
    let listed: BTreeSet<_> = kinds().iter().flat_map(|kind| kind.event_types).copied().collect();
    assert_eq!(types, listed);
}

/// The fields of each version, pinned: a version has one form for ever, or code that knows it would lose what it does not
/// know.
#[test]
fn the_fields_of_a_version_never_change() {
    let pinned: BTreeMap<String, BTreeSet<String>> = serde_json::from_str(include_str!("fields.json")).unwrap();
    let mut stored = BTreeMap::new();
    for ((event_type, version), fixtures) in by_version(&fixtures()) {
        let fields: BTreeSet<_> = fixtures
            .iter()
            .flat_map(|fixture| Fields::of_stored(&fixture.data))
            .collect();
        let name = format!("{event_type}.v{version}");
        if let Some(pinned) = pinned.get(&name) {
            let changed: Vec<_> = pinned.symmetric_difference(&fields).collect();
            assert!(
                changed.is_empty(),
                "{name} has other fields than it had, {changed:?}, and such events are stored: this is version {} of \
                 {event_type}, with an upcaster and a fixture of its own",
                version + 1
            );
        }
        stored.insert(name, fields);
    }
    let lines = stored
        .iter()
        .map(|(name, fields)| format!("  \"{name}\": {}", json!(fields)));
    let lines = lines.collect::<Vec<_>>().join(",\n");
    assert_eq!(pinned, stored, "write this to fields.json:\n{{\n{lines}\n}}");
}

/// So that the fields that are pinned are all there are. Serde tells of those, too, that an event leaves out.
#[test]
fn every_field_that_an_event_may_have_is_in_a_fixture() {
    let fixtures = fixtures();
    for ((event_type, version), fixtures) in by_version(&fixtures) {
        let kind = kind_of(event_type);
        if kind.rewritten(fixtures[0]).event_version != version {
            continue;
        }
        let mut fields = Fields::default();
        let mut variants_missing = BTreeSet::new();
        for fixture in &fixtures {
            fields.extend((kind.fields)(event_type, fixture.data.clone()).unwrap());
            variants_missing.extend(variants_with_fields(&kind, event_type, &fixture.data));
        }
        // Serde does not tell what it leaves out of a flattened struct.
        for fixture in &fixtures {
            let data = fixture.data.clone();
            let part = match event_type {
                "OrderItemAdded" => Fields::of(&serde_json::from_value::<OrderItem>(data).unwrap()),
                "OrderCreated" => Fields::of(&serde_json::from_value::<Terms>(data).unwrap()),
                "PaymentRequested" => Fields::of(&serde_json::from_value::<Request>(data).unwrap()),
                _ => {
                    assert!(
                        fields.flattened.is_empty(),
                        "{event_type}: name its flattened struct here"
                    );
                    continue;
                }
            };
            fields.extend(part.within("EventData"));
        }
        let is_present = |variant: &String| fields.present.iter().any(|path| path.starts_with(variant));
        variants_missing.retain(|variant| !is_present(variant));
        let missing = fields.missing().into_iter().chain(&variants_missing);
        let missing: Vec<_> = missing.map(|path| path.trim_start_matches("EventData.")).collect();
        assert!(
            missing.is_empty(),
            "{event_type} may have {missing:?}, and no fixture of version {version} has: if that is new, it is version {} \
             of {event_type}, with an upcaster and a fixture {event_type}.v{}.json that has it",
            version + 1,
            version + 1
        );
    }
}

/// The paths of all variants with fields that may stand where one stands in these data.
fn variants_with_fields(kind: &Kind, event_type: &str, data: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for pointer in pointers(data) {
        let with = |value: Value| {
            let mut data = data.clone();
            *data.pointer_mut(&pointer).unwrap() = value;
            (kind.fields)(event_type, data)
        };
        let unknown = match data.pointer(&pointer).unwrap() {
            Value::String(_) => with(json!("")),
            Value::Object(fields) if fields.len() == 1 => with(json!({ "": {} })),
            _ => continue,
        };
        for variant in unknown.err().iter().flat_map(|error| variants(error)) {
            // One without fields stands as a text.
            if with(json!(variant)).is_err() {
                let path = pointer.split('/').filter(|name| !name.is_empty());
                let path = path.map(|name| if name.parse::<u32>().is_ok() { "[]" } else { name });
                let path = ["EventData"].into_iter().chain(path).chain([variant.as_str()]);
                found.insert(path.collect::<Vec<_>>().join(".").replace(".[]", "[]"));
            }
        }
    }
    found
}

/// The JSON pointers of all values within this one.
fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (name, child) in children {
        let below = pointers(child);
        found.extend(below.into_iter().map(|pointer| format!("/{name}{pointer}")));
        found.push(format!("/{name}"));
    }
    found
}

#[test]
fn every_event_is_listed_under_its_type() {
    for kind in kinds() {
        let listed: BTreeSet<_> = kind.event_types.iter().map(|name| (*name).to_owned()).collect();
        assert!(
            !kind.variants.is_empty() && kind.variants.is_subset(&listed),
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

/// What the stored events of an aggregate lead to.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct States {
    state_version: u32,
    /// A digest of the names of their fields.
    fields: String,
    /// Each fixture, with a digest of the state after it and all those in the lines before.
    states: Vec<String>,
}

/// What the stored events lead to, pinned: snapshots and rows hold such states, and are used by code of the same state
/// version. A new fixture comes last, and changes nothing before it.
#[test]
fn a_state_that_changes_has_another_state_version() {
    let pinned: BTreeMap<String, States> = serde_json::from_str(include_str!("states.json")).unwrap();
    let mut folded = BTreeMap::new();
    for kind in kinds() {
        let name = kind.name;
        let before = pinned.get(name);
        let history = history(&kind, before.map_or(&[], |before| &before.states));
        let states = (kind.states)(history.iter().map(Fixture::stored).collect());
        let mut fields = BTreeSet::new();
        let mut digests = Vec::new();
        for (fixture, (state, its_fields)) in history.into_iter().zip(states) {
            fields.extend(its_fields.present.into_iter().chain(its_fields.absent));
            digests.push(format!("{} {}", fixture.name, digest(&state)));
        }
        let now = States {
            state_version: kind.state_version,
            fields: digest(&json!(fields)),
            states: digests,
        };
        if let Some(before) = before {
            let is_same = now.fields == before.fields && now.states.starts_with(&before.states);
            assert!(
                is_same || now.state_version > before.state_version,
                "the stored events lead to other states: raise {name}::STATE_VERSION to {}",
                before.state_version + 1
            );
        }
        folded.insert(name.to_owned(), now);
    }
    let folded_json = serde_json::to_string_pretty(&folded).unwrap();
    assert_eq!(pinned, folded, "write this to states.json:\n{folded_json}");
}

fn digest(value: &Value) -> String {
    format!("{:016x}", fnv1a(&[value.to_string().as_bytes()]))
}

/// All stored events of an aggregate: first those of `before`, then others, as their types are listed.
fn history(kind: &Kind, before: &[String]) -> Vec<Fixture> {
    let place = |fixture: &Fixture| {
        let mut before = before.iter().map(|line| line.split(' ').next());
        let before = before.position(|name| name == Some(&fixture.name));
        let listed = kind.event_types.iter().position(|name| *name == fixture.event_type);
        (before.unwrap_or(usize::MAX), listed)
    };
    let mut history = fixtures();
    history.retain(|fixture| kind.event_types.contains(&fixture.event_type.as_str()));
    history.sort_by_key(place);
    history
}

#[test]
fn an_order_of_version_1_is_in_dollars_and_untaxed() {
    let OrderEvent::OrderCreated { terms, items } = read(fixture("OrderCreated.v1")) else {
        panic!("not an OrderCreated");
    };
    assert_eq!(terms.currency.to_string(), "USD");
    assert!(terms.tax.rate.as_decimal().is_zero());
    assert_eq!(items.len(), 2);
}

#[test]
fn an_order_of_version_2_keeps_its_currency() {
    let OrderEvent::OrderCreated { terms, .. } = read(fixture("OrderCreated.v2")) else {
        panic!("not an OrderCreated");
    };
    assert_eq!(terms.currency.to_string(), "EUR");
    assert!(terms.tax.rate.as_decimal().is_zero());
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
    let newer = unreadable("OrderCreated", 99, Value::Null);
    let expected = "OrderCreated is stored in schema version 99, but this code knows versions 1 to ";
    assert!(newer.starts_with(expected), "{newer}");
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

/// Every aggregate has it, and it is no event of its own.
#[test]
fn that_nothing_changed_is_read_as_no_event_of_any_aggregate() {
    let stored = StoredEvent {
        event_type: "NothingChanged".to_owned(),
        event_version: 1,
        data: json!({}),
    };
    assert_eq!(StoredEvent::nothing_changed(), stored);
    for kind in kinds() {
        assert_eq!((kind.rewrite)(stored.clone()), Ok(Vec::new()), "{}", kind.name);
        let newer = StoredEvent {
            event_version: 2,
            ..stored.clone()
        };
        let newer = (kind.rewrite)(newer).unwrap_err();
        assert!(matches!(newer, UnreadableEvent::UnknownVersion { .. }), "{newer:?}");
    }
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
