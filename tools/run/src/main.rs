//! Runs all of OrderMaster on one machine.
//!
//! | command | |
//! |---|---|
//! | `local-stack` | serves it, until Ctrl-C |
//! | `local-stack env` | prints the functions' environment for `cargo lambda watch --env-file` |
//! | `local-stack sam-env` | prints the same for `sam local invoke --env-vars`: to a container, this machine is host.docker.internal |
//! | `local-stack help` | prints the variables that configure it: [`variables`] |

use std::collections::BTreeMap;
use std::env;
use std::process::ExitCode;

use environment::{Environment, Variable};
use lambda_edge::telemetry;
use local_stack::settings::Settings;
use local_stack::template::Template;
use local_stack::{DynamoDb, LocalStack, Options, StartError, merged_environment};
use run::FUNCTIONS;
use run::banner::{Endpoints, banner};
use run::settings::{self, SettingsError, variables};
use serde_json::json;
use tracing::Level;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What ends the program with one sentence.
#[derive(Debug, thiserror::Error)]
enum MainError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("the functions need a fixed port to find it: set {0} to that of the stack, not to 0")]
    NoFixedPort(&'static str),
    #[error("`{0}` is not a command: there are `env`, `sam-env` and `help`, and none to serve")]
    Command(String),
    #[error("cannot wait for signals: {0}")]
    Signal(std::io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local-stack: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), MainError> {
    let env = Environment::of_process();
    let settings = || Ok::<_, MainError>(settings::of(&env)?);
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => return serve(settings()?).await,
        ["env"] => {
            for (name, value) in environment(settings()?.options, &env, "127.0.0.1")? {
                println!("{name}={value}");
            }
        }
        ["sam-env"] => {
            let variables = environment(settings()?.options, &env, "host.docker.internal")?;
            println!("{:#}", json!({ "Parameters": variables }));
        }
        ["help" | "--help" | "-h"] => print!("{}", help()),
        [other, ..] => return Err(MainError::Command((*other).to_owned())),
    }
    Ok(())
}

const HELP: &str = "\
local-stack runs template.yaml on this machine, until Ctrl-C.
  local-stack env      prints the functions' environment as NAME=value
  local-stack sam-env  prints it as `sam local invoke --env-vars` wants it
Variables of the environment, with their defaults:
";

fn help() -> String {
    let line = |variable: &Variable| {
        let Variable { name, default, meaning } = variable;
        format!("  {name:<18} {default:<14} {meaning}\n")
    };
    format!("{HELP}{}", variables().map(line).collect::<String>())
}

async fn serve(settings: Settings) -> Result<(), MainError> {
    log_readable_lines(settings.log_level);
    let options = settings.options;
    let template = Template::read_with(&options.template, &options.parameters).map_err(StartError::from)?;
    let stopped = signal()?;
    let stack = LocalStack::start_from(template.clone(), options.clone(), FUNCTIONS).await?;
    let endpoints = Endpoints {
        api: stack.url(),
        dynamodb: stack.dynamodb_endpoint(),
        events: stack.events_endpoint(),
    };
    print!("{}", banner(&options, &template, endpoints));
    stopped.await;
    println!("Stopping; once more to stop at once");
    let at_once = signal()?;
    tokio::select! {
        () = stack.stop() => {}
        () = at_once => {}
    }
    Ok(())
}

/// The functions' variables when they run outside of this process, where `host` is the name of this machine.
fn environment(options: Options, env: &Environment, host: &str) -> Result<BTreeMap<String, String>, MainError> {
    let template = Template::read_with(&options.template, &options.parameters).map_err(StartError::from)?;
    let (endpoint, is_embedded) = match options.dynamodb {
        DynamoDb::Endpoint(url) => (url, false),
        DynamoDb::Embedded { port: 0 } => return Err(MainError::NoFixedPort("DYNAMODB_PORT")),
        DynamoDb::Embedded { port } => (format!("http://{host}:{port}"), true),
    };
    let events_endpoint = match options.events_port {
        _ if template.buses.is_empty() => None,
        0 => return Err(MainError::NoFixedPort("EVENTS_PORT")),
        port => Some(format!("http://{host}:{port}")),
    };
    // The embedded DynamoDB takes any credentials, and those that are set may be out of date.
    let is_set = |name: &str| !is_embedded && env.non_empty(name).is_some();
    Ok(merged_environment(
        &template,
        &endpoint,
        &options.variables,
        events_endpoint.as_deref(),
        is_set,
    )?)
}

fn log_readable_lines(level: Level) {
    // It warns of every condition that failed, which is how an event store finds its conflicts.
    let filter = telemetry::filter(level).with_target("dynoxide", Level::ERROR);
    let lines = fmt::layer()
        .compact()
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stdout()));
    tracing_subscriber::registry().with(lines).with(filter).init();
}

/// Listens from now on; the future ends with Ctrl-C or SIGTERM.
fn signal() -> Result<impl Future<Output = ()>, MainError> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(MainError::Signal)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(MainError::Signal)?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        // An error says that there is no Ctrl-C to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
