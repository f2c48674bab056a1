//! template.yaml, as far as it matters on one machine: tables, routes, triggers, event buses, queues and environments.
//!
//! - this module: what there is, and what must hold between its parts
//! - `yaml`, `intrinsics`: the text, and what `!Ref` and the like stand for
//! - `parameters`: values in place of their defaults
//! - `properties`: the properties that matter, as serde reads them
//! - `resources`, `messaging`: what they mean; the latter for buses, rules, queues and schedules
//!
//! What it cannot imitate faithfully is an error, never left out, so that what runs locally is what is deployed.

mod intrinsics;
mod messaging;
mod parameters;
mod properties;
mod resources;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::filter::{Filter, FilterError};
use intrinsics::{At, Resolver};

/// No more than two processes should read one shard of a stream, or reads are throttled.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>
const MAX_READERS_PER_STREAM: usize = 2;

/// Resources that this reader would have to imitate, and does not.
const NOT_IMITATED: &[&str] = &[
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::DynamoDB::GlobalTable",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Pipes::Pipe",
    "AWS::Scheduler::Schedule",
    "AWS::Serverless::Api",
    "AWS::Serverless::SimpleTable",
];

/// What template.yaml defines.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// What errors call it.
    pub file: String,
    pub tables: Vec<Table>,
    pub functions: Vec<FunctionDefinition>,
    /// The names of its event buses.
    pub buses: Vec<String>,
    pub rules: Vec<Rule>,
    pub queues: Vec<Queue>,
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
    /// In upper case.
    pub method: String,
    /// With parameters in braces: `/orders/{order_id}`.
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

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("cannot read the template {file}: {source}; set TEMPLATE to the path of another")]
    Unreadable { file: String, source: std::io::Error },
    #[error("{file} is not {expected}; set TEMPLATE to a SAM template")]
    Malformed { file: String, expected: String },
    #[error("{file} has no parameter {name}{nearest}; PARAMETERS may set {known}")]
    UnknownParameter {
        file: String,
        name: String,
        nearest: String,
        known: String,
    },
    #[error("the parameter {name} of {file} cannot be `{value}`; it must be {expected}")]
    ParameterValue {
        file: String,
        name: String,
        value: String,
        expected: String,
    },
    #[error("{file}: the property {property} of {resource}: {problem}")]
    Property {
        file: String,
        resource: String,
        property: String,
        #[source]
        problem: Problem,
    },
}

/// What is wrong with one property.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("{0}")]
    Shape(String),
    #[error("the parameter {0} has no Default; set it in PARAMETERS")]
    NoDefault(String),
    #[error("the template has no parameter and no resource {0}")]
    UnknownName(String),
    #[error("the local stack cannot imitate {0}")]
    Unsupported(String),
    #[error("the value is not text or a number")]
    NotText,
    #[error("it must be {0}")]
    Expected(&'static str),
    #[error("{0} is defined twice")]
    Duplicate(String),
    #[error(transparent)]
    Filter(#[from] FilterError),
}

impl Template {
    /// Reads the template in a file.
    ///
    /// # Errors
    /// [`TemplateError`] when it cannot be read, or not be imitated.
    pub fn read(file: &Path) -> Result<Self, TemplateError> {
        Self::read_with(file, &BTreeMap::new())
    }

    /// The same with values for some of its parameters, in place of their defaults.
    ///
    /// # Errors
    /// [`TemplateError`] when it cannot be read, or not be imitated, or has no such parameter, or does not allow its value.
    pub fn read_with(file: &Path, parameters: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|source| TemplateError::Unreadable {
            file: name.clone(),
            source,
        })?;
        Self::parse_with(&name, &text, parameters)
    }

    /// Reads a template's text. `file` is what errors call it.
    #[cfg(test)]
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, TemplateError> {
        Self::parse_with(file, text, &BTreeMap::new())
    }

    fn parse_with(file: &str, text: &str, overrides: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let root = yaml::parse(text).map_err(|expected| TemplateError::Malformed {
            file: file.to_owned(),
            expected,
        })?;
        let section = |name: &str| root.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let (parameters, resources) = (section("Parameters"), section("Resources"));
        if resources.is_empty() {
            let expected = "a CloudFormation template: it has no Resources".to_owned();
            return Err(TemplateError::Malformed {
                file: file.to_owned(),
                expected,
            });
        }
        parameters::check(file, &parameters, overrides)?;
        let resolver = Resolver {
            parameters: &parameters,
            overrides,
            resources: &resources,
        };
        let named = |resource: &str| {
            let (file, resource) = (file.to_owned(), resource.to_owned());
            move |At { property, problem }: At| TemplateError::Property {
                file,
                resource,
                property,
                problem,
            }
        };

        let globals = section("Globals").remove("Function").unwrap_or_default();
        let globals = resources::function_properties(&resolver, &globals).map_err(named("Globals.Function"))?;

        let mut template = Self {
            file: file.to_owned(),
            ..Self::default()
        };
        let mut apis = 0;
        for (id, resource) in &resources {
            if resource.get("Condition").is_some() {
                let problem = Problem::Unsupported("resources that exist on a condition".to_owned());
                return Err(named(id)(At::new("Condition", problem)));
            }
            match resource.get("Type").and_then(Value::as_str).unwrap_or_default() {
                "AWS::DynamoDB::Table" => {
                    template
                        .tables
                        .push(resources::table(&resolver, id, resource).map_err(named(id))?);
                }
                "AWS::Serverless::Function" => {
                    let function = resources::function(&resolver, &globals, id, resource).map_err(named(id))?;
                    template.functions.push(function);
                }
                "AWS::Serverless::HttpApi" => {
                    apis += 1;
                    resources::api(resource, apis).map_err(named(id))?;
                }
                "AWS::Events::EventBus" => {
                    let bus = messaging::bus(&resolver, id, resource).map_err(named(id))?;
                    template.buses.push(bus);
                }
                "AWS::Events::Rule" => {
                    let rule = messaging::rule(&resolver, id, resource).map_err(named(id))?;
                    template.rules.push(rule);
                }
                "AWS::SQS::Queue" => {
                    let queue = messaging::queue(&resolver, id, resource).map_err(named(id))?;
                    template.queues.push(queue);
                }
                kind if NOT_IMITATED.contains(&kind) => {
                    let problem = Problem::Unsupported(format!("resources of type {kind}"));
                    return Err(named(id)(At::new("Type", problem)));
                }
                // Roles, policies, secrets and log groups have no life of their own locally.
                _ => {}
            }
        }
        template.check().map_err(|(resource, at)| named(&resource)(at))?;
        Ok(template)
    }

    /// What must hold between resources.
    fn check(&self) -> Result<(), (String, At)> {
        let (mut binaries, mut routes) = (BTreeSet::new(), BTreeSet::new());
        let mut readers = BTreeMap::<_, usize>::new();
        for function in &self.functions {
            let fail = |property: &str, problem| Err((function.logical_id.clone(), At::new(property, problem)));
            if !binaries.insert(&function.binary) {
                return fail(
                    "Metadata.BuildProperties.Binary",
                    Problem::Duplicate(function.binary.clone()),
                );
            }
            for route in &function.routes {
                if !routes.insert(route) {
                    return fail("Events", Problem::Duplicate(format!("{} {}", route.method, route.path)));
                }
            }
            for trigger in &function.triggers {
                let stream = self
                    .tables
                    .iter()
                    .any(|table| table.name == trigger.table && table.stream.is_some());
                if !stream {
                    return fail(
                        "Events",
                        Problem::Expected("the stream of a table with a StreamSpecification"),
                    );
                }
                let count = readers.entry(&trigger.table).or_default();
                *count += 1;
                if *count > MAX_READERS_PER_STREAM {
                    return fail("Events", Problem::Expected("at most the second trigger on its stream"));
                }
            }
        }
        self.check_messaging()
    }

    /// The same of queues, rules and what takes messages from a queue.
    fn check_messaging(&self) -> Result<(), (String, At)> {
        let queue = |name: &str| self.queues.iter().find(|queue| queue.name == name);
        let mut names = BTreeSet::new();
        for Queue {
            logical_id,
            name,
            redrive,
            ..
        } in &self.queues
        {
            let fail = |property: &str, problem| Err((logical_id.clone(), At::new(property, problem)));
            if !names.insert(name) {
                return fail("QueueName", Problem::Duplicate(name.clone()));
            }
            if redrive.as_ref().is_some_and(|redrive| queue(&redrive.queue).is_none()) {
                return fail("RedrivePolicy.deadLetterTargetArn", OF_A_QUEUE);
            }
        }
        for rule in &self.rules {
            let fail = |property: &str, problem| Err((rule.logical_id.clone(), At::new(property, problem)));
            if !self.buses.contains(&rule.bus) {
                return fail(
                    "EventBusName",
                    Problem::Expected("the name of an event bus of this template"),
                );
            }
            if !rule
                .targets
                .iter()
                .chain(&rule.dead_letters)
                .all(|name| queue(name).is_some())
            {
                return fail("Targets", OF_A_QUEUE);
            }
        }
        let mut taken = BTreeSet::new();
        for function in &self.functions {
            let fail = |problem| Err((function.logical_id.clone(), At::new("Events", problem)));
            for trigger in &function.queues {
                let Some(queue) = queue(&trigger.queue) else {
                    return fail(OF_A_QUEUE);
                };
                if !taken.insert(&trigger.queue) {
                    return fail(Problem::Unsupported("two triggers on one queue".to_owned()));
                }
                // Lambda refuses such a mapping: a message would come again while the function still has it.
                if function.timeout > queue.visibility_timeout {
                    return fail(Problem::Expected(
                        "a queue whose VisibilityTimeout is not below the function's Timeout",
                    ));
                }
            }
        }
        Ok(())
    }
}

/// What is wrong with an ARN that should be one of these.
const OF_A_QUEUE: Problem = Problem::Expected("the Arn of a queue of this template");

#[cfg(test)]
mod tests;
