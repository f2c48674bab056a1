//! Event patterns: the filters of a stream trigger, and what a rule of an event bus matches.
//!
//! The rules: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html> and
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html>. All keys of a pattern must
//! match (AND), one value of a list is enough (OR). Understood are exact values; an operator is an error.

use serde_json::{Map, Value};

/// One pattern: objects down to lists of the values that match.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Map<String, Value>);

/// A pattern that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    #[error("the filter pattern is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("the filter pattern has `{0}` where an object or a list belongs")]
    NotAPattern(Value),
    #[error("the filter pattern has an empty object or list, which no record matches")]
    Empty,
    #[error("the local stack knows exact values in filter patterns, not the operator {0}")]
    Operator(Value),
}

impl Filter {
    /// Reads a pattern's JSON text.
    ///
    /// # Errors
    /// [`FilterError`] when it is not a pattern, or uses an operator.
    pub(crate) fn parse(pattern: &str) -> Result<Self, FilterError> {
        Self::new(serde_json::from_str(pattern)?)
    }

    /// Takes a pattern that is JSON already.
    ///
    /// # Errors
    /// [`FilterError`] when it is not a pattern, or uses an operator.
    pub(crate) fn new(pattern: Value) -> Result<Self, FilterError> {
        match pattern {
            Value::Object(fields) => {
                check(&fields)?;
                Ok(Self(fields))
            }
            other => Err(FilterError::NotAPattern(other)),
        }
    }

    /// Whether a record, as its function would get it, passes.
    pub(crate) fn matches(&self, record: &Value) -> bool {
        all_match(&self.0, record)
    }
}

fn check(fields: &Map<String, Value>) -> Result<(), FilterError> {
    if fields.is_empty() {
        return Err(FilterError::Empty);
    }
    for (key, value) in fields {
        match value {
            _ if key.starts_with('$') => return Err(FilterError::Operator(key.as_str().into())),
            Value::Object(fields) => check(fields)?,
            Value::Array(values) if values.is_empty() => return Err(FilterError::Empty),
            Value::Array(values) => {
                if let Some(operator) = values.iter().find(|value| value.is_object() || value.is_array()) {
                    return Err(FilterError::Operator(operator.clone()));
                }
            }
            other => return Err(FilterError::NotAPattern(other.clone())),
        }
    }
    Ok(())
}

fn all_match(fields: &Map<String, Value>, record: &Value) -> bool {
    fields.iter().all(|(key, expected)| match (expected, record.get(key)) {
        (Value::Object(fields), Some(value)) => all_match(fields, value),
        // A record's list matches when one of its elements does.
        (Value::Array(expected), Some(Value::Array(elements))) => elements.iter().any(|value| expected.contains(value)),
        (Value::Array(expected), Some(value)) => expected.contains(value),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn passes(pattern: Value, record: Value) -> bool {
        Filter::parse(&pattern.to_string()).expect("a pattern").matches(&record)
    }

    #[test]
    fn all_keys_must_match_and_one_value_of_a_list_is_enough() {
        let pattern = json!({"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"T": {"S": ["Order"]}}}});
        let record = |name: &str, kind: &str| json!({"eventName": name, "dynamodb": {"NewImage": {"T": {"S": kind}}}});
        assert!(passes(pattern.clone(), record("INSERT", "Order")));
        assert!(passes(pattern.clone(), record("MODIFY", "Order")));
        assert!(!passes(pattern.clone(), record("REMOVE", "Order")));
        assert!(!passes(pattern.clone(), record("INSERT", "Stock")));
        assert!(!passes(pattern, json!({"eventName": "INSERT"})));
    }

    #[test]
    fn texts_numbers_booleans_and_null_match_exactly() {
        let pattern = json!({"x": ["1", 2, true, null]});
        for value in [json!("1"), json!(2), json!(true), json!(null), json!([0, 2])] {
            assert!(passes(pattern.clone(), json!({ "x": value })), "{value}");
        }
        for value in [json!(1), json!("2"), json!(false), json!({}), json!([])] {
            assert!(!passes(pattern.clone(), json!({ "x": value })), "{value}");
        }
        assert!(!passes(pattern, json!({})));
    }

    #[test]
    fn an_operator_is_an_error_that_names_it() {
        for (pattern, operator) in [
            (r#"{"a": [{"prefix": "x"}]}"#, r#"{"prefix":"x"}"#),
            (r#"{"a": [1, {"exists": false}]}"#, r#"{"exists":false}"#),
            (r#"{"$or": [{"a": [1]}]}"#, r#""$or""#),
        ] {
            let error = Filter::parse(pattern).expect_err(pattern).to_string();
            assert!(error.ends_with(&format!("not the operator {operator}")), "{error}");
        }
    }

    #[test]
    fn what_no_record_could_match_is_an_error() {
        for pattern in [r#"{"a": "x"}"#, r#"{"a": []}"#, r#"{"a": {}}"#, "{}", "[]", "{"] {
            assert!(Filter::parse(pattern).is_err(), "{pattern}");
        }
    }
}
