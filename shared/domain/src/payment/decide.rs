//! The rules of a payment: what is due is taken once, and once it is cancelled nothing stays taken that should not.

use super::command::{Answer, PaymentCommand};
use super::event::PaymentEvent;
use super::state::{Payment, PaymentStatus};

/// The events that `command` leads to from `payment`, which is `None` before its first event. There are none when the
/// command comes too late or has had its effect already: messages arrive twice and in any order, and a provider's answers
/// while others are under way.
pub(super) fn decide(payment: Option<&Payment>, command: PaymentCommand) -> Vec<PaymentEvent> {
    match (payment, command) {
        (None, PaymentCommand::Take { request, attempt }) => vec![PaymentEvent::PaymentRequested { request, attempt }],
        (None, PaymentCommand::Cancel { .. }) => vec![PaymentEvent::PaymentCancelled {}],
        // Nobody has been asked, so nobody can have answered.
        (None, _) => Vec::new(),
        (Some(payment), command) => change(payment, command),
    }
}

fn change(payment: &Payment, command: PaymentCommand) -> Vec<PaymentEvent> {
    use PaymentStatus::{Authorised, Cancelled, Captured, Failed, Refunded, Requested, ReturnRefused};

    let is_cancelled = payment.cancellation.is_some();
    match command {
        PaymentCommand::Take { request, attempt } => match payment.status {
            Failed if attempt > payment.attempt && !is_cancelled => {
                vec![PaymentEvent::PaymentRequested { request, attempt }]
            }
            _ => Vec::new(),
        },
        PaymentCommand::Cancel { refund_amount } => match payment.status {
            _ if is_cancelled => Vec::new(),
            Cancelled | Refunded | ReturnRefused => Vec::new(),
            Failed => vec![PaymentEvent::PaymentCancelled {}],
            Requested | Authorised | Captured => vec![PaymentEvent::PaymentCancellationRequested { refund_amount }],
        },
        // Of an attempt that another has taken the place of.
        PaymentCommand::Record { attempt, .. } if attempt != payment.attempt => Vec::new(),
        PaymentCommand::Record { answer, .. } => match (payment.status, answer) {
            (Requested, Answer::Authorised { authorisation_id }) => {
                vec![PaymentEvent::PaymentAuthorised { authorisation_id }]
            }
            (Requested | Authorised, Answer::Captured { transaction_id, amount }) => {
                vec![PaymentEvent::PaymentCaptured { transaction_id, amount }]
            }
            (Requested | Authorised, Answer::Failed { .. } | Answer::Voided) if is_cancelled => {
                vec![PaymentEvent::PaymentCancelled {}]
            }
            (
                Requested | Authorised,
                Answer::Failed {
                    code,
                    reason,
                    retryable,
                },
            ) => {
                vec![PaymentEvent::PaymentFailed {
                    code,
                    reason,
                    retryable,
                }]
            }
            (Captured, Answer::Refunded { refund_id, amount }) if is_cancelled => {
                vec![PaymentEvent::PaymentRefunded { refund_id, amount }]
            }
            (Requested | Authorised | Captured, Answer::ReturnRefused { code, reason }) if is_cancelled => {
                vec![PaymentEvent::PaymentReturnRefused { code, reason }]
            }
            _ => Vec::new(),
        },
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
