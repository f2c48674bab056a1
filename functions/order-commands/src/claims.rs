//! The transaction by which an order is paid is claimed before the order says so: it pays no other.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::Aggregate;
use domain::Metadata;
use domain::order::{Order, OrderEvent, OrderId};
use domain::transaction::{Transaction, TransactionCommand};
use dynamodb::TableError;
use event_store::{BeforeAppend, Decider, StoreError, Stream, TransactError};
use uuid::Uuid;

/// Claims the transaction of a payment that is about to be appended. If its function dies in between, the order may claim it
/// again.
pub struct Claims<'a> {
    transactions: &'a Decider<Transaction>,
    order_id: OrderId,
    metadata: Metadata,
    is_refused: AtomicBool,
}

impl<'a> Claims<'a> {
    pub fn new(transactions: &'a Decider<Transaction>, order_id: OrderId, cause: &Metadata) -> Self {
        let metadata = Metadata {
            command_id: Uuid::new_v5(&cause.command_id, b"claim"),
            // It is recognised by the order that has claimed it.
            idempotency: None,
            ..cause.clone()
        };
        Self {
            transactions,
            order_id,
            metadata,
            is_refused: AtomicBool::new(false),
        }
    }

    /// Whether another order has claimed it. Then nothing was appended.
    pub fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }
}

impl BeforeAppend<Order> for Claims<'_> {
    async fn before(&self, _: &Stream<Order>, events: &[OrderEvent]) -> Result<(), StoreError> {
        for event in events {
            let OrderEvent::OrderPaid { transaction_id, .. } = event else {
                continue;
            };
            // Most are claimed once: nothing is read first.
            let unclaimed = Stream::unborn(Transaction::aggregate_id(transaction_id));
            let claim = TransactionCommand::Claim {
                order_id: self.order_id,
            };
            let claimed = self
                .transactions
                .execute_on(unclaimed, claim, &(), &self.metadata)
                .await;
            match claimed {
                Ok(_) => {}
                Err(TransactError::Store(error)) => return Err(error),
                Err(error) => {
                    let is_used = matches!(error, TransactError::Refused(_));
                    self.is_refused.store(is_used, Ordering::Relaxed);
                    return Err(TableError::Unavailable(error.to_string()).into());
                }
            }
        }
        Ok(())
    }
}
