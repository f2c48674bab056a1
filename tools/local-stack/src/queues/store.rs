//! The messages of all queues in one table of the local stack's own.

use std::collections::HashMap;
use std::error::Error;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use tokio::time::Instant;

use super::message::Message;
use crate::cause::sdk_cause;
use crate::dynamodb::{self, Embedded, TablesError};
use crate::template::{Attribute, AttributeKind, KeyElement, KeyRole, Table};

const TABLE: &str = "LocalStackMessages";
const QUEUE: &str = "Queue";
const MESSAGE_ID: &str = "MessageId";
const BODY: &str = "Body";
const ATTRIBUTES: &str = "Attributes";
const SENT_AT_MILLIS: &str = "SentAtMillis";
const FIRST_RECEIVED_AT_MILLIS: &str = "FirstReceivedAtMillis";
const RECEIVES: &str = "Receives";

/// A message cannot be kept, or not be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the template has no queue {0}")]
    NoQueue(String),
    #[error("cannot {action} a message: {cause}")]
    Request { action: &'static str, cause: String },
}

fn cannot<E>(action: &'static str) -> impl Fn(SdkError<E>) -> StoreError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    move |error| StoreError::Request {
        action,
        cause: sdk_cause(&error),
    }
}

pub(super) struct Store(Client);

impl Store {
    /// Creates the table if it is missing.
    pub(super) async fn open(client: Client, embedded: Option<&Embedded>) -> Result<Self, TablesError> {
        let attribute = |name: &str| Attribute {
            name: name.to_owned(),
            kind: AttributeKind::S,
        };
        let element = |name: &str, role| KeyElement {
            name: name.to_owned(),
            role,
        };
        let table = Table {
            name: TABLE.to_owned(),
            attributes: vec![attribute(QUEUE), attribute(MESSAGE_ID)],
            key: vec![element(QUEUE, KeyRole::Hash), element(MESSAGE_ID, KeyRole::Range)],
            indexes: Vec::new(),
            stream: None,
            ttl_attribute: None,
        };
        dynamodb::create(&client, embedded, &[table]).await?;
        Ok(Self(client))
    }

    /// All messages of a queue, oldest first, as their ids are in the order of time.
    pub(super) async fn messages(&self, queue: &str) -> Result<Vec<Message>, TablesError> {
        let pages = self
            .0
            .query()
            .table_name(TABLE)
            .key_condition_expression("#queue = :queue")
            .expression_attribute_names("#queue", QUEUE)
            .expression_attribute_values(":queue", AttributeValue::S(queue.to_owned()))
            .consistent_read(true)
            .into_paginator();
        let items = pages.items().send().try_collect().await;
        let items = items.map_err(|error| TablesError::Request {
            action: "read",
            table: TABLE.to_owned(),
            cause: sdk_cause(&error),
        })?;
        Ok(items.iter().filter_map(message).collect())
    }

    /// Writes a message, or what is new about it.
    pub(super) async fn put(&self, queue: &str, message: &Message) -> Result<(), StoreError> {
        let request = self.0.put_item().table_name(TABLE).set_item(Some(item(queue, message)));
        request.send().await.map_err(cannot("store"))?;
        Ok(())
    }

    pub(super) async fn delete(&self, queue: &str, message: &Message) -> Result<(), StoreError> {
        let request = self
            .0
            .delete_item()
            .table_name(TABLE)
            .set_key(Some(key(queue, message)));
        request.send().await.map_err(cannot("delete"))?;
        Ok(())
    }

    /// Moves a message to another queue.
    pub(super) async fn redrive(&self, from: &str, to: &str, message: &Message) -> Result<(), StoreError> {
        let undefined = |error: BuildError| StoreError::Request {
            action: "move",
            cause: error.to_string(),
        };
        let put = Put::builder().table_name(TABLE).set_item(Some(item(to, message)));
        let delete = Delete::builder().table_name(TABLE).set_key(Some(key(from, message)));
        let put = TransactWriteItem::builder().put(put.build().map_err(undefined)?);
        let delete = TransactWriteItem::builder().delete(delete.build().map_err(undefined)?);
        let request = self.0.transact_write_items();
        let request = request.transact_items(put.build()).transact_items(delete.build());
        request.send().await.map_err(cannot("move"))?;
        Ok(())
    }
}

fn key(queue: &str, message: &Message) -> HashMap<String, AttributeValue> {
    HashMap::from([
        (QUEUE.to_owned(), AttributeValue::S(queue.to_owned())),
        (MESSAGE_ID.to_owned(), AttributeValue::S(message.id.clone())),
    ])
}

fn item(queue: &str, message: &Message) -> HashMap<String, AttributeValue> {
    let mut item = key(queue, message);
    item.insert(BODY.to_owned(), AttributeValue::S(message.body.clone()));
    item.insert(
        SENT_AT_MILLIS.to_owned(),
        AttributeValue::N(message.sent_at_millis.to_string()),
    );
    if let Some(millis) = message.first_received_at_millis {
        item.insert(
            FIRST_RECEIVED_AT_MILLIS.to_owned(),
            AttributeValue::N(millis.to_string()),
        );
    }
    let attributes = message.attributes.iter();
    let attributes = attributes.map(|(name, value)| (name.clone(), AttributeValue::S(value.clone())));
    item.insert(ATTRIBUTES.to_owned(), AttributeValue::M(attributes.collect()));
    item.insert(RECEIVES.to_owned(), AttributeValue::N(message.receives.to_string()));
    item
}

/// `None` for an item that is none of ours.
fn message(item: &HashMap<String, AttributeValue>) -> Option<Message> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let number = |name: &str| item.get(name)?.as_n().ok();
    // Messages of an older local stack have none.
    let attributes = item.get(ATTRIBUTES).and_then(|attributes| attributes.as_m().ok());
    let attributes = attributes.into_iter().flatten();
    Some(Message {
        id: text(MESSAGE_ID)?,
        body: text(BODY)?,
        attributes: attributes
            .filter_map(|(name, value)| Some((name.clone(), value.as_s().ok()?.clone())))
            .collect(),
        first_received_at_millis: number(FIRST_RECEIVED_AT_MILLIS).and_then(|millis| millis.parse().ok()),
        sent_at_millis: number(SENT_AT_MILLIS)?.parse().ok()?,
        receives: number(RECEIVES)?.parse().ok()?,
        visible_at: Instant::now(),
    })
}
