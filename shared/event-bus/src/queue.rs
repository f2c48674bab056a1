//! Batches of an SQS queue that a rule of the bus fills, with partial batch responses.
//!
//! What may pass comes again, until the queue gives it up. What is newer than this code comes again, too, for an hour. What
//! can never be handled is given up at once. None of them holds up another message.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use chrono::{DateTime, Utc};
use dynamodb::TableError;
use event_store::error::LONGEST_DEPLOYMENT;
use event_store::{StoreError, TransactError};
use futures::{FutureExt, StreamExt, stream};
use lambda_edge::Function;
use lambda_edge::deadline::Deadline;
use lambda_runtime::LambdaEvent;
use measures::{QUEUE_BATCH_DURATION, QUEUE_BATCHES, QUEUE_FAILURES, QUEUE_GIVEN_UP, QUEUE_MESSAGES};
use messages::{Message, UnreadableMessage};
use metrics::{counter, histogram};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::dead_letters::DeadLetters;

/// Why a message was not handled, in words for the log.
#[derive(Debug)]
pub enum NotHandled {
    /// It may be handled when it comes again.
    Passing(String),
    /// Newer code has written it, or what it is about. It can be handled once this code has been replaced, too.
    Newer(String),
    /// Nobody can read it or what it is about, or nobody here handles its type.
    Lasting(String),
}

impl From<TableError> for NotHandled {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Unreadable(_) => Self::Lasting(error.to_string()),
            _ => Self::Passing(error.to_string()),
        }
    }
}

impl From<StoreError> for NotHandled {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Table(error) => error.into(),
            StoreError::Newer(_) => Self::Newer(error.to_string()),
            StoreError::Corrupt(_) => Self::Lasting(error.to_string()),
        }
    }
}

impl<E: std::error::Error> From<TransactError<E>> for NotHandled {
    fn from(error: TransactError<E>) -> Self {
        match error {
            TransactError::Store(error) => error.into(),
            // The rules may allow it on a later state, or those of other code.
            _ => Self::Passing(error.to_string()),
        }
    }
}

impl From<UnreadableMessage> for NotHandled {
    fn from(error: UnreadableMessage) -> Self {
        match error {
            UnreadableMessage::Newer => Self::Newer(error.to_string()),
            UnreadableMessage::Malformed { .. } => Self::Lasting(error.to_string()),
        }
    }
}

/// What EventBridge puts into a queue, as far as it matters here.
#[derive(Deserialize)]
struct BusEvent<'a> {
    #[serde(borrow)]
    detail: &'a RawValue,
}

/// What the log says of a message: never its data, which may hold names and addresses.
#[derive(Default, Deserialize)]
struct About {
    #[serde(default, rename = "detail-type")]
    kind: String,
    #[serde(default)]
    detail: Origin,
}

#[derive(Default, Deserialize)]
struct Origin {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    correlationid: String,
}

/// A function that handles the messages of a queue, `concurrency` of a batch at once.
///
/// `handle` may get one twice, late, or after a newer one. What is not handled when the invocation's time is over is handed
/// back, so that what was handled does not come again with it.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
pub fn function<App, F, Fut>(dead_letters: DeadLetters, app: Arc<App>, concurrency: usize, handle: F) -> Function
where
    App: Send + Sync + 'static,
    F: Fn(Arc<App>, Message) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), NotHandled>> + Send + 'static,
{
    let dead_letters = Arc::new(dead_letters);
    Function::new(move |event: LambdaEvent<Value>| {
        let (app, handle, dead_letters) = (app.clone(), handle.clone(), dead_letters.clone());
        async move {
            let started = Instant::now();
            let batch: SqsEvent = serde_json::from_value(event.payload)?;
            let messages = batch.records.len();
            let function = &event.context.env_config.function_name;
            let label = || [("function", function.clone())];
            let deadline = Deadline::of(&event.context);
            let failed: Vec<_> = stream::iter(batch.records)
                .map(|message| {
                    let (app, handle, dead_letters) = (app.clone(), handle.clone(), &dead_letters);
                    async move {
                        let settled = deadline.bound(settle(app, handle, dead_letters, &message)).await;
                        let settled = settled.unwrap_or_else(|| Err("there was no time left".to_owned()));
                        let body = message.body.as_deref().unwrap_or_default();
                        let About { kind, detail } = serde_json::from_str(body).unwrap_or_default();
                        let (subject, correlation_id) = (detail.subject, detail.correlationid);
                        let message_id = message.message_id.unwrap_or_default();
                        match settled {
                            Ok(Settled::Handled) => {
                                tracing::info!(kind, subject, correlation_id, "message");
                                None
                            }
                            Ok(Settled::GivenUp(reason)) => {
                                tracing::error!(
                                    kind,
                                    subject,
                                    correlation_id,
                                    message_id,
                                    reason,
                                    "a message can never be handled and was given up"
                                );
                                counter!(QUEUE_GIVEN_UP, &label()).increment(1);
                                None
                            }
                            Err(reason) => {
                                tracing::warn!(
                                    kind,
                                    subject,
                                    correlation_id,
                                    message_id,
                                    reason,
                                    "a message was not handled and will come again"
                                );
                                Some(message_id)
                            }
                        }
                    }
                })
                .buffer_unordered(concurrency)
                .filter_map(std::future::ready)
                .collect()
                .await;
            counter!(QUEUE_BATCHES, &label()).increment(1);
            counter!(QUEUE_MESSAGES, &label()).increment(messages as u64);
            counter!(QUEUE_FAILURES, &label()).increment(failed.len() as u64);
            histogram!(QUEUE_BATCH_DURATION, &label()).record(started.elapsed());
            tracing::info!(
                request_id = event.context.request_id,
                function,
                messages,
                failed = failed.len(),
                duration_ms = started.elapsed().as_millis() as u64,
                "messages"
            );
            Ok(serde_json::to_value(response(failed))?)
        }
    })
}

/// What has become of a message that need not come again.
enum Settled {
    Handled,
    /// It lies with the dead letters, for this reason.
    GivenUp(String),
}

/// # Errors
/// The cause, when the message has to come again.
async fn settle<App, F, Fut>(
    app: Arc<App>,
    handle: F,
    dead_letters: &DeadLetters,
    message: &SqsMessage,
) -> Result<Settled, String>
where
    F: Fn(Arc<App>, Message) -> Fut,
    Fut: Future<Output = Result<(), NotHandled>>,
{
    // A panic is a bug, which other code may not have: the message waits for it, and does not stop those around it.
    let handled = AssertUnwindSafe(handle_one(app, handle, message)).catch_unwind().await;
    let handled = handled.unwrap_or_else(|_| Err(NotHandled::Passing("the function panicked".to_owned())));
    let reason = match handled {
        Ok(()) => return Ok(Settled::Handled),
        Err(NotHandled::Passing(reason)) => return Err(reason),
        Err(NotHandled::Newer(reason)) if !has_waited_too_long(message) => return Err(reason),
        Err(NotHandled::Newer(reason) | NotHandled::Lasting(reason)) => reason,
    };
    match dead_letters.take(message, &reason).await {
        Ok(()) => Ok(Settled::GivenUp(reason)),
        Err(error) => Err(format!("{reason}; and the dead letters did not take it: {error}")),
    }
}

async fn handle_one<App, F, Fut>(app: Arc<App>, handle: F, message: &SqsMessage) -> Result<(), NotHandled>
where
    F: Fn(Arc<App>, Message) -> Fut,
    Fut: Future<Output = Result<(), NotHandled>>,
{
    let body = message.body.as_deref().unwrap_or_default();
    let event: BusEvent = serde_json::from_str(body).map_err(UnreadableMessage::from)?;
    handle(app, Message::read(event.detail.get())?).await
}

/// Whether newer code has been waited for as long as a deployment may take, since the message first came to this queue's
/// function. One that waited in the queue before, behind others, has still its time.
fn has_waited_too_long(message: &SqsMessage) -> bool {
    let first = message.attributes.get("ApproximateFirstReceiveTimestamp");
    let first = first.and_then(|millis| DateTime::from_timestamp_millis(millis.parse().ok()?));
    first.is_some_and(|first| Utc::now() - first > LONGEST_DEPLOYMENT)
}

fn response(failed: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|message_id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message_id;
            failure
        })
        .collect();
    response
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use aws_config::{BehaviorVersion, SdkConfig};
    use lambda_runtime::Context;
    use messages::Body;
    use messages::commands::ReleaseStock;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn what_is_not_handled_in_time_is_handed_back_and_nothing_else() {
        let message = |id: &str| {
            let (order_id, sku) = (domain::order::OrderId(Uuid::nil()), "A".parse().unwrap());
            let body = Body::ReleaseStock(ReleaseStock { order_id, sku });
            let detail = Message::new(Uuid::nil(), id, Utc::now(), body);
            json!({ "messageId": id, "body": json!({ "detail": detail }).to_string() })
        };
        let handle = async |_: Arc<()>, message: Message| match message.subject.as_str() {
            "panics" => panic!("as asked"),
            "hangs" => std::future::pending().await,
            _ => Ok(()),
        };
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest());
        let dead_letters = DeadLetters::new(&config.build(), None, "nowhere");
        let function = function(dead_letters, Arc::new(()), 1, handle);
        // What a function keeps back of its time is half a second.
        let ends = SystemTime::now() + Duration::from_millis(600);
        let mut context = Context::default();
        context.deadline = ends.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let records = ["handled", "panics", "hangs", "not begun"].map(message);
        let batch = json!({ "Records": records });
        let answer = function.invoke(batch, context).await.unwrap();
        let left = ["panics", "hangs", "not begun"].map(|id| json!({ "itemIdentifier": id }));
        assert_eq!(answer["batchItemFailures"], json!(left));
    }
}
