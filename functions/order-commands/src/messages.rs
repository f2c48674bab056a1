//! What the process manager asks for: the same commands, under the same rules.
//!
//! What the rules refuse is done with: the process hears from the order's events why.

use std::collections::HashMap;
use std::sync::Arc;

use domain::order::{ConfirmationNumber, Context, Order, OrderCommand, decide};
use event_store::{EventStore, TransactError};
use lambda_edge::Function;
use lambda_edge::queue::{self, NotHandled};
use messages::{Body, Message};
use uuid::Uuid;

/// How many messages of a batch are worked on at once: they are of different orders, mostly.
const CONCURRENT_MESSAGES: usize = 5;

pub(crate) fn function(orders: EventStore) -> Function {
    queue::function(Arc::new(orders), CONCURRENT_MESSAGES, carry_out)
}

async fn carry_out(orders: Arc<EventStore>, message: Message) -> Result<(), NotHandled> {
    let (order_id, command) = match message.body.clone() {
        Body::ConfirmOrder(confirm) => {
            let payment_method_id = confirm.payment_method_id;
            (confirm.order_id, OrderCommand::ConfirmOrder { payment_method_id })
        }
        Body::RecordPayment(record) => {
            let (transaction_id, amount) = (record.transaction_id, record.amount);
            (record.order_id, OrderCommand::RecordPayment { transaction_id, amount })
        }
        Body::CancelOrder(cancel) => {
            let (reason, refund_amount) = (cancel.reason, None);
            (cancel.order_id, OrderCommand::CancelOrder { reason, refund_amount })
        }
        _ => return Ok(()),
    };
    let context = Context {
        // The same however often the message comes.
        confirmation_number: ConfirmationNumber::from_uuid(Uuid::new_v5(&message.id, b"confirmation")),
        products: HashMap::new(),
    };
    let order = orders.load::<Order>(&order_id.to_string()).await;
    let order = order.map_err(|error| NotHandled(error.to_string()))?;
    let decided = orders
        .transact(order, &message.metadata(), |order| {
            decide(order.state.as_ref(), command.clone(), &context)
        })
        .await;
    match decided {
        Ok(_) => Ok(()),
        Err(TransactError::Refused(refusal)) => {
            tracing::info!(%order_id, command = command.name(), %refusal, "the order's rules refuse");
            Ok(())
        }
        Err(error) => Err(NotHandled(error.to_string())),
    }
}
