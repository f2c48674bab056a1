//! YAML as JSON, with CloudFormation's short intrinsics (`!Ref x`) in their long form (`{"Ref": "x"}`).
//!
//! One form means one reader, and serde then reads the properties.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// Reads a text of exactly one YAML document.
///
/// # Errors
/// A phrase that completes "the file is not …".
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| format!("valid YAML: {error}"))?;
    match documents.as_slice() {
        [document] => to_json(document),
        _ => Err(format!("one YAML document but {}", documents.len())),
    }
}

fn to_json(yaml: &Yaml) -> Result<Value, String> {
    match yaml {
        Yaml::Value(scalar) => Ok(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => json!(value),
            Scalar::Integer(value) => json!(value),
            Scalar::FloatingPoint(value) => json!(value.into_inner()),
            Scalar::String(value) => json!(value),
        }),
        Yaml::Sequence(items) => items.iter().map(to_json).collect(),
        Yaml::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| Ok((key_text(key)?, to_json(value)?)))
            .collect::<Result<Map<_, _>, String>>()
            .map(Value::Object),
        Yaml::Tagged(tag, inner) => Ok(long_form(&tag.suffix, to_json(inner)?)),
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            Err("YAML that this reader understands".to_owned())
        }
    }
}

fn key_text(key: &Yaml) -> Result<String, String> {
    match to_json(key)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(format!("a template: it has the key {other}, which is not text")),
    }
}

fn long_form(tag: &str, argument: Value) -> Value {
    match (tag, argument) {
        ("Ref" | "Condition", argument) => json!({ tag: argument }),
        // `!GetAtt A.B` is short for `[A, B]`; the name of a resource has no dot.
        ("GetAtt", Value::String(path)) => match path.split_once('.') {
            Some((resource, attribute)) => json!({ "Fn::GetAtt": [resource, attribute] }),
            None => json!({ "Fn::GetAtt": [path] }),
        },
        (function, argument) => json!({ format!("Fn::{function}"): argument }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_intrinsics_are_read_as_their_long_forms() {
        let read = parse("[!Ref Orders, !GetAtt Orders.Arn, !Sub '${Orders}-x', !If [A, !Ref B, 1]]");
        assert_eq!(
            read,
            Ok(json!([
                {"Ref": "Orders"},
                {"Fn::GetAtt": ["Orders", "Arn"]},
                {"Fn::Sub": "${Orders}-x"},
                {"Fn::If": ["A", {"Ref": "B"}, 1]},
            ]))
        );
    }

    #[test]
    fn broken_yaml_is_an_error_with_its_place() {
        let error = parse("a: [1, 2").expect_err("an open list");
        assert!(error.contains("line"), "{error}");
    }
}
