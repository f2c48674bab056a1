//! What a caller may ask of an order.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;
use strum::{AsRefStr, IntoStaticStr};

use super::state::{Address, ConfirmationNumber, MAX_LINES, Terms};
use crate::catalogue::Product;
use crate::quantity::Quantity;
use crate::text::{
    Carrier, CustomerId, OrderReference, PaymentMethodId, ProductId, ProductName, Reason, Sku, TrackingNumber,
    TransactionId,
};

#[derive(Debug, Clone, PartialEq, AsRefStr, IntoStaticStr)]
pub enum OrderCommand {
    CreateOrder(CreateOrder),
    AddOrderItem(NewItem),
    RemoveOrderItem {
        product_id: ProductId,
        /// Which line, where the product has several.
        which: Which,
    },
    CorrectShippingAddress {
        shipping_address: Address,
    },
    ChangeReference {
        /// `None` takes away the one that it has.
        reference: Option<OrderReference>,
    },
    SubmitOrder {
        /// When the customer has chosen it already.
        payment_method_id: Option<PaymentMethodId>,
    },
    /// Confirms the order, or chooses another payment method after one that could not be charged.
    ConfirmOrder {
        /// Absent when nothing is due.
        payment_method_id: Option<PaymentMethodId>,
    },
    RecordPayment {
        transaction_id: TransactionId,
        amount: Decimal,
        /// The method that was charged, where that is known.
        payment_method_id: Option<PaymentMethodId>,
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
    pub terms: Terms,
    /// May be empty: an order can be filled later.
    pub items: Vec<NewItem>,
}

/// The line that is meant among those of a product.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    /// The only one.
    Only,
    /// The one with this SKU, or the one without any.
    Sku(Option<Sku>),
}

/// An item whose price has not been held against the order's currency yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    pub product_id: ProductId,
    pub quantity: Quantity,
    /// What is absent here and below is as in the order's line, or else as in the catalogue.
    pub unit_price: Option<Decimal>,
    pub product_name: Option<ProductName>,
    pub sku: Option<Sku>,
}

/// What a decision needs from outside: ids that the edge has made, and what it has read.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The number that the order carries if the command confirms it.
    pub confirmation_number: ConfirmationNumber,
    /// Those of [`OrderCommand::products_to_look_up`] that the catalogue has.
    pub products: HashMap<ProductId, Product>,
    pub retired: Retired,
    /// What the process says of the payment. A confirmation needs it.
    pub charge: Charge,
}

/// The products and the customer of a command that are retired, as the edge has read them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Retired {
    /// The retired ones among [`Context::products`].
    pub products: HashSet<ProductId>,
    /// Whether [`OrderCommand::customer_to_look_up`] is retired.
    pub customer: bool,
}

/// What the process that fulfils an order says of its payment.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Charge {
    /// It has asked for none yet, or there is no such process.
    #[default]
    None,
    /// This method is charged, or was.
    UnderWay(PaymentMethodId),
    /// This method could not be charged, and another may be chosen.
    Failed(PaymentMethodId),
    /// The order is going to be cancelled.
    GivenUp,
}

impl OrderCommand {
    /// The customer of a new order, who must not be retired, if there is something to look up anyway.
    pub fn customer_to_look_up(&self) -> Option<&CustomerId> {
        match self {
            OrderCommand::CreateOrder(command) if !self.products_to_look_up().is_empty() => {
                Some(&command.terms.customer_id)
            }
            _ => None,
        }
    }

    /// The distinct products of the items that leave out a price, a SKU or a name; at most as many as an order can have.
    pub fn products_to_look_up(&self) -> Vec<&ProductId> {
        let items = match self {
            OrderCommand::CreateOrder(command) => &command.items[..],
            OrderCommand::AddOrderItem(item) => std::slice::from_ref(item),
            _ => &[],
        };
        let mut seen = HashSet::new();
        items
            .iter()
            .filter(|item| item.unit_price.is_none() || item.sku.is_none() || item.product_name.is_none())
            .map(|item| &item.product_id)
            .filter(|product_id| seen.insert(*product_id))
            .take(MAX_LINES)
            .collect()
    }
}
