//! What a caller may ask of an order.

use rust_decimal::Decimal;

use super::state::{Address, Carrier, ConfirmationNumber, ProductName, Quantity, Reason, Tax};
use crate::money::Currency;
use crate::text::{CustomerId, PaymentMethodId, ProductId, Sku, TrackingNumber, TransactionId};

#[derive(Debug, Clone, PartialEq)]
pub enum OrderCommand {
    CreateOrder(CreateOrder),
    AddOrderItem(NewItem),
    RemoveOrderItem {
        product_id: ProductId,
    },
    SubmitOrder,
    ConfirmOrder {
        payment_method_id: PaymentMethodId,
    },
    RecordPayment {
        transaction_id: TransactionId,
        amount: Decimal,
    },
    ShipOrder {
        tracking_number: TrackingNumber,
        carrier: Carrier,
    },
    DeliverOrder,
    CancelOrder {
        reason: Reason,
        /// What was paid, when absent.
        refund_amount: Option<Decimal>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateOrder {
    pub customer_id: CustomerId,
    /// May be empty: an order can be filled later.
    pub items: Vec<NewItem>,
    pub shipping_address: Address,
    pub currency: Currency,
    pub tax: Tax,
}

/// An item whose price has not been held against the order's currency yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    pub product_id: ProductId,
    pub quantity: Quantity,
    pub unit_price: Decimal,
    pub product_name: Option<ProductName>,
    pub sku: Option<Sku>,
}

/// What a decision needs from outside: ids that the edge has made.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// For the order to carry if the command confirms it.
    pub confirmation_number: ConfirmationNumber,
}

impl OrderCommand {
    pub fn name(&self) -> &'static str {
        match self {
            OrderCommand::CreateOrder(_) => "CreateOrder",
            OrderCommand::AddOrderItem(_) => "AddOrderItem",
            OrderCommand::RemoveOrderItem { .. } => "RemoveOrderItem",
            OrderCommand::SubmitOrder => "SubmitOrder",
            OrderCommand::ConfirmOrder { .. } => "ConfirmOrder",
            OrderCommand::RecordPayment { .. } => "RecordPayment",
            OrderCommand::ShipOrder { .. } => "ShipOrder",
            OrderCommand::DeliverOrder => "DeliverOrder",
            OrderCommand::CancelOrder { .. } => "CancelOrder",
        }
    }
}
