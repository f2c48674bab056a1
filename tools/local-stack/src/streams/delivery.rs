//! Delivers a batch to its function until all of it is handled or given up.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::outcome::{Next, Part, Verdict, next_step, verdict};
use super::record::StreamRecord;
use crate::batches::backoff;
use crate::invoke::{Functions, InvokeError};
use crate::names::function_arn;
use crate::stop::Stop;
use crate::template::{FunctionDefinition, StreamTrigger};

/// A batch that Lambda would have given up, with the message that its failure destination would have got.
#[derive(Debug, Clone)]
pub struct FailedBatch {
    /// The function's binary.
    pub function: String,
    /// The ARN of the failure destination; `None` when the trigger has none, and Lambda would drop the batch silently.
    pub destination: Option<String>,
    pub message: Value,
}

/// All batches that were given up since the start.
pub(crate) type FailedBatches = Arc<Mutex<Vec<FailedBatch>>>;

/// Where a batch came from.
pub(super) struct Source<'a> {
    pub stream_arn: &'a str,
    pub shard_id: &'a str,
}

pub(super) struct Delivery {
    pub function: FunctionDefinition,
    pub trigger: StreamTrigger,
    pub functions: Arc<Functions>,
    pub failed: FailedBatches,
    pub stop: Stop,
}

/// Why a batch is given up.
enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

impl Delivery {
    /// Returns how many records, from the first on, are dealt with; fewer than all only when the stack is stopping.
    pub(super) async fn deliver(&mut self, batch: &[StreamRecord], source: &Source<'_>) -> usize {
        // A stack of parts, the next one on top.
        let mut pending = vec![Part {
            records: 0..batch.len(),
            retries: 0,
        }];
        let mut unreachable = 0;
        while let Some(part) = pending.pop() {
            let start = part.records.start;
            if self.stop.is_requested() {
                return start;
            }
            let expired = self.expired(&batch[part.records.clone()]);
            if expired > 0 {
                let records = &batch[start..start + expired];
                self.give_up(records, source, &Condition::RecordAgeExceeded, part.retries, None);
                if expired < part.records.len() {
                    pending.push(Part {
                        records: start + expired..part.records.end,
                        ..part
                    });
                }
                continue;
            }
            let records = &batch[part.records.clone()];
            let outcome = self.invoke(records).await;
            if let Err(InvokeError::Unreachable(_)) = outcome {
                pending.push(part);
                if !self.stop.sleep(backoff(unreachable)).await {
                    return start;
                }
                unreachable += 1;
                continue;
            }
            unreachable = 0;
            let verdict = outcome.as_ref().map_or(Verdict::Failed, |verdict| *verdict);
            let next = next_step(&part, verdict, &self.trigger);
            tracing::debug!(function = self.function.binary, records = records.len(), ?next, "batch");
            match next {
                Next::Done => continue,
                Next::GiveUp => {
                    let error = outcome.err();
                    self.give_up(
                        records,
                        source,
                        &Condition::RetryAttemptsExhausted,
                        part.retries,
                        error.as_ref(),
                    );
                    continue;
                }
                Next::Retry(rest) => pending.push(rest),
                Next::Split(first, second) => pending.extend([second, first]),
            }
            let handled = pending.last().map_or(start, |part| part.records.start);
            if !self.stop.sleep(backoff(part.retries)).await {
                return handled;
            }
        }
        batch.len()
    }

    async fn invoke(&self, records: &[StreamRecord]) -> Result<Verdict, InvokeError> {
        let events: Vec<_> = records.iter().map(|record| &record.event).collect();
        let answer = self
            .functions
            .invoke(&self.function, json!({ "Records": events }))
            .await;
        let function = &self.function.binary;
        let verdict = answer.map(|answer| {
            let numbers: Vec<_> = records.iter().map(|record| record.sequence_number.as_str()).collect();
            verdict(&answer, &numbers, self.trigger.reports_item_failures)
        });
        match &verdict {
            Ok(Verdict::Handled) => {}
            Ok(Verdict::HandledBefore(handled)) => {
                tracing::warn!(
                    function,
                    records = records.len(),
                    handled,
                    "part of a batch failed and is retried"
                );
            }
            Ok(Verdict::Failed) => {
                tracing::warn!(
                    function,
                    records = records.len(),
                    "the answer names records that are not in the batch"
                );
            }
            Err(error) => tracing::warn!(function, records = records.len(), %error, "a batch failed"),
        }
        verdict
    }

    /// How many records, from the first on, are too old to be delivered.
    fn expired(&self, records: &[StreamRecord]) -> usize {
        let Some(limit) = self.trigger.max_record_age else {
            return 0;
        };
        let now = Utc::now();
        let age = |record: &StreamRecord| (now - record.created_at).to_std().unwrap_or_default();
        records.iter().take_while(|record| age(record) > limit).count()
    }

    fn give_up(
        &self,
        records: &[StreamRecord],
        source: &Source<'_>,
        condition: &Condition,
        retries: u32,
        error: Option<&InvokeError>,
    ) {
        let message = self.failure_message(records, source, condition, retries, error);
        let destination = self.trigger.failure_destination.clone();
        tracing::warn!(
            function = self.function.binary,
            destination = destination.as_deref().unwrap_or("none"),
            %message,
            "gave up a batch"
        );
        let function = self.function.binary.clone();
        let failed = FailedBatch {
            function,
            destination,
            message,
        };
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(failed);
    }

    /// Lambda's message to a failure destination of type SQS or SNS.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>
    fn failure_message(
        &self,
        records: &[StreamRecord],
        source: &Source<'_>,
        condition: &Condition,
        retries: u32,
        error: Option<&InvokeError>,
    ) -> Value {
        let (first, last) = (records.first(), records.last());
        let number = |record: Option<&StreamRecord>| record.map(|record| record.sequence_number.clone());
        let arrival = |record: Option<&StreamRecord>| {
            record.map(|record| record.created_at.to_rfc3339_opts(SecondsFormat::Secs, true))
        };
        let (condition, invocations) = match condition {
            Condition::RetryAttemptsExhausted => ("RetryAttemptsExhausted", retries.saturating_add(1)),
            Condition::RecordAgeExceeded => ("RecordAgeExceeded", retries),
        };
        let mut message = json!({
            "requestContext": {
                "requestId": Uuid::now_v7(),
                "functionArn": function_arn(&self.function.binary),
                "condition": condition,
                "approximateInvokeCount": invocations,
            },
            "version": "1.0",
            "timestamp": Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            "DDBStreamBatchInfo": {
                "shardId": source.shard_id,
                "startSequenceNumber": number(first),
                "endSequenceNumber": number(last),
                "approximateArrivalOfFirstRecord": arrival(first),
                "approximateArrivalOfLastRecord": arrival(last),
                "batchSize": records.len(),
                "streamArn": source.stream_arn,
            },
        });
        if invocations > 0 {
            let mut response = json!({ "statusCode": 200, "executedVersion": "$LATEST" });
            // Absent when the function answered, and reported records.
            if error.is_some() {
                response["functionError"] = json!("Unhandled");
            }
            message["responseContext"] = response;
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn records_that_are_too_old_go_to_the_failure_destination_uninvoked() {
        let (_sender, stop) = Stop::channel();
        let mut delivery = Delivery {
            function: FunctionDefinition {
                logical_id: "F".to_owned(),
                binary: "f".to_owned(),
                timeout: Duration::from_secs(1),
                ..FunctionDefinition::default()
            },
            trigger: StreamTrigger {
                name: "E".to_owned(),
                table: "T".to_owned(),
                batch_size: 10,
                filters: Vec::new(),
                reports_item_failures: false,
                bisects_on_error: false,
                max_retries: None,
                max_record_age: Some(Duration::from_secs(60)),
                failure_destination: Some("queue".to_owned()),
            },
            // Empty, so that any invocation would be retried for ever.
            functions: Arc::new(Functions::InProcess(Default::default())),
            failed: FailedBatches::default(),
            stop,
        };
        let record = |number: &str| StreamRecord {
            sequence_number: number.to_owned(),
            created_at: Utc::now() - Duration::from_secs(61),
            event: Value::Null,
        };
        let source = Source {
            stream_arn: "arn:stream",
            shard_id: "shard",
        };
        assert_eq!(delivery.deliver(&[record("7"), record("8")], &source).await, 2);

        let failed = delivery.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let [failed] = failed.as_slice() else {
            panic!("one message, not {failed:?}")
        };
        assert_eq!(failed.message["requestContext"]["condition"], "RecordAgeExceeded");
        assert_eq!(failed.message["DDBStreamBatchInfo"]["startSequenceNumber"], "7");
        assert_eq!(failed.message["DDBStreamBatchInfo"]["endSequenceNumber"], "8");
        assert_eq!(failed.message["DDBStreamBatchInfo"]["batchSize"], 2);
        assert!(failed.message.get("responseContext").is_none());
    }
}
