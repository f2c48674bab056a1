//! What ends a command: each with one sentence for the operator.

use std::io;
use std::path::PathBuf;

use domain::order::OrderId;
use dynamodb::TableError;
use event_store::StoreError;
use event_store::backup::{ExportError, ImportError};
use lambda_edge::ConfigError;
use operations::ReplayError;

use crate::stack_tables::TablesError;

/// Why a command was not carried out, or not rightly.
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
    #[error(
        "{file} was not imported: the event store is not empty. An import that was interrupted goes on with --resume."
    )]
    NotEmpty { file: PathBuf },
    #[error("the import of {file} was interrupted: {source}. What was written stays; it goes on with --resume.")]
    Interrupted { file: PathBuf, source: StoreError },
    #[error("the import of {file} was stopped; what was written stays, and it goes on with --resume")]
    ImportStopped { file: PathBuf },
    #[error("the export was stopped, and there is no {file}")]
    ExportStopped { file: PathBuf },
    #[error("nothing of {aggregate_id} is parked by {projection}")]
    NotParked { projection: String, aggregate_id: String },
    #[error("the replay was stopped; it goes on with --resume {id}")]
    Stopped { id: String },
    #[error("nobody watches the replay {id} any more; the replay function goes on with it")]
    Unwatched { id: String },
    #[error("replay {id} is for the other purpose: `replay` rebuilds, `verify` compares")]
    OtherPurpose { id: String },
    #[error("--projection is {name}, and must be one of {}", .known.join(", "))]
    NoSuchProjection { name: String, known: Vec<&'static str> },
    #[error("there is no order {order_id}")]
    NoSuchOrder { order_id: OrderId },
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{source}. Is `make run` running at {endpoint}? A deployed stack is named by --stack.")]
    Local { endpoint: String, source: Box<CliError> },
    #[error("{endpoint}: {source}")]
    At { endpoint: String, source: Box<CliError> },
    #[error("the result cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// 1 when the command was carried out, but its result is not right; otherwise 2. Help that was asked for is no
    /// failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(help) if !help.use_stderr() => 0,
            Self::Import {
                source: ImportError::NotVerified { .. },
                ..
            } => 1,
            _ => 2,
        }
    }

    /// DynamoDB did not answer, or does not know the table.
    pub(crate) fn is_unreachable(&self) -> bool {
        let table = match self {
            Self::Store(StoreError::Table(error))
            | Self::Replay(ReplayError::Store(StoreError::Table(error)))
            | Self::Export(ExportError::Store(StoreError::Table(error)))
            | Self::Interrupted {
                source: StoreError::Table(error),
                ..
            }
            | Self::Tables(TablesError::Table(error)) => error,
            _ => return false,
        };
        matches!(table, TableError::Unavailable(_) | TableError::Misconfigured(_))
    }
}

impl From<TableError> for CliError {
    fn from(error: TableError) -> Self {
        Self::Store(error.into())
    }
}
