//! Where no mail can be sent: the log says that one would be.

use async_trait::async_trait;

use super::mail::{Mail, MailError, Mailer};

/// Says nothing of the mail but the notification's id.
#[derive(Debug, Clone, Copy)]
pub struct LogMailer;

#[async_trait]
impl Mailer for LogMailer {
    async fn send(&self, mail: &Mail<'_>) -> Result<(), MailError> {
        tracing::info!(notification_id = %mail.id, "a mail would be sent");
        Ok(())
    }
}
