//! What may be asked of a SKU's stock.

use chrono::{DateTime, Utc};
use strum::AsRefStr;

use crate::order::OrderId;
use crate::quantity::Pieces;
use crate::text::{Reason, Reference};

#[derive(Debug, Clone, PartialEq, AsRefStr)]
pub enum StockCommand {
    /// Goods have arrived.
    Receive {
        quantity: Pieces,
        reference: Option<Reference>,
    },
    /// The stock is what was counted. What is absent stays.
    Set {
        on_hand: Option<Pieces>,
        low_stock_threshold: Option<Pieces>,
        reason: Option<Reason>,
    },
    /// Keeps pieces for an order. Asked again without an expiry, it makes the order's reservation last.
    Reserve {
        order_id: OrderId,
        quantity: Pieces,
        /// The moment from which others may have them; `None` keeps them until they are released or committed.
        expires_at: Option<DateTime<Utc>>,
    },
    /// The order does not need its pieces.
    Release { order_id: OrderId },
    /// The order's pieces have left the warehouse.
    Commit { order_id: OrderId, quantity: Pieces },
}

/// What a decision needs from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The moment of the decision: a reservation that expires until then has expired.
    pub now: DateTime<Utc>,
}
