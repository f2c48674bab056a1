//! Event filter patterns of a stream trigger.
//!
//! The rules: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>. All keys of a pattern must
//! match (AND), one value of a list is enough (OR). Understood are exact values, `prefix`, `anything-but`, `exists` and
//! `numeric`; any other operator is an error.

use serde_json::{Map, Value};

/// One pattern of a trigger's `FilterCriteria`.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Vec<(String, Node)>);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Object(Vec<(String, Node)>),
    AnyOf(Vec<Test>),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals(Value),
    Prefix(String),
    AnythingBut(Vec<Value>),
    AnythingButPrefix(String),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A pattern that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    #[error("the filter pattern is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("the filter pattern has `{0}` where an object or a list belongs")]
    NotAPattern(Value),
    #[error("the filter pattern has an empty object or list, which no record matches")]
    Empty,
    #[error("the local stack does not know the filter operator {0}")]
    UnknownOperator(Value),
}

impl Filter {
    /// Reads a pattern's JSON text.
    ///
    /// # Errors
    /// [`FilterError`] when it is not a pattern, or uses an operator that is not known here.
    pub fn parse(pattern: &str) -> Result<Self, FilterError> {
        match serde_json::from_str(pattern)? {
            Value::Object(object) => Ok(Self(fields(&object)?)),
            other => Err(FilterError::NotAPattern(other)),
        }
    }

    /// Whether a record, as its function would get it, passes.
    pub fn matches(&self, record: &Value) -> bool {
        all_match(&self.0, record)
    }
}

fn fields(object: &Map<String, Value>) -> Result<Vec<(String, Node)>, FilterError> {
    if object.is_empty() {
        return Err(FilterError::Empty);
    }
    object
        .iter()
        .map(|(key, value)| {
            if key.starts_with('$') {
                return Err(FilterError::UnknownOperator(Value::String(key.clone())));
            }
            let node = match value {
                Value::Object(object) => Node::Object(fields(object)?),
                Value::Array(tests) if tests.is_empty() => return Err(FilterError::Empty),
                Value::Array(tests) => Node::AnyOf(tests.iter().map(test).collect::<Result<_, _>>()?),
                other => return Err(FilterError::NotAPattern(other.clone())),
            };
            Ok((key.clone(), node))
        })
        .collect()
}

fn test(value: &Value) -> Result<Test, FilterError> {
    let unknown = || FilterError::UnknownOperator(value.clone());
    match value {
        Value::Object(operator) => {
            let (name, argument) = operator
                .iter()
                .next()
                .filter(|_| operator.len() == 1)
                .ok_or_else(unknown)?;
            match (name.as_str(), argument) {
                ("prefix", Value::String(prefix)) => Ok(Test::Prefix(prefix.clone())),
                ("exists", Value::Bool(exists)) => Ok(Test::Exists(*exists)),
                ("anything-but", Value::Array(values)) if values.iter().all(is_text_or_number) => {
                    Ok(Test::AnythingBut(values.clone()))
                }
                ("anything-but", value) if is_text_or_number(value) => Ok(Test::AnythingBut(vec![value.clone()])),
                ("anything-but", Value::Object(inner)) => match inner.get("prefix") {
                    Some(Value::String(prefix)) if inner.len() == 1 => Ok(Test::AnythingButPrefix(prefix.clone())),
                    _ => Err(unknown()),
                },
                ("numeric", Value::Array(parts)) => numeric(parts).map(Test::Numeric).ok_or_else(unknown),
                _ => Err(unknown()),
            }
        }
        Value::Array(_) => Err(unknown()),
        exact => Ok(Test::Equals(exact.clone())),
    }
}

fn is_text_or_number(value: &Value) -> bool {
    value.is_string() || value.is_number()
}

/// `[">=", 0, "<", 10]`
fn numeric(parts: &[Value]) -> Option<Vec<(Comparison, f64)>> {
    let (pairs, rest) = parts.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[operator, bound]| {
            let comparison = match operator.as_str()? {
                "=" => Comparison::Equal,
                "<" => Comparison::Less,
                "<=" => Comparison::LessOrEqual,
                ">" => Comparison::Greater,
                ">=" => Comparison::GreaterOrEqual,
                _ => return None,
            };
            Some((comparison, bound.as_f64()?))
        })
        .collect()
}

fn all_match(fields: &[(String, Node)], value: &Value) -> bool {
    fields.iter().all(|(key, node)| match node {
        Node::AnyOf(tests) => tests.iter().any(|test| test.passes(value.get(key))),
        Node::Object(fields) => all_match(fields, value.get(key).unwrap_or(&Value::Null)),
    })
}

impl Test {
    fn passes(&self, value: Option<&Value>) -> bool {
        // `exists` looks at leaves: an object does not count as one.
        let leaf = value.filter(|value| !value.is_object());
        match (self, leaf) {
            (Self::Exists(expected), leaf) => leaf.is_some() == *expected,
            (_, None) => false,
            // A pattern meets a list when it meets one of its elements.
            (_, Some(Value::Array(elements))) => elements.iter().any(|element| self.passes(Some(element))),
            (Self::Equals(expected), Some(value)) => equal(expected, value),
            (Self::Prefix(prefix), Some(value)) => starts_with(value, prefix),
            (Self::AnythingBut(values), Some(value)) => !values.iter().any(|other| equal(other, value)),
            (Self::AnythingButPrefix(prefix), Some(value)) => value.is_string() && !starts_with(value, prefix),
            (Self::Numeric(bounds), Some(value)) => value
                .as_f64()
                .is_some_and(|value| bounds.iter().all(|(is, bound)| is.holds(value, *bound))),
        }
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

fn starts_with(value: &Value, prefix: &str) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(prefix))
}

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Equal => value == bound,
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
        }
    }
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
    fn prefix_matches_the_start_of_text_only() {
        let pattern = json!({"id": [{"prefix": "stock-"}]});
        assert!(passes(pattern.clone(), json!({"id": "stock-7"})));
        assert!(!passes(pattern.clone(), json!({"id": "7-stock-"})));
        assert!(!passes(pattern, json!({"id": 7})));
    }

    #[test]
    fn anything_but_needs_a_value_that_is_not_listed() {
        let pattern = json!({"id": [{"anything-but": ["a", 1]}], "x": [{"anything-but": {"prefix": "y"}}]});
        assert!(passes(pattern.clone(), json!({"id": "b", "x": "z"})));
        assert!(!passes(pattern.clone(), json!({"id": "a", "x": "z"})));
        assert!(!passes(pattern.clone(), json!({"id": 1.0, "x": "z"})));
        assert!(!passes(pattern.clone(), json!({"id": "b", "x": "yes"})));
        assert!(!passes(pattern, json!({"x": "z"})));
    }

    #[test]
    fn exists_asks_for_a_leaf() {
        assert!(passes(json!({"id": [{"exists": true}]}), json!({"id": null})));
        assert!(!passes(json!({"id": [{"exists": true}]}), json!({"id": {"S": "a"}})));
        assert!(passes(json!({"new": {"id": [{"exists": false}]}}), json!({})));
        assert!(!passes(json!({"id": [{"exists": false}]}), json!({"id": "a"})));
    }

    #[test]
    fn numeric_compares_numbers_with_every_bound() {
        let pattern = json!({"n": [{"numeric": [">=", 1, "<", 10]}]});
        assert!(passes(pattern.clone(), json!({"n": 1})));
        assert!(!passes(pattern.clone(), json!({"n": 10})));
        // DynamoDB writes numbers as text, which `numeric` does not match, here as in Lambda.
        assert!(!passes(pattern, json!({"n": "5"})));
    }

    #[test]
    fn an_operator_that_is_not_known_is_an_error() {
        for pattern in [
            r#"{"a": [{"suffix": "x"}]}"#,
            r#"{"$or": [{"a": [1]}]}"#,
            r#"{"a": [{"numeric": ["~", 1]}]}"#,
            r#"{"a": [{"prefix": "x", "exists": true}]}"#,
            r#"{"a": "x"}"#,
            r#"{"a": []}"#,
            "[]",
            "{",
        ] {
            assert!(Filter::parse(pattern).is_err(), "{pattern}");
        }
    }
}
