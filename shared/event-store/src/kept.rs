//! States that are kept between commands, in the memory of one environment.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Aggregate;
use moka::future::Cache;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;

use crate::stream::Stream;

/// How long a kept state may be appended to without a read. An environment may have been frozen meanwhile, so the wall
/// clock counts.
const FRESH: TimeDelta = TimeDelta::seconds(5);

/// From when on a load costs less than to read what has happened since.
const WORTH_KEEPING: TimeDelta = TimeDelta::seconds(60);

/// What a state takes beside what it serializes to, and its keys beside their texts.
const BYTES_PER_ENTRY: usize = 500;
const BYTES_PER_KEY: usize = 120;

/// The newest known states of some aggregates.
#[derive(Debug, Clone)]
pub(crate) struct Kept<A: Aggregate> {
    states: Cache<String, Arc<Entry<A>>>,
}

#[derive(Debug)]
struct Entry<A> {
    stream: Stream<A>,
    bytes: u32,
    as_of: DateTime<Utc>,
}

impl<A: Aggregate> Kept<A> {
    /// `bytes`: how many the states may take together, about. Those that were not used for longest go first.
    pub fn new(bytes: u64) -> Self {
        let states = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, entry: &Arc<Entry<A>>| entry.bytes)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { states }
    }

    /// The state as it was kept, and whether it is fresh enough to be appended to. It is kept no longer: whoever works on it
    /// keeps it again, and what becomes of a command that is cut off may stay unknown.
    pub async fn take(&self, aggregate_id: &str, now: DateTime<Utc>) -> Option<(Stream<A>, bool)> {
        let entry = self.states.remove(aggregate_id).await?;
        let age = now - entry.as_of;
        if age > WORTH_KEEPING {
            return None;
        }
        let stream = Stream {
            is_kept: true,
            cost: Default::default(),
            expected: None,
            ..entry.stream.clone()
        };
        // A clock that was set back says nothing of the age.
        Some((stream, TimeDelta::zero() <= age && age < FRESH))
    }

    /// Keeps a state, which was the newest at `now`, unless a newer one is kept.
    pub async fn keep(&self, stream: &Stream<A>, now: DateTime<Utc>) {
        let size = stream.state.as_ref().map(serde_json::to_vec).transpose();
        let Ok(size) = size.map(|state| state.map_or(0, |state| state.len())) else {
            return;
        };
        let keys = stream.used_keys.iter().map(|used| {
            let texts = [&used.idempotency.key, &used.idempotency.request_hash];
            let texts = texts.into_iter().chain(&used.user_id).map(String::len);
            BYTES_PER_KEY + texts.sum::<usize>()
        });
        let bytes = BYTES_PER_ENTRY + size + keys.sum::<usize>();
        let entry = Arc::new(Entry {
            stream: stream.clone(),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            as_of: now,
        });
        let slot = self.states.entry_by_ref(&stream.aggregate_id);
        let only_forwards = |kept: Option<moka::Entry<String, Arc<Entry<A>>>>| {
            let newest = kept.map_or(0, |kept| kept.value().stream.version);
            std::future::ready(match newest <= entry.stream.version {
                true => Op::Put(entry),
                false => Op::Nop,
            })
        };
        slot.and_compute_with(only_forwards).await;
        // Else it would be above its bounds until it finds the time.
        self.states.run_pending_tasks().await;
    }
}
