//! A provider of payments behind one trait: what goes in, and what comes out.

use async_trait::async_trait;
use domain::money::Currency;
use domain::text::{PaymentMethodId, TransactionId};
use rust_decimal::Decimal;

/// A provider of payments.
///
/// Money is taken in two steps, so that a payment which comes too late can be let go of before anything was taken. Every
/// call may be repeated: it has one effect, and after [`GatewayError::Unknown`] repeating it is the way to learn what
/// happened. A call may take as long as the provider likes unless the gateway says otherwise, so callers bound it.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Reserves the amount with the customer's payment method; takes nothing yet. Repeated with the same key and the same
    /// request it has one effect and one answer.
    ///
    /// # Errors
    /// [`GatewayError`]; `Declined` with the code `payment_voided` when the key was given to [`PaymentGateway::void`].
    async fn authorise(&self, payment: &PaymentRequest) -> Result<Authorisation, GatewayError>;

    /// Takes what was authorised, all of it.
    ///
    /// # Errors
    /// [`GatewayError`]; `Declined` with the code `payment_voided` when the authorisation was voided, or has expired.
    async fn capture(&self, payment: &PaymentRequest, authorisation: &TransactionId) -> Result<Capture, GatewayError>;

    /// Sees to it that nothing is held, and that an authorise with the same key, under way or still to come, takes nothing.
    ///
    /// Where the answer to authorise was lost, `authorisation` is not known, and the provider is asked by the key.
    ///
    /// # Errors
    /// [`GatewayError`]; after any of them something may still be held. `Declined` when it will never be let go of.
    async fn void(
        &self,
        payment: &PaymentRequest,
        authorisation: Option<&TransactionId>,
    ) -> Result<Voided, GatewayError>;

    /// Gives back a part or all of what was captured. `key` names the refund: repeated, it has one effect.
    ///
    /// # Errors
    /// [`GatewayError`]; `Declined` when it will never be given back, such as more than was taken; with the code
    /// `already_refunded` when all of it has gone back before. `Failed` when it may be later, with the same key.
    async fn refund(
        &self,
        transaction: &TransactionId,
        amount: Decimal,
        currency: Currency,
        key: &str,
    ) -> Result<Refund, GatewayError>;
}

/// One attempt to pay for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequest {
    /// Names this attempt at the provider (its idempotency key): unique per attempt, and never used with another amount or
    /// payment method. At most 255 printable ASCII characters.
    pub key: String,
    pub order_id: String,
    /// More than zero: providers refuse to take nothing.
    pub amount: Decimal,
    pub currency: Currency,
    pub payment_method_id: PaymentMethodId,
}

/// An amount that is reserved, and not yet taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorisation {
    pub id: TransactionId,
    pub amount: Decimal,
}

/// An amount that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    pub transaction_id: TransactionId,
    pub amount: Decimal,
}

/// What [`PaymentGateway::void`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voided {
    /// Nothing is held or taken, and nothing will be.
    Voided,
    /// Too late: the money was taken. Only a refund gives it back.
    AlreadyCaptured(Capture),
}

/// An amount that was given back, or is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    pub id: TransactionId,
    pub amount: Decimal,
}

/// Why there is no answer, or none that one would like, kept apart by what the caller can do about it.
///
/// Codes are snake_case and stable; reasons are our own sentences, never the provider's, which may tell of people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The provider says no, for ever: only another payment method can help. Nothing happened.
    #[error("declined ({code}): {reason}")]
    Declined { code: String, reason: String },
    /// The provider says not now: a new attempt, with a new key, may succeed. Nothing happened.
    #[error("failed ({code}): {reason}")]
    Failed { code: String, reason: String },
    /// Nobody knows whether it happened: repeat it with the same key.
    #[error("the payment provider gave no usable answer: {0}")]
    Unknown(String),
    /// Our own mistake, such as a wrong key: a deployment can help. Nothing happened.
    #[error("the payment gateway is misconfigured: {0}")]
    Misconfigured(String),
}

impl GatewayError {
    /// What clients and events call it, such as `insufficient_funds`.
    pub fn code(&self) -> &str {
        match self {
            Self::Declined { code, .. } | Self::Failed { code, .. } => code,
            Self::Unknown(_) => "provider_unavailable",
            Self::Misconfigured(_) => "gateway_misconfigured",
        }
    }

    pub(crate) fn declined(code: &str, reason: &str) -> Self {
        Self::Declined {
            code: code.to_owned(),
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn failed(code: &str, reason: &str) -> Self {
        Self::Failed {
            code: code.to_owned(),
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn already_refunded() -> Self {
        Self::declined("already_refunded", "all of it was given back before")
    }

    pub(crate) fn voided() -> Self {
        Self::declined("payment_voided", "the payment was voided")
    }
}
