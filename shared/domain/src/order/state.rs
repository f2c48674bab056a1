//! The order as it stands after some events, with its totals.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use uuid::Uuid;

use crate::money::Currency;
use crate::quantity::Quantity;
use crate::text::{
    AddressLine, Carrier, CustomerId, Jurisdiction, OrderReference, PaymentMethodId, PostalCode, ProductId,
    ProductName, Reason, Sku, TrackingNumber, TransactionId,
};

/// The most lines of one order.
pub const MAX_LINES: usize = 500;

/// The most bytes that the texts of all items of an order may have together. A DynamoDB item holds 400 KB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>), and an order with all its
/// items has to fit into one.
pub const MAX_ITEM_TEXT_BYTES: usize = 300_000;

/// Also how the state is kept in a read model's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    #[serde(flatten)]
    pub terms: Terms,
    pub status: OrderStatus,
    /// The lines, in the order in which they came.
    pub items: Vec<OrderItem>,
    /// The one that paid, or else the one chosen last: when the order was submitted, or confirmed.
    pub payment_method_id: Option<PaymentMethodId>,
    pub confirmation_number: Option<ConfirmationNumber>,
    pub payment: Option<Payment>,
    pub shipment: Option<Shipment>,
    pub cancellation: Option<Cancellation>,
}

/// What an order is created with, beside its items: asked for in the command, stored in the event, kept in the state. Until it
/// ships, the address can be corrected, and the reference changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub tax: Tax,
    pub shipping_address: Address,
    /// What the shop's other systems call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<OrderReference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OrderStatus {
    Created,
    Submitted,
    Confirmed,
    /// Nothing is left to pay.
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// A line of an order: a product and a SKU at one price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderItem {
    pub product_id: ProductId,
    pub quantity: Quantity,
    /// The price of one piece, in the order's currency.
    pub unit_price: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_name: Option<ProductName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
}

/// Where the order goes. Not every country has states or postal codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address {
    pub street: AddressLine,
    pub city: AddressLine,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AddressLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<PostalCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<AddressLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tax {
    pub rate: TaxRate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<Jurisdiction>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub transaction_id: TransactionId,
    pub amount: Decimal,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shipment {
    pub tracking_number: TrackingNumber,
    pub carrier: Carrier,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cancellation {
    pub reason: Reason,
    pub refund_amount: Decimal,
}

impl Order {
    /// The sum of all lines, before tax.
    pub fn subtotal(&self) -> Decimal {
        self.terms
            .currency
            .round(self.items.iter().map(OrderItem::line_total).sum())
    }

    /// The subtotal times the tax rate, rounded half-even to the minor unit.
    pub fn tax_amount(&self) -> Decimal {
        self.terms
            .currency
            .round(self.subtotal() * self.terms.tax.rate.as_decimal())
    }

    pub fn lines_of(&self, product_id: &ProductId) -> impl Iterator<Item = &OrderItem> {
        self.items.iter().filter(move |line| line.product_id == *product_id)
    }

    /// The line that an item means: the one with its SKU. An item without a SKU means the line without one, or else the
    /// product's only line.
    pub fn line_meant(&self, product_id: &ProductId, sku: Option<&Sku>) -> Option<&OrderItem> {
        let mut lines = self.lines_of(product_id);
        let exact = self.lines_of(product_id).find(|line| line.sku.as_ref() == sku);
        exact.or_else(|| match (sku, lines.next(), lines.next()) {
            (None, Some(only), None) => Some(only),
            _ => None,
        })
    }

    /// What the customer owes.
    pub fn total_amount(&self) -> Decimal {
        self.subtotal() + self.tax_amount()
    }

    /// What the customer has paid so far.
    pub fn paid_amount(&self) -> Decimal {
        self.payment
            .as_ref()
            .map_or_else(|| self.terms.currency.round(Decimal::ZERO), |payment| payment.amount)
    }
}

impl OrderItem {
    /// Whether it is the line of this product and SKU.
    pub fn is_of(&self, product_id: &ProductId, sku: Option<&Sku>, any_sku: bool) -> bool {
        self.product_id == *product_id && (any_sku || self.sku.as_ref() == sku)
    }

    pub fn line_total(&self) -> Decimal {
        self.unit_price * Decimal::from(self.quantity.get())
    }

    /// The bytes of its texts.
    pub fn text_bytes(&self) -> usize {
        self.product_id.as_str().len()
            + self.product_name.as_ref().map_or(0, |name| name.as_str().len())
            + self.sku.as_ref().map_or(0, |sku| sku.as_str().len())
    }
}

impl OrderStatus {
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Submitted,
        Self::Confirmed,
        Self::Paid,
        Self::Shipped,
        Self::Delivered,
        Self::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A tax rate as a fraction: 0.0825 is 8.25 %. From 0 to 1, with at most 6 decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct TaxRate(Decimal);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a fraction from 0 to 1 with at most {} decimal places",
    TaxRate::MAX_DECIMALS
)]
pub struct TaxRateError;

impl TaxRate {
    pub const ZERO: TaxRate = TaxRate(Decimal::ZERO);
    pub const MAX_DECIMALS: u32 = 6;

    pub fn as_decimal(self) -> Decimal {
        self.0
    }
}

impl TryFrom<Decimal> for TaxRate {
    type Error = TaxRateError;

    fn try_from(rate: Decimal) -> Result<Self, TaxRateError> {
        let rate = rate.normalize();
        if (Decimal::ZERO..=Decimal::ONE).contains(&rate) && rate.scale() <= Self::MAX_DECIMALS {
            Ok(Self(rate))
        } else {
            Err(TaxRateError)
        }
    }
}

impl From<TaxRate> for Decimal {
    fn from(rate: TaxRate) -> Decimal {
        rate.0
    }
}

/// What the customer quotes on the telephone: `C-` and 12 characters that are not mistaken for each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfirmationNumber(String);

impl ConfirmationNumber {
    /// Crockford's base 32, which leaves out I, L, O and U: <https://www.crockford.com/base32.html>.
    const ALPHABET: &'static [u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// The number made from the last 60 bits of `id`, which are random in a UUID of version 4.
    pub fn from_uuid(id: Uuid) -> Self {
        let digits = (0..12).rev().map(|place| {
            let digit = (id.as_u128() >> (place * 5)) & 31;
            char::from(Self::ALPHABET[digit as usize])
        });
        Self(format!("C-{}", digits.collect::<String>()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
