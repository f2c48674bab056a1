//! The idempotency keys of a stream's events, as digests: a stream may have many, and each load of a long one reads them.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Metadata;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{Recorded, Version};

/// How many keys a snapshot carries along at least: those of the most recent commands that had one.
pub const MIN_KEYS: usize = 100;

/// How long a key counts at least, however many others follow: 24 hours, and one more for clocks that differ.
const REMEMBERED: TimeDelta = TimeDelta::hours(25);

/// What a key takes in a snapshot.
const PACKED_BYTES: usize = 36;

/// An idempotency key that an event of the stream carries. A key belongs to its caller.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UsedKey {
    /// Digest of the caller and the key.
    key: [u8; 16],
    /// Digest of what was asked for.
    request: [u8; 8],
    /// The version of the last event that carries it.
    pub version: Version,
    /// Seconds since 1970.
    used_at: u32,
}

impl UsedKey {
    /// The key of an event; `None` if it has none.
    pub fn of(event: &Recorded) -> Option<Self> {
        Some(Self {
            key: key(&event.metadata)?,
            request: request(&event.metadata)?,
            version: event.version,
            used_at: u32::try_from(event.timestamp.timestamp()).unwrap_or_default(),
        })
    }

    /// Whether `other` is of the same request.
    pub fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.request == other.request
    }

    /// Whether it was used for what `metadata` asks for with it.
    pub fn is_for(&self, metadata: &Metadata) -> bool {
        request(metadata) == Some(self.request)
    }

    fn was_used_after(&self, time: DateTime<Utc>) -> bool {
        i64::from(self.used_at) > time.timestamp()
    }
}

/// What the caller of `metadata` has used its key for, if anything.
pub(crate) fn use_of_key<'a>(keys: &'a [UsedKey], metadata: &Metadata) -> Option<&'a UsedKey> {
    let key = key(metadata)?;
    keys.iter().find(|used| used.key == key)
}

/// Those of `keys`, which are in the order of their use, that are still to count at `now`.
pub(crate) fn remembered(keys: &[UsedKey], now: DateTime<Utc>) -> Keys {
    let recent = keys.len().saturating_sub(MIN_KEYS);
    let kept = keys.iter().enumerate();
    let kept = kept.filter(|(place, used)| *place >= recent || used.was_used_after(now - REMEMBERED));
    Keys(kept.map(|(_, used)| used.clone()).collect())
}

fn key(metadata: &Metadata) -> Option<[u8; 16]> {
    let key = &metadata.idempotency.as_ref()?.key;
    // A key has no line break, so the two cannot run into each other.
    let caller = metadata
        .user_id
        .as_deref()
        .map_or(String::new(), |user| format!("\n{user}"));
    Some(digest(&[key.as_bytes(), caller.as_bytes()]))
}

fn request(metadata: &Metadata) -> Option<[u8; 8]> {
    let hash = &metadata.idempotency.as_ref()?.request_hash;
    Some(digest(&[hash.as_bytes()]))
}

/// The beginning of the SHA-256 of all `parts` one after the other.
fn digest<const BYTES: usize>(parts: &[&[u8]]) -> [u8; BYTES] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let hash = hash.finalize();
    std::array::from_fn(|place| hash[place])
}

/// Keys as a snapshot carries them: one binary value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Keys(pub Vec<UsedKey>);

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len() * PACKED_BYTES);
        for used in &self.0 {
            bytes.extend_from_slice(&used.key);
            bytes.extend_from_slice(&used.request);
            bytes.extend_from_slice(&used.version.to_be_bytes());
            bytes.extend_from_slice(&used.used_at.to_be_bytes());
        }
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Packed;

        impl Visitor<'_> for Packed {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "keys of {PACKED_BYTES} bytes each")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Keys, E> {
                unpacked(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }
        }

        deserializer.deserialize_byte_buf(Packed)
    }
}

fn unpacked(mut bytes: &[u8]) -> Option<Keys> {
    let mut keys = Vec::with_capacity(bytes.len() / PACKED_BYTES);
    while !bytes.is_empty() {
        keys.push(UsedKey {
            key: first(&mut bytes)?,
            request: first(&mut bytes)?,
            version: Version::from_be_bytes(first(&mut bytes)?),
            used_at: u32::from_be_bytes(first(&mut bytes)?),
        });
    }
    Some(Keys(keys))
}

fn first<const BYTES: usize>(bytes: &mut &[u8]) -> Option<[u8; BYTES]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}
