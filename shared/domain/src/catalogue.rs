//! What a shop's catalogue says of a product.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::Currency;
use crate::text::ProductName;
use crate::text::{ProductId, Sku};

/// A product as it is sold now. Orders copy what they need of it: what becomes of it later changes no order.
///
/// Also how it is kept in its table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Product {
    pub product_id: ProductId,
    pub name: ProductName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// The price of one piece, as [`Currency::price`] gives it.
    pub unit_price: Decimal,
    pub currency: Currency,
}
