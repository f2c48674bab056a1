use tokio::time::Instant;

/// A message in a queue.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub id: String,
    pub body: String,
    pub sent_at_millis: i64,
    /// Receives that were in vain.
    pub receives: u32,
    /// Nobody gets it before.
    pub visible_at: Instant,
}
