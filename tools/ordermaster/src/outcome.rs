//! What a command prints, and how it ended.

use std::io::Write;

use serde::Serialize;

use crate::error::CliError;

/// How a command ended that could be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Done,
    /// Something still fails; the results say what.
    Incomplete,
}

/// A result, as a line of JSON.
pub(crate) fn print(out: &mut dyn Write, result: &impl Serialize) -> Result<(), CliError> {
    let mut line = serde_json::to_vec(result).map_err(std::io::Error::from)?;
    line.push(b'\n');
    Ok(out.write_all(&line)?)
}
