//! Fires the timers that are due, each as a message on the bus. A schedule invokes it.

use std::sync::Arc;

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use domain::Aggregate;
use domain::fulfilment::Fulfilment;
use event_bus::Bus;
use lambda_edge::{ConfigError, Environment, Function};
use messages::commands::TimerDue;
use messages::{Body, Message};
use serde_json::{Value, json};
use timers::{Timer, Timers};
use uuid::Uuid;

/// After how many minutes' worth of timers it is written down that they are through.
const MINUTES_AT_ONCE: usize = 60;

struct App {
    timers: Timers,
    bus: Bus,
}

/// Why a firing broke off. The next one goes on.
#[derive(Debug, thiserror::Error)]
enum FiringError {
    #[error(transparent)]
    Table(#[from] dynamodb::TableError),
    #[error(transparent)]
    Bus(#[from] event_bus::PutError),
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let app = Arc::new(App {
        timers: Timers::from_env(env, dynamodb::client(aws))?,
        bus: Bus::from_env(env, aws)?,
    });
    Ok(Function::new(move |_| {
        let app = app.clone();
        async move { Ok::<Value, lambda_runtime::Error>(json!({ "fired": app.fire().await? })) }
    }))
}

impl App {
    /// Fires everything that is due. Returns how many timers there were.
    async fn fire(&self) -> Result<usize, FiringError> {
        let now = Utc::now();
        let mut fired = 0;
        let minutes = self.timers.open_minutes(now).await?;
        // After a long pause there are many, and a firing that is cut short has come some way.
        for minutes in minutes.chunks(MINUTES_AT_ONCE) {
            for minute in minutes {
                fired += self.fire_minute(*minute, now).await?;
            }
            self.timers.done(minutes, now).await?;
        }
        Ok(fired)
    }

    async fn fire_minute(&self, minute: DateTime<Utc>, now: DateTime<Utc>) -> Result<usize, FiringError> {
        let mut fired = 0;
        loop {
            let due = self.timers.due(minute, now).await?;
            if due.is_empty() {
                return Ok(fired);
            }
            fired += due.len();
            self.tell(minute, &due).await?;
        }
    }

    /// A timer is removed only once the bus has its message: until then it is fired again.
    async fn tell(&self, minute: DateTime<Utc>, due: &[Timer]) -> Result<(), FiringError> {
        let messages: Vec<_> = due.iter().map(message).collect();
        let mut refused = None;
        for (timer, result) in due.iter().zip(self.bus.put(&messages).await) {
            match result {
                Ok(()) => self.timers.remove(minute, timer).await?,
                Err(error) => refused = Some(error),
            }
        }
        refused.map_or(Ok(()), |error| Err(error.into()))
    }
}

fn message(timer: &Timer) -> Message {
    /// The namespace of the ids made here, and of no others.
    const NAMESPACE: Uuid = Uuid::from_u128(0x3a0d_51c7_9e4b_4f0e_8d27_60b1_f5c8_7e19);
    let body = Body::TimerDue(TimerDue {
        order_id: timer.order_id,
        step: timer.step,
        due_at: timer.due_at,
    });
    let id = Uuid::new_v5(&NAMESPACE, timer.key().as_bytes());
    Message {
        correlationid: timer.correlation_id.clone(),
        ..Message::new(id, Fulfilment::aggregate_id(&timer.order_id), timer.due_at, body)
    }
}
