//! What a set of events comes to.

use std::io;

use sha2::{Digest, Sha256};

use super::format::{event_line, hex};
use crate::Recorded;

/// Numbers and digest of a set of events in which every aggregate is without gaps. Two sets have the same content when
/// they have the same events, in whatever order they were counted.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Content {
    pub events: u64,
    pub aggregates: u64,
    /// The SHA-256 of each event's line, combined by exclusive or, which no order changes. No event occurs twice, so
    /// none cancels another.
    digest: [u8; 32],
}

impl Content {
    /// Counts an event in.
    pub(super) fn add(&mut self, event: Recorded) -> io::Result<()> {
        self.events += 1;
        // Every aggregate has exactly one.
        self.aggregates += u64::from(event.version == 1);
        for (sum, byte) in self.digest.iter_mut().zip(Sha256::digest(event_line(event)?)) {
            *sum ^= byte;
        }
        Ok(())
    }

    /// Counts in what was counted elsewhere.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.events += other.events;
        self.aggregates += other.aggregates;
        for (sum, byte) in self.digest.iter_mut().zip(other.digest) {
            *sum ^= byte;
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::fmt::Display for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            events,
            aggregates,
            digest,
        } = self;
        let digest = hex(&digest[..8]);
        write!(f, "{events} events of {aggregates} aggregates with digest {digest}")
    }
}

/// Stands for an aggregate's id where millions of them are remembered: 16 bytes of its SHA-256.
pub(super) fn fingerprint(aggregate_id: &str) -> u128 {
    let hash = Sha256::digest(aggregate_id);
    hash.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}
