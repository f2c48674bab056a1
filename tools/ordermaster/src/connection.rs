//! Which DynamoDB, and which tables in it.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use clap::Args;
use environment::{ConfigError, Environment, Variable, is_url};
use event_store::EventStore;
use lambda_edge::aws;
use operations::Replayer;
use projector::{ParkedEvents, Parkers};
use read_models::day::{REPORT_TIME_ZONE, Zone};

use crate::error::CliError;
use crate::stack_tables;

const DYNAMODB_ENDPOINT: Variable = Variable {
    name: "DYNAMODB_ENDPOINT",
    default: "",
    meaning: "URL of the DynamoDB to work on",
};
const DYNAMODB_PORT: Variable = Variable {
    name: "DYNAMODB_PORT",
    default: "8000",
    meaning: "on which `make run` serves its DynamoDB",
};
const EVENTS_PORT: Variable = Variable {
    name: "EVENTS_PORT",
    default: "8001",
    meaning: "on which `make run` serves EventBridge",
};
const BUS_URL: Variable = Variable {
    name: "AWS_ENDPOINT_URL_EVENTBRIDGE",
    default: "",
    meaning: "where the event bus is, unless it is AWS's",
};
const EVENT_BUS: Variable = Variable {
    name: "EVENT_BUS",
    default: "orders",
    meaning: "the name of the event bus",
};
/// The shards of the index, with the default of template.yaml.
pub const EVENT_TYPE_SHARDS: Variable = Variable {
    name: "EVENT_TYPE_SHARDS",
    default: "8",
    meaning: "over how many keys the index spreads the events of a type",
};

/// The variables that are read, beside those of [`tables::ALL`].
const VARIABLES: [Variable; 7] = [
    DYNAMODB_ENDPOINT,
    DYNAMODB_PORT,
    EVENTS_PORT,
    BUS_URL,
    EVENT_BUS,
    EVENT_TYPE_SHARDS,
    REPORT_TIME_ZONE,
];

/// Near to one of ours, and of something else.
const OF_OTHERS: [&str; 1] = ["DYNAMODB_HOST"];

#[derive(Debug, Args)]
pub struct ConnectionOptions {
    /// The deployed CloudFormation stack to work on, with the credentials and region of the AWS environment
    #[arg(long, global = true, value_name = "NAME")]
    stack: Option<String>,
    /// The DynamoDB to work on; by default DYNAMODB_ENDPOINT, or the one of `make run` on DYNAMODB_PORT (8000)
    #[arg(long, global = true, value_name = "URL")]
    endpoint_url: Option<String>,
}

/// The tables to work on.
pub struct Connection {
    client: Client,
    config: SdkConfig,
    /// The environment as a function would have it.
    env: Environment,
    /// Where the DynamoDB is, unless it is AWS's.
    endpoint: Option<Endpoint>,
}

/// The URL of a DynamoDB.
enum Endpoint {
    Named(String),
    /// Nothing was named: that of a `make run`.
    Default(String),
}

impl Connection {
    /// # Errors
    /// When a variable is misspelt or means nothing, the endpoint is no URL, or a stack's tables are not found.
    pub async fn open(options: ConnectionOptions, env: &Environment) -> Result<Self, CliError> {
        let variables = VARIABLES.iter().map(|variable| variable.name);
        env.check_names(
            variables.chain(tables::ALL.iter().map(|table| table.variable)),
            &OF_OTHERS,
        )?;
        EVENT_TYPE_SHARDS.parsed::<NonZeroU32>(env, "a whole number from 1")?;
        let variable = |name: &str| env.non_empty(name);
        let named = match (&options.stack, options.endpoint_url) {
            (_, Some(url)) if !is_url(&url) => return Err(CliError::Endpoint { url }),
            (_, Some(url)) => Some(url),
            // What is set for local work must not lead astray from a deployed stack.
            (Some(_), None) => None,
            (None, None) => DYNAMODB_ENDPOINT.url(env)?.map(str::to_owned),
        };
        let endpoint = match (&options.stack, named) {
            (_, Some(url)) => Some(Endpoint::Named(url)),
            (Some(_), None) => None,
            (None, None) => Some(Endpoint::Default(local_url(&DYNAMODB_PORT, env)?)),
        };
        let is_set = |name: &str| variable(name).is_some();
        let config = match &endpoint {
            None => config(None, is_set).await,
            Some(Endpoint::Named(url)) => config(Some(url), is_set).await,
            // It takes any credentials; those of the environment may be for something else, or out of date.
            Some(Endpoint::Default(url)) => config(Some(url), |_| false).await,
        };
        let client = Client::new(&config);
        let is_local = config.endpoint_url().is_some();

        let mut variables = Vec::new();
        let names = match options.stack {
            Some(_) if tables::ALL.iter().all(|table| variable(table.variable).is_some()) => Vec::new(),
            Some(_) => stack_tables::list(&client).await?,
            None => Vec::new(),
        };
        for table in tables::ALL {
            let (name, logical_id) = (table.variable, table.logical_id);
            let found = match (variable(name), &options.stack) {
                (Some(named), _) => named,
                (None, Some(stack)) => stack_tables::of_stack(&names, stack, name, logical_id)?,
                (None, None) => logical_id,
            };
            variables.push((name.to_owned(), found.to_owned()));
        }
        Zone::from_env(env)?;
        for variable in [EVENT_TYPE_SHARDS, EVENT_BUS, REPORT_TIME_ZONE] {
            variables.push((variable.name.to_owned(), variable.value(env).to_owned()));
        }
        if is_local {
            let url = match BUS_URL.url(env)? {
                Some(url) => url.to_owned(),
                None => local_url(&EVENTS_PORT, env)?,
            };
            variables.push((BUS_URL.name.to_owned(), url));
        }
        Ok(Self {
            client,
            config,
            env: variables.into_iter().collect(),
            endpoint,
        })
    }

    pub fn events(&self) -> Result<EventStore, CliError> {
        Ok(EventStore::from_env(&self.env, self.client.clone())?)
    }

    pub fn parked(&self) -> Result<ParkedEvents, CliError> {
        Ok(ParkedEvents::from_env(&self.env, self.client.clone())?)
    }

    pub fn replayer(&self) -> Result<Replayer, CliError> {
        Ok(Replayer::from_env(&self.env, self.client.clone())?)
    }

    pub fn parkers(&self) -> Result<Parkers, CliError> {
        Ok(operations::parkers(&self.env, self.client.clone(), &self.config)?)
    }

    /// Whoever reached no DynamoDB is told which one was tried.
    pub fn explained(&self, error: CliError) -> CliError {
        if !error.is_unreachable() {
            return error;
        }
        let source = Box::new(error);
        match &self.endpoint {
            None => *source,
            Some(Endpoint::Named(endpoint)) => CliError::At {
                endpoint: endpoint.clone(),
                source,
            },
            Some(Endpoint::Default(endpoint)) => CliError::Local {
                endpoint: endpoint.clone(),
                source,
            },
        }
    }
}

/// The URL of what `make run` serves on the port in a variable.
fn local_url(variable: &Variable, env: &Environment) -> Result<String, ConfigError> {
    let port: NonZeroU16 = variable.parsed(env, "the port of a running `make run`, from 1 to 65535")?;
    Ok(format!("http://127.0.0.1:{port}"))
}

/// Credentials come from where the AWS SDK looks for them: `AWS_ACCESS_KEY_ID` and its kind, profile files with keys or a
/// role to assume, a web identity, a container's or machine's role. Not from SSO sessions and credential processes, which
/// are left out of the SDK's build. A DynamoDB that is not AWS gets dummies where `is_set` says that nothing is set.
async fn config(endpoint: Option<&str>, is_set: impl Fn(&str) -> bool) -> SdkConfig {
    // An operator waits longer than a caller of the API, and may sit behind a slow line: a page of a scan is 1 MB.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(20))
        .operation_attempt_timeout(Duration::from_secs(30))
        .operation_timeout(Duration::from_secs(90))
        .build();
    let mut loader = aws::defaults()
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3));
    if let Some(url) = endpoint {
        loader = loader.endpoint_url(url);
        if !is_aws(url) {
            let is_any_set = |names: &[&str]| names.iter().any(|name| is_set(name));
            if !is_any_set(&["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"]) {
                loader = loader.region(Region::from_static("us-east-1"));
            }
            if !is_any_set(&["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"]) {
                loader = loader.credentials_provider(Credentials::new("local", "local", None, None, "local"));
            }
        }
    }
    loader.load().await
}

fn is_aws(url: &str) -> bool {
    let host = url.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next());
    host.is_some_and(|host| host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
}
