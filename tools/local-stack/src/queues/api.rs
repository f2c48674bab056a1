//! SQS's API, as far as SendMessage.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Queues, StoreError};
use crate::names::queue_of_url;

/// What names the operation.
pub(crate) const SEND_MESSAGE: &str = "AmazonSQS.SendMessage";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    message_body: String,
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    string_value: String,
}

/// Why a message is not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("{0}")]
    Serialization(#[from] serde_json::Error),
    #[error("The specified queue does not exist.")]
    NoQueue,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// # Errors
/// See [`SendError`].
pub(crate) async fn send_message(queues: &Queues, body: &str) -> Result<Value, SendError> {
    let sent: SendMessage = serde_json::from_str(body)?;
    let queue = queue_of_url(&sent.queue_url).ok_or(SendError::NoQueue)?;
    let attributes = sent.message_attributes.into_iter();
    let attributes = attributes.map(|(name, attribute)| (name, attribute.string_value));
    let stored = queues.send(queue, sent.message_body, attributes.collect(), Duration::ZERO);
    match stored.await {
        Ok(id) => Ok(json!({ "MessageId": id })),
        Err(StoreError::NoQueue(_)) => Err(SendError::NoQueue),
        Err(error) => Err(error.into()),
    }
}
