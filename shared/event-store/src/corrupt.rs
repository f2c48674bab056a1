//! Stored events that this code cannot make sense of.

use domain::UnreadableEvent;

use crate::Version;

/// Stored data that breaks the promises of the event store, or that this code is too old to read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CorruptStream {
    #[error("{aggregate_id} has version {found} where {expected} should be")]
    Gap {
        aggregate_id: String,
        expected: Version,
        found: Version,
    },
    #[error("{aggregate_id} version {version}: {source}")]
    Unreadable {
        aggregate_id: String,
        version: Version,
        source: UnreadableEvent,
    },
    #[error("an item is not an event: {0}")]
    NotAnEvent(String),
}

impl CorruptStream {
    /// Whether newer code has written it: then nothing is damaged.
    pub fn is_newer(&self) -> bool {
        match self {
            Self::Unreadable { source, .. } => match source {
                UnreadableEvent::UnknownType { .. } => true,
                UnreadableEvent::UnknownVersion { stored, known, .. } => stored > known,
                UnreadableEvent::Undecodable { .. } => false,
            },
            Self::Gap { .. } | Self::NotAnEvent(_) => false,
        }
    }
}
