//! A SAM template, as far as it matters on one machine: tables, routes, triggers, event buses, queues and environments.
//!
//! - `model`: what there is
//! - `check`: what must hold between its parts
//! - `error`: why a template cannot be used
//! - `yaml`, `intrinsics`: the text, and what `!Ref` and the like stand for
//! - `parameters`: values in place of their defaults
//! - `properties`, `read`: the properties that matter, as serde reads them
//! - `resources`, `messaging`: what they mean; the latter for buses, rules, queues and schedules
//!
//! What it cannot imitate faithfully is an error, never left out, so that what runs locally is what is deployed.

mod check;
mod error;
mod intrinsics;
mod messaging;
mod model;
mod parameters;
mod properties;
mod read;
mod resources;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

pub use error::{Problem, TemplateError};
use intrinsics::{At, Resolver};
pub use model::{
    Attribute, AttributeKind, Cors, FunctionDefinition, Index, KeyElement, KeyRole, Projection, ProjectionKind, Queue,
    QueueTrigger, Redrive, Route, Rule, Schedule, Scheduler, StreamTrigger, StreamView, Table, Template,
};

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
        let (parameters, resources, conditions) = (section("Parameters"), section("Resources"), section("Conditions"));
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
            conditions: &conditions,
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
                    template.cors = resources::api(&resolver, resource, apis).map_err(named(id))?;
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
}

#[cfg(test)]
mod tests;
