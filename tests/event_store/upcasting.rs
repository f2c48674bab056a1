//! One stored event may become several when it is read; the stream's versions are not disturbed.

use std::convert::Infallible;

use domain::Aggregate;
use domain::aggregate::{StoredEvent, Upcaster};
use event_store::{CorruptStream, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::Tables;
use crate::support::orders::metadata;

/// A parcel as old code knew it: it was packed and sent at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OldParcel;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "EventType", content = "EventData")]
enum OldParcelEvent {
    ParcelDispatched { boxes: u32, carrier: String },
}

impl Aggregate for OldParcel {
    const TYPE: &'static str = "Parcel";
    const EVENT_TYPES: &'static [&'static str] = &["ParcelDispatched"];
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])] = &[];
    const PREFIX: &'static str = "parcel-";
    const STATE_VERSION: u32 = 1;
    type Id = u32;
    type Event = OldParcelEvent;
    type Command = String;
    type Context = ();
    type Refusal = Infallible;

    fn evolve(_: Option<Self>, _: &OldParcelEvent) -> Option<Self> {
        Some(Self)
    }

    fn decide(_: Option<&Self>, carrier: String, _: &()) -> Result<Vec<OldParcelEvent>, Infallible> {
        Ok(vec![OldParcelEvent::ParcelDispatched { boxes: 2, carrier }])
    }
}

/// A parcel as today's code knows it: packing and sending are events of their own, and boxes have become pieces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Parcel {
    log: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "EventType", content = "EventData")]
enum ParcelEvent {
    ParcelPacked { pieces: u32 },
    ParcelSent { carrier: String },
}

impl Aggregate for Parcel {
    const TYPE: &'static str = "Parcel";
    const EVENT_TYPES: &'static [&'static str] = &["ParcelDispatched", "ParcelPacked", "ParcelSent"];
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])] = &[
        ("ParcelDispatched", &[Upcaster::Split(packed_and_sent)]),
        ("ParcelPacked", &[Upcaster::Change(boxes_to_pieces)]),
    ];
    const PREFIX: &'static str = "parcel-";
    const STATE_VERSION: u32 = 2;
    type Id = u32;
    type Event = ParcelEvent;
    type Command = String;
    type Context = ();
    type Refusal = Infallible;

    fn evolve(parcel: Option<Self>, event: &ParcelEvent) -> Option<Self> {
        let mut parcel = parcel.unwrap_or_default();
        parcel.log.push(format!("{event:?}"));
        Some(parcel)
    }

    fn decide(_: Option<&Self>, carrier: String, _: &()) -> Result<Vec<ParcelEvent>, Infallible> {
        Ok(vec![ParcelEvent::ParcelSent { carrier }])
    }
}

fn packed_and_sent(data: Value) -> Vec<StoredEvent> {
    let event = |event_type: &str, data| StoredEvent {
        event_type: event_type.to_owned(),
        event_version: 1,
        data,
    };
    vec![
        // In its first version, so that the chain goes on from there.
        event("ParcelPacked", json!({ "boxes": data["boxes"] })),
        event("ParcelSent", json!({ "carrier": data["carrier"] })),
    ]
}

fn boxes_to_pieces(data: Value) -> Value {
    json!({ "pieces": data["boxes"] })
}

#[tokio::test]
async fn a_stored_event_that_became_two_is_read_as_two_under_its_one_version() {
    let tables = Tables::new().await;
    let store = tables.store();
    let dispatched = |boxes| OldParcelEvent::ParcelDispatched {
        boxes,
        carrier: "Speedy Express".to_owned(),
    };
    store
        .append::<OldParcel>("parcel-1", 0, &[dispatched(2)], &metadata())
        .await
        .unwrap();

    let sent = ParcelEvent::ParcelSent {
        carrier: "Federal Shipping".to_owned(),
    };
    let parcel = store.load::<Parcel>("parcel-1").await.unwrap();
    assert_eq!(parcel.version, 1);
    let transacted = store
        .transact(parcel, &metadata(), |_| Ok::<_, ()>(vec![sent.clone()]))
        .await
        .unwrap();
    assert_eq!(transacted.stream.version, 2);

    let parcel = store.load::<Parcel>("parcel-1").await.unwrap();
    assert_eq!(parcel.version, 2);
    assert_eq!(
        parcel.state.unwrap().log,
        [
            r#"ParcelPacked { pieces: 2 }"#,
            r#"ParcelSent { carrier: "Speedy Express" }"#,
            r#"ParcelSent { carrier: "Federal Shipping" }"#
        ]
    );
    // What is stored stays as it was.
    let events = store.events("parcel-1", 1, None).await.unwrap();
    assert_eq!(events[0].stored.event_type, "ParcelDispatched");
    assert_eq!(events[1].stored.event_version, 1);
}

#[tokio::test]
async fn an_event_that_is_newer_than_the_code_is_an_error_and_is_never_left_out() {
    let tables = Tables::new().await;
    let store = tables.store();
    let packed = ParcelEvent::ParcelPacked { pieces: 1 };
    store
        .append::<Parcel>("parcel-1", 0, &[packed], &metadata())
        .await
        .unwrap();
    let error = store.load::<OldParcel>("parcel-1").await.unwrap_err();
    assert!(
        matches!(error, StoreError::Newer(CorruptStream::Unreadable { version: 1, .. })),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "newer code has written it: parcel-1 version 1: ParcelPacked is an event type that this code does not know"
    );
}
