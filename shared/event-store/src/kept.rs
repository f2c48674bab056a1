//! States that are kept between commands, in the memory of one environment.
//!
//! Whoever brings a kept state up to date reads from its own version on, and sees whether the event there is still the one
//! that it was: the table may have been filled again from a backup. An append on a kept state does not look. That its version
//! is free does not prove that the events before are those that were folded, nor, in a table that was restored to an
//! earlier moment, that they exist: such an append would leave a gap. No condition of a single put can tell, as it sees no
//! other item. What keeps this from happening is time alone: a state that nobody has looked at for some seconds is appended to
//! only after a read, and nobody deletes a table, makes it again and fills it in less. A restore into a table of another
//! name comes with a deployment, and so with new environments.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Aggregate;
use domain::precondition::Precondition;
use dynamodb::Cost;
use lru::LruCache;

use crate::stream::Stream;

/// The age from which a load costs less than to read what has happened since.
const WORTH_KEEPING: TimeDelta = TimeDelta::seconds(60);

/// What a state takes beside what it serializes to, and each of its keys.
const BYTES_PER_ENTRY: usize = 500;
const BYTES_PER_KEY: usize = 40;

/// The newest known states of some aggregates.
#[derive(Debug)]
pub(crate) struct Kept<A: Aggregate> {
    /// How many the states may take together, about.
    max_bytes: usize,
    /// How long one may be appended to without a read. An environment may have been frozen meanwhile, so the wall clock
    /// counts.
    fresh: TimeDelta,
    states: Mutex<States<A>>,
}

#[derive(Debug)]
struct States<A> {
    entries: LruCache<String, Entry<A>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<A> {
    stream: Stream<A>,
    bytes: usize,
    as_of: DateTime<Utc>,
}

impl<A: Aggregate> Kept<A> {
    /// Those that were not used for longest go first.
    pub fn new(max_bytes: usize, fresh: TimeDelta) -> Self {
        let states = States {
            entries: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            max_bytes,
            fresh,
            states: Mutex::new(states),
        }
    }

    /// The state as it was kept, and whether it is fresh enough to be appended to. It is kept no longer: whoever works on it
    /// keeps it again, and what becomes of a command that is cut off may stay unknown.
    pub fn take(&self, aggregate_id: &str, now: DateTime<Utc>) -> Option<(Stream<A>, bool)> {
        let entry = self.states().remove(aggregate_id)?;
        let age = now - entry.as_of;
        if age > WORTH_KEEPING.max(self.fresh) {
            return None;
        }
        let stream = Stream {
            is_kept: true,
            cost: Cost::default(),
            precondition: Precondition::default(),
            ..entry.stream
        };
        // A clock that was set back says nothing of the age.
        Some((stream, TimeDelta::zero() <= age && age < self.fresh))
    }

    /// Keeps a state, which was the newest at `now`, unless a newer one is kept.
    pub fn keep(&self, stream: &Stream<A>, now: DateTime<Utc>) {
        let Ok(state) = stream.state.as_ref().map(serde_json::to_vec).transpose() else {
            return;
        };
        let keys = stream.used_keys.len() * BYTES_PER_KEY;
        let entry = Entry {
            stream: stream.clone(),
            bytes: BYTES_PER_ENTRY + state.map_or(0, |state| state.len()) + keys,
            as_of: now,
        };
        let mut states = self.states();
        let kept = states.entries.peek(&stream.aggregate_id);
        if kept.is_some_and(|kept| kept.stream.version > stream.version) {
            return;
        }
        states.remove(&stream.aggregate_id);
        states.bytes += entry.bytes;
        states.entries.put(stream.aggregate_id.clone(), entry);
        while states.bytes > self.max_bytes
            && let Some((_, oldest)) = states.entries.pop_lru()
        {
            states.bytes -= oldest.bytes;
        }
    }

    pub fn forget(&self, aggregate_id: &str) {
        self.states().remove(aggregate_id);
    }

    fn states(&self) -> MutexGuard<'_, States<A>> {
        // A panic elsewhere leaves states that were the newest once, which is all that is asked of them.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A> States<A> {
    fn remove(&mut self, aggregate_id: &str) -> Option<Entry<A>> {
        let entry = self.entries.pop(aggregate_id)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use domain::stock::Stock;

    use super::*;

    #[test]
    fn a_state_is_kept_only_forwards() {
        let kept = Kept::<Stock>::new(1_000_000, TimeDelta::seconds(5));
        let at = |version| Stream::<Stock> {
            version,
            ..Stream::unborn("stock-A")
        };
        let now = DateTime::UNIX_EPOCH;
        for version in [5, 3, 7, 6] {
            kept.keep(&at(version), now);
        }
        assert_eq!(kept.take("stock-A", now).unwrap().0.version, 7);
        assert!(kept.take("stock-A", now).is_none());
        assert_eq!(kept.states().bytes, 0);
    }
}
