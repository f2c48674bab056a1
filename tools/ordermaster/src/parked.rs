//! `parked list`, `show`, `redrive` and `redrive-all`.

use std::io::Write;

use clap::{Args, Subcommand};
use operations::views::ParkedView;
use projector::parked::{Parked, ParkedKey};
use projector::{ParkedEvents, Parkers, Redriven};
use serde::Serialize;

use crate::connection::Connection;
use crate::error::CliError;
use crate::outcome::{Outcome, print};

/// How many entries are read at once.
const PAGE_SIZE: usize = 100;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every parked aggregate, with the reason
    List,
    /// One of them
    Show(Name),
    /// Project one of them again, with everything that has happened to it meanwhile
    Redrive(Name),
    /// Project all of them again
    RedriveAll,
}

#[derive(Debug, Args)]
pub struct Name {
    /// Such as order-summary
    projection: String,
    /// Such as the order's id
    aggregate_id: String,
}

/// What came of projecting one again.
#[derive(Serialize)]
struct Redrive<'a> {
    projection: &'a str,
    aggregate_id: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub async fn run(connection: &Connection, command: Command, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let parked = connection.parked()?;
    match command {
        Command::List => {
            let mut pages = Pages::new(&parked);
            while let Some(entries) = pages.next().await? {
                for entry in entries {
                    print(out, &ParkedView::from(entry))?;
                }
            }
            Ok(Outcome::Done)
        }
        Command::Show(name) => {
            print(out, &ParkedView::from(entry(&parked, name).await?))?;
            Ok(Outcome::Done)
        }
        Command::Redrive(name) => {
            let entry = entry(&parked, name).await?;
            redrive(&connection.parkers()?, &parked, &entry, out).await
        }
        Command::RedriveAll => {
            let parkers = connection.parkers()?;
            let mut outcome = Outcome::Done;
            let mut pages = Pages::new(&parked);
            while let Some(entries) = pages.next().await? {
                for entry in entries {
                    if redrive(&parkers, &parked, &entry, out).await? == Outcome::Incomplete {
                        outcome = Outcome::Incomplete;
                    }
                }
            }
            Ok(outcome)
        }
    }
}

/// Projects one again, and says what came of it. A table that does not answer is no reason to leave the others.
async fn redrive(
    parkers: &Parkers,
    parked: &ParkedEvents,
    entry: &Parked,
    out: &mut dyn Write,
) -> Result<Outcome, CliError> {
    let (outcome, text, error) = match parkers.redrive(entry).await {
        Ok(Redriven::Applied) => (Outcome::Done, "projected", None),
        Ok(Redriven::StillFailing) => {
            let reason = parked.get(&key(entry)).await?.map(|entry| entry.error);
            (Outcome::Incomplete, "still_failing", reason)
        }
        Err(error) => (Outcome::Incomplete, "unavailable", Some(error.to_string())),
    };
    let result = Redrive {
        projection: &entry.projection,
        aggregate_id: &entry.aggregate_id,
        outcome: text,
        error,
    };
    print(out, &result).map(|()| outcome)
}

async fn entry(parked: &ParkedEvents, name: Name) -> Result<Parked, CliError> {
    let key = ParkedKey {
        projection: name.projection,
        aggregate_id: name.aggregate_id,
    };
    parked.get(&key).await?.ok_or(CliError::NotParked {
        projection: key.projection,
        aggregate_id: key.aggregate_id,
    })
}

fn key(entry: &Parked) -> ParkedKey {
    ParkedKey {
        projection: entry.projection.clone(),
        aggregate_id: entry.aggregate_id.clone(),
    }
}

/// All entries, a page at a time.
struct Pages<'a> {
    parked: &'a ParkedEvents,
    after: Option<ParkedKey>,
    is_through: bool,
}

impl<'a> Pages<'a> {
    fn new(parked: &'a ParkedEvents) -> Self {
        Self {
            parked,
            after: None,
            is_through: false,
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<Parked>>, CliError> {
        if self.is_through {
            return Ok(None);
        }
        let page = self.parked.page(PAGE_SIZE, self.after.take()).await?;
        self.is_through = page.next.is_none();
        self.after = page.next;
        Ok(Some(page.entries))
    }
}
