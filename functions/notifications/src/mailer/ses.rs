//! Amazon SES.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use dynamodb::cause;
use lambda_edge::Environment;

use super::mail::{Mail, MailError, Mailer};

/// Longer than the clients of tables wait: a mail that is given up may be sent nevertheless, and then once more.
const TIMEOUT: Duration = Duration::from_secs(10);

/// SES knows no idempotency key: each request that it carries out is a mail. So the SDK repeats none; a message whose fate
/// is not known comes again from its queue, and may be sent twice.
#[derive(Debug, Clone)]
pub struct SesMailer {
    client: Client,
    from: String,
}

impl SesMailer {
    pub fn new(env: &Environment, aws: &SdkConfig, from: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_timeout(TIMEOUT);
        let mut config = aws_sdk_sesv2::config::Builder::from(aws)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.build());
        // In Lambda the SDK finds this variable itself.
        if let Some(endpoint) = env.optional("AWS_ENDPOINT_URL_SESV2") {
            config = config.endpoint_url(endpoint);
        }
        Self {
            client: Client::from_conf(config.build()),
            from,
        }
    }
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, mail: &Mail<'_>) -> Result<(), MailError> {
        let text = |text: &str| {
            let content = Content::builder().data(text).charset("UTF-8").build();
            content.map_err(|_| MailError::Refused("bad_request"))
        };
        let message = Message::builder()
            .subject(text(mail.subject)?)
            .body(Body::builder().text(text(mail.text)?).build())
            .build();
        self.client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(mail.address).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            .map_err(|error| failure(&error))?;
        Ok(())
    }
}

/// What SES says of this mail is final. Whatever it says of the account (paused, out of its quota, a right or an identity
/// missing) an operator can mend. Its words are not passed on: they may name addresses.
fn failure(error: &SdkError<SendEmailError>) -> MailError {
    match error.as_service_error() {
        Some(SendEmailError::MessageRejected(_)) => MailError::Refused("message_rejected"),
        Some(SendEmailError::BadRequestException(_)) => MailError::Refused("bad_request"),
        _ => MailError::Passing(match error.code() {
            Some(code) => format!("SES: {code}"),
            None => format!("SES: {}", cause(error)),
        }),
    }
}
