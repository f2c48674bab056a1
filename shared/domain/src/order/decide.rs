//! The rules of an order: what may happen next, and what it is.

use rust_decimal::Decimal;

use super::command::{Context, CreateOrder, NewItem, OrderCommand};
use super::event::OrderEvent;
use super::evolve::merge;
use super::state::{MAX_ITEM_TEXT_BYTES, MAX_PRODUCTS, Order, OrderItem, OrderStatus};
use crate::money::{AmountError, Currency};
use crate::quantity::Quantity;
use crate::text::{ProductId, Reason};

/// Why a command was refused. Nothing has happened.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OrderError {
    #[error("there is no such order")]
    NotFound,
    #[error("the order exists already")]
    AlreadyExists,
    #[error("{command} is not possible: the order is {status}")]
    InvalidTransition { command: &'static str, status: OrderStatus },
    #[error("{command} is not possible: the order has no items")]
    NoItems { command: &'static str },
    #[error("the order has no product {product_id}")]
    ItemNotFound { product_id: ProductId },
    #[error("product {product_id} is in the order at {existing} each; the same product cannot be added at {given}")]
    ConflictingPrice {
        field: String,
        product_id: ProductId,
        existing: Decimal,
        given: Decimal,
    },
    #[error("the catalogue has no product {product_id}, and the item has no price")]
    UnknownProduct { field: String, product_id: ProductId },
    #[error("the catalogue has the price of product {product_id} in {catalogue}, but the order is in {order}")]
    CurrencyMismatch {
        field: String,
        product_id: ProductId,
        catalogue: Currency,
        order: Currency,
    },
    #[error("the payment must be the order's whole total of {due} {currency}, not {given}")]
    AmountMismatch {
        due: Decimal,
        given: Decimal,
        currency: Currency,
    },
    #[error("{field} {reason}")]
    InvalidField { field: String, reason: String },
    #[error("the texts of the order's items are {bytes} bytes together; at most {MAX_ITEM_TEXT_BYTES} are possible")]
    TooLarge { bytes: usize },
}

/// The events that `command` leads to from `order`, which is `None` before its creation.
///
/// # Errors
/// [`OrderError`] when the rules do not allow the command now.
pub(super) fn decide(
    order: Option<&Order>,
    command: OrderCommand,
    context: &Context,
) -> Result<Vec<OrderEvent>, OrderError> {
    match (order, command) {
        (None, OrderCommand::CreateOrder(command)) => create(command, context),
        (None, _) => Err(OrderError::NotFound),
        (Some(order), command) => change(order, command, context),
    }
}

fn change(order: &Order, command: OrderCommand, context: &Context) -> Result<Vec<OrderEvent>, OrderError> {
    use OrderStatus::{Confirmed, Created, Paid, Shipped, Submitted};

    let name = (&command).into();
    let only_from = |allowed: &[OrderStatus]| {
        if allowed.contains(&order.status) {
            Ok(())
        } else {
            Err(OrderError::InvalidTransition {
                command: name,
                status: order.status,
            })
        }
    };
    let with_items = || {
        if order.items.is_empty() {
            Err(OrderError::NoItems { command: name })
        } else {
            Ok(())
        }
    };

    match command {
        OrderCommand::CreateOrder(_) => Err(OrderError::AlreadyExists),
        OrderCommand::AddOrderItem(item) => {
            only_from(&[Created])?;
            let item = check_item(&order.items, order.currency, item, "", context)?;
            Ok(vec![OrderEvent::OrderItemAdded(item)])
        }
        OrderCommand::RemoveOrderItem { product_id } => {
            only_from(&[Created])?;
            if !order.items.iter().any(|item| item.product_id == product_id) {
                return Err(OrderError::ItemNotFound { product_id });
            }
            Ok(vec![OrderEvent::OrderItemRemoved { product_id }])
        }
        OrderCommand::SubmitOrder { payment_method_id } => {
            only_from(&[Created])?;
            with_items()?;
            Ok(vec![OrderEvent::OrderSubmitted { payment_method_id }])
        }
        OrderCommand::ConfirmOrder { payment_method_id } => {
            only_from(&[Created, Submitted])?;
            with_items()?;
            let confirmed = OrderEvent::OrderConfirmed {
                payment_method_id: payment_method_id.clone(),
                confirmation_number: context.confirmation_number.clone(),
            };
            Ok(match order.status {
                Created => {
                    let payment_method_id = Some(payment_method_id);
                    vec![OrderEvent::OrderSubmitted { payment_method_id }, confirmed]
                }
                _ => vec![confirmed],
            })
        }
        OrderCommand::RecordPayment { transaction_id, amount } => {
            only_from(&[Confirmed])?;
            let given = check_amount(order.currency, amount, "amount")?;
            let due = order.total_amount();
            if given != due {
                return Err(OrderError::AmountMismatch {
                    due,
                    given,
                    currency: order.currency,
                });
            }
            Ok(vec![OrderEvent::OrderPaid {
                transaction_id,
                amount: given,
            }])
        }
        OrderCommand::ShipOrder {
            tracking_number,
            carrier,
        } => {
            only_from(&[Confirmed, Paid])?;
            Ok(vec![OrderEvent::OrderShipped {
                tracking_number,
                carrier,
            }])
        }
        OrderCommand::DeliverOrder => {
            only_from(&[Shipped])?;
            Ok(vec![OrderEvent::OrderDelivered {}])
        }
        OrderCommand::CancelOrder { reason, refund_amount } => {
            only_from(&[Created, Submitted, Confirmed, Paid])?;
            cancel(order, reason, refund_amount)
        }
    }
}

fn create(command: CreateOrder, context: &Context) -> Result<Vec<OrderEvent>, OrderError> {
    // A product named twice is merged as if it had been added twice.
    let mut items = Vec::with_capacity(command.items.len());
    for (position, item) in command.items.into_iter().enumerate() {
        let prefix = format!("items[{position}].");
        let item = check_item(&items, command.currency, item, &prefix, context)?;
        merge(&mut items, &item);
    }
    Ok(vec![OrderEvent::OrderCreated {
        customer_id: command.customer_id,
        currency: command.currency,
        tax: command.tax,
        items,
        shipping_address: command.shipping_address,
    }])
}

fn cancel(order: &Order, reason: Reason, refund_amount: Option<Decimal>) -> Result<Vec<OrderEvent>, OrderError> {
    let paid = order.paid_amount();
    let refund_amount = match refund_amount {
        None => paid,
        Some(refund) => check_amount(order.currency, refund, "refund_amount")?,
    };
    if refund_amount > paid {
        return Err(invalid(
            "refund_amount",
            format!("must not be more than the {paid} {} that were paid", order.currency),
        ));
    }
    Ok(vec![OrderEvent::OrderCancelled { reason, refund_amount }])
}

/// The item as it may be added to `items`. `prefix` says where it stands in the request.
fn check_item(
    items: &[OrderItem],
    currency: Currency,
    item: NewItem,
    prefix: &str,
    context: &Context,
) -> Result<OrderItem, OrderError> {
    let line = items.iter().find(|line| line.product_id == item.product_id);
    if line.is_none() && items.len() == MAX_PRODUCTS {
        return Err(invalid(
            if prefix.is_empty() { "product_id" } else { "items" },
            format!("an order has at most {MAX_PRODUCTS} distinct products"),
        ));
    }
    let item = priced(item, currency, prefix, context)?;
    let Some(line) = line else {
        let bytes = items.iter().chain([&item]).map(OrderItem::text_bytes).sum();
        if bytes > MAX_ITEM_TEXT_BYTES {
            return Err(OrderError::TooLarge { bytes });
        }
        return Ok(item);
    };
    if line.unit_price != item.unit_price {
        return Err(OrderError::ConflictingPrice {
            field: format!("{prefix}unit_price"),
            product_id: item.product_id,
            existing: line.unit_price,
            given: item.unit_price,
        });
    }
    if line.quantity.plus(item.quantity).get() > Quantity::MAX {
        return Err(invalid(
            format!("{prefix}quantity"),
            format!(
                "a line has at most {}, and this one has {} already",
                Quantity::MAX,
                line.quantity.get()
            ),
        ));
    }
    Ok(item)
}

/// The item with its price: its own, or that of the catalogue, which then also gives what else the item does not say.
fn priced(mut item: NewItem, currency: Currency, prefix: &str, context: &Context) -> Result<OrderItem, OrderError> {
    let unit_price = match item.unit_price {
        Some(unit_price) => unit_price,
        None => {
            let Some(product) = context.products.get(&item.product_id) else {
                return Err(OrderError::UnknownProduct {
                    field: format!("{prefix}product_id"),
                    product_id: item.product_id,
                });
            };
            if product.currency != currency {
                return Err(OrderError::CurrencyMismatch {
                    field: format!("{prefix}unit_price"),
                    product_id: item.product_id,
                    catalogue: product.currency,
                    order: currency,
                });
            }
            item.product_name = item.product_name.or_else(|| Some(product.name.clone()));
            item.sku = item.sku.or_else(|| product.sku.clone());
            product.unit_price
        }
    };
    let unit_price = currency
        .price(unit_price)
        .map_err(|error| invalid(format!("{prefix}unit_price"), error.to_string()))?;
    Ok(OrderItem {
        product_id: item.product_id,
        quantity: item.quantity,
        unit_price,
        product_name: item.product_name,
        sku: item.sku,
    })
}

fn check_amount(currency: Currency, amount: Decimal, field: &str) -> Result<Decimal, OrderError> {
    currency
        .amount(amount)
        .map_err(|error: AmountError| invalid(field, error.to_string()))
}

fn invalid(field: impl Into<String>, reason: impl Into<String>) -> OrderError {
    OrderError::InvalidField {
        field: field.into(),
        reason: reason.into(),
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
