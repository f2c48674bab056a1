//! A file as the table.

use std::path::Path;

use dynamodb::TableError;
use dynamodb::patience::patiently;
use futures::future::{try_join, try_join_all};
use tokio::sync::mpsc;

use super::content::{Content, fingerprint};
use super::error::ImportError;
use super::reader::Reader;
use super::scan::{self, Segment};
use crate::{AppendError, EventStore, Recorded, StoreError};

/// How many events are written at once. Each is of another aggregate.
const WRITERS: usize = 32;

/// How many events wait for a writer.
const QUEUE: usize = 4;

/// What may be in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// Nothing.
    Empty,
    /// Events of the same file: an import that was interrupted goes on.
    Resume,
}

/// What an import is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportStep {
    /// The file is read and checked; nothing is written.
    CheckingFile,
    /// Only when an import goes on: the table must hold nothing that the file has not.
    CheckingTable,
    Writing,
    /// The table is read and compared with the file.
    Verifying,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress {
    pub step: ImportStep,
    /// Events of this step so far.
    pub done: u64,
    /// Events of the file, once they have been counted.
    pub total: Option<u64>,
}

/// A table that has exactly the events of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Events of the file, and now of the table.
    pub events: u64,
    pub aggregates: u64,
    /// How many of the events were there already.
    pub already_there: u64,
}

/// Where progress goes.
type OnProgress<'a> = &'a dyn Fn(ImportProgress);

impl EventStore {
    /// Writes the events of a file that [`EventStore::export`] made into the table, which nobody else may write to
    /// meanwhile.
    ///
    /// The whole file is checked before anything is written: its lines, versions without gaps, numbers and checksum. The
    /// events of each aggregate are written in the order of their versions, each under the condition that its place is
    /// free, so nothing is ever overwritten. Then the table is read, and must have exactly the events of the file.
    ///
    /// Memory: some events, and about 50 bytes for each aggregate. Reads the file on the thread that polls it.
    ///
    /// # Errors
    /// [`ImportError`]. An import that was interrupted goes on with [`ImportMode::Resume`].
    pub async fn import(
        &self,
        path: &Path,
        mode: ImportMode,
        progress: &dyn Fn(ImportProgress),
    ) -> Result<Imported, ImportError> {
        let (file, expected) = self.check_file(path, progress)?;
        match mode {
            ImportMode::Empty if !scan::is_empty(self).await? => return Err(ImportError::NotEmpty),
            ImportMode::Empty => {}
            ImportMode::Resume => self.check_table(&file, expected.events, progress).await?,
        }
        // It knows every aggregate, and so will the next one.
        drop(file);
        let already_there = self.write_file(path, expected.events, progress).await?;

        let found = self.content(expected.events, progress).await?;
        if found != expected {
            return Err(ImportError::NotVerified {
                expected: Box::new(expected),
                found: Box::new(found),
            });
        }
        Ok(Imported {
            events: expected.events,
            aggregates: expected.aggregates,
            already_there,
        })
    }

    /// Reads the file to its end.
    fn check_file(&self, path: &Path, progress: OnProgress<'_>) -> Result<(Reader, Content), ImportError> {
        let mut file = Reader::open(path)?;
        let mut content = Content::default();
        while let Some(event) = file.next_event()? {
            self.item(&event).map_err(|error| file.bad(error.to_string()))?;
            content.add(event).map_err(|error| file.bad(error.to_string()))?;
            progress(ImportProgress {
                step: ImportStep::CheckingFile,
                done: content.events,
                total: None,
            });
        }
        Ok((file, content))
    }

    /// Every place that is taken in the table must be one of the file's.
    async fn check_table(&self, file: &Reader, total: u64, progress: OnProgress<'_>) -> Result<(), ImportError> {
        let counter = Counter::new(ImportStep::CheckingTable, total, progress);
        let segments = Segment::all_keys(self).map(async |mut segment| {
            while let Some(keys) = segment.next_keys().await? {
                for (aggregate_id, version) in keys {
                    if version > file.version(&aggregate_id) {
                        return Err(ImportError::Conflict { aggregate_id, version });
                    }
                    counter.count();
                }
            }
            Ok(())
        });
        try_join_all(segments).await.map(|_| ())
    }

    /// Returns how many of the events were there already.
    async fn write_file(&self, path: &Path, total: u64, progress: OnProgress<'_>) -> Result<u64, ImportError> {
        let counter = Counter::new(ImportStep::Writing, total, progress);
        let (queues, waiting): (Vec<_>, Vec<_>) = (0..WRITERS).map(|_| mpsc::channel::<Recorded>(QUEUE)).unzip();
        let reading = async move {
            let mut file = Reader::open(path)?;
            while let Some(event) = file.next_event()? {
                // Always the same writer for an aggregate, so that its events are written one after the other.
                let writer = fingerprint(&event.aggregate_id) % WRITERS as u128;
                if queues[writer as usize].send(event).await.is_err() {
                    // The writer has failed, and says why.
                    break;
                }
            }
            Ok(())
        };
        let writing = waiting.into_iter().map(async |mut waiting| {
            let mut already_there = 0;
            while let Some(event) = waiting.recv().await {
                already_there += u64::from(self.write(event).await? == Written::Before);
                counter.count();
            }
            Ok::<_, ImportError>(already_there)
        });
        let ((), already_there) = try_join(reading, try_join_all(writing)).await?;
        Ok(already_there.into_iter().sum())
    }

    async fn write(&self, event: Recorded) -> Result<Written, ImportError> {
        let item = self.item(&event).map_err(rejected)?;
        let winners = patiently(async || match self.put(item.clone()).await {
            Ok(_) => Ok(None),
            Err(AppendError::Conflict { winners }) => Ok(Some(winners)),
            Err(AppendError::Store(error)) => Err(error),
            Err(AppendError::TransactionInProgress) => {
                Err(TableError::Unavailable("a transaction is in progress".into()).into())
            }
            Err(error @ (AppendError::TooLarge { .. } | AppendError::TooMany { .. })) => Err(rejected(error)),
        })
        .await?;
        match winners {
            None => Ok(Written::Now),
            Some(winners) if winners.first() == Some(&event) => Ok(Written::Before),
            Some(_) => Err(ImportError::Conflict {
                aggregate_id: event.aggregate_id,
                version: event.version,
            }),
        }
    }

    /// What the whole table comes to.
    async fn content(&self, total: u64, progress: OnProgress<'_>) -> Result<Content, ImportError> {
        let counter = Counter::new(ImportStep::Verifying, total, progress);
        let segments = Segment::all(self).map(async |mut segment| {
            let mut content = Content::default();
            while let Some(events) = segment.next_events().await? {
                for event in events {
                    content.add(event).map_err(rejected)?;
                    counter.count();
                }
            }
            Ok::<_, StoreError>(content)
        });
        let mut all = Content::default();
        for content in try_join_all(segments).await? {
            all.add_all(&content);
        }
        Ok(all)
    }
}

/// Where an event came from that is in the table now.
#[derive(PartialEq)]
enum Written {
    Now,
    /// It was written by an import before this one, or by an attempt whose answer was lost.
    Before,
}

/// Counts the events of a step that several futures do together.
struct Counter<'a> {
    step: ImportStep,
    done: std::cell::Cell<u64>,
    total: u64,
    progress: OnProgress<'a>,
}

impl<'a> Counter<'a> {
    fn new(step: ImportStep, total: u64, progress: OnProgress<'a>) -> Self {
        Self {
            step,
            done: std::cell::Cell::new(0),
            total,
            progress,
        }
    }

    fn count(&self) {
        self.done.set(self.done.get() + 1);
        (self.progress)(ImportProgress {
            step: self.step,
            done: self.done.get(),
            total: Some(self.total),
        });
    }
}

/// What DynamoDB would not take.
fn rejected(error: impl ToString) -> StoreError {
    TableError::Rejected(error.to_string()).into()
}
