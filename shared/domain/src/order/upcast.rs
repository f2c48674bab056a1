//! How older schema versions of the order's events are read.

use serde_json::{Value, json};

use crate::aggregate::Upcaster;

/// `OrderCreated` is at version 3: version 1 has no currency, version 2 no tax. `OrderSubmitted` is at version 2: version 1 has
/// no payment method.
pub const UPCASTERS: &[(&str, &[Upcaster])] = &[
    (
        "OrderCreated",
        &[Upcaster::Change(add_currency), Upcaster::Change(add_tax)],
    ),
    ("OrderSubmitted", &[Upcaster::Change(without_payment_method)]),
];

/// Whoever submitted an order of version 1 chose how to pay when the order was confirmed.
fn without_payment_method(data: Value) -> Value {
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
