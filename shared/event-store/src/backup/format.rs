//! The lines of a backup file.
//!
//! This is a published storage format: files like it are kept for years, so version 1 is never altered. A field that is
//! added, dropped or read in another way makes a version 2 beside it. `tests/event_store/backup.v1.ndjson` pins it.
//!
//! A file is UTF-8 text. Every line is one JSON object and ends with a line feed:
//!
//! 1. the header: `{"format":"ordermaster-events","format_version":1,"exported_at":"2026-11-20T18:22:34.450431Z"}`;
//! 2. one line per event. The events of an aggregate stand together, in the order of their versions, which are
//!    1, 2, 3 … without gaps; aggregates stand in any order. What is not known of an event is left out. `data` is in the
//!    schema version in which the event was stored, which `event_version` names;
//! 3. the trailer: `{"events":2,"aggregates":1,"sha256":"…"}`: the numbers of events and aggregates, and in hexadecimal
//!    the SHA-256 of all bytes before the trailer, line feeds included.
//!
//! The shard of an event in `EventTypeIndex` is no part of it: an importing store computes it from its own number of
//! shards.

use std::io;

use chrono::{DateTime, Utc};
use domain::aggregate::StoredEvent;
use domain::{Idempotency, Metadata};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Recorded, Version};

/// The `format` of the header.
pub const FORMAT: &str = "ordermaster-events";

/// The `format_version` that is written, and the only one that is read.
pub const FORMAT_VERSION: u32 = 1;

/// The longest line that is read, in bytes. An item has at most 400 KB; JSON writes some characters with six bytes.
pub(super) const MAX_LINE_BYTES: u64 = 4 * 1024 * 1024;

/// The first line. Fields that it does not know are passed over, so that a file of a later version is refused for its
/// version.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub format: String,
    pub format_version: u32,
    #[serde(with = "domain::time::timestamp")]
    pub exported_at: DateTime<Utc>,
}

/// One event: every attribute of its item, except the index's key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventLine {
    aggregate_id: String,
    aggregate_type: String,
    version: Version,
    event_id: Uuid,
    event_type: String,
    event_version: u32,
    /// RFC 3339, UTC, microseconds.
    #[serde(with = "domain::time::timestamp")]
    timestamp: DateTime<Utc>,
    command_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_hash: Option<String>,
    data: Value,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trailer {
    pub events: u64,
    pub aggregates: u64,
    pub sha256: String,
}

/// An `idempotency_key` without its `request_hash`, or the other way round.
#[derive(Debug)]
pub(super) struct HalfAKey;

impl From<Recorded> for EventLine {
    fn from(event: Recorded) -> Self {
        let (idempotency_key, request_hash) = match event.metadata.idempotency {
            Some(Idempotency { key, request_hash }) => (Some(key), Some(request_hash)),
            None => (None, None),
        };
        Self {
            aggregate_id: event.aggregate_id,
            aggregate_type: event.aggregate_type,
            version: event.version,
            event_id: event.event_id,
            event_type: event.stored.event_type,
            event_version: event.stored.event_version,
            timestamp: event.timestamp,
            command_id: event.metadata.command_id,
            correlation_id: event.metadata.correlation_id,
            causation_id: event.metadata.causation_id,
            user_id: event.metadata.user_id,
            tenant_id: event.metadata.tenant_id,
            idempotency_key,
            request_hash,
            data: event.stored.data,
        }
    }
}

impl TryFrom<EventLine> for Recorded {
    type Error = HalfAKey;

    fn try_from(line: EventLine) -> Result<Self, HalfAKey> {
        let idempotency = match (line.idempotency_key, line.request_hash) {
            (Some(key), Some(request_hash)) => Some(Idempotency { key, request_hash }),
            (None, None) => None,
            _ => return Err(HalfAKey),
        };
        Ok(Self {
            aggregate_id: line.aggregate_id,
            aggregate_type: line.aggregate_type,
            version: line.version,
            event_id: line.event_id,
            timestamp: line.timestamp,
            metadata: Metadata {
                command_id: line.command_id,
                correlation_id: line.correlation_id,
                causation_id: line.causation_id,
                user_id: line.user_id,
                tenant_id: line.tenant_id,
                idempotency,
            },
            stored: StoredEvent {
                event_type: line.event_type,
                event_version: line.event_version,
                data: line.data,
            },
        })
    }
}

/// An event as its line, line feed included. The same event is the same line wherever it was read, as the fields of
/// `data` are in the order of their names.
pub(super) fn event_line(event: Recorded) -> io::Result<Vec<u8>> {
    line(&EventLine::from(event))
}

pub(super) fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_in_the_order_of_their_names() {
        let data: Value = serde_json::from_str(r#"{"b": 1, "a": {"d": 2, "c": 3}}"#).unwrap();
        assert_eq!(line(&data).unwrap(), b"{\"a\":{\"c\":3,\"d\":2},\"b\":1}\n");
    }
}
