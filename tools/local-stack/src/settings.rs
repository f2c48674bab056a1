//! What the environment asks of a stack: each variable once, in [`VARIABLES`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use environment::{ConfigError, Environment, Variable, spelling};
use lambda_edge::telemetry;
use tracing::Level;

use crate::options::{BusFaults, Data, DynamoDb, Options};

const LISTEN: Variable = Variable {
    name: "LISTEN",
    default: "",
    meaning: "one more address to listen at beside 127.0.0.1: an IP address, a network interface (docker0) or a host",
};
const PORT: Variable = Variable {
    name: "PORT",
    default: "3000",
    meaning: "of the HTTP API; 0 takes a free one",
};
const DYNAMODB_PORT: Variable = Variable {
    name: "DYNAMODB_PORT",
    default: "8000",
    meaning: "of the embedded DynamoDB; 0 takes a free one",
};
const EVENTS_PORT: Variable = Variable {
    name: "EVENTS_PORT",
    default: "8001",
    meaning: "of EventBridge, if the template has an event bus; 0 takes a free one",
};
const DATA: Variable = Variable {
    name: "DATA",
    default: ".local",
    meaning: "folder of items, messages, checkpoints and mails, or `memory`",
};
const DYNAMODB_ENDPOINT: Variable = Variable {
    name: "DYNAMODB_ENDPOINT",
    default: "",
    meaning: "URL of another DynamoDB to use instead",
};
const TEMPLATE: Variable = Variable {
    name: "TEMPLATE",
    default: "template.yaml",
    meaning: "the SAM template to run",
};
pub const PARAMETERS: Variable = Variable {
    name: "PARAMETERS",
    default: "",
    meaning: "values of the template's parameters: Name=Value Name2=\"a value with spaces\"",
};
const FUNCTIONS: Variable = Variable {
    name: "FUNCTIONS",
    default: "",
    meaning: "URL at which `cargo lambda watch` runs the functions; there is no HTTP API of our own then",
};
const LOG_LEVEL: Variable = Variable {
    name: telemetry::LOG_LEVEL,
    default: "info",
    meaning: "`error`, `warn`, `info`, `debug` or `trace`",
};

/// Every variable that [`Settings::of`] reads.
pub const VARIABLES: [Variable; 10] = [
    LISTEN,
    PORT,
    DYNAMODB_PORT,
    EVENTS_PORT,
    DATA,
    DYNAMODB_ENDPOINT,
    TEMPLATE,
    PARAMETERS,
    FUNCTIONS,
    LOG_LEVEL,
];

/// What the environment asks for.
#[derive(Debug)]
pub struct Settings {
    pub options: Options,
    pub log_level: Level,
}

/// What is wrong with a variable, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Variable(#[from] ConfigError),
    #[error("DATA is `{0}`: set it to `memory` to keep nothing, or to `./{0}` for a folder of that name")]
    AlmostMemory(String),
    #[error("PARAMETERS has a quote that is not closed: set it to Name=Value Name2=\"a value with spaces\"")]
    OpenQuote,
    /// Without the word itself, which may be part of a secret.
    #[error("word {0} of PARAMETERS is not Name=Value: set it to Name=Value Name2=\"a value with spaces\"")]
    NoParameter(usize),
    #[error("PARAMETERS gives {0} two values: set it once")]
    Twice(String),
}

impl Settings {
    /// # Errors
    /// [`SettingsError`], of the first variable that has a value that means nothing.
    pub fn of(env: &Environment) -> Result<Self, SettingsError> {
        let options = Options {
            template: TEMPLATE.value(env).into(),
            parameters: parameters(env)?,
            data: data(env)?,
            listen: env.non_empty(LISTEN.name).map(str::to_owned),
            port: port(&PORT, env)?,
            dynamodb: match (DYNAMODB_ENDPOINT.url(env)?, port(&DYNAMODB_PORT, env)?) {
                (Some(url), _) => DynamoDb::Endpoint(url.to_owned()),
                (None, port) => DynamoDb::Embedded { port },
            },
            events_port: port(&EVENTS_PORT, env)?,
            bus_faults: BusFaults::default(),
            function_dynamodb_endpoint: None,
            remote_functions: FUNCTIONS.url(env)?.map(str::to_owned),
            variables: BTreeMap::new(),
        };
        Ok(Self {
            options,
            log_level: telemetry::level(env)?,
        })
    }
}

fn port(variable: &Variable, env: &Environment) -> Result<u16, SettingsError> {
    Ok(variable.parsed(env, "a port from 1 to 65535, or 0 for any that is free")?)
}

fn data(env: &Environment) -> Result<Data, SettingsError> {
    const MEMORY: &str = "memory";

    let data = DATA.value(env);
    match data {
        MEMORY => Ok(Data::Memory),
        // It would be a folder, and kept.
        _ if spelling::nearest(data, [MEMORY]).is_some() => Err(SettingsError::AlmostMemory(data.to_owned())),
        _ => Ok(Data::Folder(PathBuf::from(data))),
    }
}

/// Those of `PARAMETERS`. The template says whether they may be so.
fn parameters(env: &Environment) -> Result<BTreeMap<String, String>, SettingsError> {
    let mut parameters = BTreeMap::new();
    let words = shlex::split(PARAMETERS.value(env)).ok_or(SettingsError::OpenQuote)?;
    for (index, word) in words.iter().enumerate() {
        let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(SettingsError::NoParameter(index + 1));
        };
        if parameters.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(SettingsError::Twice(name.to_owned()));
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::of(&variables.collect())
    }

    fn options(variables: &[(&str, &str)]) -> Options {
        settings(variables).unwrap_or_else(|error| panic!("{error}")).options
    }

    #[test]
    fn without_variables_everything_is_as_the_table_says() {
        for unset in [&[][..], &VARIABLES.map(|variable| (variable.name, ""))] {
            let Settings { options, log_level } = settings(unset).expect("the defaults");
            assert_eq!((options.port, options.events_port), (3000, 8001));
            assert!(matches!(options.dynamodb, DynamoDb::Embedded { port: 8000 }));
            assert!(matches!(&options.data, Data::Folder(folder) if folder == ".local"));
            assert_eq!(options.template, PathBuf::from("template.yaml"));
            assert_eq!((options.parameters.len(), options.remote_functions), (0, None));
            assert_eq!(log_level, Level::INFO);
        }
    }

    #[test]
    fn each_variable_has_its_effect() {
        let Settings { options, log_level } = settings(&[
            ("PORT", "3001"),
            ("EVENTS_PORT", "0"),
            ("DATA", "memory"),
            ("DYNAMODB_ENDPOINT", "http://127.0.0.1:8002"),
            ("TEMPLATE", "other.yaml"),
            ("FUNCTIONS", "http://127.0.0.1:9000"),
            ("LOG_LEVEL", "debug"),
            ("UNRELATED", "x"),
        ])
        .expect("settings");
        assert_eq!((options.port, options.events_port), (3001, 0));
        assert!(matches!(options.dynamodb, DynamoDb::Endpoint(url) if url == "http://127.0.0.1:8002"));
        assert!(matches!(options.data, Data::Memory));
        assert_eq!(options.template, PathBuf::from("other.yaml"));
        assert_eq!(options.remote_functions.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(log_level, Level::DEBUG);
    }

    #[test]
    fn parameters_are_words_with_quotes_as_a_shell_has_them() {
        let parameters = |text| options(&[("PARAMETERS", text)]).parameters;
        assert_eq!(
            parameters(
                "StepTimeouts=choose_payment:5,ship:60  MailFrom='The Shop <shop@example.org>' Key=\"a=b\" Empty="
            ),
            [
                ("Empty", ""),
                ("Key", "a=b"),
                ("MailFrom", "The Shop <shop@example.org>"),
                ("StepTimeouts", "choose_payment:5,ship:60"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
        );
        assert!(parameters("").is_empty());
    }

    #[test]
    fn what_means_nothing_is_one_sentence_that_names_the_variable_and_what_it_may_be() {
        const PORT_RANGE: &str = "which is not a port from 1 to 65535, or 0 for any that is free";
        const URL: &str = "which is not an http or https URL, such as http://127.0.0.1:8000";
        const FORM: &str = "set it to Name=Value Name2=\"a value with spaces\"";
        for (name, value, expected) in [
            (
                "PORT",
                "abc",
                format!("the environment variable PORT is `abc`, {PORT_RANGE}"),
            ),
            (
                "PORT",
                "70000",
                format!("the environment variable PORT is `70000`, {PORT_RANGE}"),
            ),
            (
                "DYNAMODB_PORT",
                "-1",
                format!("the environment variable DYNAMODB_PORT is `-1`, {PORT_RANGE}"),
            ),
            (
                "EVENTS_PORT",
                "8001 ",
                format!("the environment variable EVENTS_PORT is `8001 `, {PORT_RANGE}"),
            ),
            (
                "DYNAMODB_ENDPOINT",
                "localhost:8000",
                format!("the environment variable DYNAMODB_ENDPOINT is `localhost:8000`, {URL}"),
            ),
            (
                "DYNAMODB_ENDPOINT",
                "http://",
                format!("the environment variable DYNAMODB_ENDPOINT is `http://`, {URL}"),
            ),
            (
                "FUNCTIONS",
                "ftp://x",
                format!("the environment variable FUNCTIONS is `ftp://x`, {URL}"),
            ),
            (
                "LOG_LEVEL",
                "loud",
                "the environment variable LOG_LEVEL is `loud`, which is not one of error, warn, info, debug and trace"
                    .to_owned(),
            ),
            (
                "DATA",
                "memroy",
                "DATA is `memroy`: set it to `memory` to keep nothing, or to `./memroy` for a folder of that name"
                    .to_owned(),
            ),
            (
                "PARAMETERS",
                "Key='x",
                format!("PARAMETERS has a quote that is not closed: {FORM}"),
            ),
            (
                "PARAMETERS",
                "A=b debug",
                format!("word 2 of PARAMETERS is not Name=Value: {FORM}"),
            ),
            (
                "PARAMETERS",
                "=b",
                format!("word 1 of PARAMETERS is not Name=Value: {FORM}"),
            ),
            (
                "PARAMETERS",
                "A=b A=c",
                "PARAMETERS gives A two values: set it once".to_owned(),
            ),
        ] {
            assert_eq!(settings(&[(name, value)]).expect_err(value).to_string(), expected);
        }
    }
}
