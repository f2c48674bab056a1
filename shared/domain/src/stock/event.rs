//! What has happened to a SKU's stock.
//!
//! **A storage format**, as that of the order: change nothing without a new schema version and its upcaster.
//! `tests/stored_events.rs` pins each version.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::order::OrderId;
use crate::quantity::Pieces;
use crate::text::{Reason, Reference};

/// The type of every event below.
pub const EVENT_TYPES: [&str; 7] = [
    "StockReceived",
    "StockAdjusted",
    "LowStockThresholdSet",
    "StockReserved",
    "StockReservationRefused",
    "StockReleased",
    "StockCommitted",
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "EventType", content = "EventData")]
pub enum StockEvent {
    StockReceived {
        quantity: Pieces,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    StockAdjusted {
        /// All there is, reserved or not.
        on_hand: Pieces,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    LowStockThresholdSet {
        threshold: Pieces,
    },
    /// Replaces the reservation that the order has.
    StockReserved {
        order_id: OrderId,
        quantity: Pieces,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
    },
    /// The order will not get any.
    StockReservationRefused {
        order_id: OrderId,
        wanted: Pieces,
        available: Pieces,
        /// Nothing has ever come of the SKU, nor was it counted: it is misspelt, rather than sold out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unknown_sku: bool,
    },
    /// The order has nothing reserved any more. One that had no reservation gets none later.
    StockReleased {
        order_id: OrderId,
        quantity: Pieces,
        cause: ReleaseCause,
    },
    StockCommitted {
        order_id: OrderId,
        /// What has left the warehouse.
        quantity: Pieces,
        /// What has left it although the books had it not, or for another order.
        missing: Pieces,
    },
}

/// Why a reservation ended without a shipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseCause {
    /// Whoever reserved it asked for it.
    Asked,
    /// It had expired, and another order needed the pieces.
    Expired,
}
