//! The one way to run a command on an aggregate.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{Aggregate, Metadata};

use crate::error::StoreError;
use crate::kept::Kept;
use crate::store::EventStore;
use crate::stream::Stream;
use crate::transact::{BeforeAppend, MAX_ATTEMPTS, TransactError, Transacted};

/// Runs commands on aggregates of one type: load, decide, append; and decide again when another writer was faster.
#[derive(Debug, Clone)]
pub struct Decider<A: Aggregate> {
    store: EventStore,
    attempts: u32,
    kept: Option<Arc<Kept<A>>>,
}

impl<A: Aggregate> Decider<A> {
    pub fn new(store: EventStore) -> Self {
        Self {
            store,
            attempts: MAX_ATTEMPTS,
            kept: None,
        }
    }

    /// The same with at most so many decisions per command, where more writers than usual meet on one aggregate.
    pub fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// The same with the newest states kept in memory, up to so many bytes: a command on one of them is then 1 request and
    /// no read. That pays where commands on one aggregate follow each other closely, as in the batches of a queue; a state
    /// that others have changed meanwhile costs a request and a write unit more. 0 bytes: none are kept. One that is not
    /// `fresh` any more is brought up to date by a read first.
    pub fn keeping_states(self, bytes: usize, fresh: TimeDelta) -> Self {
        Self {
            kept: (bytes > 0).then(|| Arc::new(Kept::new(bytes, fresh))),
            ..self
        }
    }

    pub fn store(&self) -> &EventStore {
        &self.store
    }

    /// The aggregate at its newest version.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub async fn load(&self, id: &A::Id) -> Result<Stream<A>, StoreError> {
        let now = self.store.now();
        let mut stream = self.stream(id).await?;
        if stream.is_kept {
            self.store.refresh(&mut stream).await?;
        }
        if let Some(kept) = &self.kept {
            kept.keep(&stream, now);
        }
        Ok(stream)
    }

    /// What a command can be run on: the aggregate as it is kept, or else at its newest version.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub async fn stream(&self, id: &A::Id) -> Result<Stream<A>, StoreError> {
        let aggregate_id = A::aggregate_id(id);
        let kept = match &self.kept {
            Some(kept) => kept.take(&aggregate_id, self.store.now()),
            None => None,
        };
        match kept {
            None => self.store.load(&aggregate_id).await,
            Some((stream, true)) => Ok(stream),
            Some((mut stream, false)) => {
                self.store.refresh(&mut stream).await?;
                Ok(stream)
            }
        }
    }

    /// Runs a command.
    ///
    /// # Errors
    /// See [`EventStore::transact`].
    pub async fn execute(
        &self,
        id: &A::Id,
        command: A::Command,
        context: &A::Context,
        metadata: &Metadata,
    ) -> Result<Transacted<A>, TransactError<A::Refusal>> {
        let stream = self.stream(id).await?;
        self.execute_on(stream, command, context, metadata).await
    }

    /// Runs a command on a stream that [`Decider::stream`] has returned, or that is believed to be unborn.
    ///
    /// # Errors
    /// See [`EventStore::transact`].
    pub async fn execute_on(
        &self,
        stream: Stream<A>,
        command: A::Command,
        context: &A::Context,
        metadata: &Metadata,
    ) -> Result<Transacted<A>, TransactError<A::Refusal>> {
        self.execute_after(stream, command, context, metadata, &()).await
    }

    /// Runs a command, and does something `first`, before each append.
    ///
    /// # Errors
    /// See [`EventStore::transact`]; also what was done first may fail.
    pub async fn execute_after(
        &self,
        stream: Stream<A>,
        command: A::Command,
        context: &A::Context,
        metadata: &Metadata,
        first: &impl BeforeAppend<A>,
    ) -> Result<Transacted<A>, TransactError<A::Refusal>> {
        let begun = self.store.now();
        // Also what `load` has kept: of a command that fails, nothing may be known.
        if let Some(kept) = &self.kept {
            kept.forget(&stream.aggregate_id);
        }
        let decide = |stream: &Stream<A>| A::decide(stream.state.as_ref(), command.clone(), context);
        let executed = self
            .store
            .transact_after(stream, metadata, self.attempts, decide, A::is_absence, first)
            .await;
        let Ok(transacted) = &executed else {
            self.count_state(false);
            return executed;
        };
        self.count_state(transacted.stream.is_kept);
        // A replayed state is an old one.
        if let Some(kept) = &self.kept
            && !transacted.is_replay
        {
            kept.keep(&transacted.stream, begun);
        }
        let cost = transacted.stream.cost;
        tracing::debug!(
            command = command.as_ref(),
            command_id = %metadata.command_id,
            requests = cost.requests,
            read_units = cost.read_units,
            write_units = cost.write_units,
            index_write_units = cost.index_write_units,
            "executed"
        );
        executed
    }

    /// Whether a kept state has saved a read.
    fn count_state(&self, was_good: bool) {
        if self.kept.is_some() {
            measures::cache_read("states", was_good);
        }
    }
}
