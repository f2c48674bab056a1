//! Who caused an event, and why.

use uuid::Uuid;

/// What is recorded with every event of one command.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// The command that produced the event. Unique per attempt of a caller, so that a writer whose answer was lost
    /// recognises its own event.
    pub command_id: Uuid,
    /// Shared by everything that follows from one request of a user, across aggregates.
    pub correlation_id: Option<String>,
    /// The message that led to the event: for an event, its command.
    pub causation_id: Option<String>,
    /// The authenticated caller.
    pub user_id: Option<String>,
    pub tenant_id: Option<String>,
    /// What a repetition of the same request is recognised by, when the caller sent a key.
    pub idempotency: Option<Idempotency>,
}

/// A caller's key for one request, and what the request was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    /// Differs between requests that ask for different things.
    pub request_hash: String,
}

impl Metadata {
    /// The metadata of a command that came from nobody in particular.
    pub fn of_command(command_id: Uuid) -> Self {
        Self {
            command_id,
            correlation_id: None,
            causation_id: Some(command_id.to_string()),
            user_id: None,
            tenant_id: None,
            idempotency: None,
        }
    }
}
