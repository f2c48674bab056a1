//! What a caller may ask of an order.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;
use strum::{AsRefStr, IntoStaticStr};

use super::state::{Address, ConfirmationNumber, MAX_PRODUCTS, Tax};
use crate::catalogue::Product;
use crate::money::Currency;
use crate::quantity::Quantity;
use crate::text::{
    Carrier, CustomerId, PaymentMethodId, ProductId, ProductName, Reason, Sku, TrackingNumber, TransactionId,
};

#[derive(Debug, Clone, PartialEq, AsRefStr, IntoStaticStr)]
pub enum OrderCommand {
    CreateOrder(CreateOrder),
    AddOrderItem(NewItem),
    RemoveOrderItem {
        product_id: ProductId,
    },
    SubmitOrder {
        /// When the customer has chosen it already.
        payment_method_id: Option<PaymentMethodId>,
    },
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
    /// That of the catalogue, when absent; so are then the name and the SKU, where they are absent too.
    pub unit_price: Option<Decimal>,
    pub product_name: Option<ProductName>,
    pub sku: Option<Sku>,
}

/// What a decision needs from outside: ids that the edge has made, and what it has read.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// For the order to carry if the command confirms it.
    pub confirmation_number: ConfirmationNumber,
    /// Those of [`OrderCommand::unpriced_products`] that the catalogue has.
    pub products: HashMap<ProductId, Product>,
}

impl OrderCommand {
    /// The distinct products of the items that come without a price, at most as many as an order can have.
    pub fn unpriced_products(&self) -> Vec<&ProductId> {
        let items = match self {
            OrderCommand::CreateOrder(command) => &command.items[..],
            OrderCommand::AddOrderItem(item) => std::slice::from_ref(item),
            _ => &[],
        };
        let mut seen = HashSet::new();
        let unpriced = items.iter().filter(|item| item.unit_price.is_none());
        unpriced
            .map(|item| &item.product_id)
            .filter(|product_id| seen.insert(*product_id))
            .take(MAX_PRODUCTS)
            .collect()
    }
}
