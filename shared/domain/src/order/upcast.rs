//! How older schema versions of the order's events are read.

use serde_json::{Value, json};

use crate::aggregate::Upcaster;

/// `OrderCreated` is at version 3: version 1 has no currency, version 2 no tax.
pub const UPCASTERS: &[(&str, &[Upcaster])] = &[(
    "OrderCreated",
    &[Upcaster::Change(add_currency), Upcaster::Change(add_tax)],
)];

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
