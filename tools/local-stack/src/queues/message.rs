use std::collections::BTreeMap;

use tokio::time::Instant;

/// A message in a queue.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub id: String,
    pub body: String,
    /// What its sender says of it, by name.
    pub attributes: BTreeMap<String, String>,
    pub sent_at_millis: i64,
    /// When a function first got it.
    pub first_received_at_millis: Option<i64>,
    /// Receives that were in vain.
    pub receives: u32,
    /// Nobody gets it before.
    pub visible_at: Instant,
}
