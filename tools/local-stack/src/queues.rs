//! SQS: the template's queues, and the functions that take messages from them.
//!
//! - this module: what is in each queue, and whether anything is still to be done
//! - `message`: a message
//! - `store`: keeps the messages in DynamoDB, so that they outlive the process
//! - `consumer`: Lambda's event source mapping of a queue
//! - `record`: a message as its function gets it
//! - `api`: SQS's API
//!
//! The process works on what it holds in memory; the table is read once, at the start.

pub(crate) mod api;
mod consumer;
mod message;
mod record;
mod store;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use chrono::Utc;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::batches::backoff;
use crate::dynamodb::{Embedded, TablesError};
use crate::template::{Redrive, Template};
pub(crate) use consumer::Consumer;
use message::Message;
use store::Store;
pub(crate) use store::StoreError;

/// A message that a queue has given up, or that lies in a queue without a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadMessage {
    /// The name of the queue that it lies in.
    pub queue: String,
    pub body: String,
    /// What its sender says of it, by name.
    pub attributes: BTreeMap<String, String>,
    /// How often it was received before.
    pub receives: u32,
}

/// What has happened in those queues that functions take messages from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Activity {
    /// Messages ever sent to them.
    pub sent: usize,
    /// Messages in them now, or with a function.
    pub pending: usize,
}

pub(crate) struct Queues {
    /// `None` when the template has no queue.
    store: Option<Store>,
    by_name: BTreeMap<String, Queue>,
    activity: watch::Sender<Activity>,
}

struct Queue {
    redrive: Option<Redrive>,
    /// Some function takes messages from it.
    is_consumed: bool,
    /// Without those that a function has.
    messages: Mutex<Vec<Message>>,
    arrived: Notify,
}

impl Queue {
    fn messages(&self) -> MutexGuard<'_, Vec<Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, message: Message) {
        self.messages().push(message);
        self.arrived.notify_one();
    }

    /// Up to `limit` messages that may be received now, and when the next one may be.
    fn take(&self, limit: usize) -> (Vec<Message>, Option<Instant>) {
        let now = Instant::now();
        let mut messages = self.messages();
        let mut left = limit;
        let mut taken: Vec<_> = messages
            .extract_if(.., |message| {
                let is_taken = message.visible_at <= now && left > 0;
                left -= usize::from(is_taken);
                is_taken
            })
            .collect();
        for message in &mut taken {
            let now = || Utc::now().timestamp_millis();
            message.first_received_at_millis.get_or_insert_with(now);
        }
        (taken, messages.iter().map(|message| message.visible_at).min())
    }
}

impl Queues {
    /// Takes up what the last run left behind.
    pub(crate) async fn open(
        client: &Client,
        embedded: Option<&Embedded>,
        template: &Template,
    ) -> Result<Self, TablesError> {
        let consumed = |name: &str| {
            let mut triggers = template.functions.iter().flat_map(|function| &function.queues);
            triggers.any(|trigger| trigger.queue == name)
        };
        let store = match template.queues.is_empty() {
            true => None,
            false => Some(Store::open(client.clone(), embedded).await?),
        };
        let mut by_name = BTreeMap::new();
        let mut activity = Activity::default();
        for queue in &template.queues {
            let messages = match &store {
                Some(store) => store.messages(&queue.name).await?,
                None => Vec::new(),
            };
            let is_consumed = consumed(&queue.name);
            if is_consumed {
                activity.pending += messages.len();
            }
            let queue_of_messages = Queue {
                redrive: queue.redrive.clone(),
                is_consumed,
                messages: Mutex::new(messages),
                arrived: Notify::new(),
            };
            by_name.insert(queue.name.clone(), queue_of_messages);
        }
        Ok(Self {
            store,
            by_name,
            activity: watch::Sender::new(activity),
        })
    }

    pub(crate) fn activity(&self) -> watch::Receiver<Activity> {
        self.activity.subscribe()
    }

    /// Stores a message; nobody receives it before `delay` is over. Returns its id.
    ///
    /// # Errors
    /// [`StoreError`] when there is no such queue or DynamoDB refuses.
    pub(crate) async fn send(
        &self,
        queue: &str,
        body: String,
        attributes: BTreeMap<String, String>,
        delay: Duration,
    ) -> Result<String, StoreError> {
        let (Some(store), Some(found)) = (&self.store, self.by_name.get(queue)) else {
            return Err(StoreError::NoQueue(queue.to_owned()));
        };
        let message = Message {
            id: Uuid::now_v7().to_string(),
            body,
            attributes,
            sent_at_millis: Utc::now().timestamp_millis(),
            first_received_at_millis: None,
            receives: 0,
            visible_at: Instant::now() + delay,
        };
        // Counted before it is there: what is under way is not done.
        self.count(found, |activity| {
            activity.sent += 1;
            activity.pending += 1;
        });
        let stored = store.put(queue, &message).await;
        let id = message.id.clone();
        match stored {
            Ok(()) => found.add(message),
            Err(_) => self.count(found, |activity| activity.pending -= 1),
        }
        stored.map(|()| id)
    }

    /// The messages in queues from which no function takes any.
    pub(crate) fn dead(&self) -> Vec<DeadMessage> {
        let unconsumed = self.by_name.iter().filter(|(_, queue)| !queue.is_consumed);
        unconsumed
            .flat_map(|(name, queue)| {
                let messages = queue.messages();
                let dead = messages.iter().map(|message| DeadMessage {
                    queue: name.clone(),
                    body: message.body.clone(),
                    attributes: message.attributes.clone(),
                    receives: message.receives,
                });
                dead.collect::<Vec<_>>()
            })
            .collect()
    }

    fn count(&self, queue: &Queue, change: impl FnOnce(&mut Activity)) {
        if queue.is_consumed {
            self.activity.send_modify(change);
        }
    }

    /// Waits for messages and takes up to `limit` of them out of the queue. One caller per queue, or some would wait
    /// for what another one was told of.
    async fn receive(&self, queue: &str, limit: usize) -> Vec<Message> {
        let Some(queue) = self.by_name.get(queue) else {
            return std::future::pending().await;
        };
        loop {
            let (messages, next) = queue.take(limit);
            if !messages.is_empty() {
                return messages;
            }
            // Remembers an arrival since then.
            let arrived = queue.arrived.notified();
            match next {
                None => arrived.await,
                Some(next) => {
                    // The end of the wait is an arrival, too.
                    let _ = tokio::time::timeout_at(next, arrived).await;
                }
            }
        }
    }

    /// A message that was received has been handled.
    async fn delete(&self, queue: &str, message: Message) {
        let (Some(store), Some(found)) = (&self.store, self.by_name.get(queue)) else {
            return;
        };
        match store.delete(queue, &message).await {
            Ok(()) => self.count(found, |activity| activity.pending -= 1),
            Err(error) => {
                tracing::warn!(queue, %error, "a message was handled and cannot be deleted, so it comes again");
                self.put_back(found, message);
            }
        }
    }

    /// A message that was received has not been handled: it comes again later, or goes to the dead-letter queue.
    async fn give_back(&self, queue: &str, mut message: Message) {
        let (Some(store), Some(found)) = (&self.store, self.by_name.get(queue)) else {
            return;
        };
        message.receives = message.receives.saturating_add(1);
        let spent = found
            .redrive
            .as_ref()
            .filter(|redrive| message.receives >= redrive.max_receives);
        let Some((redrive, dead_letters)) = spent.and_then(|to| Some((to, self.by_name.get(&to.queue)?))) else {
            if let Err(error) = store.put(queue, &message).await {
                tracing::warn!(queue, %error, "cannot count the receives of a message");
            }
            return self.put_back(found, message);
        };
        match store.redrive(queue, &redrive.queue, &message).await {
            Ok(()) => {
                tracing::warn!(
                    queue,
                    dead_letter_queue = redrive.queue,
                    receives = message.receives,
                    body = message.body,
                    "gave up a message"
                );
                message.visible_at = Instant::now();
                self.count(dead_letters, |activity| {
                    activity.sent += 1;
                    activity.pending += 1;
                });
                dead_letters.add(message);
                self.count(found, |activity| activity.pending -= 1);
            }
            Err(error) => {
                tracing::warn!(queue, %error, "cannot move a message to its dead-letter queue");
                self.put_back(found, message);
            }
        }
    }

    fn put_back(&self, queue: &Queue, mut message: Message) {
        message.visible_at = Instant::now() + backoff(message.receives.saturating_sub(1));
        queue.add(message);
    }
}
