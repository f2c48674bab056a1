//! Why a template cannot be used.

use crate::filter::FilterError;

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

/// What is wrong with an ARN that should be one of these.
pub(super) const OF_A_QUEUE: Problem = Problem::Expected("the Arn of a queue of this template");
