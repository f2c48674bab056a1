//! What has happened to a payment.
//!
//! **A storage format**, as that of the order: change nothing without a new schema version and its upcaster.
//! `tests/stored_events.rs` pins each version. No card data: a payment method is the provider's id of it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::command::Request;
use crate::text::TransactionId;

/// What stands in place of a refund's id when somebody else has asked for the refund.
pub const REFUNDED_BEFORE: &str = "already_refunded";

/// The type of every event below.
pub const EVENT_TYPES: [&str; 8] = [
    "PaymentRequested",
    "PaymentAuthorised",
    "PaymentCaptured",
    "PaymentFailed",
    "PaymentCancellationRequested",
    "PaymentCancelled",
    "PaymentRefunded",
    "PaymentReturnRefused",
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "EventType", content = "EventData")]
pub enum PaymentEvent {
    PaymentRequested {
        #[serde(flatten)]
        request: Request,
        /// The attempt's number, from 1.
        attempt: u32,
    },
    PaymentAuthorised {
        authorisation_id: TransactionId,
    },
    PaymentCaptured {
        transaction_id: TransactionId,
        amount: Decimal,
    },
    PaymentFailed {
        code: String,
        reason: String,
        retryable: bool,
    },
    PaymentCancellationRequested {
        /// How much of what was taken goes back; all of it, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refund_amount: Option<Decimal>,
    },
    /// Nothing was taken, and nothing will be.
    PaymentCancelled {},
    PaymentRefunded {
        /// [`REFUNDED_BEFORE`] when the provider had given it back before it was asked to.
        refund_id: String,
        amount: Decimal,
    },
    /// The provider will never give it back, or let go of it: somebody has to look.
    PaymentReturnRefused {
        code: String,
        reason: String,
    },
}
