//! A proxy before the DynamoDB that counts requests and injects the faults that the embedded one cannot have.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::until;

/// What happens to one request of an operation.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is carried out, and nothing is answered any more, to it or to any other request. To kill a process that has
    /// written, and does not know it yet.
    Hang,
    /// It is carried out, and the connection breaks before the answer.
    LoseAnswer,
    /// It is carried out, and answered by a 500.
    AnswerWith500,
    /// It is not carried out, but answered by this error, such as `ThrottlingException`.
    Refuse(&'static str),
    /// A put is not carried out: its condition is not met by this item, which is there, in DynamoDB's JSON.
    Overtaken(Value),
    /// A transaction is not carried out but cancelled with these reasons, one per item.
    Cancel(&'static [&'static str]),
    /// It is carried out, and answered by something else.
    Alter(fn(&mut Value)),
}

/// Capacity units of tables and their indexes together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Units {
    pub read: f64,
    pub write: f64,
}

/// A request as it was made.
#[derive(Debug, Clone)]
pub struct Request {
    /// The one that it was signed for: its maker's, if each has its own.
    pub region: String,
    pub operation: String,
    pub body: Value,
}

#[derive(Default)]
struct Shared {
    /// In the order in which they strike.
    faults: VecDeque<(&'static str, Fault)>,
    operations: Vec<String>,
    /// All requests, if they are recorded.
    requests: Option<Vec<Request>>,
    /// What DynamoDB says that they cost, if it is asked.
    units: Option<Units>,
    hanging: bool,
    /// How many processes that hung or answered are dead.
    dead: u32,
    /// After how many further writes everything is to hang.
    writes_left: Option<u32>,
}

pub struct FaultProxy {
    pub endpoint: String,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Proxy {
    upstream: String,
    http: reqwest::Client,
    shared: Arc<Mutex<Shared>>,
}

impl FaultProxy {
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Mutex<Shared>>::default();
        let proxy = Proxy {
            upstream: upstream.to_owned(),
            http: super::http(),
            shared: shared.clone(),
        };
        let app = axum::Router::new().fallback(forward).with_state(proxy);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            endpoint,
            shared,
            server,
        }
    }

    /// The next request of `operation` meets this fault. Several for one operation strike one after the other.
    pub fn inject(&self, operation: &'static str, fault: Fault) {
        self.shared.lock().unwrap().faults.push_back((operation, fault));
    }

    /// Every operation requested since the last call, in order, repetitions by the SDK included.
    pub fn take_operations(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().operations)
    }

    /// From now on requests are recorded.
    pub fn record(&self) {
        self.shared.lock().unwrap().requests = Some(Vec::new());
    }

    /// Every request recorded, in order.
    pub fn recorded(&self) -> Vec<Request> {
        self.shared.lock().unwrap().requests.clone().unwrap()
    }

    /// From now on DynamoDB is asked what each request costs.
    pub fn count_units(&self) {
        self.shared.lock().unwrap().units = Some(Units::default());
    }

    /// What all requests since the last call have cost.
    pub fn take_units(&self) -> Units {
        let mut shared = self.shared.lock().unwrap();
        shared.units.replace(Units::default()).unwrap()
    }

    /// [`Fault::Hang`] at the write after so many others, whatever operation it is.
    pub fn hang_after_writes(&self, survived: u32) {
        self.shared.lock().unwrap().writes_left = Some(survived);
    }

    pub fn is_hanging(&self) -> bool {
        self.shared.lock().unwrap().hanging
    }

    /// Lets requests pass again: the process that waited is dead. A write of it that is still under way makes nobody else hang.
    pub fn pass(&self) {
        self.shared.lock().unwrap().pass();
    }

    /// Waits until a [`Fault::Hang`] has struck, and lets requests pass again: the process that waits is to be killed now.
    pub async fn until_hanging(&self) {
        until("a request that hangs", async || self.is_hanging()).await;
        self.pass();
    }

    /// Forgets the faults that have not struck yet.
    pub fn clear(&self) {
        self.shared.lock().unwrap().faults.clear();
    }

    /// How many faults have not struck yet.
    pub fn pending_faults(&self) -> usize {
        self.shared.lock().unwrap().faults.len()
    }
}

impl Shared {
    /// See [`FaultProxy::pass`].
    fn pass(&mut self) {
        self.hanging = false;
        self.dead += 1;
    }

    /// `consumed`: of one table, or of each.
    fn count(&mut self, is_write: bool, consumed: &Value) {
        let each = match consumed {
            Value::Array(tables) => tables.as_slice(),
            table => std::slice::from_ref(table),
        };
        let units: f64 = each.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum();
        if let Some(sum) = &mut self.units {
            *(if is_write { &mut sum.write } else { &mut sum.read }) += units;
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn forward(State(proxy): State<Proxy>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit('.').next().unwrap().to_owned();
    let (is_hanging, dead) = {
        let shared = proxy.shared.lock().unwrap();
        (shared.hanging, shared.dead)
    };
    if is_hanging {
        return std::future::pending().await;
    }
    let is_write = operation.ends_with("WriteItem") || operation.ends_with("WriteItems") || {
        matches!(operation.as_str(), "PutItem" | "UpdateItem" | "DeleteItem")
    };
    let fault = {
        let mut shared = proxy.shared.lock().unwrap();
        let position = shared.faults.iter().position(|(of, _)| *of == operation);
        shared.operations.push(operation.clone());
        if let Some(requests) = &mut shared.requests {
            requests.push(Request {
                region: region(&headers).to_owned(),
                operation: operation.clone(),
                body: serde_json::from_slice(&body).unwrap(),
            });
        }
        match shared.writes_left {
            Some(0) if is_write => {
                shared.writes_left = None;
                Some(Fault::Hang)
            }
            Some(left) if is_write => {
                shared.writes_left = Some(left - 1);
                None
            }
            _ => position
                .and_then(|position| shared.faults.remove(position))
                .map(|(_, fault)| fault),
        }
    };
    match fault {
        Some(Fault::Refuse(code)) => return error(StatusCode::BAD_REQUEST, code, json!({})),
        Some(Fault::Overtaken(item)) => {
            let there = json!({ "Item": item });
            return error(StatusCode::BAD_REQUEST, "ConditionalCheckFailedException", there);
        }
        Some(Fault::Cancel(reasons)) => {
            let reasons: Vec<Value> = reasons
                .iter()
                .map(|code| json!({ "Code": code, "Message": "injected" }))
                .collect();
            let details = json!({ "CancellationReasons": reasons });
            return error(StatusCode::BAD_REQUEST, "TransactionCanceledException", details);
        }
        Some(Fault::LoseAnswer | Fault::AnswerWith500 | Fault::Hang | Fault::Alter(_)) | None => {}
    }

    let is_counting = proxy.shared.lock().unwrap().units.is_some();
    let body = match is_counting {
        true => {
            let mut request: Value = serde_json::from_slice(&body).unwrap();
            request["ReturnConsumedCapacity"] = json!("TOTAL");
            request.to_string().into()
        }
        false => body,
    };
    let mut request = proxy.http.post(&proxy.upstream).body(body);
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.unwrap();
    match fault {
        Some(Fault::Hang) => {
            {
                let mut shared = proxy.shared.lock().unwrap();
                shared.hanging |= shared.dead == dead;
            }
            std::future::pending().await
        }
        Some(Fault::AnswerWith500) => error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", json!({})),
        Some(Fault::LoseAnswer) => {
            let broken = std::io::Error::other("the answer is lost");
            let body = Body::from_stream(futures::stream::once(async { Err::<Bytes, _>(broken) }));
            Response::new(body)
        }
        _ => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = answer.status();
            if let Some(kind) = answer.headers().get("content-type") {
                response.headers_mut().insert("content-type", kind.clone());
            }
            let mut body = answer.bytes().await.unwrap();
            if is_counting {
                let answer: Value = serde_json::from_slice(&body).unwrap();
                proxy
                    .shared
                    .lock()
                    .unwrap()
                    .count(is_write, &answer["ConsumedCapacity"]);
            }
            if let Some(Fault::Alter(alter)) = fault {
                let mut answer = serde_json::from_slice(&body).unwrap();
                alter(&mut answer);
                body = answer.to_string().into();
            }
            *response.body_mut() = Body::from(body);
            response
        }
    }
}

/// `Credential=<key>/<day>/<region>/dynamodb/aws4_request` of the signature.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html>
fn region(headers: &HeaderMap) -> &str {
    let signature = headers["authorization"].to_str().unwrap();
    let (_, scope) = signature.split_once("Credential=").unwrap();
    scope.split('/').nth(2).unwrap()
}

fn error(status: StatusCode, code: &str, details: Value) -> Response<Body> {
    let mut body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "injected" });
    if let (Value::Object(body), Value::Object(details)) = (&mut body, details) {
        body.extend(details);
    }
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .body(Body::from(body.to_string()))
        .unwrap()
}
