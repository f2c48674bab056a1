//! What a template defines.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::filter::Filter;

/// What template.yaml defines.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// What errors call it.
    pub file: String,
    pub tables: Vec<Table>,
    pub functions: Vec<FunctionDefinition>,
    /// `None` when no page of another origin may call the API.
    pub cors: Option<Cors>,
    /// The names of its event buses.
    pub buses: Vec<String>,
    pub rules: Vec<Rule>,
    pub queues: Vec<Queue>,
}

/// What pages of other origins may ask the HTTP API for, and see of its answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Cors {
    pub allow_origins: Vec<String>,
    #[serde(default)]
    pub allow_methods: Vec<String>,
    #[serde(default)]
    pub allow_headers: Vec<String>,
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// The age in seconds.
    pub max_age: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The name by which DynamoDB knows it: `TableName`, or the logical id where there is none.
    pub name: String,
    /// The attributes that keys are made of, and only those.
    pub attributes: Vec<Attribute>,
    pub key: Vec<KeyElement>,
    pub indexes: Vec<Index>,
    pub stream: Option<StreamView>,
    /// The attribute that holds an item's time to live.
    pub ttl_attribute: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    #[serde(rename = "AttributeName")]
    pub name: String,
    #[serde(rename = "AttributeType")]
    pub kind: AttributeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum AttributeKind {
    S,
    N,
    B,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyElement {
    #[serde(rename = "AttributeName")]
    pub name: String,
    #[serde(rename = "KeyType")]
    pub role: KeyRole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyRole {
    Hash,
    Range,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Index {
    #[serde(rename = "IndexName")]
    pub name: String,
    #[serde(rename = "KeySchema")]
    pub key: Vec<KeyElement>,
    pub projection: Projection,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Projection {
    pub projection_type: ProjectionKind,
    #[serde(default)]
    pub non_key_attributes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProjectionKind {
    All,
    KeysOnly,
    Include,
}

/// Which images of an item a stream record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StreamView {
    KeysOnly,
    NewImage,
    OldImage,
    NewAndOldImages,
}

/// A rule of an event bus, with queues as its targets.
#[derive(Debug, Clone)]
pub struct Rule {
    pub logical_id: String,
    /// The name of its bus.
    pub bus: String,
    /// A rule that is not matches nothing.
    pub is_enabled: bool,
    pub pattern: Filter,
    /// The names of the queues that get what matches.
    pub targets: Vec<String>,
    /// The names of the queues that would get what a target cannot.
    pub dead_letters: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub logical_id: String,
    /// `QueueName`, or the logical id where there is none.
    pub name: String,
    pub visibility_timeout: Duration,
    pub redrive: Option<Redrive>,
}

/// Where a queue puts what is received in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The name of the dead-letter queue.
    pub queue: String,
    /// So often a message is received before it goes there.
    pub max_receives: u32,
}

#[derive(Debug, Clone, Default)]
pub struct FunctionDefinition {
    pub logical_id: String,
    /// `Metadata.BuildProperties.Binary`: who the function is, here and for cargo-lambda.
    pub binary: String,
    /// After this long Lambda kills an invocation.
    pub timeout: Duration,
    /// `Globals` merged with the function's own.
    pub environment: BTreeMap<String, String>,
    pub routes: Vec<Route>,
    pub triggers: Vec<StreamTrigger>,
    pub queues: Vec<QueueTrigger>,
    /// Without those that are disabled.
    pub schedules: Vec<Schedule>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The method, in upper case.
    pub method: String,
    /// The path, with parameters in braces: `/orders/{order_id}`.
    pub path: String,
}

/// A function's event source mapping to the stream of a table.
#[derive(Debug, Clone)]
pub struct StreamTrigger {
    /// The logical id of the event within its function.
    pub name: String,
    /// The name of the table whose stream it reads.
    pub table: String,
    /// Records in one invocation at most.
    pub batch_size: usize,
    /// A record passes when one of them matches, or when there is none.
    pub filters: Vec<Filter>,
    pub reports_item_failures: bool,
    pub bisects_on_error: bool,
    /// Retries after the first invocation; `None` for no bound.
    pub max_retries: Option<u32>,
    /// `None` for no bound.
    pub max_record_age: Option<Duration>,
    /// The ARN that hears of batches that are given up.
    pub failure_destination: Option<String>,
}

/// A function's event source mapping to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTrigger {
    /// The logical id of the event within its function.
    pub name: String,
    /// The name of the queue.
    pub queue: String,
    /// Messages in one invocation at most.
    pub batch_size: usize,
    pub reports_item_failures: bool,
    /// Invocations at the same time at most.
    pub max_concurrency: usize,
}

/// When a function is invoked without anything having happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The logical id of the event within its function.
    pub name: String,
    pub every: Duration,
    pub by: Scheduler,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// A rule of the default event bus: `Type: Schedule`.
    Rule,
    /// EventBridge Scheduler: `Type: ScheduleV2`.
    EventBridgeScheduler,
}
