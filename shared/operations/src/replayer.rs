//! Carries a replay out: run, stop, go on.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use chrono::Utc;
use environment::{ConfigError, Environment};
use event_store::EventStore;
use projector::ParkedEvents;
use read_models::projections;
use read_models::read_model::ReadModel;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::control::{Observer, ReplayError, Stop};
use crate::plan::{Plan, Scope};
use crate::progress::{Replay, Status};
use crate::replays::Replays;
use crate::run::{Progress, Run};

/// How often a checkpoint is written. What was done since the last one is done again after a crash.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(2);

/// Carries replays out.
#[derive(Clone)]
pub struct Replayer {
    events: EventStore,
    read_models: Vec<Arc<dyn ReadModel>>,
    parked: ParkedEvents,
    replays: Replays,
    checkpoint_every: Duration,
}

impl Replayer {
    /// A replayer of all read models that there are.
    ///
    /// # Errors
    /// When the environment lacks a variable.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        let events = EventStore::from_env(env, client.clone())?;
        let read_models = projections::read_models(env, &client)?;
        let parked = ParkedEvents::from_env(env, client.clone())?;
        Ok(Self::new(events, read_models, parked, Replays::from_env(env, client)?))
    }

    pub fn new(
        events: EventStore,
        read_models: Vec<Arc<dyn ReadModel>>,
        parked: ParkedEvents,
        replays: Replays,
    ) -> Self {
        Self {
            events,
            read_models,
            parked,
            replays,
            checkpoint_every: CHECKPOINT_EVERY,
        }
    }

    /// The same with another time between checkpoints, for tests.
    pub fn with_checkpoints_every(self, checkpoint_every: Duration) -> Self {
        Self {
            checkpoint_every,
            ..self
        }
    }

    pub fn replays(&self) -> &Replays {
        &self.replays
    }

    /// The names of the read models that can be replayed.
    pub fn read_models(&self) -> Vec<&'static str> {
        self.read_models.iter().map(|model| model.name()).collect()
    }

    /// Writes down a new replay, which has not begun.
    ///
    /// # Errors
    /// [`ReplayError::Plan`] when it cannot be carried out, or what DynamoDB said.
    pub async fn create(&self, plan: Plan, status: Status) -> Result<Replay, ReplayError> {
        let plan = plan.check(&self.read_models())?;
        let events_total = match plan.scope {
            Scope::Everything => Some(self.events.approximate_count().await?),
            Scope::Since(_) | Scope::Order(_) => None,
        };
        let replay = Replay::new(plan, status, events_total);
        self.replays.create(&replay).await?;
        Ok(replay)
    }

    /// Carries `replay` on until it is through or told to stop. Says how far it came.
    ///
    /// # Errors
    /// [`ReplayError`]; the replay can be run again.
    pub async fn run(&self, replay: Replay, stop: &Stop, observer: &dyn Observer) -> Result<Replay, ReplayError> {
        let wanted = |model: &&Arc<dyn ReadModel>| replay.plan.read_models.iter().any(|name| name == model.name());
        let run = Run {
            events: &self.events,
            parked: &self.parked,
            replays: &self.replays,
            checkpoint_every: self.checkpoint_every,
            plan: replay.plan.clone().check(&self.read_models())?,
            started_at: replay.started_at,
            read_models: self.read_models.iter().filter(wanted).cloned().collect(),
            stop,
            observer,
            done: Mutex::default(),
            progress: Mutex::new(Progress {
                saved_at: Instant::now(),
                replay,
            }),
        };
        let outcome = run.segments().await;
        let mut replay = run.progress.into_inner().replay;
        if replay.is_through() {
            replay.status = Status::Done;
        }
        replay.updated_at = Utc::now();
        // Also after an error: what was done need not be done again.
        let is_ours = self.replays.save(&replay).await;
        match outcome {
            Ok(()) | Err(ReplayError::Stopped) => {}
            Err(error) => return Err(error),
        }
        match is_ours? {
            true => Ok(replay),
            false => Err(ReplayError::TakenOver),
        }
    }
}
