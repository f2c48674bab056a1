//! How older schema versions of the order's events are read.

use serde_json::{Value, json};

use crate::aggregate::Upcaster;

/// Version 1 of `OrderCreated` has no currency, version 2 no tax, version 3 one line per product, version 4 no reference. Version 1
/// of `OrderItemAdded` and `OrderItemRemoved` has one line per product too. Version 1 of `OrderSubmitted` has no payment method,
/// that of `OrderPaid` not the one that was charged.
pub const UPCASTERS: &[(&str, &[Upcaster])] = &[
    (
        "OrderCreated",
        &[
            Upcaster::Change(add_currency),
            Upcaster::Change(add_tax),
            Upcaster::Change(Upcaster::unchanged),
            Upcaster::Change(Upcaster::unchanged),
        ],
    ),
    ("OrderItemAdded", &[Upcaster::Change(any_sku)]),
    ("OrderItemRemoved", &[Upcaster::Change(any_sku)]),
    ("OrderSubmitted", &[Upcaster::Change(Upcaster::unchanged)]),
    ("OrderPaid", &[Upcaster::Change(Upcaster::unchanged)]),
];

/// A line of before was a product, whatever its SKU.
fn any_sku(mut data: Value) -> Value {
    set_default(&mut data, "any_sku", json!(true));
    data
}

/// Orders of version 1 were all in US dollars.
fn add_currency(mut data: Value) -> Value {
    set_default(&mut data, "currency", json!("USD"));
    data
}

/// Orders of version 2 were untaxed.
fn add_tax(mut data: Value) -> Value {
    set_default(&mut data, "tax", json!({ "rate": "0" }));
    data
}

fn set_default(data: &mut Value, field: &str, value: Value) {
    if let Value::Object(fields) = data {
        fields.entry(field).or_insert(value);
    }
}
