//! What may be asked of a transaction.

use strum::AsRefStr;

use crate::order::OrderId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, AsRefStr)]
pub enum TransactionCommand {
    /// It is to pay this order, and no other.
    Claim { order_id: OrderId },
}
