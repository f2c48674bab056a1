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

/// What has happened, as far as customers are told of it.
#[derive(Debug, Clone, Copy)]
pub enum News<'a> {
    Confirmed(&'a OrderConfirmed),
    Shipped(&'a OrderShipped),
    Cancelled(&'a OrderCancelled),
    PaymentFailed(&'a PaymentFailed),
}

/// What a message tells customers. `None` of a payment that failed and will be tried again.
///
/// # Errors
/// The message's type, when it is one that no customer is told of.
pub fn news(body: &Body) -> Result<Option<News<'_>>, &'static str> {
    Ok(Some(match body {
        Body::OrderConfirmed(event) => News::Confirmed(event),
        Body::OrderShipped(event) => News::Shipped(event),
        Body::OrderCancelled(event) => News::Cancelled(event),
        Body::PaymentFailed(event) if event.retryable => return Ok(None),
        Body::PaymentFailed(event) => News::PaymentFailed(event),
        other => return Err(other.name()),
    }))
}

impl<'a> News<'a> {
    /// The customer who is told.
    pub fn customer_id(self) -> &'a CustomerId {
        match self {
            Self::Confirmed(event) => &event.customer_id,
            Self::Shipped(event) => &event.customer_id,
            Self::Cancelled(event) => &event.customer_id,
            Self::PaymentFailed(event) => &event.customer_id,
        }
    }

    /// What the customer of that name is told.
    pub fn letter(self, name: Option<&CustomerName>) -> Letter {
        let name = name.map_or("customer", CustomerName::as_str);
        match self {
            Self::Confirmed(event) => confirmed(event, name),
            Self::Shipped(event) => shipped(event, name),
            Self::Cancelled(event) => cancelled(event, name),
            Self::PaymentFailed(event) => payment_failed(event, name),
        }
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
