//! What customers are told, in what words. Pure: a message and a name in, a subject and a text out.

use domain::money::Currency;
use domain::order::OrderId;
use domain::text::{CustomerId, CustomerName};
use messages::Body;
use messages::events::{OrderCancelled, OrderConfirmed, OrderShipped, PaymentFailed};
use rust_decimal::Decimal;

/// What a customer is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    pub template: &'static str,
    pub order_id: OrderId,
    /// One line.
    pub subject: String,
    /// Plain, in lines that end with `\n`.
    pub text: String,
}

/// Whom a message concerns. `None` for those of which customers are told nothing: also a payment that failed and will be
/// tried again.
pub fn customer(body: &Body) -> Option<&CustomerId> {
    match body {
        Body::OrderConfirmed(event) => Some(&event.customer_id),
        Body::OrderShipped(event) => Some(&event.customer_id),
        Body::OrderCancelled(event) => Some(&event.customer_id),
        Body::PaymentFailed(event) if !event.retryable => Some(&event.customer_id),
        _ => None,
    }
}

/// What the customer of that name is told of a message; `None` as with [`customer`].
pub fn letter(body: &Body, name: Option<&CustomerName>) -> Option<Letter> {
    let name = name.map_or("customer", CustomerName::as_str);
    match body {
        Body::OrderConfirmed(event) => Some(confirmed(event, name)),
        Body::OrderShipped(event) => Some(shipped(event, name)),
        Body::OrderCancelled(event) => Some(cancelled(event, name)),
        Body::PaymentFailed(event) if !event.retryable => Some(payment_failed(event, name)),
        _ => None,
    }
}

fn confirmed(event: &OrderConfirmed, name: &str) -> Letter {
    let number = event.confirmation_number.as_str();
    let total = money(event.total_amount, event.currency);
    Letter {
        template: "order_confirmed",
        order_id: event.order_id,
        subject: format!("Your order {number} is confirmed"),
        text: format!(
            "Dear {name},\n\n\
             Thank you for your order. It is confirmed under the number {number}; please quote it when you write or call us.\n\n\
             Total: {total}\n{}",
            end(event.order_id)
        ),
    }
}

fn shipped(event: &OrderShipped, name: &str) -> Letter {
    let OrderShipped {
        tracking_number,
        carrier,
        ..
    } = event;
    Letter {
        template: "order_shipped",
        order_id: event.order_id,
        subject: "Your order is on its way".to_owned(),
        text: format!(
            "Dear {name},\n\n\
             Your order has left our warehouse.\n\n\
             Carrier: {carrier}\n\
             Tracking number: {tracking_number}\n{}",
            end(event.order_id)
        ),
    }
}

fn cancelled(event: &OrderCancelled, name: &str) -> Letter {
    let refund = match event.refund_amount.is_zero() {
        true => String::new(),
        false => format!(
            "We pay back {} the way you paid.\n\n",
            money(event.refund_amount, event.currency)
        ),
    };
    Letter {
        template: "order_cancelled",
        order_id: event.order_id,
        subject: "Your order is cancelled".to_owned(),
        text: format!(
            "Dear {name},\n\n\
             Your order is cancelled, for this reason:\n{}\n\n{refund}{}",
            event.reason,
            end(event.order_id)
        ),
    }
}

/// The event's own reason comes from the provider, and may speak of what does not concern customers.
fn payment_failed(event: &PaymentFailed, name: &str) -> Letter {
    Letter {
        template: "payment_failed",
        order_id: event.order_id,
        subject: "The payment for your order failed".to_owned(),
        text: format!(
            "Dear {name},\n\n\
             The payment for your order could not be taken. You have not been charged. Please ask your bank for the reason, \
             or order again with another way of payment.\n\n{}",
            end(event.order_id)
        ),
    }
}

fn end(order_id: OrderId) -> String {
    format!("Order: {order_id}\n")
}

fn money(amount: Decimal, currency: Currency) -> String {
    format!("{} {currency}", currency.round(amount))
}
