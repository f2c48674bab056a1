//! What the process manager asks for: the same commands, under the same rules.
//!
//! What the rules refuse is done with: the process hears from the order's events why.

use std::collections::HashMap;
use std::sync::Arc;

use domain::order::{Charge, ConfirmationNumber, Context, Order, OrderCommand, Retired};
use event_bus::DeadLetters;
use event_bus::queue::{self, NotHandled};
use event_store::{Decider, TransactError};
use lambda_edge::Function;
use messages::{Body, Message};
use uuid::Uuid;

/// How many messages of a batch are worked on at once: they are of different orders, mostly.
const CONCURRENT_MESSAGES: usize = 5;

pub(crate) fn function(dead_letters: DeadLetters, orders: Decider<Order>) -> Function {
    queue::function(dead_letters, Arc::new(orders), CONCURRENT_MESSAGES, carry_out)
}

async fn carry_out(orders: Arc<Decider<Order>>, message: Message) -> Result<(), NotHandled> {
    let (order_id, command) = match message.body.clone() {
        Body::ConfirmOrder(confirm) => {
            let payment_method_id = Some(confirm.payment_method_id);
            (confirm.order_id, OrderCommand::ConfirmOrder { payment_method_id })
        }
        Body::ConfirmFreeOrder(confirm) => {
            let payment_method_id = None;
            (confirm.order_id, OrderCommand::ConfirmOrder { payment_method_id })
        }
        Body::RecordPayment(record) => {
            let command = OrderCommand::RecordPayment {
                transaction_id: record.transaction_id,
                amount: record.amount,
                payment_method_id: record.payment_method_id,
            };
            (record.order_id, command)
        }
        Body::CancelOrder(cancel) => {
            let (reason, refund_amount) = (cancel.reason, None);
            (cancel.order_id, OrderCommand::CancelOrder { reason, refund_amount })
        }
        other => return Err(NotHandled::Lasting(format!("an order cannot do {}", other.name()))),
    };
    let context = Context {
        // The same however often the message comes.
        confirmation_number: ConfirmationNumber::from_uuid(Uuid::new_v5(&message.id, b"confirmation")),
        products: HashMap::new(),
        retired: Retired::default(),
        charge: Charge::None,
    };
    let name = command.as_ref().to_owned();
    let executed = orders.execute(&order_id, command, &context, &message.metadata()).await;
    match executed {
        Ok(_) => Ok(()),
        Err(TransactError::Refused(refusal)) => {
            tracing::info!(%order_id, command = name, %refusal, "the order's rules refuse");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
