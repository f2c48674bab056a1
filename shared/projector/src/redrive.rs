//! What is parked, given once more to who parked it.

use std::future::ready;

use async_trait::async_trait;
use dynamodb::TableError;
use futures::{StreamExt, stream};
use lambda_edge::deadline::Deadline;

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

/// How many parked aggregates are given once more at the same time.
const AT_ONCE: usize = 8;

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

    /// Gives everything once more that waits for newer code, as far as there is time, in any order: what takes long is not
    /// always in front. Returns how much of it is applied now.
    ///
    /// # Errors
    /// What DynamoDB said of what is parked. What could not be given now waits on.
    pub async fn redrive_newer(&self, deadline: Deadline) -> Result<usize, TableError> {
        let mut waiting = self.parked.awaiting_newer_code().await?;
        fastrand::shuffle(&mut waiting);
        let given = stream::iter(waiting)
            .map(|entry| async move {
                match deadline.bound(self.redrive(&entry)).await {
                    Some(Ok(redriven)) => redriven == Redriven::Applied,
                    Some(Err(error)) => {
                        tracing::warn!(aggregate_id = entry.aggregate_id, %error, "could not be given once more now");
                        false
                    }
                    None => false,
                }
            })
            .buffer_unordered(AT_ONCE);
        Ok(given.filter(|applied| ready(*applied)).count().await)
    }

    /// Gives a parked aggregate once more to who has parked it, with everything that has happened to it meanwhile.
    ///
    /// # Errors
    /// What kept it from being applied now; the aggregate stays parked.
    pub async fn redrive(&self, entry: &Parked) -> Result<Redriven, TableError> {
        let parker = self.all.iter().find(|parker| parker.name() == entry.projection);
        let refreshed = match parker {
            Some(parker) => parker.refresh(&entry.aggregate_id).await,
            None => Err(ProjectError::Newer("this version has no such projection".to_owned())),
        };
        match refreshed {
            Ok(()) if self.parked.remove(entry).await? => Ok(Redriven::Applied),
            // Parked once more meanwhile.
            Ok(()) => Ok(Redriven::StillFailing),
            Err(ProjectError::Newer(reason)) => {
                self.parked.failed_again(entry, reason, true).await?;
                Ok(Redriven::StillFailing)
            }
            Err(ProjectError::Lasting(reason)) => {
                self.parked.failed_again(entry, reason, false).await?;
                Ok(Redriven::StillFailing)
            }
            Err(ProjectError::Passing(cause)) => Err(TableError::Unavailable(cause)),
        }
    }
}
