//! Backup and restore: the whole table as a file of newline-delimited JSON, and back.
//!
//! | module | what it holds |
//! |---|---|
//! | [`format`](mod@format) | the lines of the file: a published storage format |
//! | [`export`](mod@export) | [`EventStore::export`](crate::EventStore::export) |
//! | [`import`](mod@import) | [`EventStore::import`](crate::EventStore::import) |
//! | [`error`] | why an import did not succeed |
//! | `content` | what a set of events comes to, by which a store and a file are compared |
//! | `reader` | a file read line by line, and everything that it must keep to |
//! | `new_file` | a file that has its name only once it is whole |
//! | `scan` | the table read in segments |

mod content;
pub mod error;
pub mod export;
pub mod format;
pub mod import;
mod new_file;
mod reader;
mod scan;

pub use content::Content;
pub use error::ImportError;
pub use export::{ExportError, Exported};
pub use import::{ImportMode, ImportProgress, ImportStep, Imported};
