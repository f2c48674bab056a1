use std::str::FromStr;

use crate::{ConfigError, Environment, parse};

/// A variable that a program reads.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    pub name: &'static str,
    /// What counts when it is not set; empty where that is nothing.
    pub default: &'static str,
    /// For whoever sets it, in a few words.
    pub meaning: &'static str,
}

impl Variable {
    /// What it is set to, or its default. Empty is as good as not set.
    pub fn value<'a>(&self, env: &'a Environment) -> &'a str {
        env.non_empty(self.name).unwrap_or(self.default)
    }

    /// The same, parsed. `expected` completes the sentence "which is not …".
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when it does not parse.
    pub fn parsed<T: FromStr>(&self, env: &Environment, expected: &'static str) -> Result<T, ConfigError> {
        parse(self.name, self.value(env), expected)
    }

    /// An error that says what it should be. `expected` completes the sentence "which is not …".
    pub fn invalid(&self, env: &Environment, expected: &'static str) -> ConfigError {
        ConfigError::Invalid {
            name: self.name,
            value: self.value(env).to_owned(),
            expected,
        }
    }
}
