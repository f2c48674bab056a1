//! The process manager: takes in what happened elsewhere, over the bus or by an operator over HTTP, and writes down what is
//! to be done next.
//!
//! It writes timers and events, and nothing else: `event-relay` reads the events and asks the services.
//!
//! | module | what it holds |
//! |---|---|
//! | `http` | what an operator settles |
//! | `inputs` | what a message tells the process |
//! | `look_up` | what messages would have told it, when an answer is due |

mod http;
mod inputs;
mod look_up;

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use domain::Metadata;
use domain::fulfilment::{
    Context, Fulfilment, FulfilmentError, FulfilmentEvent, Input, PaymentAttempts, Step, Timeouts,
};
use domain::order::OrderId;
use event_bus::DeadLetters;
use event_bus::queue::{self, NotHandled};
use event_store::{BeforeAppend, Decider, EventStore, StoreError, Stream, TransactError, Transacted};
use lambda_edge::http::Routes;
use lambda_edge::{ConfigError, Environment, Function};
use messages::Message;
use timers::{Timer, Timers};
use uuid::Uuid;

/// How often a decision is taken while others tell the same process something: an order of many SKUs has as many answers.
const MAX_ATTEMPTS: u32 = 20;

/// One after the other: they are often about one order, and would only get in each other's way.
const CONCURRENT_MESSAGES: usize = 1;

/// How many bytes of processes are kept: each is told of one order's SKUs one after the other.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

#[derive(Clone)]
pub struct App {
    processes: Decider<Fulfilment>,
    timers: Timers,
    timeouts: Timeouts,
    payment_attempts: PaymentAttempts,
    switch: Switch,
}

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
    let dynamodb = dynamodb::client(aws);
    let processes = Decider::new(EventStore::from_env(env, dynamodb.clone())?);
    let app = App {
        processes: processes
            .with_attempts(MAX_ATTEMPTS)
            .keeping_from_env(env, KEPT_BYTES)?,
        timers: Timers::from_env(env, dynamodb)?,
        timeouts: env.parsed("STEP_TIMEOUTS", "a list such as `reserve_stock:60,take_payment:120`")?,
        payment_attempts: env.parsed("PAYMENT_ATTEMPTS", "a whole number from 1 to 10")?,
        switch: env.parsed("FULFILMENT", "ENABLED or DISABLED")?,
    };
    let dead_letters = DeadLetters::from_env(env, aws)?;
    let of_messages = queue::function(dead_letters, Arc::new(app.clone()), CONCURRENT_MESSAGES, take_in);
    Ok(lambda_edge::http::function(env, app, routes()).with_records(of_messages))
}

pub fn routes() -> Routes<App> {
    Routes::new().on("POST /orders/{order_id}/fulfilment/settle", http::settle)
}

async fn take_in(app: Arc<App>, message: Message) -> Result<(), NotHandled> {
    let Some((order_id, mut inputs)) = inputs::of(&message)? else {
        return Ok(());
    };
    if let [Input::TimerDue { step, due_at }] = inputs[..] {
        let process = app.processes.load(&order_id).await?.state.unwrap_or_default();
        if process.waiting.get(&step) != Some(&due_at) {
            return Ok(());
        }
        let news = look_up::news(app.processes.store(), order_id, &process, step).await?;
        inputs.splice(..0, news);
    }
    for (input, number) in inputs.into_iter().zip(0_u32..) {
        // Each is a command of its own.
        let metadata = Metadata {
            command_id: Uuid::new_v5(&message.id, &number.to_be_bytes()),
            idempotency: None,
            ..message.metadata()
        };
        let process = app.processes.stream(&order_id).await?;
        app.tell(order_id, process, input, &metadata).await?;
    }
    Ok(())
}

impl App {
    /// Tells the process of an order one thing.
    async fn tell(
        &self,
        order_id: OrderId,
        process: Stream<Fulfilment>,
        input: Input,
        metadata: &Metadata,
    ) -> Result<Transacted<Fulfilment>, TransactError<FulfilmentError>> {
        // One moment for all attempts, so that they set the same timers.
        let context = Context {
            now: now(),
            timeouts: self.timeouts.clone(),
            payment_attempts: self.payment_attempts,
            is_on: self.switch == Switch::On,
        };
        let timers = SetTimers {
            timers: &self.timers,
            order_id,
            now: context.now,
            metadata,
            set: Mutex::default(),
        };
        let told = self
            .processes
            .execute_after(process, input, &context, metadata, &timers)
            .await?;
        let set = std::mem::take(&mut *timers.set());
        if let Some(process) = &told.stream.state {
            self.remove_answered(order_id, set, process).await;
        }
        Ok(told)
    }

    /// Removes the timers of steps that are no longer waited for. One that stays is fired for nothing, which costs more than
    /// to remove it here; so a failure is no failure.
    async fn remove_answered(&self, order_id: OrderId, set: BTreeSet<(Step, DateTime<Utc>)>, after: &Fulfilment) {
        for (step, due_at) in set {
            if after.waiting.get(&step) == Some(&due_at) {
                continue;
            }
            if let Err(error) = self.timers.remove(due_at, &Timer::of(order_id, step, due_at)).await {
                tracing::debug!(%order_id, %error, "a timer that nobody waits for stays");
            }
        }
    }
}

/// Sets the timers of the steps that a process asks for. They are set before the events that speak of them: a process that
/// dies in between is told again, and a timer for nothing has no effect.
struct SetTimers<'a> {
    timers: &'a Timers,
    order_id: OrderId,
    now: DateTime<Utc>,
    metadata: &'a Metadata,
    /// What there may be timers for: what the process was waiting for before, and what was set here, also for a decision that
    /// was then taken otherwise.
    set: Mutex<BTreeSet<(Step, DateTime<Utc>)>>,
}

impl SetTimers<'_> {
    fn set(&self) -> MutexGuard<'_, BTreeSet<(Step, DateTime<Utc>)>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BeforeAppend<Fulfilment> for SetTimers<'_> {
    async fn before(&self, process: &Stream<Fulfilment>, events: &[FulfilmentEvent]) -> Result<(), StoreError> {
        let waiting = process.state.iter().flat_map(|process| process.waiting.clone());
        self.set().extend(waiting);
        for event in events {
            if let FulfilmentEvent::FulfilmentStepRequested { step, due_at, .. } = event {
                self.set().insert((*step, *due_at));
                let timer = Timer {
                    correlation_id: self.metadata.correlation_id.clone(),
                    ..Timer::of(self.order_id, *step, *due_at)
                };
                self.timers.set(&timer, self.now).await?;
            }
        }
        Ok(())
    }
}

/// The time to the microsecond, as times are stored: a timer is recognised by when it is due.
fn now() -> DateTime<Utc> {
    let now = Utc::now();
    now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
}
