//! The process manager: takes in what happened elsewhere, and writes down what is to be done next.
//!
//! It writes timers and events, and nothing else: `event-relay` reads the events and asks the services.
//!
//! | module | what it holds |
//! |---|---|
//! | `inputs` | what a message tells the process |

mod inputs;

use std::sync::Arc;

use aws_config::SdkConfig;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use domain::Aggregate;
use domain::fulfilment::{Context, Fulfilment, FulfilmentEvent, Input, Timeouts, aggregate_id, decide};
use domain::order::OrderId;
use event_store::{AppendError, EventStore, StoreError};
use lambda_edge::queue::{self, NotHandled};
use lambda_edge::{ConfigError, Environment, Function};
use messages::Message;
use read_models::from_env;
use timers::{Timer, Timers};

/// How often a decision is taken while others tell the same process something.
const MAX_ATTEMPTS: u32 = 10;

/// How many messages of a batch are worked on at once: they are of different orders, mostly.
const CONCURRENT_MESSAGES: usize = 5;

struct App {
    events: EventStore,
    timers: Timers,
    timeouts: Timeouts,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = lambda_edge::aws::dynamodb(aws);
    let app = App {
        events: from_env::event_store(env, dynamodb.clone())?,
        timers: Timers::from_env(env, dynamodb)?,
        timeouts: env.parsed("STEP_TIMEOUTS", "a list such as `reserve_stock:60,take_payment:120`")?,
    };
    Ok(queue::function(Arc::new(app), CONCURRENT_MESSAGES, take_in))
}

async fn take_in(app: Arc<App>, message: Message) -> Result<(), NotHandled> {
    let Some((order_id, inputs)) = inputs::of(&message) else {
        return Ok(());
    };
    for input in inputs {
        app.tell(order_id, input, &message).await?;
    }
    Ok(())
}

impl App {
    /// Tells the process of an order one thing.
    ///
    /// Timers are set before the events that speak of them: a process that dies in between is told again, and a timer
    /// for nothing has no effect.
    async fn tell(&self, order_id: OrderId, input: Input, message: &Message) -> Result<(), NotHandled> {
        let aggregate_id = aggregate_id(order_id);
        let metadata = message.metadata();
        for _ in 0..MAX_ATTEMPTS {
            let process = self
                .events
                .load::<Fulfilment>(&aggregate_id)
                .await
                .map_err(not_handled)?;
            let context = Context {
                now: now(),
                timeouts: self.timeouts.clone(),
            };
            let events = decide(process.state.as_ref(), input.clone(), &context);
            if events.is_empty() {
                return Ok(());
            }
            for timer in timers(order_id, &events, message) {
                self.timers.set(&timer, context.now).await.map_err(not_handled)?;
            }
            let appended = self
                .events
                .append::<Fulfilment>(&aggregate_id, process.version, &events, &metadata)
                .await;
            match appended {
                Ok(_) => {
                    self.remove_answered(order_id, process.state, &events).await;
                    return Ok(());
                }
                Err(AppendError::Conflict { .. } | AppendError::TransactionInProgress) => {}
                Err(error) => return Err(NotHandled(error.to_string())),
            }
        }
        Err(NotHandled("others keep telling the same process something".to_owned()))
    }
}

impl App {
    /// Removes the timers of steps that are no longer waited for. One that stays is fired for nothing, which costs more than
    /// to remove it here; so a failure is no failure.
    async fn remove_answered(&self, order_id: OrderId, before: Option<Fulfilment>, events: &[FulfilmentEvent]) {
        let waiting = before
            .as_ref()
            .map(|process| process.waiting.clone())
            .unwrap_or_default();
        let after = Fulfilment::fold(before, events).unwrap_or_default();
        for (step, due_at) in waiting {
            if after.waiting.get(&step) == Some(&due_at) {
                continue;
            }
            if let Err(error) = self.timers.remove(due_at, &Timer::of(order_id, step, due_at)).await {
                tracing::debug!(%order_id, %error, "a timer that nobody waits for stays");
            }
        }
    }
}

fn timers(order_id: OrderId, events: &[FulfilmentEvent], message: &Message) -> Vec<Timer> {
    let due = events.iter().filter_map(|event| match event {
        FulfilmentEvent::FulfilmentStepRequested { step, due_at, .. } => Some((*step, *due_at)),
        _ => None,
    });
    let timer = |(step, due_at)| Timer {
        correlation_id: message.correlationid.clone(),
        ..Timer::of(order_id, step, due_at)
    };
    due.map(timer).collect()
}

/// To the microsecond, as times are stored: a timer is recognised by when it is due.
fn now() -> DateTime<Utc> {
    let now = Utc::now();
    now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
}

fn not_handled(error: StoreError) -> NotHandled {
    NotHandled(error.to_string())
}
