//! What has happened to a transaction.
//!
//! **A storage format**, as that of the order: change nothing without a new schema version and its upcaster.
//! `tests/stored_events.rs` pins each version.

use serde::{Deserialize, Serialize};

use crate::order::OrderId;

/// The type of every event below.
pub const EVENT_TYPES: [&str; 1] = ["TransactionClaimed"];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "EventType", content = "EventData")]
pub enum TransactionEvent {
    TransactionClaimed { order_id: OrderId },
}
