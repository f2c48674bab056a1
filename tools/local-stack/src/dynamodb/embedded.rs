//! A DynamoDB in this process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use dynoxide::storage::TableMetadata;
use futures::FutureExt;
use futures::future::{TryFutureExt, try_join_all};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::config::local_config;
use super::stream_log::StreamLog;
use crate::bells::Bells;
use crate::listen::{ListenError, Listeners};

/// How long a shutdown waits for requests that a client does not finish sending.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(1);

/// How often to look for new stream records: somebody waits for what follows from them.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The pause between two looks once so many have found nothing.
const IDLE_LOOK_INTERVAL: Duration = Duration::from_millis(50);
const LOOKS_UNTIL_IDLE: u32 = 100;

/// How often to look for stream records that are too old.
const TRIM_INTERVAL: Duration = Duration::from_secs(60);

/// A DynamoDB in this process, until it is stopped or dropped.
pub struct Embedded {
    endpoint: String,
    database: Database,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
    may_trim: Arc<AtomicBool>,
    keeper: Keeper,
}

/// Where an embedded DynamoDB keeps its items.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Storage<'a> {
    Memory,
    File(&'a Path),
}

/// The embedded DynamoDB cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("cannot open the DynamoDB data {path}: {reason}")]
    Data { path: String, reason: String },
    #[error("cannot listen for DynamoDB requests on {0}")]
    Listen(#[from] ListenError),
    #[error("cannot make a temporary folder for the DynamoDB: {0}; TMPDIR names where")]
    TemporaryFolder(std::io::Error),
    #[error("cannot start a thread for the DynamoDB: {0}")]
    Thread(std::io::Error),
}

impl Embedded {
    /// An empty DynamoDB in memory, on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`EmbeddedError`] when no port is free.
    pub async fn memory() -> Result<Self, EmbeddedError> {
        Self::serve(Listeners::local().await?, Storage::Memory, Bells::default())
    }

    /// Serves DynamoDB's API, and rings the bell of a table whose stream has new records. Must be called
    /// within a Tokio runtime.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the file cannot be opened.
    pub(crate) fn serve(listeners: Listeners, storage: Storage<'_>, bells: Bells) -> Result<Self, EmbeddedError> {
        let (database, log) = match storage {
            Storage::Memory => open_in_memory()?,
            Storage::File(file) => open(file, Durability::SurvivesTheProcess)?,
        };
        let endpoint = listeners.url();
        let (stop, stopped) = oneshot::channel::<()>();
        // A sender that was dropped stops it too.
        let stopped = stopped.map(|_| ()).shared();
        let servers = listeners
            .into_iter()
            .map(|listener| dynoxide::server::serve_with_shutdown(listener, database.clone(), stopped.clone()));
        let server = try_join_all(servers).map_ok(drop);
        let may_trim = Arc::new(AtomicBool::new(false));
        Ok(Self {
            endpoint,
            database,
            stop,
            server: tokio::spawn(server),
            keeper: Keeper::start(log, bells, Arc::clone(&may_trim)).map_err(EmbeddedError::Thread)?,
            may_trim,
        })
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A client for it.
    pub async fn client(&self) -> Client {
        Client::new(&local_config(&self.endpoint).await)
    }

    /// Once the future says so, stream records go after 24 hours. Not before those have been read that the last run left: unlike
    /// AWS, a stack on one machine may be off for days.
    pub(crate) fn trim_streams_once(&self, are_read: impl Future<Output = bool> + Send + 'static) {
        let may_trim = Arc::clone(&self.may_trim);
        tokio::spawn(async move { may_trim.store(are_read.await, Ordering::Relaxed) });
    }

    /// What it has written down about a table.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn metadata(&self, table: &str) -> Result<Option<TableMetadata>, String> {
        self.database
            .get_table_metadata(table)
            .map_err(|error| error.to_string())
    }

    /// Ends the running requests, then closes the data.
    pub async fn stop(mut self) {
        // The receiver is gone only when the server has ended already.
        let _ = self.stop.send(());
        match tokio::time::timeout(SHUTDOWN_LIMIT, &mut self.server).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(reason))) => tracing::error!(%reason, "the embedded DynamoDB failed"),
            Ok(Err(error)) => tracing::error!(%error, "the embedded DynamoDB failed"),
            Err(_) => self.server.abort(),
        }
        self.keeper.stop().await;
    }
}

/// What the file must outlive.
enum Durability {
    /// Its process, also when it is killed. What was written last may be lost when the machine loses its power.
    SurvivesTheProcess,
    /// Nothing: it is as good as memory.
    None,
}

/// A database in a file that has no name any more as soon as it is open, so that it is gone with the process, however that
/// ends. SQLite's own databases in memory cannot have a second connection that writes.
fn open_in_memory() -> Result<(Database, StreamLog), EmbeddedError> {
    let folder = TemporaryFolder::new().map_err(EmbeddedError::TemporaryFolder)?;
    open(&folder.0.join("dynamodb.sqlite"), Durability::None)
}

fn open(file: &Path, durability: Durability) -> Result<(Database, StreamLog), EmbeddedError> {
    let path = file.display().to_string();
    let unusable = |reason: String| EmbeddedError::Data {
        path: path.clone(),
        // What follows the first sentence advises those who encrypt their data.
        reason: reason
            .split_once(". ")
            .map_or(reason.as_str(), |(first, _)| first)
            .to_owned(),
    };
    is_writable(file).map_err(|error| unusable(error.to_string()))?;
    let database = Database::new(&path).map_err(|error| unusable(error.to_string()))?;
    // The two are its only switches of `PRAGMA synchronous`, to OFF and to NORMAL; it starts with FULL, which waits for the
    // disk at every write.
    let switched = match durability {
        Durability::None => database.enable_bulk_loading(),
        Durability::SurvivesTheProcess => database.disable_bulk_loading(),
    };
    switched.map_err(|error| unusable(error.to_string()))?;
    let log = StreamLog::open(file).map_err(|error| unusable(error.to_string()))?;
    Ok((database, log))
}

/// SQLite would open a file that cannot be written, and refuse the first write.
fn is_writable(file: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .map(|_| ())
}

/// Removed when it is dropped; on Unix, files in it may be open then.
pub(super) struct TemporaryFolder(pub(super) PathBuf);

impl TemporaryFolder {
    pub(super) fn new() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("local-stack-{}", Uuid::now_v7()));
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clean.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Looks after the streams: in a thread, as SQLite blocks, until it is dropped.
struct Keeper {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Keeper {
    fn start(log: StreamLog, bells: Bells, may_trim: Arc<AtomicBool>) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name("streams".to_owned());
        let thread = thread.spawn(move || look_after_streams(log, &bells, &may_trim, &stopped))?;
        Ok(Self { stop, thread })
    }

    /// Returns once its connection is closed.
    async fn stop(self) {
        drop(self.stop);
        let ended = tokio::task::spawn_blocking(|| self.thread.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::error!("the thread that looks after the streams had failed");
        }
    }
}

fn look_after_streams(mut log: StreamLog, bells: &Bells, may_trim: &AtomicBool, stopped: &mpsc::Receiver<()>) {
    let mut trim_at = Instant::now();
    let mut look = move || -> rusqlite::Result<bool> {
        let tables = log.news()?;
        for table in &tables {
            bells.ring(table);
        }
        if may_trim.load(Ordering::Relaxed) && Instant::now() >= trim_at {
            // Also after an error, which would come again at once.
            trim_at = Instant::now() + TRIM_INTERVAL;
            if log.trim(SystemTime::now())? {
                trim_at = Instant::now();
            }
        }
        Ok(!tables.is_empty())
    };
    let mut is_failing = false;
    let mut in_vain = 0;
    let mut next = move || {
        // A fault of the disk, which every write meets as well; triggers look at their streams now and then all the same.
        let found = look();
        if let (Err(error), false) = (&found, is_failing) {
            tracing::warn!(%error, "cannot look after the streams");
        }
        is_failing = found.is_err();
        let is_news = found.unwrap_or(false);
        in_vain = if is_news { 0 } else { LOOKS_UNTIL_IDLE.min(in_vain + 1) };
        if in_vain < LOOKS_UNTIL_IDLE {
            LOOK_INTERVAL
        } else {
            IDLE_LOOK_INTERVAL
        }
    };
    while stopped.recv_timeout(next()) == Err(RecvTimeoutError::Timeout) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::tests::LONGEST_WAIT;
    use crate::template::Template;
    use aws_sdk_dynamodb::types::AttributeValue;

    #[tokio::test]
    async fn a_write_rings_the_bell_of_its_table() {
        let listeners = Listeners::local().await.expect("a port");
        let bells = Bells::default();
        let embedded = Embedded::serve(listeners, Storage::Memory, bells.clone()).expect("a DynamoDB in memory");
        let client = embedded.client().await;
        let template =
            Template::parse("template.yaml", include_str!("../../../../template.yaml")).expect("the template");
        super::super::create_tables(&client, &template).await.expect("tables");

        let mut bell = bells.of_table("OrderSummary");
        let order = client.put_item().table_name("OrderSummary");
        let order = order.item("OrderId", AttributeValue::S("o-1".to_owned()));
        order.send().await.expect("a stored item");
        let rung = tokio::time::timeout(LONGEST_WAIT, bell.changed()).await;
        rung.expect("a bell").expect("somebody to ring");
        embedded.stop().await;
    }
}
