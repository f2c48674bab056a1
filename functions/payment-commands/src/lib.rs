//! Payments: what the process manager asks for, carried out with the payment provider.
//!
//! | module | what it holds |
//! |---|---|
//! | `carry_on` | asks the provider what is to be asked next, until there is nothing |

mod carry_on;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use domain::payment::{Payment, PaymentCommand, Request};
use event_bus::DeadLetters;
use event_bus::queue::{self, NotHandled};
use event_store::{Decider, EventStore};
use lambda_edge::{ConfigError, Environment, Function};
use messages::{Body, Message};
use payment_gateway::PaymentGateway;

/// How many messages of a batch are worked on at once. Each waits for the provider.
const CONCURRENT_MESSAGES: usize = 10;

struct App {
    payments: Decider<Payment>,
    gateway: Arc<dyn PaymentGateway>,
    /// How long the provider is waited for; less than the function may take.
    patience: Duration,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let app = App {
        payments: Decider::new(EventStore::from_env(env, dynamodb::client(aws))?),
        gateway: payment_gateway::from_env(env)?,
        patience: Duration::from_secs(env.parsed("PAYMENT_TIMEOUT_SECONDS", "a whole number of seconds")?),
    };
    let dead_letters = DeadLetters::from_env(env, aws)?;
    Ok(queue::function(
        dead_letters,
        Arc::new(app),
        CONCURRENT_MESSAGES,
        handle,
    ))
}

async fn handle(app: Arc<App>, message: Message) -> Result<(), NotHandled> {
    let (order_id, command) = match message.body.clone() {
        Body::TakePayment(take) => {
            let request = Request {
                customer_id: take.customer_id,
                amount: take.amount,
                currency: take.currency,
                payment_method_id: take.payment_method_id,
            };
            let attempt = take.attempt;
            (take.order_id, PaymentCommand::Take { request, attempt })
        }
        Body::ReturnPayment(give_back) => {
            let refund_amount = give_back.refund_amount;
            (give_back.order_id, PaymentCommand::Cancel { refund_amount })
        }
        other => return Err(NotHandled::Lasting(format!("a payment cannot do {}", other.name()))),
    };
    carry_on::from(&app, order_id, command, message.metadata()).await
}
