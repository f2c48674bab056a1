//! What may be asked of a payment, and what a provider may answer.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use strum::AsRefStr;

use crate::money::Currency;
use crate::text::{CustomerId, PaymentMethodId, TransactionId};

#[derive(Debug, Clone, PartialEq, AsRefStr)]
pub enum PaymentCommand {
    /// The money is due. A higher attempt tries again after one that failed.
    Take { request: Request, attempt: u32 },
    /// The order comes to nothing: what was taken goes back, and nothing more is taken.
    Cancel {
        /// How much of what was taken; all of it, when absent.
        refund_amount: Option<Decimal>,
    },
    /// The provider has answered.
    Record {
        /// Which attempt it was asked about.
        attempt: u32,
        answer: Answer,
    },
}

/// What a provider says.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It holds the money.
    Authorised { authorisation_id: TransactionId },
    /// It has taken the money.
    Captured {
        transaction_id: TransactionId,
        amount: Decimal,
    },
    Failed {
        code: String,
        reason: String,
        /// Whether another attempt may succeed.
        retryable: bool,
    },
    /// It holds nothing and has taken nothing.
    Voided,
    /// It has given money back.
    Refunded { refund_id: String, amount: Decimal },
    /// It will never let go of the money, or give it back: asking again gets the same answer.
    ReturnRefused { code: String, reason: String },
}

/// The amount to pay, the customer who pays it, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub customer_id: CustomerId,
    pub amount: Decimal,
    pub currency: Currency,
    pub payment_method_id: PaymentMethodId,
}
