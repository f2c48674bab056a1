//! What the CSV files say.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::failure::Failure;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CsvOrder {
    #[serde(rename = "orderID")]
    pub order_id: String,
    #[serde(rename = "customerID")]
    pub customer_id: String,
    shipped_date: String,
    ship_via: String,
    ship_address: String,
    pub ship_city: String,
    ship_region: String,
    ship_postal_code: String,
    ship_country: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CsvLine {
    #[serde(rename = "orderID")]
    order_id: String,
    #[serde(rename = "productID")]
    pub product_id: String,
    unit_price: Decimal,
    pub quantity: u32,
    discount: Decimal,
}

#[derive(Debug, Deserialize)]
struct CsvProduct {
    #[serde(rename = "productID")]
    id: String,
    #[serde(rename = "productName")]
    name: String,
}

#[derive(Debug, Deserialize)]
struct CsvShipper {
    #[serde(rename = "shipperID")]
    id: String,
    #[serde(rename = "companyName")]
    name: String,
}

pub struct Northwind {
    pub orders: Vec<CsvOrder>,
    lines: BTreeMap<String, Vec<CsvLine>>,
    products: BTreeMap<String, String>,
    shippers: BTreeMap<String, String>,
}

impl Northwind {
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let mut lines = BTreeMap::<_, Vec<_>>::new();
        for line in read::<CsvLine>(folder, "order_details.csv")? {
            lines.entry(line.order_id.clone()).or_default().push(line);
        }
        let products = read::<CsvProduct>(folder, "products.csv")?;
        let shippers = read::<CsvShipper>(folder, "shippers.csv")?;
        Ok(Self {
            orders: read(folder, "orders.csv")?,
            lines,
            products: products.into_iter().map(|product| (product.id, product.name)).collect(),
            shippers: shippers.into_iter().map(|shipper| (shipper.id, shipper.name)).collect(),
        })
    }

    pub fn lines(&self, order: &CsvOrder) -> &[CsvLine] {
        self.lines.get(&order.order_id).map_or(&[], Vec::as_slice)
    }

    pub fn line_count(&self) -> usize {
        self.lines.values().map(Vec::len).sum()
    }

    /// The names of all products.
    pub fn products(&self) -> impl Iterator<Item = &str> {
        self.products.values().map(String::as_str)
    }

    pub fn product(&self, line: &CsvLine) -> &str {
        self.products.get(&line.product_id).map_or("", String::as_str)
    }

    pub fn carrier(&self, order: &CsvOrder) -> &str {
        self.shippers.get(&order.ship_via).map_or("", String::as_str)
    }
}

impl CsvOrder {
    pub fn is_shipped(&self) -> bool {
        present(&self.shipped_date).is_some()
    }

    pub fn tracking_number(&self) -> String {
        format!("NW-{}", self.order_id)
    }

    pub fn address(&self) -> Value {
        json!({
            "street": self.ship_address,
            "city": self.ship_city,
            "state": present(&self.ship_region),
            "postal_code": present(&self.ship_postal_code),
            "country": self.ship_country,
        })
    }
}

impl CsvLine {
    /// The price of one piece after the line's discount, in whole cents.
    pub fn price(&self) -> Decimal {
        (self.unit_price * (Decimal::ONE - self.discount))
            .round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven)
    }

    pub fn total(&self) -> Decimal {
        self.price() * Decimal::from(self.quantity)
    }
}

fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Vec<T>, Failure> {
    let file = folder.join(name);
    csv::Reader::from_path(&file)
        .and_then(|mut reader| reader.deserialize().collect())
        .map_err(|source| Failure::Csv {
            file: file.display().to_string(),
            source,
        })
}

/// The files write `NULL` where there is nothing.
fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| *text != "NULL")
}
