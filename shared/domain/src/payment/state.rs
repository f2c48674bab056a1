//! The payment as it stands after some events.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::command::Request;
use super::event::PaymentEvent;
use crate::text::TransactionId;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub status: PaymentStatus,
    /// `None` when it was cancelled before it was asked for.
    pub request: Option<Request>,
    /// The newest attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// The authorisation of the newest attempt, once the provider has answered.
    pub authorisation_id: Option<TransactionId>,
    pub captured: Option<Captured>,
    pub cancellation: Option<Cancellation>,
    /// The failure of the newest attempt that failed, or why the money does not go back.
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub reason: String,
    pub retryable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    Requested,
    Authorised,
    Captured,
    Failed,
    /// Nothing was taken, and nothing will be.
    Cancelled,
    /// What was to go back has gone back.
    Refunded,
    /// What was to go back never will.
    ReturnRefused,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    pub transaction_id: TransactionId,
    pub amount: Decimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cancellation {
    /// How much of what was taken goes back; all of it, when absent.
    pub refund_amount: Option<Decimal>,
}

/// What the provider is to be asked. Each may be asked any number of times, with the same key.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Authorise(Request),
    Capture(Request, TransactionId),
    /// Whatever was authorised: the answer may have been lost.
    Void(Request, Option<TransactionId>),
    Refund(Request, Captured, Decimal),
}

impl Payment {
    pub(super) fn new() -> Self {
        Self {
            status: PaymentStatus::Requested,
            request: None,
            attempt: 0,
            authorisation_id: None,
            captured: None,
            cancellation: None,
            failure: None,
        }
    }

    /// What is to be asked of the provider now, if anything.
    pub fn next_action(&self) -> Option<Action> {
        let request = self.request.clone()?;
        match (self.status, self.cancellation) {
            (
                PaymentStatus::Failed
                | PaymentStatus::Cancelled
                | PaymentStatus::Refunded
                | PaymentStatus::ReturnRefused,
                _,
            ) => None,
            (PaymentStatus::Requested, None) => Some(Action::Authorise(request)),
            (PaymentStatus::Authorised, None) => {
                let authorisation = self.authorisation_id.clone()?;
                Some(Action::Capture(request, authorisation))
            }
            (PaymentStatus::Captured, None) => None,
            (_, Some(cancellation)) => Some(match self.captured.clone() {
                None => Action::Void(request, self.authorisation_id.clone()),
                Some(captured) => {
                    let amount = cancellation.refund_amount.unwrap_or(captured.amount);
                    Action::Refund(request, captured, amount)
                }
            }),
        }
    }

    /// A cancellation may be the first event: the request for the money was overtaken.
    pub(super) fn after(mut self, event: &PaymentEvent) -> Self {
        match event {
            PaymentEvent::PaymentRequested { request, attempt } => {
                self.status = PaymentStatus::Requested;
                self.request = Some(request.clone());
                self.attempt = *attempt;
                self.authorisation_id = None;
            }
            PaymentEvent::PaymentAuthorised { authorisation_id } => {
                self.status = PaymentStatus::Authorised;
                self.authorisation_id = Some(authorisation_id.clone());
            }
            PaymentEvent::PaymentCaptured { transaction_id, amount } => {
                self.status = PaymentStatus::Captured;
                self.captured = Some(Captured {
                    transaction_id: transaction_id.clone(),
                    amount: *amount,
                });
            }
            PaymentEvent::PaymentFailed {
                code,
                reason,
                retryable,
            } => {
                self.status = PaymentStatus::Failed;
                self.failure = Some(Failure {
                    code: code.clone(),
                    reason: reason.clone(),
                    retryable: *retryable,
                });
            }
            PaymentEvent::PaymentCancellationRequested { refund_amount } => {
                self.cancellation = Some(Cancellation {
                    refund_amount: *refund_amount,
                });
            }
            PaymentEvent::PaymentCancelled {} => self.status = PaymentStatus::Cancelled,
            PaymentEvent::PaymentRefunded { .. } => self.status = PaymentStatus::Refunded,
            PaymentEvent::PaymentReturnRefused { code, reason } => {
                self.status = PaymentStatus::ReturnRefused;
                self.failure = Some(Failure {
                    code: code.clone(),
                    reason: reason.clone(),
                    retryable: false,
                });
            }
        }
        self
    }
}
