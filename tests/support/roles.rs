//! What the functions' roles in template.yaml allow.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

use super::project;

/// A right, or the use of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub action: String,
    /// A table, or `<table>/index/<index>`.
    pub resource: String,
}

/// The resources of template.yaml. An intrinsic stands there as its argument: `!GetAtt Orders.Arn` as `Orders.Arn`.
pub fn resources() -> Value {
    let text = std::fs::read_to_string(project().join("template.yaml")).unwrap();
    let documents = Yaml::load_from_str(&text).unwrap();
    without_tags(&documents[0])["Resources"].clone()
}

fn without_tags(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(without_tags).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries.iter();
            let entries = entries.filter_map(|(name, value)| Some((name.as_str()?.to_owned(), without_tags(value))));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Yaml::Tagged(_, argument) => without_tags(argument),
        _ => Value::Null,
    }
}

/// What each statement of a function's role allows on tables and indexes. Streams are read by Lambda, in its name.
pub fn statements(resources: &Value, function: &str) -> Vec<Vec<Right>> {
    let role = resources[function]["Properties"]["Role"].as_str().unwrap();
    let role = &resources[role.strip_suffix(".Arn").unwrap()]["Properties"];
    let policies = role["Policies"].as_array().unwrap().iter();
    let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let allowed = statements.map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        let actions = texts(&statement["Action"]);
        let resources: Vec<_> = texts(&statement["Resource"]).into_iter().filter_map(table).collect();
        let rights = actions
            .into_iter()
            .filter_map(|action| action.strip_prefix("dynamodb:"));
        let rights = rights.flat_map(|action| resources.iter().map(move |resource| (action, resource)));
        rights
            .map(|(action, resource)| Right {
                action: action.to_owned(),
                resource: resource.clone(),
            })
            .collect()
    });
    allowed.collect()
}

/// One text, or several.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().map(|value| value.as_str().unwrap()).collect(),
        value => vec![value.as_str().unwrap()],
    }
}

/// Of `Orders.Arn`, or of `${Orders.Arn}/index/ByDay`.
fn table(resource: &str) -> Option<String> {
    match resource.strip_prefix("${").and_then(|rest| rest.split_once(".Arn}")) {
        Some((table, index)) => Some(format!("{table}{index}")),
        None => resource.strip_suffix(".Arn").map(str::to_owned),
    }
}
