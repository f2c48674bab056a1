//! Batches of an SQS queue that a rule of an EventBridge bus fills, with partial batch responses.

use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{StreamExt, stream};
use lambda_runtime::LambdaEvent;
use metrics::{counter, histogram};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Function;
use crate::deadline::Deadline;
use measures::{QUEUE_BATCH_DURATION, QUEUE_BATCHES, QUEUE_FAILURES, QUEUE_MESSAGES};

/// Why a message is to be received again, until the queue gives it up to its dead-letter queue. It is logged. It
/// implements no `Error`, so that `?` takes any.
#[derive(Debug)]
pub struct NotHandled(pub String);

impl<E: std::error::Error> From<E> for NotHandled {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// What EventBridge puts into a queue, as far as it matters here.
#[derive(Deserialize)]
struct BusEvent<M> {
    detail: M,
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
/// `handle` gets the `detail` of each event. It may get one twice, late, or after a newer one. What is not handled when the
/// invocation's time is over is handed back, so that what was handled does not come again with it.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
pub fn function<App, M, F, Fut>(app: Arc<App>, concurrency: usize, handle: F) -> Function
where
    App: Send + Sync + 'static,
    M: DeserializeOwned + Send + 'static,
    F: Fn(Arc<App>, M) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), NotHandled>> + Send + 'static,
{
    Function::new(move |event: LambdaEvent<Value>| {
        let (app, handle) = (app.clone(), handle.clone());
        async move {
            let started = Instant::now();
            let batch: SqsEvent = serde_json::from_value(event.payload)?;
            let messages = batch.records.len();
            let function = &event.context.env_config.function_name;
            let deadline = Deadline::of(&event.context);
            let failed: Vec<_> = stream::iter(batch.records)
                .map(|message| {
                    let (app, handle) = (app.clone(), handle.clone());
                    async move {
                        let handled = deadline.bound(handle_one(app, handle, &message)).await;
                        let handled = handled.unwrap_or_else(|| Err(NotHandled("there was no time left".to_owned())));
                        let body = message.body.as_deref().unwrap_or_default();
                        let About { kind, detail } = serde_json::from_str(body).unwrap_or_default();
                        let (subject, correlation_id) = (detail.subject, detail.correlationid);
                        let message_id = message.message_id.unwrap_or_default();
                        match handled {
                            Ok(()) => {
                                tracing::info!(kind, subject, correlation_id, "message");
                                None
                            }
                            Err(NotHandled(reason)) => {
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
            let label = || [("function", function.clone())];
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

async fn handle_one<App, M, F, Fut>(app: Arc<App>, handle: F, message: &SqsMessage) -> Result<(), NotHandled>
where
    M: DeserializeOwned,
    F: Fn(Arc<App>, M) -> Fut,
    Fut: Future<Output = Result<(), NotHandled>>,
{
    let body = message.body.as_deref().unwrap_or_default();
    // The message itself is not logged: it may hold names and addresses.
    let event: BusEvent<M> = serde_json::from_str(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        NotHandled(format!("it cannot be read, at line {line} column {column}"))
    })?;
    handle(app, event.detail).await
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

    use lambda_runtime::Context;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_is_not_handled_in_time_is_handed_back_and_nothing_else() {
        let handle = async |_: Arc<()>, message: Value| match message.as_str() {
            Some("hangs") => std::future::pending().await,
            _ => Ok(()),
        };
        let function = function(Arc::new(()), 1, move |app, message: Value| handle(app, message));
        let record = |id: &str| json!({ "messageId": id, "body": json!({ "detail": id }).to_string() });
        let ends = SystemTime::now() + crate::deadline::RESERVE + Duration::from_millis(100);
        let mut context = Context::default();
        context.deadline = ends.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let batch = json!({ "Records": [record("handled"), record("hangs"), record("not begun")] });
        let answer = function.invoke(batch, context).await.unwrap();
        let left = json!([{ "itemIdentifier": "hangs" }, { "itemIdentifier": "not begun" }]);
        assert_eq!(answer["batchItemFailures"], left);
    }
}
