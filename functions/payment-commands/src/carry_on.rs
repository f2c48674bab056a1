//! Carries a payment on: records what was asked for, asks the provider, records its answer, and so on.
//!
//! Whatever dies in between, the message comes again, and the recorded state says where to go on. Asking the provider once
//! more, with the same key, does no harm. Two messages may carry on the same payment at once: the provider sees the same
//! requests twice, and the first answer is recorded.

use domain::Metadata;
use domain::order::OrderId;
use domain::payment::event::REFUNDED_BEFORE;
use domain::payment::{Action, Answer, Payment, PaymentCommand, Request};
use domain::text::TransactionId;
use event_bus::queue::NotHandled;
use payment_gateway::{GatewayError, PaymentRequest, Voided};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::App;

/// More than a payment can have: a request, an authorisation, a capture and a refund.
const MAX_ACTIONS: usize = 10;

pub(crate) async fn from(
    app: &App,
    order_id: OrderId,
    command: PaymentCommand,
    metadata: Metadata,
) -> Result<(), NotHandled> {
    // Without the message's key: a repetition would get the payment as it was then, and go on from there. The rules know
    // repetitions by the state.
    let metadata = Metadata {
        idempotency: None,
        ..metadata
    };
    let mut payment = app.record(order_id, command, &metadata).await?;
    for number in 0..MAX_ACTIONS {
        let attempt = payment.attempt;
        let Some(action) = payment.next_action() else {
            return Ok(());
        };
        let asked = tokio::time::timeout(app.patience, app.ask(order_id, attempt, action)).await;
        let answer = asked.map_err(|_| NotHandled::Passing("the payment provider does not answer".to_owned()))??;
        // Each answer is a command of its own.
        let command_id = Uuid::new_v5(&metadata.command_id, &number.to_be_bytes());
        let metadata = Metadata {
            command_id,
            ..metadata.clone()
        };
        let code = answer_code(&answer);
        let before = payment;
        payment = app
            .record(order_id, PaymentCommand::Record { attempt, answer }, &metadata)
            .await?;
        if payment == before {
            return Err(NotHandled::Passing(format!(
                "the provider's answer `{code}` leads nowhere"
            )));
        }
    }
    Err(NotHandled::Passing("the payment does not come to an end".to_owned()))
}

impl App {
    /// The payment with what `command` leads to.
    async fn record(
        &self,
        order_id: OrderId,
        command: PaymentCommand,
        metadata: &Metadata,
    ) -> Result<Payment, NotHandled> {
        let executed = self.payments.execute(&order_id, command, &(), metadata).await?;
        let payment = executed.stream.state;
        payment.ok_or_else(|| NotHandled::Passing("the payment has no state".to_owned()))
    }

    /// What the provider says.
    async fn ask(&self, order_id: OrderId, attempt: u32, action: Action) -> Result<Answer, NotHandled> {
        let is_return = matches!(action, Action::Void(..) | Action::Refund(..));
        let answer = match action {
            // Nothing is due, and providers refuse to take nothing.
            Action::Authorise(request) if request.amount.is_zero() => Ok(Answer::Captured {
                transaction_id: nothing(order_id)?,
                amount: request.amount,
            }),
            Action::Authorise(request) => {
                let authorised = self
                    .gateway
                    .authorise(&payment_request(order_id, attempt, &request))
                    .await;
                authorised.map(|authorisation| Answer::Authorised {
                    authorisation_id: authorisation.id,
                })
            }
            Action::Capture(request, authorisation) => {
                let request = payment_request(order_id, attempt, &request);
                let captured = self.gateway.capture(&request, &authorisation).await;
                captured.map(|capture| Answer::Captured {
                    transaction_id: capture.transaction_id,
                    amount: capture.amount,
                })
            }
            Action::Void(request, _) if request.amount.is_zero() => Ok(Answer::Voided),
            Action::Void(request, authorisation) => {
                let request = payment_request(order_id, attempt, &request);
                let voided = self.gateway.void(&request, authorisation.as_ref()).await;
                voided.map(|voided| match voided {
                    Voided::Voided => Answer::Voided,
                    Voided::AlreadyCaptured(capture) => Answer::Captured {
                        transaction_id: capture.transaction_id,
                        amount: capture.amount,
                    },
                })
            }
            Action::Refund(request, _, amount) if amount.is_zero() => {
                Ok(refunded(nothing(order_id)?, &request, amount))
            }
            Action::Refund(request, captured, amount) => {
                let key = format!("refund-{order_id}");
                let refund = self
                    .gateway
                    .refund(&captured.transaction_id, amount, request.currency, &key)
                    .await;
                match refund {
                    // By somebody else, at the provider's: what was to happen has.
                    Err(GatewayError::Declined { code, .. }) if code == REFUNDED_BEFORE => Ok(Answer::Refunded {
                        refund_id: code,
                        amount: request.currency.round(amount),
                    }),
                    refund => refund.map(|refund| refunded(refund.id, &request, refund.amount)),
                }
            }
        };
        match answer {
            Ok(answer) => Ok(answer),
            Err(GatewayError::Declined { code, reason }) if is_return => Ok(Answer::ReturnRefused { code, reason }),
            // Not now: it is asked again, with the same key.
            Err(error @ GatewayError::Failed { .. }) if is_return => Err(NotHandled::Passing(error.to_string())),
            Err(GatewayError::Declined { code, reason }) => Ok(Answer::Failed {
                code,
                reason,
                retryable: false,
            }),
            Err(GatewayError::Failed { code, reason }) => Ok(Answer::Failed {
                code,
                reason,
                retryable: true,
            }),
            // Nothing can be recorded that may be wrong: it is asked again.
            Err(error @ (GatewayError::Unknown(_) | GatewayError::Misconfigured(_))) => {
                Err(NotHandled::Passing(error.to_string()))
            }
        }
    }
}

/// The answer's code, for the log.
fn answer_code(answer: &Answer) -> String {
    match answer {
        Answer::Failed { code, .. } | Answer::ReturnRefused { code, .. } => code.clone(),
        Answer::Authorised { .. } => "authorised".to_owned(),
        Answer::Captured { .. } => "captured".to_owned(),
        Answer::Voided => "voided".to_owned(),
        Answer::Refunded { .. } => "refunded".to_owned(),
    }
}

fn refunded(refund_id: TransactionId, request: &Request, amount: Decimal) -> Answer {
    Answer::Refunded {
        refund_id: refund_id.to_string(),
        amount: request.currency.round(amount),
    }
}

fn payment_request(order_id: OrderId, attempt: u32, request: &Request) -> PaymentRequest {
    PaymentRequest {
        key: format!("payment-{order_id}-{attempt}"),
        order_id: order_id.to_string(),
        amount: request.amount,
        currency: request.currency,
        payment_method_id: request.payment_method_id.clone(),
    }
}

/// The transaction of a payment of nothing.
fn nothing(order_id: OrderId) -> Result<TransactionId, NotHandled> {
    format!("free-{order_id}")
        .parse()
        .map_err(|_| NotHandled::Passing("no transaction id".to_owned()))
}
