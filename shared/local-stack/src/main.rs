//! Runs all of OrderMaster on one machine.
//!
//! `local-stack` serves it; `local-stack env` prints the environment for `cargo lambda watch --env-file`. Configured by
//! environment variables:
//!
//! | variable | default | |
//! |---|---|---|
//! | `PORT` | 3000 | of the HTTP gateway; 0 takes a free one |
//! | `DYNAMODB_PORT` | 8000 | of the embedded DynamoDB; 0 takes a free one |
//! | `DATA` | `.local` | folder of items and checkpoints, or `memory` |
//! | `DYNAMODB_ENDPOINT` | | URL of another DynamoDB to use instead |
//! | `TEMPLATE` | `template.yaml` | |
//! | `FUNCTIONS` | | URL at which `cargo lambda watch` runs the functions; there is no HTTP gateway then |
//! | `LOG_LEVEL` | `info` | |

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use local_stack::dynamodb::DUMMY_ENVIRONMENT;
use local_stack::functions::FUNCTIONS;
use local_stack::template::Template;
use local_stack::{Data, DynamoDb, LocalStack, Options, StartError, merged_environment};

const FIRST_ORDER: &str = r#"{"customer_id": "c-1", "items": [{"product_id": "p-1", "quantity": 2, "unit_price": "49.99"}], "shipping_address": {"street": "1 Main St", "city": "Springfield", "postal_code": "12345"}}"#;

/// What ends the program with one sentence.
#[derive(Debug, thiserror::Error)]
enum MainError {
    #[error("{name} is `{value}`, which is not a port from 0 to 65535")]
    Port { name: &'static str, value: String },
    #[error("the DynamoDB needs a fixed DYNAMODB_PORT for the functions to find it, not 0")]
    NoFixedPort,
    #[error("`{0}` is not a command; there are `local-stack` and `local-stack env`")]
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
        ["env"] => print_environment(),
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
    let data = match &options.data {
        Data::Memory => "in memory".to_owned(),
        Data::Folder(folder) => format!("in {}", folder.display()),
    };
    let is_remote = options.remote_functions.is_some();
    let stopped = signal()?;
    let stack = LocalStack::start(options, FUNCTIONS).await?;
    println!("DynamoDB   {} (local data {data})", stack.dynamodb_endpoint());
    println!("Functions  {}", stack.url());
    if !is_remote {
        println!("Try this:");
        println!(
            "  curl -i {}/orders -H 'content-type: application/json' -d '{FIRST_ORDER}'",
            stack.url()
        );
    }
    stopped.await;
    println!("Stopping");
    stack.stop().await;
    Ok(())
}

fn print_environment() -> Result<(), MainError> {
    let options = options()?;
    let template = Template::read(&options.template).map_err(StartError::from)?;
    let mut variables = merged_environment(&template)?;
    let (endpoint, is_embedded) = match options.dynamodb {
        DynamoDb::Endpoint(url) => (url, false),
        DynamoDb::Embedded { port: 0 } => return Err(MainError::NoFixedPort),
        DynamoDb::Embedded { port } => (format!("http://127.0.0.1:{port}"), true),
    };
    variables.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), endpoint);
    for (name, value) in DUMMY_ENVIRONMENT {
        // Another DynamoDB may ask for real credentials; those that are set reach the functions without our help.
        if is_embedded || env::var_os(name).is_none() {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    for (name, value) in variables {
        println!("{name}={value}");
    }
    Ok(())
}

fn options() -> Result<Options, MainError> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    Ok(Options {
        template: variable("TEMPLATE")
            .unwrap_or_else(|| "template.yaml".to_owned())
            .into(),
        data: match variable("DATA").as_deref() {
            Some("memory") => Data::Memory,
            folder => Data::Folder(PathBuf::from(folder.unwrap_or(".local"))),
        },
        port: port("PORT", variable("PORT"), 3000)?,
        dynamodb: match variable("DYNAMODB_ENDPOINT") {
            Some(url) => DynamoDb::Endpoint(url),
            None => DynamoDb::Embedded {
                port: port("DYNAMODB_PORT", variable("DYNAMODB_PORT"), 8000)?,
            },
        },
        function_dynamodb_endpoint: None,
        remote_functions: variable("FUNCTIONS"),
    })
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
