//! What may be asked of a SKU's stock.

use chrono::{DateTime, Utc};

use super::state::Pieces;
use crate::order::OrderId;
use crate::order::state::Reason;
use crate::text::Text;

/// What came with a delivery: the number of a delivery note, say.
pub type Reference = Text<100>;

#[derive(Debug, Clone, PartialEq)]
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
        /// From when others may have them; `None` keeps them until they are released or committed.
        expires_at: Option<DateTime<Utc>>,
    },
    /// The order does not need its pieces.
    Release { order_id: OrderId },
    /// The order's pieces have left the warehouse.
    Commit { order_id: OrderId, quantity: Pieces },
}
