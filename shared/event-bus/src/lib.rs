//! The EventBridge bus of the integration events: messages are put on it, and those that it did not take once more; and
//! taken from the queues that its rules fill.
//!
//! | module | what it holds |
//! |---|---|
//! | [`Bus`] | putting messages on the bus |
//! | [`queue`] | functions that handle the messages of a queue |
//! | [`dead_letters`] | where messages go that can never be handled |

pub mod dead_letters;
pub mod queue;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use dynamodb::patience::short_pause;
use lambda_edge::{ConfigError, Environment};
use messages::Message;

pub use dead_letters::DeadLetters;

/// Limits of PutEvents.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>
const MAX_ENTRIES: usize = 10;

/// How often entries that were refused are put again before the caller hears of it.
const ATTEMPTS: u32 = 3;

/// The bus of the integration events.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    name: String,
}

/// A message that is not on the bus, or not known to be. It can be put again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the bus did not take the message: {0}")]
pub struct PutError(pub String);

impl Bus {
    /// # Errors
    /// When the environment does not name the bus.
    pub fn from_env(env: &Environment, aws: &SdkConfig) -> Result<Self, ConfigError> {
        let mut config = aws_sdk_eventbridge::config::Builder::from(aws);
        // In Lambda the SDK finds this variable itself.
        if let Some(endpoint) = env.optional("AWS_ENDPOINT_URL_EVENTBRIDGE") {
            config = config.endpoint_url(endpoint);
        }
        Ok(Self {
            client: Client::from_conf(config.build()),
            name: env.required("EVENT_BUS")?.to_owned(),
        })
    }

    /// Puts messages on the bus, as few requests as possible, and those that it did not take again. The results stand in
    /// the messages' order.
    pub async fn put(&self, messages: &[Message]) -> Vec<Result<(), PutError>> {
        let mut results = vec![Err(PutError("not tried".to_owned())); messages.len()];
        for attempt in 0..ATTEMPTS {
            let missing: Vec<_> = (0..messages.len()).filter(|index| results[*index].is_err()).collect();
            if missing.is_empty() {
                break;
            }
            if attempt > 0 {
                short_pause(attempt).await;
            }
            for chunk in missing.chunks(MAX_ENTRIES) {
                let messages: Vec<_> = chunk.iter().map(|index| &messages[*index]).collect();
                for (index, result) in chunk.iter().zip(self.put_some(&messages).await) {
                    results[*index] = result;
                }
            }
        }
        results
    }

    /// One request.
    async fn put_some(&self, messages: &[&Message]) -> Vec<Result<(), PutError>> {
        let mut request = self.client.put_events();
        for message in messages {
            let detail = match serde_json::to_string(message) {
                Ok(detail) => detail,
                Err(error) => return vec![Err(PutError(error.to_string())); messages.len()],
            };
            request = request.entries(
                PutEventsRequestEntry::builder()
                    .event_bus_name(&self.name)
                    .source(format!("ordermaster{}", message.source.replace('/', ".")))
                    .detail_type(message.body.name())
                    .detail(detail)
                    .build(),
            );
        }
        match request.send().await {
            Ok(answer) => (0..messages.len())
                .map(|index| match answer.entries().get(index) {
                    Some(entry) if entry.event_id().is_some() => Ok(()),
                    entry => {
                        let code = entry.and_then(|entry| entry.error_code()).unwrap_or("no answer");
                        Err(PutError(code.to_owned()))
                    }
                })
                .collect(),
            Err(error) => vec![Err(PutError(dynamodb::cause(&error))); messages.len()],
        }
    }
}
