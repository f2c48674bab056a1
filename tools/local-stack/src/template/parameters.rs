//! Values that are given to the template's parameters in place of their defaults.

use std::collections::BTreeMap;

use environment::spelling;
use regex_lite::Regex;
use serde_json::{Map, Value};

use super::error::TemplateError;
use super::intrinsics::scalar_text;

/// What CloudFormation would hold a value against, and this does not.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>
const NOT_CHECKED: [&str; 4] = ["MaxLength", "MaxValue", "MinLength", "MinValue"];

/// Whether the template has these parameters, and allows these values of theirs.
pub(super) fn check(
    file: &str,
    parameters: &Map<String, Value>,
    values: &BTreeMap<String, String>,
) -> Result<(), TemplateError> {
    for (name, value) in values {
        let Some(parameter) = parameters.get(name) else {
            let mut known: Vec<_> = parameters.keys().map(String::as_str).collect();
            known.sort_unstable();
            return Err(TemplateError::UnknownParameter {
                file: file.to_owned(),
                name: name.clone(),
                nearest: match spelling::nearest(name, known.iter().copied()) {
                    Some(nearest) => format!(" (is {nearest} meant?)"),
                    None => String::new(),
                },
                known: if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                },
            });
        };
        if let Err(expected) = allows(parameter, value) {
            // CloudFormation shows it to nobody.
            let is_secret = parameter.get("NoEcho").is_some_and(|secret| *secret == true);
            return Err(TemplateError::ParameterValue {
                file: file.to_owned(),
                name: name.clone(),
                value: if is_secret { "(secret)" } else { value }.to_owned(),
                expected,
            });
        }
    }
    Ok(())
}

/// An error completes the sentence "it must be …".
fn allows(parameter: &Value, value: &str) -> Result<(), String> {
    if let Some(key) = NOT_CHECKED.into_iter().find(|key| parameter.get(key).is_some()) {
        return Err(format!("the default, as the local stack does not check {key}"));
    }
    if let Some(allowed) = parameter.get("AllowedValues").and_then(Value::as_array) {
        let allowed: Vec<_> = allowed.iter().filter_map(scalar_text).collect();
        return match allowed.iter().any(|allowed| allowed == value) {
            true => Ok(()),
            false => Err(format!("one of {}", allowed.join(", "))),
        };
    }
    if let Some(pattern) = parameter.get("AllowedPattern").and_then(Value::as_str) {
        // It has to match the whole value.
        let whole = Regex::new(&format!("^(?:{pattern})$"));
        if !whole.is_ok_and(|whole| whole.is_match(value)) {
            return Err(format!("of the pattern {pattern}"));
        }
    }
    match parameter.get("Type").and_then(Value::as_str) {
        Some("Number") if value.parse::<f64>().is_ok_and(f64::is_finite) => Ok(()),
        Some("Number") => Err("a number".to_owned()),
        Some("String") => Ok(()),
        other => {
            let kind = other.unwrap_or("none");
            Err(format!(
                "the default, as the local stack does not check values of type {kind}"
            ))
        }
    }
}
