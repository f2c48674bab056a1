//! What customers are told, in what words. Pure: a message and a name in, a subject and a text out.

use domain::money::Currency;
use domain::order::{ConfirmationNumber, Order, OrderId};
use domain::text::{CustomerId, CustomerName};
use messages::Body;
use messages::events::{
    FreeOrderConfirmed, OrderCancelled, OrderConfirmed, OrderPaid, OrderShipped, PaymentMethodNeeded,
};
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
    /// The shop itself has confirmed it.
    Confirmed(&'a OrderConfirmed),
    /// It is paid, and so confirmed.
    Paid(&'a OrderPaid),
    /// Nothing is due.
    Free(&'a FreeOrderConfirmed),
    Shipped(&'a OrderShipped),
    Cancelled(&'a OrderCancelled),
    PaymentMethodNeeded(&'a PaymentMethodNeeded),
}

/// What a message tells customers. `None` where it is not their affair, such as a cancelled basket, or a failed payment: the
/// process says later what is to become of that.
///
/// Where orders are fulfilled, their confirmation comes before the payment, and only what is paid is told to be confirmed.
/// Where the shop sends the commands itself, its confirmation is its word.
///
/// # Errors
/// The message's type, when it is one that no customer is told of.
pub fn news(body: &Body, is_fulfilling: bool) -> Result<Option<News<'_>>, &'static str> {
    Ok(Some(match body {
        Body::OrderConfirmed(event) if !is_fulfilling => News::Confirmed(event),
        Body::OrderPaid(event) if is_fulfilling => News::Paid(event),
        Body::FreeOrderConfirmed(event) => News::Free(event),
        Body::OrderShipped(event) => News::Shipped(event),
        Body::OrderCancelled(event) if event.was_submitted => News::Cancelled(event),
        Body::PaymentMethodNeeded(event) => News::PaymentMethodNeeded(event),
        Body::OrderConfirmed(_) | Body::OrderPaid(_) | Body::OrderCancelled(_) | Body::PaymentFailed(_) => {
            return Ok(None);
        }
        other => return Err(other.name()),
    }))
}

impl<'a> News<'a> {
    /// The customer who is told.
    pub fn customer_id(self) -> &'a CustomerId {
        match self {
            Self::Confirmed(event) => &event.customer_id,
            Self::Paid(event) => &event.customer_id,
            Self::Free(event) => &event.customer_id,
            Self::Shipped(event) => &event.customer_id,
            Self::Cancelled(event) => &event.customer_id,
            Self::PaymentMethodNeeded(event) => &event.customer_id,
        }
    }

    /// The order that it is about.
    pub fn order_id(self) -> OrderId {
        match self {
            Self::Confirmed(event) => event.order_id,
            Self::Paid(event) => event.order_id,
            Self::Free(event) => event.order_id,
            Self::Shipped(event) => event.order_id,
            Self::Cancelled(event) => event.order_id,
            Self::PaymentMethodNeeded(event) => event.order_id,
        }
    }

    /// What the customer of that name is told. `order` is the order as it is now.
    pub fn letter(self, name: Option<&CustomerName>, order: Option<&Order>) -> Letter {
        let name = name.map_or("customer", CustomerName::as_str);
        match self {
            Self::Confirmed(event) => {
                let total = money(event.total_amount, event.currency);
                confirmed(event.order_id, Some(&event.confirmation_number), total, name)
            }
            Self::Paid(event) => {
                let number = order.and_then(|order| order.confirmation_number.as_ref());
                confirmed(event.order_id, number, money(event.amount, event.currency), name)
            }
            Self::Free(event) => {
                let total = money(Decimal::ZERO, event.currency);
                confirmed(event.order_id, Some(&event.confirmation_number), total, name)
            }
            Self::Shipped(event) => shipped(event, name),
            Self::Cancelled(event) => cancelled(event, name),
            Self::PaymentMethodNeeded(event) => payment_failed(event, name),
        }
    }
}

fn confirmed(order_id: OrderId, number: Option<&ConfirmationNumber>, total: String, name: &str) -> Letter {
    // Every order that is paid has one.
    let number = number.map_or("", ConfirmationNumber::as_str);
    Letter {
        template: "order_confirmed",
        order_id,
        subject: format!("Your order {number} is confirmed"),
        text: format!(
            "Dear {name},\n\n\
             Thank you for your order. It is confirmed under the number {number}; please quote it when you write or call us.\n\n\
             Total: {total}\n{}",
            end(order_id)
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
        false => format!("You are due {} back.\n\n", money(event.refund_amount, event.currency)),
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

/// Without the provider's reason, which may speak of what does not concern customers.
fn payment_failed(event: &PaymentMethodNeeded, name: &str) -> Letter {
    let until = event.until.format("%Y-%m-%d %H:%M UTC");
    Letter {
        template: "payment_failed",
        order_id: event.order_id,
        subject: "The payment for your order failed".to_owned(),
        text: format!(
            "Dear {name},\n\n\
             The payment for your order could not be taken. You have not been charged. Please ask your bank for the reason, \
             or choose another way of payment. We keep your order until {until}.\n\n{}",
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
