//! The operators' tool: replays, backup and restore, and what projections have parked.
//!
//! Results go to stdout, one JSON object per line; everything else to stderr.
//!
//! | module | what it holds |
//! |---|---|
//! | `connection` | which DynamoDB, and which tables in it |
//! | `stack_tables` | how a stack's tables are found |
//! | `replay` | `replay`, `verify` |
//! | `backup` | `export`, `import` |
//! | `parked` | `parked list`, `show`, `redrive`, `redrive-all` |
//! | `outcome` | what a command prints, and how it ended |
//! | `progress` | how far a command is, for whoever watches |
//! | `error` | what ends a command |

mod backup;
mod connection;
mod error;
mod outcome;
mod parked;
mod progress;
mod replay;
mod stack_tables;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use lambda_edge::Environment;
use operations::Purpose;

pub use crate::connection::EVENT_TYPE_SHARDS;
use crate::connection::{Connection, ConnectionOptions};
pub use crate::error::CliError;
pub use crate::outcome::Outcome;

/// OrderMaster's tool for operators.
///
/// It works on the DynamoDB of a running `make run`, or with --stack on a deployed stack. Results go to stdout, one JSON
/// object per line. Exit status: 0 when all is well, 1 when something still fails, 2 when the command could not be done.
#[derive(Debug, Parser)]
#[command(name = "ordermaster", version)]
struct Cli {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write every row of the read models again from the events, and remove rows that no events account for
    Replay(replay::Options),
    /// Compare every row of the read models with what the events say; writes nothing
    Verify(replay::Options),
    /// Write all events into a new file
    Export {
        /// The file; it must not exist
        file: PathBuf,
    },
    /// Write the events of a file into an empty event store
    Import {
        /// A file that `export` made
        file: PathBuf,
        /// Go on with an import that was interrupted
        #[arg(long)]
        resume: bool,
    },
    /// What projections could not apply
    #[command(subcommand)]
    Parked(parked::Command),
}

/// Runs the tool with `arguments`. The first is its own name.
///
/// # Errors
/// [`CliError`], each with a sentence for the operator.
pub async fn run(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    env: &Environment,
    out: &mut dyn Write,
) -> Result<Outcome, CliError> {
    let cli = Cli::try_parse_from(arguments)?;
    let connection = Connection::open(cli.connection, env).await?;
    let outcome = match cli.command {
        Command::Replay(options) => replay::run(&connection, Purpose::Rebuild, options, out).await,
        Command::Verify(options) => replay::run(&connection, Purpose::Verify, options, out).await,
        Command::Export { file } => backup::export(&connection, &file, out).await,
        Command::Import { file, resume } => backup::import(&connection, &file, resume, out).await,
        Command::Parked(command) => parked::run(&connection, command, out).await,
    };
    outcome.map_err(|error| connection.explained(error))
}
