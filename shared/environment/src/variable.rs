use std::str::FromStr;

use crate::{ConfigError, Environment, parse};

/// A variable that a program reads.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    pub name: &'static str,
    /// What counts when it is not set; empty where that is nothing.
    pub default: &'static str,
    /// What it sets, in a few words, for whoever sets it.
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

    /// The http or https URL that it is set to; `None` when it is not set.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when it is no such URL.
    pub fn url<'a>(&self, env: &'a Environment) -> Result<Option<&'a str>, ConfigError> {
        match self.value(env) {
            "" => Ok(None),
            url if is_url(url) => Ok(Some(url)),
            _ => Err(self.invalid(env, "an http or https URL, such as http://127.0.0.1:8000")),
        }
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

/// Whether a text begins as an http or https URL does, with a host. Whoever connects finds out about the rest.
pub fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}
