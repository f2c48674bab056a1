//! A mail, and what sends it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::text::CustomerName;
use uuid::Uuid;

/// A mail to one customer.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// The notification's id: the same mail has the same, however often it is sent.
    pub id: Uuid,
    pub name: &'a CustomerName,
    /// The address as SMTP has it.
    pub address: &'a str,
    /// One line.
    pub subject: &'a str,
    /// Plain, in lines that end with `\n`.
    pub text: &'a str,
    pub date: DateTime<Utc>,
}

/// A mail that is not sent, or not known to be. What it says is logged, so it says nothing of the mail.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MailError {
    /// It can be sent again later.
    #[error("the mail was not sent: {0}")]
    Passing(String),
    /// It would never be sent. The code is stable, in snake case.
    #[error("the mail was refused: {0}")]
    Refused(&'static str),
}

/// What sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// # Errors
    /// [`MailError`]. After one that passes, the mail may have been sent nevertheless.
    async fn send(&self, mail: &Mail<'_>) -> Result<(), MailError>;
}
