//! Commands as clients send them.

use domain::order::{CreateOrder, NewItem, OrderCommand, Quantity, Terms};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::orders::terms;

#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Which of the run's orders.
    pub order: usize,
    pub command: OrderCommand,
    pub key: Option<String>,
    pub if_match: Option<u64>,
}

impl Request {
    /// API Gateway's event, made from `sample`.
    pub fn event(&self, sample: &Value, order_id: &str, correlation_id: &str) -> Value {
        let (method, route, body) = http(&self.command);
        let product_id = match &self.command {
            OrderCommand::RemoveOrderItem { product_id, .. } => product_id.to_string(),
            _ => String::new(),
        };
        let route_key = format!("{method} {route}");
        let path = route
            .replace("{order_id}", order_id)
            .replace("{product_id}", &product_id);
        let mut event = sample.clone();
        event["routeKey"] = json!(route_key);
        event["rawPath"] = json!(path);
        event["pathParameters"] = json!({ "order_id": order_id, "product_id": product_id });
        event["requestContext"]["routeKey"] = json!(route_key);
        event["requestContext"]["http"]["method"] = json!(method);
        event["headers"]["x-correlation-id"] = json!(correlation_id);
        if let Some(key) = &self.key {
            event["headers"]["idempotency-key"] = json!(key);
        }
        if let Some(version) = self.if_match {
            event["headers"]["if-match"] = json!(format!("\"{version}\""));
        }
        if let Some(body) = body {
            event["headers"]["content-type"] = json!("application/json");
            event["body"] = json!(body.to_string());
        }
        event
    }
}

/// Method, route and body of a command: DESIGN section 6.
fn http(command: &OrderCommand) -> (&'static str, &'static str, Option<Value>) {
    match command {
        OrderCommand::CreateOrder(order) => {
            let body = json!({
                "customer_id": order.terms.customer_id,
                "items": order.items.iter().map(item).collect::<Vec<_>>(),
                "shipping_address": order.terms.shipping_address,
            });
            ("POST", "/orders", Some(body))
        }
        OrderCommand::AddOrderItem(new) => ("POST", "/orders/{order_id}/items", Some(item(new))),
        OrderCommand::RemoveOrderItem { .. } => ("DELETE", "/orders/{order_id}/items/{product_id}", None),
        OrderCommand::CorrectShippingAddress { shipping_address } => (
            "PUT",
            "/orders/{order_id}/shipping-address",
            Some(json!(shipping_address)),
        ),
        OrderCommand::ChangeReference { reference } => (
            "PUT",
            "/orders/{order_id}/reference",
            Some(json!({ "reference": reference })),
        ),
        OrderCommand::SubmitOrder { .. } => ("POST", "/orders/{order_id}/submit", None),
        OrderCommand::ConfirmOrder { payment_method_id } => {
            let body = json!({ "payment_method_id": payment_method_id });
            ("POST", "/orders/{order_id}/confirm", Some(body))
        }
        OrderCommand::RecordPayment {
            transaction_id, amount, ..
        } => {
            let body = json!({ "transaction_id": transaction_id, "amount": amount });
            ("POST", "/orders/{order_id}/payment", Some(body))
        }
        OrderCommand::ShipOrder {
            tracking_number,
            carrier,
        } => {
            let body = json!({ "tracking_number": tracking_number, "carrier": carrier });
            ("POST", "/orders/{order_id}/ship", Some(body))
        }
        OrderCommand::DeliverOrder => ("POST", "/orders/{order_id}/deliver", None),
        OrderCommand::CancelOrder { reason, .. } => {
            ("POST", "/orders/{order_id}/cancel", Some(json!({ "reason": reason })))
        }
    }
}

fn item(item: &NewItem) -> Value {
    json!({ "product_id": item.product_id, "quantity": item.quantity, "unit_price": item.unit_price })
}

pub fn create(customer: usize, items: Vec<NewItem>) -> OrderCommand {
    OrderCommand::CreateOrder(CreateOrder {
        terms: Terms {
            customer_id: format!("customer {customer}").parse().unwrap(),
            ..terms()
        },
        items,
    })
}

pub fn new_item(product: usize, quantity: u32, unit_price: u32) -> NewItem {
    NewItem {
        product_id: format!("p{product}").parse().unwrap(),
        quantity: Quantity::new(quantity).unwrap(),
        unit_price: Some(Decimal::from(unit_price)),
        product_name: None,
        sku: None,
    }
}
