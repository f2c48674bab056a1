//! An aggregate's stream, as far as it has been read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::precondition::Precondition;
use domain::{Aggregate, Metadata};
use dynamodb::Cost;
use uuid::Uuid;

use crate::corrupt::CorruptStream;
use crate::keys::{UsedKey, use_of_key};
use crate::{Recorded, Version};

/// An aggregate as far as it has been read: its version and state, and what reading it cost.
#[derive(Debug, Clone)]
pub struct Stream<A> {
    pub aggregate_id: String,
    /// The version of the newest event folded into `state`; 0 when there is none.
    pub version: Version,
    /// The version of the newest of them that has changed something: what a caller sees as the aggregate's version.
    pub changed: Version,
    pub state: Option<A>,
    pub cost: Cost,
    /// The idempotency keys of the events folded so far; of those before a snapshot, the ones that still count.
    pub(crate) used_keys: Vec<UsedKey>,
    /// The event at `version`.
    pub(crate) newest_event: Option<Uuid>,
    pub(crate) snapshot: SnapshotMark,
    /// It was kept from an earlier command, and nobody has looked whether it is still the newest: only an append may rest
    /// on it.
    pub(crate) is_kept: bool,
    /// The versions that the caller wants to change.
    pub(crate) precondition: Precondition,
}

impl<A: Aggregate> Stream<A> {
    /// A stream that is believed to have no events yet. An append to it that is wrong about that is a conflict, so
    /// no read is needed.
    pub fn unborn(aggregate_id: impl Into<String>) -> Self {
        Self {
            aggregate_id: aggregate_id.into(),
            version: 0,
            changed: 0,
            state: None,
            cost: Cost::default(),
            used_keys: Vec::new(),
            newest_event: None,
            snapshot: SnapshotMark::default(),
            is_kept: false,
            precondition: Precondition::default(),
        }
    }

    /// The same stream for a command that is to change these versions and no others.
    pub fn expecting(self, precondition: Precondition) -> Self {
        Self { precondition, ..self }
    }

    /// Takes in the next event.
    ///
    /// # Errors
    /// [`CorruptStream`] when it is not the next one, or cannot be read.
    pub fn fold(&mut self, next: &Recorded) -> Result<(), CorruptStream> {
        if next.version != self.version + 1 {
            return Err(CorruptStream::Gap {
                aggregate_id: self.aggregate_id.clone(),
                expected: self.version + 1,
                found: next.version,
            });
        }
        let events = next.events::<A>()?;
        self.state = A::fold(self.state.take(), &events);
        self.version = next.version;
        if !events.is_empty() {
            self.changed = next.version;
        }
        self.newest_event = Some(next.event_id);
        self.remember_key(next);
        Ok(())
    }
}

impl<A> Stream<A> {
    fn remember_key(&mut self, event: &Recorded) {
        let Some(used) = UsedKey::of(event) else {
            return;
        };
        match self.used_keys.last_mut() {
            // The next event of the same command.
            Some(last) if last.is_same(&used) => last.version = used.version,
            _ => self.used_keys.push(used),
        }
    }

    /// Whether the caller of `metadata` has used its key on this stream before: a command will then decide
    /// nothing, and needs nothing to decide on.
    pub fn has_used_key(&self, metadata: &Metadata) -> bool {
        self.use_of_key(metadata).is_some()
    }

    /// What the caller of `metadata` has used its key for, if anything.
    pub(crate) fn use_of_key(&self, metadata: &Metadata) -> Option<&UsedKey> {
        use_of_key(&self.used_keys, metadata)
    }
}

/// Which snapshot of a stream is stored, as far as that is known. All copies of the stream in this process share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SnapshotMark(Arc<Mutex<Mark>>);

#[derive(Debug, Default)]
struct Mark {
    /// 0: none.
    stored: Version,
    is_being_written: bool,
}

impl SnapshotMark {
    pub fn at(stored: Version) -> Self {
        Self(Arc::new(Mutex::new(Mark {
            stored,
            is_being_written: false,
        })))
    }

    /// Whether a snapshot at `version` is due, `every` so many events. If it is, the caller writes it, and says how that
    /// ended.
    pub fn begin(&self, version: Version, every: u64) -> bool {
        let mut mark = self.lock();
        let is_due = !mark.is_being_written && version.saturating_sub(mark.stored) >= every;
        mark.is_being_written |= is_due;
        is_due
    }

    /// `stored`: the version of the snapshot that DynamoDB has confirmed, if any.
    pub fn end(&self, stored: Option<Version>) {
        let mut mark = self.lock();
        mark.is_being_written = false;
        mark.stored = mark.stored.max(stored.unwrap_or_default());
    }

    fn lock(&self) -> MutexGuard<'_, Mark> {
        // Each change is made in one go, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
