//! DynamoDB stream batches, with partial batch responses.

use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use lambda_runtime::LambdaEvent;
use metrics::{counter, histogram};
use serde_json::Value;

pub use aws_lambda_events::dynamodb::EventRecord;

use crate::Function;
use crate::deadline::Deadline;
use measures::{STREAM_BATCH_DURATION, STREAM_BATCHES, STREAM_FAILURES, STREAM_RECORDS};

/// A function that handles the batches of a DynamoDB stream.
///
/// `handle` gets the records of a batch in the stream's order and the moment by which it must have answered, and returns
/// those sequence numbers that Lambda has to deliver again. Lambda goes on at the lowest of them, so records after it come again too.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>
pub fn function<App, F, Fut>(app: App, handle: F) -> Function
where
    App: Send + Sync + 'static,
    F: Fn(Arc<App>, Vec<EventRecord>, Deadline) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Vec<String>> + Send + 'static,
{
    let app = Arc::new(app);
    Function::new(move |event: LambdaEvent<Value>| {
        let (app, handle) = (app.clone(), handle.clone());
        async move {
            let started = Instant::now();
            let batch: Event = serde_json::from_value(event.payload)?;
            let records = batch.records.len();
            let deadline = Deadline::of(&event.context);
            let failed = handle(app, batch.records, deadline).await;
            let function = &event.context.env_config.function_name;
            let label = || [("function", function.clone())];
            counter!(STREAM_BATCHES, &label()).increment(1);
            counter!(STREAM_RECORDS, &label()).increment(records as u64);
            counter!(STREAM_FAILURES, &label()).increment(failed.len() as u64);
            histogram!(STREAM_BATCH_DURATION, &label()).record(started.elapsed());
            tracing::info!(
                request_id = event.context.request_id,
                function,
                records,
                failed = failed.len(),
                duration_ms = started.elapsed().as_millis() as u64,
                "batch"
            );
            Ok(serde_json::to_value(response(failed))?)
        }
    })
}

fn response(failed: Vec<String>) -> DynamoDbEventResponse {
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|sequence_number| {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some(sequence_number);
            failure
        })
        .collect();
    response
}
