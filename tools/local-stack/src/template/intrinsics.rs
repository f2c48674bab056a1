//! What `!Ref`, `!GetAtt`, `!Sub` and `{{resolve:…}}` stand for on one machine.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::Problem;
use crate::names;

/// A problem, and the path of the property that has it (`Environment.Variables.X`).
#[derive(Debug)]
pub(super) struct At {
    pub property: String,
    pub problem: Problem,
}

impl At {
    pub(super) fn new(property: impl Into<String>, problem: Problem) -> Self {
        Self {
            property: property.into(),
            problem,
        }
    }

    fn below(self, parent: &str) -> Self {
        let separator = if self.property.is_empty() { "" } else { "." };
        Self::new(format!("{parent}{separator}{}", self.property), self.problem)
    }
}

/// The parameters and resources that an intrinsic may name.
pub(super) struct Resolver<'a> {
    pub parameters: &'a Map<String, Value>,
    /// Values of parameters in place of their defaults.
    pub overrides: &'a BTreeMap<String, String>,
    pub resources: &'a Map<String, Value>,
    pub conditions: &'a Map<String, Value>,
}

impl Resolver<'_> {
    /// Replaces every intrinsic in `value` by what it stands for locally.
    ///
    /// Called for those properties only that something local needs, so that a parameter without a default does no harm
    /// where it concerns the cloud alone.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, At> {
        match value {
            Value::Object(object) => match intrinsic(object) {
                Some(("Fn::If", argument)) => {
                    let branch = self.branch(argument).map_err(|problem| At::new("", problem))?;
                    self.resolve(branch)
                }
                Some(("Fn::Split", argument)) => self.split(argument),
                Some(("Ref", Value::String(name))) if name == "AWS::NoValue" => Ok(Value::Null),
                Some((name, argument)) => {
                    let text = self.call(name, argument).map_err(|problem| At::new("", problem))?;
                    Ok(Value::String(text))
                }
                None => object
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), self.resolve(value).map_err(|at| at.below(key))?)))
                    .collect::<Result<_, At>>()
                    .map(Value::Object),
            },
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.resolve(item).map_err(|at| at.below(&index.to_string())))
                .collect(),
            Value::String(text) => Ok(Value::String(
                dynamic_references(text).map_err(|problem| At::new("", problem))?,
            )),
            scalar => Ok(scalar.clone()),
        }
    }

    /// The one of two values that a condition of the template chooses.
    fn branch<'v>(&self, argument: &'v Value) -> Result<&'v Value, Problem> {
        let arguments = argument.as_array().map(Vec::as_slice);
        let Some([Value::String(name), chosen, other]) = arguments else {
            return Err(Problem::Unsupported("!If with these arguments".to_owned()));
        };
        let condition = self.conditions.get(name);
        let condition = condition.ok_or_else(|| Problem::UnknownName(name.clone()))?;
        Ok(if self.holds(condition)? { chosen } else { other })
    }

    fn holds(&self, condition: &Value) -> Result<bool, Problem> {
        let unsupported = || Problem::Unsupported(format!("the condition {condition}"));
        let text = |value: &Value| match self.resolve(value).map_err(|at| at.problem)? {
            Value::String(text) => Ok(text),
            _ => Err(Problem::NotText),
        };
        let (name, arguments) = condition.as_object().and_then(intrinsic).ok_or_else(unsupported)?;
        match (name, arguments.as_array().map(Vec::as_slice)) {
            ("Fn::Not", Some([condition])) => Ok(!self.holds(condition)?),
            ("Fn::Equals", Some([one, other])) => Ok(text(one)? == text(other)?),
            _ => Err(unsupported()),
        }
    }

    fn split(&self, argument: &Value) -> Result<Value, At> {
        let resolved = self.resolve(argument)?;
        match resolved.as_array().map(Vec::as_slice) {
            Some([Value::String(separator), Value::String(text)]) => Ok(text.split(separator.as_str()).collect()),
            _ => Err(At::new(
                "",
                Problem::Unsupported("!Split with these arguments".to_owned()),
            )),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<String, Problem> {
        match (name, argument) {
            ("Ref", Value::String(target)) => self.reference(target),
            ("Fn::GetAtt", Value::Array(path)) => match path.as_slice() {
                [Value::String(resource), Value::String(attribute)] => self.attribute(resource, attribute),
                _ => Err(Problem::Unsupported(format!(
                    "the intrinsic {name} with these arguments"
                ))),
            },
            ("Fn::Sub", Value::String(text)) => self.substitute(text, &Map::new()),
            ("Fn::Sub", Value::Array(arguments)) => match arguments.as_slice() {
                [Value::String(text), Value::Object(variables)] => self.substitute(text, variables),
                _ => Err(Problem::Unsupported(format!(
                    "the intrinsic {name} with these arguments"
                ))),
            },
            _ => Err(Problem::Unsupported(format!("the intrinsic {name}"))),
        }
    }

    fn reference(&self, target: &str) -> Result<String, Problem> {
        match target {
            "AWS::Region" => return Ok(names::REGION.to_owned()),
            "AWS::AccountId" => return Ok(names::ACCOUNT_ID.to_owned()),
            "AWS::Partition" => return Ok("aws".to_owned()),
            "AWS::URLSuffix" => return Ok("amazonaws.com".to_owned()),
            "AWS::StackName" => return Ok("local".to_owned()),
            _ => {}
        }
        if let Some(value) = self.overrides.get(target) {
            return Ok(value.clone());
        }
        if let Some(parameter) = self.parameters.get(target) {
            return parameter
                .get("Default")
                .and_then(scalar_text)
                .ok_or_else(|| Problem::NoDefault(target.to_owned()));
        }
        match self.kind(target)? {
            "AWS::DynamoDB::Table" => self.name(target, "TableName"),
            "AWS::Events::EventBus" => self.name(target, "Name"),
            "AWS::Serverless::Function" => self.function_name(target),
            "AWS::SQS::Queue" => Ok(names::queue_url(&self.name(target, "QueueName")?)),
            "AWS::Serverless::HttpApi" => Ok(target.to_owned()),
            "AWS::SecretsManager::Secret" => Ok(names::secret_arn(target)),
            other => Err(Problem::Unsupported(format!(
                "!Ref of {target}, a resource of type {other}"
            ))),
        }
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<String, Problem> {
        match (self.kind(resource)?, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => Ok(names::table_arn(&self.name(resource, "TableName")?)),
            ("AWS::DynamoDB::Table", "StreamArn") => Ok(names::stream_arn(&self.name(resource, "TableName")?)),
            ("AWS::SQS::Queue", "Arn") => Ok(names::queue_arn(&self.name(resource, "QueueName")?)),
            ("AWS::SQS::Queue", "QueueName") => self.name(resource, "QueueName"),
            ("AWS::Events::EventBus", "Arn") => Ok(names::bus_arn(&self.name(resource, "Name")?)),
            ("AWS::Events::EventBus", "Name") => self.name(resource, "Name"),
            ("AWS::SNS::Topic", "TopicArn") => Ok(names::arn("sns", resource)),
            ("AWS::Serverless::Function", "Arn") => Ok(names::function_arn(&self.function_name(resource)?)),
            ("AWS::IAM::Role", "Arn") => Ok(names::role_arn(resource)),
            (kind, _) => Err(Problem::Unsupported(format!(
                "!GetAtt {resource}.{attribute}, of a resource of type {kind}"
            ))),
        }
    }

    /// `${Name}`, `${Name.Attribute}`, and `${!Literal}` for a literal `${Literal}`.
    fn substitute(&self, text: &str, variables: &Map<String, Value>) -> Result<String, Problem> {
        let mut resolved = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| Problem::Unsupported("!Sub with a `${` that is not closed".to_owned()))?;
            resolved.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                resolved.push_str(&format!("${{{literal}}}"));
            } else if let Some(value) = variables.get(name) {
                let value = self.resolve(value).map_err(|at| at.problem)?;
                resolved.push_str(&scalar_text(&value).ok_or(Problem::NotText)?);
            } else if let Some((resource, attribute)) = name.split_once('.') {
                resolved.push_str(&self.attribute(resource, attribute)?);
            } else {
                resolved.push_str(&self.reference(name)?);
            }
            rest = after;
        }
        resolved.push_str(rest);
        dynamic_references(&resolved)
    }

    fn kind(&self, resource: &str) -> Result<&str, Problem> {
        self.resources
            .get(resource)
            .and_then(|resource| resource.get("Type")?.as_str())
            .ok_or_else(|| Problem::UnknownName(resource.to_owned()))
    }

    /// The physical name of a resource, which `property` sets. CloudFormation makes one up where the template has none;
    /// locally the logical id does.
    pub(super) fn name(&self, resource: &str, property: &str) -> Result<String, Problem> {
        let name = self
            .resources
            .get(resource)
            .and_then(|resource| resource.get("Properties")?.get(property));
        match name {
            Some(name) => scalar_text(&self.resolve(name).map_err(|at| at.problem)?).ok_or(Problem::NotText),
            None => Ok(resource.to_owned()),
        }
    }

    fn function_name(&self, resource: &str) -> Result<String, Problem> {
        let binary = self.resources.get(resource).and_then(binary);
        Ok(binary.ok_or(NO_BINARY)?.to_owned())
    }
}

/// What a function without [`binary`] lacks.
pub(super) const NO_BINARY: Problem = Problem::Expected("the name of the function's binary");

/// `Metadata.BuildProperties.Binary` of a function.
pub(super) fn binary(function: &Value) -> Option<&str> {
    function.pointer("/Metadata/BuildProperties/Binary")?.as_str()
}

fn intrinsic(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = object.iter().next().filter(|_| object.len() == 1)?;
    (name == "Ref" || name == "Condition" || name.starts_with("Fn::")).then_some((name, argument))
}

/// Replaces `{{resolve:secretsmanager:X}}` by the fixed development value of secret X.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html>
fn dynamic_references(text: &str) -> Result<String, Problem> {
    let Some((before, rest)) = text.split_once("{{resolve:") else {
        return Ok(text.to_owned());
    };
    let unsupported = || Problem::Unsupported(format!("the dynamic reference in `{text}`"));
    let (reference, after) = rest.split_once("}}").ok_or_else(unsupported)?;
    let secret = reference.strip_prefix("secretsmanager:").ok_or_else(unsupported)?;
    let name = secret
        .strip_prefix(&names::secret_arn(""))
        .unwrap_or(secret)
        .replace(':', "-");
    Ok(format!(
        "{before}local-development-value-of-{name}-which-is-no-secret{}",
        dynamic_references(after)?
    ))
}

/// A scalar as the text that CloudFormation makes of it.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
