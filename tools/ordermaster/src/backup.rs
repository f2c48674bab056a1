//! `export` and `import`.

use std::cell::Cell;
use std::io::Write;
use std::path::Path;

use event_store::backup::{ImportError, ImportMode, ImportProgress, ImportStep};
use serde::Serialize;

use crate::connection::Connection;
use crate::error::CliError;
use crate::outcome::{Outcome, print};
use crate::progress::Progress;
use crate::replay::interrupted;

pub async fn export(connection: &Connection, file: &Path, out: &mut dyn Write) -> Result<Outcome, CliError> {
    #[derive(Serialize)]
    struct Done<'a> {
        file: &'a Path,
        events: u64,
        aggregates: u64,
        sha256: String,
    }

    let progress = Progress::new("Exporting");
    let (events, hear) = (connection.events()?, |events| progress.events(events));
    let exported = tokio::select! {
        exported = events.export(file, &hear) => exported.map_err(CliError::Export)?,
        // What was written so far goes with the export.
        () = interrupted() => return Err(CliError::ExportStopped { file: file.to_owned() }),
    };
    drop(progress);
    let done = Done {
        file,
        events: exported.events,
        aggregates: exported.aggregates,
        sha256: exported.sha256,
    };
    print(out, &done).map(|()| Outcome::Done)
}

pub async fn import(
    connection: &Connection,
    file: &Path,
    resume: bool,
    out: &mut dyn Write,
) -> Result<Outcome, CliError> {
    #[derive(Serialize)]
    struct Done<'a> {
        file: &'a Path,
        events: u64,
        aggregates: u64,
        already_there: u64,
    }

    let mode = if resume { ImportMode::Resume } else { ImportMode::Empty };
    let progress = Progress::new("Checking the file");
    let reached = Cell::new(ImportStep::CheckingFile);
    let (events, hear) = (connection.events()?, |now: ImportProgress| {
        reached.set(now.step);
        progress.import(now);
    });
    let imported = tokio::select! {
        imported = events.import(file, mode, &hear) => imported,
        () = interrupted() => return Err(CliError::ImportStopped { file: file.to_owned() }),
    };
    let imported = imported.map_err(|source| {
        let file = file.to_owned();
        match source {
            ImportError::NotEmpty => CliError::NotEmpty { file },
            ImportError::Store(source) => match reached.get() {
                ImportStep::CheckingFile | ImportStep::CheckingTable => source.into(),
                ImportStep::Writing | ImportStep::Verifying => CliError::Interrupted { file, source },
            },
            _ => CliError::Import { file, source },
        }
    })?;
    drop(progress);
    let done = Done {
        file,
        events: imported.events,
        aggregates: imported.aggregates,
        already_there: imported.already_there,
    };
    print(out, &done).map(|()| Outcome::Done)
}
