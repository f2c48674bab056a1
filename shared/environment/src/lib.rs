//! What a process is told by its environment variables.
//!
//! - [`Environment`]: the variables of a function, or of a program
//! - [`Variable`]: one that a program reads, as its help lists it
//! - [`spelling`]: which known word a wrong one was meant to be

pub mod spelling;
mod variable;

use std::collections::HashMap;
use std::str::FromStr;

pub use variable::{Variable, is_url};

/// The environment variables of one function, or of a program.
///
/// In Lambda they are the process's; the local stack runs all functions in one process and takes each function's
/// from template.yaml.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<String, String>);

/// A variable that is missing, unusable or unknown. The function, or program, cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    #[error("the environment variable {name} is `{value}`, which is not {expected}")]
    Invalid {
        name: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error(
        "the environment variable {name} is not known: set {meant}, or unset {name} if it is meant for something else"
    )]
    Misspelt { name: String, meant: String },
}

impl Environment {
    /// The process's own environment.
    pub fn of_process() -> Self {
        // What is not Unicode may belong to anybody; in a variable that is read, the odd character is seen to be wrong.
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        std::env::vars_os()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    /// # Errors
    /// [`ConfigError::Missing`] when the variable is not set.
    pub fn required(&self, name: &'static str) -> Result<&str, ConfigError> {
        self.optional(name).ok_or(ConfigError::Missing(name))
    }

    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The same, where empty is as good as not set.
    pub fn non_empty(&self, name: &str) -> Option<&str> {
        self.optional(name).filter(|value| !value.is_empty())
    }

    /// A required variable, parsed. `expected` completes the sentence "which is not …".
    ///
    /// # Errors
    /// [`ConfigError`] when the variable is not set or does not parse.
    pub fn parsed<T: FromStr>(&self, name: &'static str, expected: &'static str) -> Result<T, ConfigError> {
        parse(name, self.required(name)?, expected)
    }

    /// Looks for a variable that is set and has the name of a `known` one misspelt, so that it would have no effect. The names `of_others` may
    /// be near to one of them and mean something else.
    ///
    /// # Errors
    /// [`ConfigError::Misspelt`], of the first by name.
    pub fn check_names<'a>(
        &self,
        known: impl IntoIterator<Item = &'a str>,
        of_others: &[&str],
    ) -> Result<(), ConfigError> {
        let known: Vec<_> = known.into_iter().collect();
        let is_unknown = |name: &&String| !known.contains(&name.as_str()) && !of_others.contains(&name.as_str());
        let set = self.0.keys().filter(|name| self.non_empty(name).is_some());
        let misspelt = set.filter(is_unknown).filter_map(|name| {
            let meant = spelling::nearest(name, known.iter().copied())?;
            Some((name, meant))
        });
        match misspelt.min() {
            Some((name, meant)) => Err(ConfigError::Misspelt {
                name: name.clone(),
                meant: meant.to_owned(),
            }),
            None => Ok(()),
        }
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

fn parse<T: FromStr>(name: &'static str, value: &str, expected: &'static str) -> Result<T, ConfigError> {
    value.parse().map_err(|_| ConfigError::Invalid {
        name,
        value: value.to_owned(),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 11] = [
        "DATA",
        "DYNAMODB_ENDPOINT",
        "DYNAMODB_PORT",
        "EVENTS",
        "EVENTS_PORT",
        "FULFILMENT",
        "FUNCTIONS",
        "LOG_LEVEL",
        "PARAMETERS",
        "PORT",
        "TEMPLATE",
    ];

    const OF_OTHERS: [&str; 4] = ["DYNAMODB_HOST", "EVENT", "FUNCTION", "PORTS"];

    fn check(name: &str, value: &str) -> Result<(), ConfigError> {
        let environment = Environment::from_iter([(name.to_owned(), value.to_owned())]);
        environment.check_names(KNOWN, &OF_OTHERS)
    }

    #[test]
    fn a_misspelt_name_is_an_error_that_names_the_right_one() {
        for (name, meant) in [
            ("FULFILLMENT", "FULFILMENT"),
            ("FULLFILLMENT", "FULFILMENT"),
            ("LOGLEVEL", "LOG_LEVEL"),
            ("log_level", "LOG_LEVEL"),
            ("DYNAMO_PORT", "DYNAMODB_PORT"),
            ("DYNAMODB_ENPOINT", "DYNAMODB_ENDPOINT"),
            ("DYNAMO_DB_ENDPOINT_URL", "DYNAMODB_ENDPOINT"),
            ("EVENT_PORT", "EVENTS_PORT"),
            ("PARAMETER", "PARAMETERS"),
            ("TEMPLATES", "TEMPLATE"),
            ("PROT", "PORT"),
            ("PRT", "PORT"),
            ("DTAA", "DATA"),
        ] {
            let error = check(name, "1").expect_err(name);
            let meant = meant.to_owned();
            let name = name.to_owned();
            assert_eq!(error, ConfigError::Misspelt { name, meant });
        }
        assert_eq!(
            check("FULFILLMENT", "off").expect_err("an error").to_string(),
            "the environment variable FULFILLMENT is not known: set FULFILMENT, or unset FULFILLMENT if it is meant for \
             something else"
        );
    }

    #[test]
    fn what_is_near_by_chance_is_none_of_ours() {
        for name in [
            "DATE",
            "POST",
            "HOST",
            "SORT",
            "PATH",
            "PORTS",
            "FUNCTION",
            "EVENT",
            "WATCH_PORT",
            "DYNAMODB_HOST",
            "TERM",
            "LISTEN_FDS",
            "LOGNAME",
            "AWS_ENDPOINT_URL_DYNAMODB",
            "EVENT_STORE_TABLE",
            "HOME",
        ] {
            assert_eq!(check(name, "1"), Ok(()), "{name}");
        }
        assert_eq!(check("FULFILLMENT", ""), Ok(()), "it says nothing");
    }

    #[test]
    fn of_several_misspelt_names_the_first_is_told_whatever_the_order_of_the_map() {
        let names = ["PARAMETER", "LOGLEVEL", "FULFILLMENT", "EVENT_PORT"];
        for _ in 0..8 {
            let environment: Environment = names
                .map(|name| (name.to_owned(), "1".to_owned()))
                .into_iter()
                .collect();
            let error = environment.check_names(KNOWN, &OF_OTHERS).expect_err("an error");
            assert!(error.to_string().contains("set EVENTS_PORT"), "{error}");
        }
    }
}
