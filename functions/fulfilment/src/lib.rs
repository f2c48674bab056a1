//! The process manager: takes in what happened elsewhere, and writes down what is to be done next.
//!
//! It writes timers and events, and nothing else: `event-relay` reads the events and asks the services.
//!
//! | module | what it holds |
//! |---|---|
//! | `inputs` | what a message tells the process |
//! | `look_up` | what messages would have told it, when an answer is due |

mod inputs;
mod look_up;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use domain::fulfilment::{Context, Fulfilment, FulfilmentEvent, Input, Timeouts, aggregate_id, decide};
use domain::order::OrderId;
use domain::{Aggregate, Metadata};
use event_store::transact::pause;
use event_store::{AppendError, EventStore, StoreError, Stream};
use lambda_edge::queue::{self, NotHandled};
use lambda_edge::{ConfigError, Environment, Function};
use messages::Message;
use timers::{Timer, Timers};
use uuid::Uuid;

/// How often a decision is taken while others tell the same process something: an order of many SKUs has as many answers.
const MAX_ATTEMPTS: u32 = 20;

/// One after the other: they are often about one order, and would only get in each other's way.
const CONCURRENT_MESSAGES: usize = 1;

struct App {
    events: EventStore,
    timers: Timers,
    timeouts: Timeouts,
    switch: Switch,
    /// As they were when they were last seen here.
    seen: Mutex<HashMap<OrderId, Stream<Fulfilment>>>,
}

/// How many processes are remembered. Each takes some kilobytes.
const MAX_SEEN: usize = 200;

/// Whether orders are fulfilled that are submitted from now on. Those that have begun go on in any case.
#[derive(Clone, Copy, PartialEq)]
enum Switch {
    On,
    Off,
}

/// Neither `ENABLED` nor `DISABLED`.
#[derive(Debug)]
struct NoSwitch;

impl FromStr for Switch {
    type Err = NoSwitch;

    fn from_str(text: &str) -> Result<Self, NoSwitch> {
        match text {
            "ENABLED" => Ok(Self::On),
            "DISABLED" => Ok(Self::Off),
            _ => Err(NoSwitch),
        }
    }
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let dynamodb = lambda_edge::aws::dynamodb(aws);
    let app = App {
        events: EventStore::from_env(env, dynamodb.clone())?,
        timers: Timers::from_env(env, dynamodb)?,
        timeouts: env.parsed("STEP_TIMEOUTS", "a list such as `reserve_stock:60,take_payment:120`")?,
        switch: env.parsed("FULFILMENT", "ENABLED or DISABLED")?,
        seen: Mutex::default(),
    };
    Ok(queue::function(Arc::new(app), CONCURRENT_MESSAGES, take_in))
}

async fn take_in(app: Arc<App>, message: Message) -> Result<(), NotHandled> {
    let Some((order_id, mut inputs)) = inputs::of(&message) else {
        return Ok(());
    };
    if let [Input::TimerDue { step, due_at }] = inputs[..] {
        let process = app.process(order_id).await?.state.unwrap_or_default();
        if process.waiting.get(&step) != Some(&due_at) {
            return Ok(());
        }
        let news = look_up::news(&app.events, order_id, &process, step).await;
        inputs.splice(..0, news.map_err(not_handled)?);
    }
    for (input, number) in inputs.into_iter().zip(0_u32..) {
        // Each is a command of its own.
        let metadata = Metadata {
            command_id: Uuid::new_v5(&message.id, &number.to_be_bytes()),
            idempotency: None,
            ..message.metadata()
        };
        app.tell(order_id, input, &metadata).await?;
    }
    Ok(())
}

impl App {
    /// The process at its newest version. An order of many SKUs is told of each of them, so what was seen of it before is
    /// kept, and only what followed is read.
    async fn process(&self, order_id: OrderId) -> Result<Stream<Fulfilment>, NotHandled> {
        let seen = self.seen().get(&order_id).cloned();
        let id = aggregate_id(order_id);
        let process = match seen {
            None => self.events.load(&id).await.map_err(not_handled)?,
            Some(mut process) => {
                let newer = self.events.events(&id, process.version + 1, None).await;
                for event in newer.map_err(not_handled)? {
                    process.fold(&event).map_err(|error| not_handled(error.into()))?;
                }
                process
            }
        };
        let mut all = self.seen();
        if all.len() >= MAX_SEEN {
            all.clear();
        }
        all.insert(order_id, process.clone());
        Ok(process)
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<OrderId, Stream<Fulfilment>>> {
        // Each change is made in one go, so a panic elsewhere leaves nothing half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the process of an order one thing.
    ///
    /// Timers are set before the events that speak of them: a process that dies in between is told again, and a timer
    /// for nothing has no effect.
    async fn tell(&self, order_id: OrderId, input: Input, metadata: &Metadata) -> Result<(), NotHandled> {
        // One moment for all attempts, so that they set the same timers.
        let context = Context {
            now: now(),
            timeouts: self.timeouts.clone(),
        };
        for attempt in 0..MAX_ATTEMPTS {
            let process = self.process(order_id).await?;
            let has_begun = process.state.as_ref().is_some_and(|process| process.order.is_some());
            if self.switch == Switch::Off && !has_begun {
                return Ok(());
            }
            let events = decide(process.state.as_ref(), input.clone(), &context);
            if events.is_empty() {
                return Ok(());
            }
            for timer in timers(order_id, &events, metadata) {
                self.timers.set(&timer, context.now).await.map_err(not_handled)?;
            }
            let appended = self
                .events
                .append::<Fulfilment>(&process.aggregate_id, process.version, &events, metadata)
                .await;
            match appended {
                Ok(_) => {
                    self.remove_answered(order_id, process.state, &events).await;
                    return Ok(());
                }
                Err(AppendError::Conflict { .. } | AppendError::TransactionInProgress) => pause(attempt).await,
                Err(error) => return Err(NotHandled(error.to_string())),
            }
        }
        Err(NotHandled("others keep telling the same process something".to_owned()))
    }

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

fn timers(order_id: OrderId, events: &[FulfilmentEvent], metadata: &Metadata) -> Vec<Timer> {
    let due = events.iter().filter_map(|event| match event {
        FulfilmentEvent::FulfilmentStepRequested { step, due_at, .. } => Some((*step, *due_at)),
        _ => None,
    });
    let timer = |(step, due_at)| Timer {
        correlation_id: metadata.correlation_id.clone(),
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
