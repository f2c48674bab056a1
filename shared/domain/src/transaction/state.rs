//! The state of a transaction: the order that has claimed it.

use serde::{Deserialize, Serialize};

use crate::order::OrderId;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// The order that it pays.
    pub order_id: OrderId,
}
