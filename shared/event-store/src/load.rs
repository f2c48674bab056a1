//! Loading an aggregate: from its events, or from a snapshot and what followed it.

use std::num::NonZeroU32;

use domain::Aggregate;

use crate::error::StoreError;
use crate::snapshot::{Snapshots, end_of_stream};
use crate::store::{EventStore, Part};
use crate::stream::Stream;
use crate::{Recorded, Version};

impl EventStore {
    /// The aggregate at its newest version: a strong read of its whole stream, or of its end when a snapshot holds the
    /// rest.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when versions are missing or an event cannot be read, otherwise what DynamoDB said.
    pub async fn load<A: Aggregate>(&self, aggregate_id: &str) -> Result<Stream<A>, StoreError> {
        if let Some(snapshots) = &self.snapshots
            && let Some(every) = snapshots.every::<A>()
        {
            return self.load_end(snapshots, every, aggregate_id).await;
        }
        let mut stream = Stream::unborn(aggregate_id);
        for event in &self.read_on(&mut stream, 1, None).await? {
            stream.fold(event)?;
        }
        Ok(stream)
    }

    /// The aggregate as it was at `version`, or at its newest version if that is older.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub async fn load_until<A: Aggregate>(
        &self,
        aggregate_id: &str,
        version: Version,
    ) -> Result<Stream<A>, StoreError> {
        let mut stream = Stream::unborn(aggregate_id);
        let limit = usize::try_from(version).unwrap_or(usize::MAX);
        if limit > 0 {
            let (events, cost) = self.read(aggregate_id, Part::first(limit)).await?;
            stream.cost += cost;
            for event in &events {
                stream.fold(event)?;
            }
        }
        Ok(stream)
    }

    /// Brings a kept `stream` to its newest version.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub(crate) async fn refresh<A: Aggregate>(&self, stream: &mut Stream<A>) -> Result<(), StoreError> {
        for event in self.follow(stream).await? {
            stream.fold(&event)?;
        }
        Ok(())
    }

    /// The events after a kept `stream`, which then is no longer one that nobody has looked at.
    ///
    /// When the event at its version is not the one that it was, the table has been filled again from a backup. Then its
    /// state is of another history: the stream begins again, and these are all its events.
    pub(crate) async fn follow<A: Aggregate>(&self, stream: &mut Stream<A>) -> Result<Vec<Recorded>, StoreError> {
        stream.is_kept = false;
        let Some(known) = stream.newest_event else {
            return self.read_on(stream, 1, None).await;
        };
        let mut events = self.read_on(stream, stream.version, None).await?;
        if events.first().is_some_and(|event| event.event_id == known) {
            events.remove(0);
            return Ok(events);
        }
        tracing::warn!(aggregate_id = stream.aggregate_id, "a kept state is of another history");
        let unborn = Stream::unborn(&stream.aggregate_id);
        *stream = Stream {
            cost: stream.cost,
            precondition: std::mem::take(&mut stream.precondition),
            ..unborn
        };
        self.read_on(stream, 1, None).await
    }

    /// The events of `stream` from version `from` on, at most `limit`; the stream bears the cost.
    pub(crate) async fn read_on<A: Aggregate>(
        &self,
        stream: &mut Stream<A>,
        from: Version,
        limit: Option<usize>,
    ) -> Result<Vec<Recorded>, StoreError> {
        let part = Part::From { version: from, limit };
        let (events, cost) = self.read(&stream.aggregate_id, part).await?;
        stream.cost += cost;
        Ok(events)
    }

    /// The aggregate at its newest version, from the end of its stream and, if that is not all of it, its snapshot.
    async fn load_end<A: Aggregate>(
        &self,
        snapshots: &Snapshots,
        every: NonZeroU32,
        aggregate_id: &str,
    ) -> Result<Stream<A>, StoreError> {
        let mut stream = Stream::unborn(aggregate_id);
        let (mut events, cost) = self.read(aggregate_id, Part::Newest(end_of_stream(every))).await?;
        stream.cost += cost;
        if events.first().is_some_and(|oldest| oldest.version > 1) {
            self.fold_beginning(snapshots, &mut stream, &mut events).await?;
        }
        let folded = stream.version;
        for event in events.iter().filter(|event| event.version > folded) {
            stream.fold(event)?;
        }
        Ok(stream)
    }

    /// Brings `stream` to a version from which the events of `end` lead on: that of its snapshot, or of the event before
    /// `end`. Events that have to be read for that are put before `end`.
    async fn fold_beginning<A: Aggregate>(
        &self,
        snapshots: &Snapshots,
        stream: &mut Stream<A>,
        end: &mut Vec<Recorded>,
    ) -> Result<(), StoreError> {
        if let Some(snapshot) = snapshots.find(&self.client, stream).await {
            self.read_before(stream, snapshot.version, end).await?;
            // Another writer may have appended and taken it since the end was read.
            if let Some(newest) = end
                .last()
                .map(|event| event.version)
                .filter(|newest| *newest < snapshot.version)
            {
                let appended = self.read_on(stream, newest + 1, None).await?;
                end.extend(appended);
            }
            let is_of_this_stream =
                |event: &Recorded| event.version == snapshot.version && event.event_id == snapshot.event_id;
            if end.iter().any(is_of_this_stream) {
                stream.restore(snapshot);
                return Ok(());
            }
            tracing::warn!(
                aggregate_id = stream.aggregate_id,
                version = snapshot.version,
                "a snapshot is of no event of the stream, and is ignored"
            );
        }
        self.read_before(stream, 1, end).await
    }

    /// Reads the events from version `from` on that lie before `end`.
    async fn read_before<A>(
        &self,
        stream: &mut Stream<A>,
        from: Version,
        end: &mut Vec<Recorded>,
    ) -> Result<(), StoreError> {
        let oldest = end.first().map_or(0, |event| event.version);
        // What a damaged snapshot names need not be a version.
        let from = from.max(1);
        if from < oldest {
            let part = Part::From {
                version: from,
                limit: Some(usize::try_from(oldest - from).unwrap_or(usize::MAX)),
            };
            let (before, cost) = self.read(&stream.aggregate_id, part).await?;
            stream.cost += cost;
            end.splice(..0, before);
        }
        Ok(())
    }
}
