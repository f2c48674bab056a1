//! A function's configuration: the `Environment` that template.yaml gives it.

use std::collections::HashMap;
use std::str::FromStr;

/// The environment variables of one function.
///
/// In Lambda they are the process's; the local stack runs all functions in one process and takes each function's
/// from template.yaml.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<String, String>);

/// A variable that is missing or unusable. The function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    #[error("the environment variable {name} is `{value}`, which is not {expected}")]
    Invalid {
        name: &'static str,
        value: String,
        expected: &'static str,
    },
}

impl Environment {
    /// The process's own environment.
    pub fn of_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// # Errors
    /// [`ConfigError::Missing`] when the variable is not set.
    pub fn required(&self, name: &'static str) -> Result<&str, ConfigError> {
        self.optional(name).ok_or(ConfigError::Missing(name))
    }

    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A required variable, parsed. `expected` completes the sentence "which is not …".
    ///
    /// # Errors
    /// [`ConfigError`] when the variable is not set or does not parse.
    pub fn parsed<T: FromStr>(&self, name: &'static str, expected: &'static str) -> Result<T, ConfigError> {
        let value = self.required(name)?;
        value.parse().map_err(|_| ConfigError::Invalid {
            name,
            value: value.to_owned(),
            expected,
        })
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}
