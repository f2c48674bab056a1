//! EventBridge's API, as far as PutEvents; and SQS's, in one place.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::bus::Bus;
use super::rules::{Entry, Event};
use crate::listen::Listeners;
use crate::queues::api::{SEND_MESSAGE, SendError, send_message};
use crate::stop::Stop;

/// Entries in one request at most.
const MAX_ENTRIES: usize = 10;

/// The size of all entries of a request together, by [`Entry::size_bytes`]. It was 256 KB until January 2026.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// JSON within JSON: a request is larger than what counts of it.
const MAX_BODY_BYTES: usize = 8 * MAX_REQUEST_BYTES;

const JSON_1_1: &str = "application/x-amz-json-1.1";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Entry>,
}

/// Why a request fails as a whole.
#[derive(Debug, thiserror::Error)]
enum RequestError {
    #[error("the local stack knows PutEvents and SendMessage alone, not `{0}`")]
    UnknownOperation(String),
    #[error("{0}")]
    Serialization(serde_json::Error),
    #[error(
        "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length {0}"
    )]
    Entries(&'static str),
    #[error("Total size of the entries in the request is over the limit.")]
    TooLarge,
    #[error("The event bus is paused.")]
    Paused,
    #[error(transparent)]
    Queue(#[from] SendError),
}

impl RequestError {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownOperation(_) => (StatusCode::BAD_REQUEST, "UnknownOperationException"),
            Self::Serialization(_) => (StatusCode::BAD_REQUEST, "SerializationException"),
            Self::Entries(_) | Self::TooLarge => (StatusCode::BAD_REQUEST, "ValidationException"),
            Self::Paused => (StatusCode::INTERNAL_SERVER_ERROR, "InternalException"),
            Self::Queue(SendError::Serialization(_)) => (StatusCode::BAD_REQUEST, "InvalidParameterValue"),
            Self::Queue(SendError::NoQueue) => (StatusCode::BAD_REQUEST, "QueueDoesNotExist"),
            Self::Queue(SendError::Store(_)) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure"),
        }
    }
}

/// Serves PutEvents until it is to stop; the task ends once all running requests have.
pub(crate) fn serve(bus: &Arc<Bus>, listeners: Listeners, mut stop: Stop) -> JoinHandle<io::Result<()>> {
    let router = router(Arc::clone(bus));
    let server = axum::serve(listeners, router).with_graceful_shutdown(async move { stop.requested().await });
    tokio::spawn(server.into_future())
}

fn router(bus: Arc<Bus>) -> Router {
    Router::new()
        .route("/", post(handle))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(bus)
}

async fn handle(State(bus): State<Arc<Bus>>, headers: HeaderMap, body: String) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let (status, answer) = match answer(&bus, target.unwrap_or_default(), &body).await {
        Ok(answer) => (StatusCode::OK, answer),
        Err(error) => {
            let (status, code) = error.code();
            (status, json!({ "__type": code, "message": error.to_string() }))
        }
    };
    (status, [(header::CONTENT_TYPE, JSON_1_1)], answer.to_string()).into_response()
}

async fn answer(bus: &Bus, target: &str, body: &str) -> Result<Value, RequestError> {
    match target {
        "AWSEvents.PutEvents" => put_events(bus, body).await,
        SEND_MESSAGE => Ok(send_message(&bus.queues, body).await?),
        _ => Err(RequestError::UnknownOperation(target.to_owned())),
    }
}

async fn put_events(bus: &Bus, body: &str) -> Result<Value, RequestError> {
    if bus.is_paused() {
        return Err(RequestError::Paused);
    }
    let PutEvents { entries } = serde_json::from_str(body).map_err(RequestError::Serialization)?;
    if entries.is_empty() {
        return Err(RequestError::Entries("greater than or equal to 1"));
    }
    if entries.len() > MAX_ENTRIES {
        return Err(RequestError::Entries("less than or equal to 10"));
    }
    if entries.iter().map(Entry::size_bytes).sum::<usize>() > MAX_REQUEST_BYTES {
        return Err(RequestError::TooLarge);
    }
    let (mut results, mut failed) = (Vec::new(), 0);
    for entry in entries {
        let result = match put(bus, entry).await {
            Ok(id) => json!({ "EventId": id }),
            Err((code, message)) => {
                tracing::warn!(code, message, "an entry of PutEvents was refused");
                failed += 1;
                json!({ "ErrorCode": code, "ErrorMessage": message })
            }
        };
        results.push(result);
    }
    Ok(json!({ "FailedEntryCount": failed, "Entries": results }))
}

/// Returns the event's id, or the code and message of what went wrong.
async fn put(bus: &Bus, entry: Entry) -> Result<String, (&'static str, String)> {
    let event = Event::new(entry, &bus.template, Utc::now()).map_err(|error| (error.code(), error.to_string()))?;
    // Says that the same may succeed later.
    let delivered = bus.deliver(&event).await;
    delivered.map_err(|error| ("InternalFailure", error.to_string()))?;
    Ok(event.id)
}
