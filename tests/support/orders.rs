//! Orders to test with.

use domain::Metadata;
use domain::order::{Address, OrderEvent, OrderItem, Quantity, Tax, TaxRate, Terms};
use uuid::Uuid;

pub fn metadata() -> Metadata {
    Metadata::of_command(Uuid::now_v7())
}

pub fn new_order_id() -> String {
    Uuid::now_v7().to_string()
}

pub fn created(items: impl IntoIterator<Item = OrderItem>) -> OrderEvent {
    OrderEvent::OrderCreated {
        terms: terms(),
        items: items.into_iter().collect(),
    }
}

/// In US dollars and untaxed.
pub fn terms() -> Terms {
    Terms {
        customer_id: "VINET".parse().unwrap(),
        currency: "USD".parse().unwrap(),
        tax: Tax {
            rate: TaxRate::ZERO,
            jurisdiction: None,
        },
        shipping_address: Address {
            street: "59 rue de l'Abbaye".parse().unwrap(),
            city: "Reims".parse().unwrap(),
            state: None,
            postal_code: Some("51100".parse().unwrap()),
            country: Some("France".parse().unwrap()),
        },
        reference: None,
    }
}

pub fn item(product_id: &str, quantity: u32) -> OrderItem {
    OrderItem {
        product_id: product_id.parse().unwrap(),
        quantity: Quantity::new(quantity).unwrap(),
        unit_price: "14.00".parse().unwrap(),
        product_name: None,
        sku: None,
    }
}

pub fn added(product_id: &str, quantity: u32) -> OrderEvent {
    OrderEvent::from(item(product_id, quantity))
}

pub fn submitted() -> OrderEvent {
    OrderEvent::OrderSubmitted {
        payment_method_id: None,
    }
}
