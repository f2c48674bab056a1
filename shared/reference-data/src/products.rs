//! The catalogue.

use domain::Version;
use domain::catalogue::Product;
use domain::text::ProductId;
use domain::time::rfc3339_micros;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::table::{Reference, Table, Versioned};

/// The Products table.
pub type Products = Table<Product>;

impl Reference for Product {
    type Id = ProductId;

    const TABLE: tables::Table = tables::PRODUCTS;

    fn id(&self) -> &ProductId {
        &self.product_id
    }
}

/// A product as the HTTP contract shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProductView {
    pub product_id: String,
    pub version: Version,
    pub name: String,
    pub sku: Option<String>,
    pub unit_price: Decimal,
    pub currency: String,
    /// Whether it comes into no new lines any more.
    pub retired: bool,
    pub updated_at: String,
}

impl From<Versioned<Product>> for ProductView {
    fn from(product: Versioned<Product>) -> Self {
        let Versioned {
            version,
            updated_at,
            retired,
            value,
        } = product;
        Self {
            product_id: value.product_id.to_string(),
            version,
            name: value.name.to_string(),
            sku: value.sku.as_ref().map(ToString::to_string),
            unit_price: value.unit_price,
            currency: value.currency.to_string(),
            retired,
            updated_at: rfc3339_micros(updated_at),
        }
    }
}
