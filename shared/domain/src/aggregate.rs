//! The skeleton of an aggregate, and the form in which its events are stored.
//!
//! A stored event has a type, a schema version and data. Its schema version is one more than the number of its type's upcasters, so that a new version
//! cannot be introduced without saying how the version before it is read.

use std::fmt;

use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An aggregate: a state, the events that lead to it, and the rules by which commands become events.
///
/// Before its first event an aggregate is `None`. It serializes for snapshots, which hold a state for a while.
pub trait Aggregate: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The `AggregateType` of the stored events.
    const TYPE: &'static str;

    /// What precedes the id in an `AggregateId`, so that those of different types never meet.
    const PREFIX: &'static str;

    /// Every event type that was ever stored, also those that upcasters have since replaced by others.
    const EVENT_TYPES: &'static [&'static str];

    /// The upcasters of each event type whose schema has changed: version 1 to 2, 2 to 3, …
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])];

    /// Raised whenever the same events lead to another state, or a state serializes in another way: what was computed
    /// before, such as a snapshot, is then not used. `tests/stored_events.rs` shows when that is due.
    const STATE_VERSION: u32;

    /// The id of one aggregate.
    type Id: fmt::Display + DeserializeOwned + Send + Sync;

    /// An enum that serializes as `{"EventType": …, "EventData": {…}}`.
    type Event: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What may be asked for. Its text is its name, for the log.
    type Command: Clone + AsRef<str> + Send + Sync;

    /// What a decision needs from outside, such as the time.
    type Context: Send + Sync;

    /// Why the rules do not allow a command.
    type Refusal: std::error::Error + Send + Sync + 'static;

    /// The state after `event`. Never fails and checks no rule: what has happened has happened.
    fn evolve(state: Option<Self>, event: &Self::Event) -> Option<Self>;

    /// The events that `command` leads to; none when it has had its effect already, or comes too late to matter. Pure: it
    /// is asked again on a newer state when another writer was faster.
    ///
    /// # Errors
    /// When the rules do not allow the command now. Then nothing happens.
    fn decide(
        state: Option<&Self>,
        command: Self::Command,
        context: &Self::Context,
    ) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Whether a command was refused because what it is to change does not exist.
    fn is_absence(_: &Self::Refusal) -> bool {
        false
    }

    /// The state after all of `events`.
    fn fold<'a>(state: Option<Self>, events: impl IntoIterator<Item = &'a Self::Event>) -> Option<Self> {
        events.into_iter().fold(state, Self::evolve)
    }

    /// The key in the event store.
    fn aggregate_id(id: &Self::Id) -> String {
        format!("{}{id}", Self::PREFIX)
    }

    /// The id whose key this is, under whatever rules it came in; `None` when it is none of this type's.
    fn id_of(aggregate_id: &str) -> Option<Self::Id> {
        let id: StrDeserializer<'_, ValueError> = aggregate_id.strip_prefix(Self::PREFIX)?.into_deserializer();
        let id = Self::Id::deserialize(id).ok();
        id.filter(|id| Self::aggregate_id(id) == aggregate_id)
    }
}

/// The type of an event that any aggregate may have: a request with an idempotency key was carried out, and changed nothing.
/// Its data is empty, its version 1, and what it leads to is no event of the aggregate's own. A storage format.
pub const NOTHING_CHANGED: &str = "NothingChanged";

/// Turns what was stored in one schema version into the next. Pure, and total on data of its version.
#[derive(Debug, Clone, Copy)]
pub enum Upcaster {
    /// The same event, whose data become those of the next version.
    Change(fn(Value) -> Value),
    /// Several events, which together say what the one said. Each is upcast further from its own version, which for the
    /// same type must be a later one. They have happened at once: the stream's version stays that of the stored event.
    Split(fn(Value) -> Vec<StoredEvent>),
}

impl Upcaster {
    /// The upcaster of data that say the same in the new version, which can say more.
    pub fn unchanged(data: Value) -> Value {
        data
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    pub event_type: String,
    /// The schema version of `data`, from 1.
    pub event_version: u32,
    pub data: Value,
}

impl StoredEvent {
    /// A [`NOTHING_CHANGED`].
    pub fn nothing_changed() -> Self {
        Self {
            event_type: NOTHING_CHANGED.to_owned(),
            event_version: 1,
            data: json!({}),
        }
    }
}

/// A stored event that this code cannot read. Reading it again gives the same result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum UnreadableEvent {
    #[error("{event_type} is an event type that this code does not know")]
    UnknownType { event_type: String },
    #[error("{event_type} is stored in schema version {stored}, but this code knows versions 1 to {known}")]
    UnknownVersion {
        event_type: String,
        stored: u32,
        known: u32,
    },
    #[error("{event_type} cannot be decoded as schema version {event_version}: {reason}")]
    Undecodable {
        event_type: String,
        event_version: u32,
        reason: String,
    },
}

/// The stored form of an event, in its newest schema version.
///
/// # Panics
/// When the event does not serialize as the documented pair, which a test of its type would show.
pub fn store_event<A: Aggregate>(event: &A::Event) -> StoredEvent {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(event) else {
        panic!("an event serializes as an object");
    };
    let (Some(Value::String(event_type)), Some(data)) = (fields.remove("EventType"), fields.remove("EventData")) else {
        panic!("an event serializes as a pair of EventType and EventData");
    };
    StoredEvent {
        event_version: newest_version::<A>(&event_type),
        event_type,
        data,
    }
}

/// What was stored, upcast to the newest schema versions first. One event, unless an upcaster has split it, or it is a
/// [`NOTHING_CHANGED`].
///
/// # Errors
/// [`UnreadableEvent`] when a type or version is unknown or the data is not of that version.
pub fn read_events<A: Aggregate>(stored: StoredEvent) -> Result<Vec<A::Event>, UnreadableEvent> {
    let mut newest = Vec::with_capacity(1);
    upcast::<A>(stored, &mut newest)?;
    newest.into_iter().map(decode::<A>).collect()
}

fn upcast<A: Aggregate>(stored: StoredEvent, newest: &mut Vec<StoredEvent>) -> Result<(), UnreadableEvent> {
    let StoredEvent {
        event_type,
        event_version,
        data,
    } = stored;
    let is_change = event_type != NOTHING_CHANGED;
    if is_change && !A::EVENT_TYPES.contains(&event_type.as_str()) {
        return Err(UnreadableEvent::UnknownType { event_type });
    }
    let known = newest_version::<A>(&event_type);
    if event_version == 0 || event_version > known {
        return Err(UnreadableEvent::UnknownVersion {
            event_type,
            stored: event_version,
            known,
        });
    }
    match upcasters::<A>(&event_type).get(event_version as usize - 1) {
        None if !is_change => {}
        None => newest.push(StoredEvent {
            event_type,
            event_version,
            data,
        }),
        Some(Upcaster::Change(change)) => {
            let next = StoredEvent {
                event_type,
                event_version: event_version + 1,
                data: change(data),
            };
            upcast::<A>(next, newest)?;
        }
        Some(Upcaster::Split(split)) => {
            for part in split(data) {
                upcast::<A>(part, newest)?;
            }
        }
    }
    Ok(())
}

fn decode<A: Aggregate>(newest: StoredEvent) -> Result<A::Event, UnreadableEvent> {
    let StoredEvent {
        event_type,
        event_version,
        data,
    } = newest;
    serde_json::from_value(json!({ "EventType": event_type, "EventData": data })).map_err(|error| {
        UnreadableEvent::Undecodable {
            event_type,
            event_version,
            reason: reason_without_data(&error),
        }
    })
}

/// Why something stored could not be decoded, without the stored values, which may be names and addresses: the reason is
/// logged. Of `invalid type: string "Maria", expected a map` it keeps `not a map`.
pub fn reason_without_data(error: &impl std::fmt::Display) -> String {
    let message = error.to_string();
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("not {expected}"),
        // Such as `missing field `carrier``, or a rule of ours that was broken.
        None => message.split('"').next().unwrap_or_default().trim_end().to_owned(),
    }
}

/// FNV-1a, 64 bits, of all `parts` one after the other. Unlike the standard library's hash it is the same in every build.
/// <http://www.isthe.com/chongo/tech/comp/fnv/>
pub const fn fnv1a(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut part = 0;
    while part < parts.len() {
        let bytes = parts[part];
        let mut byte = 0;
        while byte < bytes.len() {
            hash = (hash ^ bytes[byte] as u64).wrapping_mul(0x0100_0000_01b3);
            byte += 1;
        }
        part += 1;
    }
    hash
}

fn upcasters<A: Aggregate>(event_type: &str) -> &'static [Upcaster] {
    A::UPCASTERS
        .iter()
        .find(|(of_type, _)| *of_type == event_type)
        .map_or(&[], |(_, upcasters)| upcasters)
}

fn newest_version<A: Aggregate>(event_type: &str) -> u32 {
    upcasters::<A>(event_type).len() as u32 + 1
}
