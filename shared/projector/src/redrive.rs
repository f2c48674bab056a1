//! What is parked, given once more to who parked it.

use async_trait::async_trait;
use event_store::StoreError;

use crate::consumer::{ProjectError, StreamConsumer, panics_last};
use crate::parked::{Parked, ParkedEvents};

/// A consumer that is found by its name.
#[async_trait]
pub trait Parks: Send + Sync {
    fn name(&self) -> &'static str;

    /// [`StreamConsumer::refresh`], where a panic is an error that lasts.
    async fn refresh(&self, aggregate_id: &str) -> Result<(), ProjectError>;
}

#[async_trait]
impl<C: StreamConsumer> Parks for C {
    fn name(&self) -> &'static str {
        C::NAME
    }

    async fn refresh(&self, aggregate_id: &str) -> Result<(), ProjectError> {
        panics_last(StreamConsumer::refresh(self, aggregate_id)).await
    }
}

/// Whoever parks, and what they have parked.
pub struct Parkers {
    parked: ParkedEvents,
    all: Vec<Box<dyn Parks>>,
}

/// How many parked aggregates are read at once.
const PAGE: usize = 100;

/// What came of giving a parked aggregate once more.
#[derive(Debug, Clone, PartialEq)]
pub enum Redriven {
    /// What was to be done is done, and the aggregate no longer parked.
    Applied,
    /// The cause lasts, and so does the entry, with the newest reason.
    StillFailing,
}

impl Parkers {
    pub fn new(parked: ParkedEvents, all: Vec<Box<dyn Parks>>) -> Self {
        Self { parked, all }
    }

    /// The names of all who park.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.all.iter().map(|parker| parker.name())
    }

    /// Gives everything once more that waits for newer code. Returns how much of it is applied now.
    ///
    /// # Errors
    /// What DynamoDB said of what is parked. What could not be given now waits on.
    pub async fn redrive_newer(&self) -> Result<usize, StoreError> {
        let (mut applied, mut after) = (0, None);
        loop {
            let page = self.parked.page(PAGE, after).await?;
            for entry in page.entries.iter().filter(|entry| entry.awaits_newer_code()) {
                match self.redrive(entry).await {
                    Ok(Redriven::Applied) => applied += 1,
                    Ok(Redriven::StillFailing) => {}
                    Err(error) => {
                        tracing::warn!(aggregate_id = entry.aggregate_id, %error, "could not be given once more now");
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(applied);
            }
        }
    }

    /// Gives a parked aggregate once more to who has parked it, with everything that has happened to it meanwhile.
    ///
    /// # Errors
    /// What kept it from being applied now; the aggregate stays parked.
    pub async fn redrive(&self, entry: &Parked) -> Result<Redriven, StoreError> {
        let parker = self.all.iter().find(|parker| parker.name() == entry.projection);
        let refreshed = match parker {
            Some(parker) => parker.refresh(&entry.aggregate_id).await,
            None => Err(ProjectError::Lasting("this version has no such projection".to_owned())),
        };
        match refreshed {
            Ok(()) if self.parked.remove(entry).await? => Ok(Redriven::Applied),
            // Parked once more meanwhile.
            Ok(()) => Ok(Redriven::StillFailing),
            Err(ProjectError::Newer(reason) | ProjectError::Lasting(reason)) => {
                self.parked.failed_again(entry, reason).await?;
                Ok(Redriven::StillFailing)
            }
            Err(ProjectError::Passing(cause)) => Err(StoreError::Unavailable(cause)),
        }
    }
}
