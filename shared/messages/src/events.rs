//! What has happened: for everybody who listens.
//!
//! **A published format**, apart from the stored events: those may change without it. Consumers elsewhere read it, so a
//! change is a new schema version, sent beside the old one until nobody needs that.

use chrono::{DateTime, Utc};
use domain::money::Currency;
use domain::order::{Address, ConfirmationNumber, OrderId};
use domain::stock::Pieces;
use domain::text::{AddressLine, Carrier, PostalCode, Reason};
use domain::text::{CustomerId, PaymentMethodId, ProductId, Sku, TrackingNumber, TransactionId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderSubmitted {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    /// The total, tax included.
    pub total_amount: Decimal,
    pub items: Vec<Item>,
    pub shipping_address: ShippingAddress,
    /// When the customer has chosen it already.
    pub payment_method_id: Option<PaymentMethodId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub product_id: ProductId,
    /// The SKU, for items that are kept in stock.
    pub sku: Option<Sku>,
    pub quantity: u32,
    pub unit_price: Decimal,
}

/// Not every country has states or postal codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShippingAddress {
    pub street: AddressLine,
    pub city: AddressLine,
    pub state: Option<AddressLine>,
    pub postal_code: Option<PostalCode>,
    pub country: Option<AddressLine>,
}

/// A submitted order goes elsewhere than was said so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderShippingAddressCorrected {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub shipping_address: ShippingAddress,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderConfirmed {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    /// What the customer quotes on the telephone.
    pub confirmation_number: ConfirmationNumber,
    pub payment_method_id: PaymentMethodId,
    pub total_amount: Decimal,
    pub currency: Currency,
}

/// Nothing was due, so nothing was paid, and nothing is left to pay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FreeOrderConfirmed {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    /// What the customer quotes on the telephone.
    pub confirmation_number: ConfirmationNumber,
    pub currency: Currency,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderPaid {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub transaction_id: TransactionId,
    pub amount: Decimal,
    pub currency: Currency,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderShipped {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub tracking_number: TrackingNumber,
    pub carrier: Carrier,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderDelivered {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCancelled {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub reason: Reason,
    /// The amount to pay back of what the order says was paid.
    pub refund_amount: Decimal,
    pub currency: Currency,
    /// The transaction that paid the order, if one did.
    pub transaction_id: Option<TransactionId>,
    /// Whether it had been submitted: before that, nobody has done anything for it.
    pub was_submitted: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryReserved {
    pub order_id: OrderId,
    pub items: Vec<SkuQuantity>,
    /// The moment from which others may have the pieces; `null` for a reservation that lasts.
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryReservationFailed {
    pub order_id: OrderId,
    pub items: Vec<SkuShortage>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryReleased {
    pub order_id: OrderId,
    /// None of a SKU, when the order had reserved none.
    pub items: Vec<SkuQuantity>,
}

/// The pieces have left the warehouse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryCommitted {
    pub order_id: OrderId,
    pub items: Vec<SkuQuantity>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkuQuantity {
    pub sku: Sku,
    pub quantity: Pieces,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkuShortage {
    pub sku: Sku,
    pub wanted: Pieces,
    pub available: Pieces,
    /// The stock has never heard of the SKU. Left out when it has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown_sku: bool,
}

/// After everything that happens to the stock of a SKU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockLevelChanged {
    pub sku: Sku,
    /// All there is, reserved or not.
    pub on_hand: Pieces,
    pub reserved: Pieces,
    /// What the next order can have.
    pub available: Pieces,
    /// The number of available pieces at which the stock is low.
    pub low_stock_threshold: Pieces,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentProcessed {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub transaction_id: TransactionId,
    pub amount: Decimal,
    pub currency: Currency,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentFailed {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    /// Stable, in snake case.
    pub code: String,
    /// The reason, for people.
    pub reason: String,
    /// Whether another attempt may succeed.
    pub retryable: bool,
}

/// Nothing was taken, and nothing will be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentCancelled {
    pub order_id: OrderId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentRefunded {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    /// What has gone back.
    pub amount: Decimal,
    pub currency: Currency,
}

/// What was to go back never will, as the provider says: an operator has to see to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentReturnRefused {
    pub order_id: OrderId,
    /// Stable, in snake case.
    pub code: String,
    /// The reason, for people.
    pub reason: String,
}

/// A payment has failed for good, and the customer may choose another method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentMethodNeeded {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    /// The failure's code: stable, in snake case.
    pub code: String,
    /// The moment at which the order is cancelled.
    pub until: DateTime<Utc>,
}

/// The order is paid, or nothing is due, and its stock reserved: it can be packed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipmentRequested {
    pub order_id: OrderId,
    pub customer_id: CustomerId,
    pub items: Vec<Item>,
    pub shipping_address: ShippingAddress,
}

impl From<&Address> for ShippingAddress {
    fn from(address: &Address) -> Self {
        Self {
            street: address.street.clone(),
            city: address.city.clone(),
            state: address.state.clone(),
            postal_code: address.postal_code.clone(),
            country: address.country.clone(),
        }
    }
}
