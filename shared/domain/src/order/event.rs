//! What has happened to an order.
//!
//! **A storage format.** Events of every version stay in the event store for ever. Change nothing here without a new
//! schema version and its upcaster in [`upcast`](super::upcast); `tests/stored_events.rs` pins each version.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::state::{Address, ConfirmationNumber, OrderItem, Terms};
use crate::text::{Carrier, OrderReference, PaymentMethodId, ProductId, Reason, Sku, TrackingNumber, TransactionId};

/// The type of every event below.
pub const EVENT_TYPES: [&str; 12] = [
    "OrderCreated",
    "OrderItemAdded",
    "OrderItemRemoved",
    "OrderShippingAddressCorrected",
    "OrderReferenceChanged",
    "OrderSubmitted",
    "OrderConfirmed",
    "FreeOrderConfirmed",
    "OrderPaid",
    "OrderShipped",
    "OrderDelivered",
    "OrderCancelled",
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "EventType", content = "EventData")]
pub enum OrderEvent {
    OrderCreated {
        #[serde(flatten)]
        terms: Terms,
        /// The lines, at most one per product and SKU.
        items: Vec<OrderItem>,
    },
    OrderItemAdded(AddedItem),
    /// The line's whole quantity.
    OrderItemRemoved {
        product_id: ProductId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sku: Option<Sku>,
        /// See [`AddedItem::any_sku`].
        #[serde(default, skip_serializing)]
        any_sku: bool,
    },
    OrderShippingAddressCorrected {
        shipping_address: Address,
    },
    OrderReferenceChanged {
        /// `None`: it has none any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<OrderReference>,
    },
    OrderSubmitted {
        /// When the customer has chosen it already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_method_id: Option<PaymentMethodId>,
    },
    OrderConfirmed {
        payment_method_id: PaymentMethodId,
        confirmation_number: ConfirmationNumber,
    },
    /// Nothing was due, so nothing was paid, and nothing is left to pay.
    FreeOrderConfirmed {
        confirmation_number: ConfirmationNumber,
    },
    OrderPaid {
        transaction_id: TransactionId,
        amount: Decimal,
        /// The method that was charged, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_method_id: Option<PaymentMethodId>,
    },
    OrderShipped {
        tracking_number: TrackingNumber,
        carrier: Carrier,
    },
    OrderDelivered {},
    OrderCancelled {
        reason: Reason,
        /// The amount to pay back to the customer.
        refund_amount: Decimal,
    },
}

/// Adds to the line of the same product and SKU, which has no other name, or begins a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddedItem {
    #[serde(flatten)]
    pub item: OrderItem,
    /// Events of version 1 meant the product's line, whatever its SKU. Their upcaster sets this; it is never stored.
    #[serde(default, skip_serializing)]
    pub any_sku: bool,
}

impl OrderEvent {
    pub fn item_removed(product_id: ProductId, sku: Option<Sku>) -> Self {
        Self::OrderItemRemoved {
            product_id,
            sku,
            any_sku: false,
        }
    }
}

impl From<OrderItem> for OrderEvent {
    fn from(item: OrderItem) -> Self {
        Self::OrderItemAdded(AddedItem { item, any_sku: false })
    }
}
