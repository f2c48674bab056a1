//! What the actors of a run share: DynamoDB, the functions, and the history of the commands.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use event_store::EventStore;
use lambda_edge::{Environment, Function};
use lambda_runtime::Context;
use local_stack::dynamodb::{create_tables, local_config};
use local_stack::template::Template;
use run::FUNCTIONS;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::dynamodb::{ALL_HAS_ARRIVED, DynamoDb};
use super::faults::{Faults, chance};
use super::history::History;
use crate::support::{SHARDS, environment, project, template};

/// When Lambda kills an invocation, which nobody is told of.
const TIME_LIMIT: Duration = Duration::from_secs(10);

pub struct World {
    pub dynamodb: DynamoDb,
    /// Sees things as they are, at once.
    pub truth: Client,
    pub history: RefCell<History>,
    config: SdkConfig,
    template: Template,
    /// An event of API Gateway, to be changed into others.
    pub sample: Value,
    is_over: Cell<bool>,
}

impl World {
    pub async fn new(orders: usize) -> Self {
        let template = template();
        let dynamodb = DynamoDb::new();
        let config = local_config("http://simulated").await;
        let truth = Client::new(&dynamodb.calm_config(&config));
        create_tables(&truth, &template).await.unwrap();
        let sample = project().join("events/order-commands/submit-order.json");
        Self {
            dynamodb,
            truth,
            history: RefCell::new(History::new(orders)),
            config,
            template,
            sample: serde_json::from_str(&std::fs::read_to_string(sample).unwrap()).unwrap(),
            is_over: Cell::new(false),
        }
    }

    /// The events as they are.
    pub fn events(&self) -> EventStore {
        EventStore::new(self.truth.clone(), "EventStore", SHARDS)
    }

    /// The configuration of `actor`, through the faults.
    pub fn config_of(&self, actor: &str) -> SdkConfig {
        self.dynamodb.config_of(actor, &self.config)
    }

    /// A function's environment. Snapshots come soon, so that there are some. Most writers keep states, and some do not.
    pub fn environment(&self, binary: &str) -> Environment {
        let kept_bytes = if chance(0.7) { "1000000" } else { "0" };
        let changed = [
            ("SNAPSHOT_EVERY", "Order:3"),
            ("KEPT_STATE_BYTES", kept_bytes),
            // Their age is taken from the wall clock, on which a run must not depend.
            ("KEPT_STATE_SECONDS", "3600"),
        ];
        environment(&self.template, binary, &changed)
    }

    /// A running instance of a function.
    pub fn instance(&self, binary: &'static str, actor: &str) -> Instance<'_> {
        let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == binary).unwrap();
        Instance {
            world: self,
            binary,
            actor: actor.to_owned(),
            function: constructor(&self.environment(binary), &self.config_of(actor)).unwrap(),
        }
    }

    /// Work in a process that may crash at any moment, and is killed at its time limit: `None` when it did or was.
    pub async fn until_crash<T>(&self, actor: &str, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let limit = self.dynamodb.faults().crash_after().unwrap_or(limit);
        let done = timeout(limit, work).await.ok();
        if done.is_none() {
            self.dynamodb.note(format_args!("{actor} crashes"));
        }
        done
    }

    /// Whether the actors without an end of their own should stop.
    pub fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// The faults end, and all that is on its way arrives.
    pub async fn calm_down(&self) {
        self.is_over.set(true);
        self.dynamodb.set_faults(Faults::NONE);
        sleep(ALL_HAS_ARRIVED).await;
    }
}

/// One instance of a function, which handles one event at a time.
pub struct Instance<'a> {
    world: &'a World,
    binary: &'static str,
    actor: String,
    function: Function,
}

impl Instance<'_> {
    /// The function's answer; `None` when the instance crashed before it. Then another takes its place.
    pub async fn invoke(&mut self, event: Value) -> Option<Value> {
        let invocation = self.function.invoke(event, Context::default());
        let answer = self.world.until_crash(&self.actor, TIME_LIMIT, invocation).await;
        match answer {
            Some(answer) => Some(answer.unwrap()),
            None => {
                self.function = self.world.instance(self.binary, &self.actor).function;
                None
            }
        }
    }
}

/// A pause of up to this long.
pub async fn pause(longest_ms: u64) {
    sleep(Duration::from_millis(fastrand::u64(..=longest_ms))).await;
}
