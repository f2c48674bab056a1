//! The queue of what can never be handled.

use aws_config::SdkConfig;
use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::MessageAttributeValue;
use lambda_edge::{ConfigError, Environment};

/// The dead-letter queue of all queues. What a function itself puts there SQS cannot take back to where it came from: so each
/// message says it.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    client: Client,
    queue_url: String,
}

/// A message that does not lie with the dead letters, or is not known to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotTaken(String);

impl DeadLetters {
    /// # Errors
    /// When the environment does not name the queue.
    pub fn from_env(env: &Environment, aws: &SdkConfig) -> Result<Self, ConfigError> {
        // In Lambda the SDK finds this variable itself.
        let endpoint = env.optional("AWS_ENDPOINT_URL_SQS");
        Ok(Self::new(aws, endpoint, env.required("DEAD_MESSAGES")?))
    }

    /// `endpoint`: of SQS, where it is not that of `aws`.
    pub fn new(aws: &SdkConfig, endpoint: Option<&str>, queue_url: &str) -> Self {
        let mut config = aws_sdk_sqs::config::Builder::from(aws);
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self {
            client: Client::from_conf(config.build()),
            queue_url: queue_url.to_owned(),
        }
    }

    /// Takes a message as it is, with the reason and the queue that it comes from as attributes.
    ///
    /// # Errors
    /// When SQS did not take it, or did not say so. It may be given once more.
    pub async fn take(&self, message: &SqsMessage, reason: &str) -> Result<(), NotTaken> {
        let from = message.event_source_arn.as_deref().unwrap_or("unknown");
        let send = self.client.send_message().queue_url(&self.queue_url);
        let send = send.message_body(message.body.as_deref().unwrap_or_default());
        let undefined = |error: BuildError| NotTaken(error.to_string());
        let send = send
            .message_attributes("Reason", attribute(reason).map_err(undefined)?)
            .message_attributes("Queue", attribute(from).map_err(undefined)?);
        let sent = send.send().await;
        sent.map_err(|error| NotTaken(dynamodb::cause(&error)))?;
        Ok(())
    }
}

fn attribute(text: &str) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(text)
        .build()
}
