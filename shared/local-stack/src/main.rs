//! Runs all of OrderMaster on one machine.
//!
//! | command | |
//! |---|---|
//! | `local-stack` | serves it, until Ctrl-C |
//! | `local-stack env` | prints the functions' environment for `cargo lambda watch --env-file` |
//! | `local-stack sam-env` | prints the same for `sam local invoke --env-vars`: to a container, this machine is host.docker.internal |
//!
//! Configured by environment variables:
//!
//! | variable | default | |
//! |---|---|---|
//! | `LISTEN` | | one more address to listen at, beside 127.0.0.1: an IP address, a network interface's name (`docker0`) or a host's |
//! | `PORT` | 3000 | of the HTTP gateway; 0 takes a free one |
//! | `DYNAMODB_PORT` | 8000 | of the embedded DynamoDB; 0 takes a free one |
//! | `EVENTS_PORT` | 8001 | of EventBridge, if the template has an event bus; 0 takes a free one |
//! | `DATA` | `.local` | folder of items, messages, checkpoints and mails, or `memory` |
//! | `DYNAMODB_ENDPOINT` | | URL of another DynamoDB to use instead |
//! | `TEMPLATE` | `template.yaml` | |
//! | `FUNCTIONS` | | URL at which `cargo lambda watch` runs the functions; there is no HTTP gateway then |
//! | `FULFILMENT` | | `on` or `off`: sets the template's parameter `Fulfilment` |
//! | `LOG_LEVEL` | `info` | |

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use local_stack::functions::FUNCTIONS;
use local_stack::template::Template;
use local_stack::{BusFaults, Data, DynamoDb, LocalStack, Options, StartError, merged_environment};
use serde_json::json;

const FIRST_ORDER: &str = r#"{"customer_id": "c-1", "items": [{"product_id": "p-1", "quantity": 2, "unit_price": "49.99"}], "shipping_address": {"street": "1 Main St", "city": "Springfield", "postal_code": "12345"}}"#;

/// What ends the program with one sentence.
#[derive(Debug, thiserror::Error)]
enum MainError {
    #[error("{name} is `{value}`, which is not a port from 0 to 65535")]
    Port { name: &'static str, value: String },
    #[error("the functions need a fixed {0} to find it, not 0")]
    NoFixedPort(&'static str),
    #[error("FULFILMENT is `{0}`, which is neither `on` nor `off`")]
    Fulfilment(String),
    #[error("`{0}` is not a command; there are `local-stack`, `local-stack env` and `local-stack sam-env`")]
    Command(String),
    #[error("cannot wait for signals: {0}")]
    Signal(std::io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => serve().await,
        ["env"] => environment("127.0.0.1").map(|variables| {
            for (name, value) in variables {
                println!("{name}={value}");
            }
        }),
        ["sam-env"] => {
            environment("host.docker.internal").map(|variables| println!("{:#}", json!({ "Parameters": variables })))
        }
        [other, ..] => Err(MainError::Command((*other).to_owned())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local-stack: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), MainError> {
    log_readable_lines();
    let options = options()?;
    let kept = match (&options.dynamodb, &options.data) {
        (DynamoDb::Endpoint(_), _) => "not ours".to_owned(),
        (_, Data::Memory) => "in memory".to_owned(),
        (_, Data::Folder(folder)) => format!("kept in {}", folder.display()),
    };
    let is_remote = options.remote_functions.is_some();
    let stopped = signal()?;
    let stack = LocalStack::start(options, FUNCTIONS).await?;
    println!("DynamoDB   {} ({kept})", stack.dynamodb_endpoint());
    if let Some(endpoint) = stack.events_endpoint() {
        println!("Events     {endpoint}");
    }
    println!("Functions  {}", stack.url());
    if !is_remote {
        println!("Try this:");
        println!(
            "  curl -i {}/orders -H 'content-type: application/json' -d '{FIRST_ORDER}'",
            stack.url()
        );
    }
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
fn environment(host: &str) -> Result<BTreeMap<String, String>, MainError> {
    let options = options()?;
    let template = Template::read_with(&options.template, &options.parameters).map_err(StartError::from)?;
    let mailer = options.mailer();
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
    let is_set = |name: &str| !is_embedded && variable(name).is_some();
    Ok(merged_environment(
        &template,
        &endpoint,
        &mailer,
        events_endpoint.as_deref(),
        is_set,
    )?)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn options() -> Result<Options, MainError> {
    let data = match variable("DATA").as_deref() {
        Some("memory") => Data::Memory,
        folder => Data::Folder(PathBuf::from(folder.unwrap_or(".local"))),
    };
    Ok(Options {
        template: variable("TEMPLATE")
            .unwrap_or_else(|| "template.yaml".to_owned())
            .into(),
        parameters: fulfilment()?,
        maildir: match &data {
            Data::Memory => None,
            Data::Folder(folder) => Some(folder.join("maildir")),
        },
        data,
        listen: variable("LISTEN"),
        port: port("PORT", variable("PORT"), 3000)?,
        dynamodb: match variable("DYNAMODB_ENDPOINT") {
            Some(url) => DynamoDb::Endpoint(url),
            None => DynamoDb::Embedded {
                port: port("DYNAMODB_PORT", variable("DYNAMODB_PORT"), 8000)?,
            },
        },
        events_port: port("EVENTS_PORT", variable("EVENTS_PORT"), 8001)?,
        bus_faults: BusFaults::default(),
        function_dynamodb_endpoint: None,
        remote_functions: variable("FUNCTIONS"),
    })
}

fn fulfilment() -> Result<BTreeMap<String, String>, MainError> {
    let state = match variable("FULFILMENT").as_deref() {
        None => return Ok(BTreeMap::new()),
        Some("on") => "ENABLED",
        Some("off") => "DISABLED",
        Some(other) => return Err(MainError::Fulfilment(other.to_owned())),
    };
    Ok(BTreeMap::from([("Fulfilment".to_owned(), state.to_owned())]))
}

fn port(name: &'static str, value: Option<String>, default: u16) -> Result<u16, MainError> {
    match value {
        Some(value) => value.parse().map_err(|_| MainError::Port { name, value }),
        None => Ok(default),
    }
}

fn log_readable_lines() {
    // It warns of every condition that failed, which is how an event store finds its conflicts.
    let filter = match "dynoxide=error".parse() {
        Ok(quiet) => lambda_edge::telemetry::level().add_directive(quiet),
        Err(_) => lambda_edge::telemetry::level(),
    };
    tracing_subscriber::fmt()
        .compact()
        .with_target(false)
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stdout()))
        .init();
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
