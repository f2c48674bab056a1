//! Snapshots: the states of long streams, so that loading one costs the same however long it has become.
//!
//! A snapshot is a copy. Whatever is wrong with it, the events are read instead.
//!
//! A load reads the stream's end first. When that is the whole stream, no snapshot is looked for, so short streams cost
//! what they would cost without snapshots. When it is not, the snapshot holds what came before.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::str::FromStr;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use chrono::{DateTime, Utc};
use domain::Aggregate;
use dynamodb::item::{MAX_ITEM_BYTES, item_bytes};
use dynamodb::{Cost, TableError, to_item};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Version;
use crate::keys::{Keys, remembered};
use crate::stream::{SnapshotMark, Stream};

/// The Snapshots table, and which streams it is for.
#[derive(Debug, Clone)]
pub struct Snapshots {
    table: String,
    every: SnapshotEvery,
}

/// After how many events of an aggregate type the next snapshot is due; types that are not named have none. As text:
/// `Order:50,Stock:20`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SnapshotEvery(BTreeMap<String, NonZeroU32>);

/// The text is not a list of aggregate types and numbers from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("not a list such as `Order:50,Stock:20`")]
pub struct NotSnapshotEvery;

impl FromStr for SnapshotEvery {
    type Err = NotSnapshotEvery;

    fn from_str(text: &str) -> Result<Self, NotSnapshotEvery> {
        let entry = |entry: &str| {
            let (aggregate_type, events) = entry.split_once(':')?;
            Some((aggregate_type.trim().to_owned(), events.trim().parse().ok()?))
        };
        let entries = text.split(',').filter(|text| !text.trim().is_empty());
        let every = entries.map(entry).collect::<Option<_>>();
        every.map(Self).ok_or(NotSnapshotEvery)
    }
}

/// An item of the Snapshots table.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", bound = "")]
pub(crate) struct Snapshot<A: Aggregate> {
    aggregate_id: String,
    aggregate_type: String,
    pub version: Version,
    /// The newest version that has changed something.
    changed: Version,
    /// The event at `version`: a snapshot of another history has another.
    pub event_id: Uuid,
    /// [`Aggregate::STATE_VERSION`].
    state_version: u32,
    #[serde(with = "domain::time::timestamp")]
    taken_at: DateTime<Utc>,
    state: A,
    keys: Keys,
}

impl Snapshots {
    pub fn new(table: impl Into<String>, every: SnapshotEvery) -> Self {
        Self {
            table: table.into(),
            every,
        }
    }

    /// After how many events of this aggregate type one is due, if its streams have any.
    pub(crate) fn every<A: Aggregate>(&self) -> Option<NonZeroU32> {
        self.every.0.get(A::TYPE).copied()
    }

    /// The stream's snapshot, if there is one that this code can use. An old one is good enough, so the read is not a
    /// strong one.
    pub(crate) async fn find<A: Aggregate>(&self, client: &Client, stream: &mut Stream<A>) -> Option<Snapshot<A>> {
        let id = AttributeValue::S(stream.aggregate_id.clone());
        let found = client
            .get_item()
            .table_name(&self.table)
            .key("AggregateId", id)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        let ignored = |reason: String| {
            tracing::warn!(aggregate_id = stream.aggregate_id, reason, "a snapshot is ignored");
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                stream.cost.requests += 1;
                ignored(TableError::from(error).to_string());
                return None;
            }
        };
        stream.cost += Cost::read(found.consumed_capacity());
        let item = found.item?;
        let state_version = item.get("StateVersion").and_then(|value| value.as_n().ok());
        if state_version != Some(&A::STATE_VERSION.to_string()) {
            tracing::debug!(
                aggregate_id = stream.aggregate_id,
                "a snapshot of other code is ignored"
            );
            return None;
        }
        match serde_dynamo::from_item(item) {
            Ok(snapshot) => Some(snapshot),
            Err(error) => {
                ignored(domain::aggregate::reason_without_data(&error));
                None
            }
        }
    }

    /// Writes the snapshot of a stream that is due for one, in a task of its own: nobody waits for it. When it is not
    /// written, because the process ends or DynamoDB refuses it, the next command on the stream does it again.
    ///
    /// Lambda stops the process with the answer. A write that is on its way then goes on with the next request, and may
    /// put an older snapshot in the place of a newer one; the next load finds it due and replaces it.
    ///
    /// `stream` is what was loaded, or kept since it was appended: every event in it is stored.
    pub(crate) fn write_if_due<A: Aggregate>(&self, client: &Client, stream: &Stream<A>, now: DateTime<Utc>) {
        let Some(every) = self.every::<A>() else {
            return;
        };
        // What a load reads in one go needs no snapshot.
        let is_long = stream.version > end_of_stream(every) as Version;
        if !is_long || !stream.snapshot.begin(stream.version, every.get().into()) {
            return;
        }
        let Some(snapshot) = stream.to_snapshot(now) else {
            return stream.snapshot.end(None);
        };
        let (client, table) = (client.clone(), self.table.clone());
        let (aggregate_id, mark) = (stream.aggregate_id.clone(), stream.snapshot.clone());
        tokio::spawn(async move {
            let written = write(&client, &table, &snapshot).await;
            mark.end(written.is_ok().then_some(snapshot.version));
            if let Err(reason) = written {
                tracing::warn!(aggregate_id, reason, "a snapshot was not written");
            }
        });
    }
}

/// Replaces whatever snapshot there is. Should it be a newer one, the next load reads some events more.
async fn write<A: Aggregate>(client: &Client, table: &str, snapshot: &Snapshot<A>) -> Result<(), String> {
    let item = to_item(snapshot).map_err(|error| error.to_string())?;
    let bytes = item_bytes(&item);
    if bytes > MAX_ITEM_BYTES {
        return Err(format!("{bytes} bytes do not fit into an item"));
    }
    let put = client.put_item().table_name(table).set_item(Some(item)).send().await;
    put.map(|_| ()).map_err(|error| TableError::from(error).to_string())
}

/// How many events a load reads at first. More than lie between two snapshots, as a snapshot may come late; half as many
/// again, as each costs every load of a long stream.
pub(crate) fn end_of_stream(every: NonZeroU32) -> usize {
    let every = every.get() as usize;
    every + every.div_ceil(2)
}

impl<A: Aggregate> Stream<A> {
    fn to_snapshot(&self, now: DateTime<Utc>) -> Option<Snapshot<A>> {
        Some(Snapshot {
            aggregate_id: self.aggregate_id.clone(),
            aggregate_type: A::TYPE.to_owned(),
            version: self.version,
            changed: self.changed,
            event_id: self.newest_event?,
            state_version: A::STATE_VERSION,
            taken_at: now,
            state: self.state.clone()?,
            keys: remembered(&self.used_keys, now),
        })
    }

    pub(crate) fn restore(&mut self, snapshot: Snapshot<A>) {
        self.version = snapshot.version;
        self.changed = snapshot.changed;
        self.newest_event = Some(snapshot.event_id);
        self.state = Some(snapshot.state);
        self.used_keys = snapshot.keys.0;
        self.snapshot = SnapshotMark::at(snapshot.version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_types_have_snapshots_is_a_list() {
        let every: SnapshotEvery = "Order:50, Stock:20".parse().unwrap();
        assert_eq!(every.0["Order"].get(), 50);
        assert_eq!(every.0["Stock"].get(), 20);
        assert_eq!("".parse(), Ok(SnapshotEvery::default()));
        for text in ["Order", "Order:", "Order:0", "Order:-1", "Order:many", "Order=1"] {
            assert_eq!(text.parse::<SnapshotEvery>(), Err(NotSnapshotEvery), "{text}");
        }
    }
}
