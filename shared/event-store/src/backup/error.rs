//! Why an import did not succeed.

use std::io;
use std::path::PathBuf;

use super::content::Content;
use crate::{StoreError, Version};

/// Why an import did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Nothing was written, unless the file changed while it was imported.
    #[error("line {line}: {reason}")]
    BadFile { line: u64, reason: String },
    /// Nothing was written.
    #[error("the event store is not empty")]
    NotEmpty,
    /// The table has an event that the file has not, or has otherwise. It was not overwritten; other events of the file
    /// may have been written.
    #[error("the event store has another {aggregate_id} version {version} than the file")]
    Conflict { aggregate_id: String, version: Version },
    /// Everything was written, but the table has something else: somebody appends meanwhile.
    #[error("the event store has {found} after the import, and the file {expected}")]
    NotVerified {
        expected: Box<Content>,
        found: Box<Content>,
    },
    #[error("{path} cannot be read: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// What was written stays; the import can be resumed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
