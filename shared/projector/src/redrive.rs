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
            Err(ProjectError::Lasting(reason)) => {
                self.parked.failed_again(entry, reason).await?;
                Ok(Redriven::StillFailing)
            }
            Err(ProjectError::Passing(cause)) => Err(StoreError::Unavailable(cause)),
        }
    }
}
