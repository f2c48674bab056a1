//! What ends a command: each with one sentence for the operator.

use std::io;
use std::path::PathBuf;

use event_store::StoreError;
use event_store::backup::{ExportError, ImportError};
use lambda_edge::ConfigError;

use crate::tables::TablesError;

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Also the help that was asked for.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    #[error("{url} is not the URL of a DynamoDB: it begins neither with http:// nor with https://")]
    Endpoint { url: String },
    #[error(transparent)]
    Tables(#[from] TablesError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("nothing was exported: {0}")]
    Export(#[source] ExportError),
    #[error("{file} was not imported: {source}")]
    Import { file: PathBuf, source: ImportError },
    #[error("{file} was not imported: {source}. An import that was interrupted goes on with --resume")]
    ImportIntoSome { file: PathBuf, source: ImportError },
    #[error("nothing of {aggregate_id} is parked by {projection}")]
    NotParked { projection: String, aggregate_id: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{source}. Is `make run` running at {endpoint}? A deployed stack is named by --stack.")]
    Local { endpoint: String, source: Box<CliError> },
    #[error("the result cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// DynamoDB did not answer, or does not know the table.
    pub(crate) fn is_unreachable(&self) -> bool {
        let store = match self {
            Self::Store(error)
            | Self::Export(ExportError::Store(error))
            | Self::Import {
                source: ImportError::Store(error),
                ..
            }
            | Self::Tables(TablesError::Store(error)) => error,
            _ => return false,
        };
        matches!(store, StoreError::Unavailable(_) | StoreError::Misconfigured(_))
    }
}
