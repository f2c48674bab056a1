//! The table as a file.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use dynamodb::patience::pause;
use futures::future::try_join_all;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, MutexGuard};

use super::content::fingerprint;
use super::format::{FORMAT, FORMAT_VERSION, Header, Trailer, event_line, hex, line};
use super::new_file::NewFile;
use super::scan::{self, Segment};
use crate::{CorruptStream, EventStore, Recorded, StoreError, Version};

/// How much of an aggregate is held in memory before the file is reserved for it until its end.
const MAX_PENDING_BYTES: usize = 4 * 1024 * 1024;

/// How often a gap is looked at again: while a transaction of two events is carried out, a reader may see the second one
/// first.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation>
const GAP_ATTEMPTS: u32 = 6;

/// A file that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    pub events: u64,
    pub aggregates: u64,
    /// The file's checksum, in hexadecimal.
    pub sha256: String,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{0} is there already and is not overwritten")]
    FileExists(PathBuf),
    #[error("{path} cannot be written: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// DynamoDB does not do this; a table that does cannot be exported in one pass.
    #[error("the events of {aggregate_id} lie in several places of the table, or were appended too fast: export again")]
    InPieces { aggregate_id: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EventStore {
    /// Writes every event into a new file; [`format`](mod@super::format) documents it. The file gets its name when it is
    /// whole, and no file is overwritten.
    ///
    /// Commands may go on meanwhile. The file has at least the events that had been appended when the export began; of
    /// every aggregate it has all events up to some version. It is not one moment of all aggregates together.
    ///
    /// Memory: a few pages of 1 MB, and about 50 bytes for each aggregate. `progress` hears the number of events written
    /// so far. Writes the file on the thread that polls it.
    ///
    /// # Errors
    /// [`ExportError`]. There is no file then.
    pub async fn export(&self, path: &Path, progress: &dyn Fn(u64)) -> Result<Exported, ExportError> {
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::AlreadyExists => ExportError::FileExists(path.to_owned()),
            _ => ExportError::Io {
                path: path.to_owned(),
                source: error,
            },
        };
        let output = Mutex::new(Output {
            file: NewFile::create(path).map_err(failed)?,
            sha256: Sha256::new(),
            exported: HashMap::new(),
            events: 0,
            progress,
        });
        let header = Header {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            exported_at: self.now(),
        };
        let header = line(&header).map_err(failed)?;
        output.lock().await.write(&header, 0).map_err(failed)?;

        let segments = Segment::all(self).map(|segment| export_segment(segment, self, &output));
        try_join_all(segments).await.map_err(|error| match error {
            SegmentError::Io(error) => failed(error),
            SegmentError::InPieces { aggregate_id } => ExportError::InPieces { aggregate_id },
            SegmentError::Store(error) => error.into(),
        })?;
        output.into_inner().complete().map_err(failed)
    }
}

/// The file, which the segments write in turn.
struct Output<'p> {
    file: NewFile,
    /// The hash of everything written.
    sha256: Sha256,
    /// The last version of each aggregate that is in the file, by [`fingerprint`].
    exported: HashMap<u128, Version>,
    events: u64,
    progress: &'p dyn Fn(u64),
}

impl Output<'_> {
    /// Writes the lines of so many events.
    fn write(&mut self, lines: &[u8], events: u64) -> io::Result<()> {
        self.file.write_all(lines)?;
        self.sha256.update(lines);
        self.events += events;
        (self.progress)(self.events);
        Ok(())
    }

    fn complete(mut self) -> io::Result<Exported> {
        let trailer = Trailer {
            events: self.events,
            aggregates: self.exported.len() as u64,
            sha256: hex(&self.sha256.finalize()),
        };
        self.file.write_all(&line(&trailer)?)?;
        self.file.complete()?;
        Ok(Exported {
            events: trailer.events,
            aggregates: trailer.aggregates,
            sha256: trailer.sha256,
        })
    }
}

/// An [`ExportError`] without the file's name.
enum SegmentError {
    Io(io::Error),
    InPieces { aggregate_id: String },
    Store(StoreError),
}

impl From<io::Error> for SegmentError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<StoreError> for SegmentError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn export_segment(
    mut segment: Segment<'_>,
    store: &EventStore,
    output: &Mutex<Output<'_>>,
) -> Result<(), SegmentError> {
    let mut aggregate = None;
    while let Some(events) = segment.next_events().await? {
        for event in events {
            let mut current = match aggregate.take() {
                Some(current) if Aggregate::id(&current) == event.aggregate_id => current,
                previous => {
                    if let Some(previous) = previous {
                        Aggregate::finish(previous).await?;
                    }
                    Aggregate::begin(store, output, &event.aggregate_id).await
                }
            };
            current.take(event).await?;
            aggregate = Some(current);
        }
    }
    match aggregate {
        Some(last) => last.finish().await,
        None => Ok(()),
    }
}

/// An aggregate on its way into the file.
struct Aggregate<'a, 'p> {
    store: &'a EventStore,
    output: &'a Mutex<Output<'p>>,
    id: String,
    /// The last version that is pending or written.
    version: Version,
    /// It had been finished before; nothing can follow in the file.
    is_finished: bool,
    pending: Vec<u8>,
    pending_events: u64,
    /// The file, reserved for this aggregate, so that its lines stay together.
    reserved: Option<MutexGuard<'a, Output<'p>>>,
}

impl<'a, 'p> Aggregate<'a, 'p> {
    async fn begin(store: &'a EventStore, output: &'a Mutex<Output<'p>>, id: &str) -> Self {
        let finished_at = output.lock().await.exported.get(&fingerprint(id)).copied();
        Self {
            store,
            output,
            id: id.to_owned(),
            version: finished_at.unwrap_or(0),
            is_finished: finished_at.is_some(),
            pending: Vec::new(),
            pending_events: 0,
            reserved: None,
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    /// The next event that the scan brings.
    async fn take(&mut self, event: Recorded) -> Result<(), SegmentError> {
        if event.version <= self.version {
            // It was read by a Query already.
            return Ok(());
        }
        if event.version == self.version + 1 {
            return self.push(event).await;
        }
        self.read_on().await
    }

    /// The scan has left something out: reads on by Query.
    async fn read_on(&mut self) -> Result<(), SegmentError> {
        let mut attempt = 0;
        loop {
            let events = scan::query(self.store, &self.id, self.version + 1).await?;
            let Some(first) = events.first() else {
                return Ok(());
            };
            let found = first.version;
            for event in events {
                if event.version == self.version + 1 {
                    self.push(event).await?;
                    attempt = 0;
                }
            }
            if found > self.version {
                if attempt == GAP_ATTEMPTS {
                    let gap = CorruptStream::Gap {
                        aggregate_id: self.id.clone(),
                        expected: self.version + 1,
                        found,
                    };
                    return Err(StoreError::from(gap).into());
                }
                pause(attempt).await;
                attempt += 1;
            }
        }
    }

    async fn push(&mut self, event: Recorded) -> Result<(), SegmentError> {
        if self.is_finished {
            return Err(SegmentError::InPieces {
                aggregate_id: self.id.clone(),
            });
        }
        self.version = event.version;
        self.pending.extend(event_line(event)?);
        self.pending_events += 1;
        if self.pending.len() > MAX_PENDING_BYTES {
            let mut output = match self.reserved.take() {
                Some(output) => output,
                None => self.output.lock().await,
            };
            output.write(&self.pending, self.pending_events)?;
            self.reserved = Some(output);
            self.pending.clear();
            self.pending_events = 0;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), SegmentError> {
        if self.is_finished {
            return Ok(());
        }
        let mut output = match self.reserved.take() {
            Some(output) => output,
            None => self.output.lock().await,
        };
        output.write(&self.pending, self.pending_events)?;
        output.exported.insert(fingerprint(&self.id), self.version);
        Ok(())
    }
}
