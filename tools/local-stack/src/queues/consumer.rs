//! Lambda's event source mapping of a queue: takes messages in batches and has a function handle them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};

use super::Queues;
use super::message::Message;
use super::record::record;
use crate::batches::{backoff, failed_items};
use crate::invoke::{Functions, InvokeError};
use crate::stop::Stop;
use crate::template::{FunctionDefinition, QueueTrigger};

#[derive(Clone)]
pub(crate) struct Consumer {
    pub queues: Arc<Queues>,
    pub functions: Arc<Functions>,
    pub function: FunctionDefinition,
    pub trigger: QueueTrigger,
    pub stop: Stop,
}

impl Consumer {
    pub(crate) fn spawn(self) -> JoinHandle<()> {
        tokio::spawn(self.run())
    }

    /// Takes messages until it is to stop, and ends when what was taken by then is dealt with.
    async fn run(mut self) {
        let free = Arc::new(Semaphore::new(self.trigger.max_concurrency));
        let mut batches = JoinSet::new();
        while let Some((permit, batch)) = self.next(&free).await {
            let mut consumer = self.clone();
            batches.spawn(async move {
                consumer.deliver(batch).await;
                drop(permit);
            });
            // What has ended need not be kept.
            while batches.try_join_next().is_some() {}
        }
        while batches.join_next().await.is_some() {}
    }

    /// A batch, once there is one and an invocation is free for it; `None` when it is to stop.
    async fn next(&mut self, free: &Arc<Semaphore>) -> Option<(OwnedSemaphorePermit, Vec<Message>)> {
        let Self {
            queues, trigger, stop, ..
        } = self;
        let batch = async {
            let permit = Arc::clone(free).acquire_owned().await.ok()?;
            let batch = queues.receive(&trigger.queue, trigger.batch_size).await;
            Some((permit, batch))
        };
        tokio::select! {
            biased;
            () = stop.requested() => None,
            batch = batch => batch,
        }
    }

    /// Has the function handle a batch, and each message deleted, come again or be given up. When it is to stop while
    /// the function cannot be reached, the messages stay stored for the next run.
    async fn deliver(&mut self, batch: Vec<Message>) {
        let mut unreachable = 0;
        let failed = loop {
            match self.invoke(&batch).await {
                Ok(failed) => break failed,
                Err(InvokeError::Unreachable(_)) => {
                    if !self.stop.sleep(backoff(unreachable)).await {
                        return;
                    }
                    unreachable += 1;
                }
                Err(_) => break None,
            }
        };
        let (queues, queue) = (&self.queues, &self.trigger.queue);
        let settled = batch.into_iter().enumerate().map(|(index, message)| {
            let has_failed = failed.as_ref().is_none_or(|failed| failed.contains(&index));
            async move {
                match has_failed {
                    true => queues.give_back(queue, message).await,
                    false => queues.delete(queue, message).await,
                }
            }
        });
        join_all(settled).await;
    }

    /// Which messages failed, counted from the first; `None` for all.
    async fn invoke(&self, batch: &[Message]) -> Result<Option<Vec<usize>>, InvokeError> {
        let (function, queue) = (&self.function.binary, &self.trigger.queue);
        let records: Vec<_> = batch.iter().map(|message| record(queue, message)).collect();
        let answer = self
            .functions
            .invoke(&self.function, json!({ "Records": records }))
            .await;
        let messages = batch.len();
        match answer {
            Err(error) => {
                tracing::warn!(function, queue, messages, %error, "a batch failed");
                Err(error)
            }
            Ok(answer) => {
                let identifiers: Vec<_> = batch.iter().map(|message| message.id.as_str()).collect();
                let failed = failed_items(&answer, &identifiers, self.trigger.reports_item_failures);
                match failed.as_deref() {
                    Some([]) => tracing::debug!(function, queue, messages, "batch"),
                    Some(failed) => {
                        let failed = failed.len();
                        tracing::warn!(
                            function,
                            queue,
                            messages,
                            failed,
                            "part of a batch failed and comes again"
                        );
                    }
                    None => tracing::warn!(
                        function,
                        queue,
                        messages,
                        "the answer names messages that are not in the batch"
                    ),
                }
                Ok(failed)
            }
        }
    }
}
