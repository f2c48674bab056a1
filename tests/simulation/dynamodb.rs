//! DynamoDB as a run has it: embedded, reached without sockets or threads, and late and faulty as the seed has it.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::error::ConnectorError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use dynoxide::Database;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::database::carry_out;
use super::faults::{Fault, Faults};
use super::replica::Replica;
use crate::support::in_own_region;

#[derive(Clone)]
pub struct DynamoDb(Arc<Shared>);

struct Shared {
    database: Database,
    replica: Replica,
    faults: Mutex<Faults>,
    started: Instant,
    trace: Mutex<Vec<String>>,
}

impl DynamoDb {
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            database: Database::memory().unwrap(),
            replica: Replica::new(),
            faults: Mutex::new(Faults::NONE),
            started: Instant::now(),
            trace: Mutex::default(),
        }))
    }

    pub fn faults(&self) -> Faults {
        *self.0.faults.lock().unwrap()
    }

    pub fn set_faults(&self, faults: Faults) {
        *self.0.faults.lock().unwrap() = faults;
    }

    /// Notes what happened at this virtual moment.
    pub fn note(&self, what: impl fmt::Display) {
        let at = self.0.started.elapsed().as_millis();
        self.0.trace.lock().unwrap().push(format!("{at:>7} ms  {what}"));
    }

    /// What has happened, in order. It names nothing that differs between two runs of one seed.
    pub fn trace(&self) -> Vec<String> {
        self.0.trace.lock().unwrap().clone()
    }

    /// `config`, reaching this DynamoDB in the name of `actor`, through the faults.
    pub fn config_of(&self, actor: &str, config: &SdkConfig) -> SdkConfig {
        let link = Link {
            dynamodb: self.clone(),
            actor: Some(actor.into()),
        };
        link.config(config)
    }

    /// `config`, reaching this DynamoDB at once and without faults.
    pub fn calm_config(&self, config: &SdkConfig) -> SdkConfig {
        let link = Link {
            dynamodb: self.clone(),
            actor: None,
        };
        link.config(config)
    }

    /// Carries out an operation at once.
    pub fn ask(&self, operation: &str, body: &Value) -> Value {
        let answer = carry_out(&self.0.database, operation, body.to_string().as_bytes());
        serde_json::from_str(&answer.unwrap()).unwrap()
    }

    /// Carries out a request, whose effect eventually consistent reads see after `lag`.
    fn respond(&self, operation: &str, body: &[u8], lag: Duration) -> HttpResponse {
        let Shared { database, replica, .. } = &*self.0;
        let read = if lag.is_zero() {
            None
        } else {
            replica.read(operation, body)
        };
        match read.unwrap_or_else(|| carry_out(database, operation, body)) {
            Ok(answer) => {
                replica.follow(operation, body, lag);
                response(200, answer)
            }
            Err(error) => response(error.status_code(), error.to_json()),
        }
    }

    /// A request and its answer, each on its way for a while.
    async fn serve(
        self,
        actor: Arc<str>,
        operation: String,
        body: Vec<u8>,
        caller: Weak<()>,
    ) -> Result<HttpResponse, ConnectorError> {
        let faults = self.faults();
        let fault = faults.of_request(&operation);
        let (there, back) = (faults.latency(), faults.latency());
        let table = table(&body);

        sleep(there).await;
        // Of a caller who is gone, a request may arrive or may not.
        if caller.strong_count() == 0 && fastrand::bool() {
            self.note(format_args!("{actor} {operation} {table}: never sent"));
            return Err(broken());
        }
        let answer = match fault {
            Fault::Refuse(status, code) => error(status, code, json!({})),
            Fault::Cancel => cancelled(&body),
            Fault::None | Fault::LoseAnswer | Fault::AnswerWith500 => {
                self.respond(&operation, &body, faults.replica_lag)
            }
        };
        let status = answer.status().as_u16();
        self.note(format_args!("{actor} {operation} {table}: {status} {fault:?}"));
        sleep(back).await;
        match fault {
            Fault::LoseAnswer => Err(broken()),
            Fault::AnswerWith500 => Ok(error(500, "InternalServerError", json!({}))),
            _ => Ok(answer),
        }
    }
}

/// The HTTP client of one actor.
#[derive(Clone)]
struct Link {
    dynamodb: DynamoDb,
    /// `None`: the simulation itself, which sees things as they are.
    actor: Option<Arc<str>>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link of {:?}", self.actor)
    }
}

impl Link {
    fn config(self, config: &SdkConfig) -> SdkConfig {
        let connector = SharedHttpConnector::new(self);
        // Otherwise a run would depend on those before it.
        in_own_region(config, "simulated")
            .to_builder()
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }
}

impl HttpConnector for Link {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let body = request.body().bytes().unwrap().to_vec();
        let Some(actor) = self.actor.clone() else {
            return HttpConnectorFuture::ready(Ok(self.dynamodb.respond(&operation, &body, Duration::ZERO)));
        };
        let caller = Arc::new(());
        // A task of its own: what is on its way arrives, whatever becomes of the caller.
        let served = tokio::spawn(
            self.dynamodb
                .clone()
                .serve(actor, operation, body, Arc::downgrade(&caller)),
        );
        HttpConnectorFuture::new(async move {
            let answer = served.await.unwrap();
            drop(caller);
            answer
        })
    }
}

fn broken() -> ConnectorError {
    ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionReset).into())
}

fn response(status: u16, body: String) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), body.into());
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    response
}

fn error(status: u16, code: &str, details: Value) -> HttpResponse {
    let mut body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "injected" });
    if let (Value::Object(body), Value::Object(details)) = (&mut body, details) {
        body.extend(details);
    }
    response(status, body.to_string())
}

/// A cancelled transaction: its first item is in another one.
fn cancelled(body: &[u8]) -> HttpResponse {
    let body: Value = serde_json::from_slice(body).unwrap();
    let items = body["TransactItems"].as_array().unwrap().len();
    let reasons: Vec<_> = (0..items)
        .map(|item| json!({ "Code": if item == 0 { "TransactionConflict" } else { "None" } }))
        .collect();
    error(
        400,
        "TransactionCanceledException",
        json!({ "CancellationReasons": reasons }),
    )
}

/// The table that a request names, or that its first item does.
fn table(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    let table = match &body["TransactItems"][0] {
        Value::Object(item) => item.values().next().and_then(|action| action["TableName"].as_str()),
        _ => body["TableName"].as_str(),
    };
    table.unwrap_or("-").to_owned()
}

/// Long enough for everything that is on its way to have arrived.
pub const ALL_HAS_ARRIVED: Duration = Duration::from_secs(60);
