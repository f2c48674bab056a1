//! The rules of an order: what may happen next, and what it is.

use std::collections::HashSet;

use rust_decimal::Decimal;

use super::command::{Charge, Context, CreateOrder, NewItem, OrderCommand, Which};
use super::event::OrderEvent;
use super::evolve::add;
use super::state::{MAX_ITEM_TEXT_BYTES, MAX_LINES, Order, OrderItem, OrderStatus};
use crate::catalogue::Product;
use crate::money::{AmountError, Currency};
use crate::quantity::Quantity;
use crate::text::{PaymentMethodId, ProductId, Reason, Sku};

/// Why a command was refused. Nothing has happened.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OrderError {
    #[error("there is no such order")]
    NotFound,
    #[error("the order exists already")]
    AlreadyExists,
    #[error("{command} is not possible: the order is {status}")]
    InvalidTransition { command: &'static str, status: OrderStatus },
    #[error("the order has no items")]
    NoItems { command: &'static str },
    #[error("the order has no such line of product {product_id}")]
    ItemNotFound { product_id: ProductId },
    #[error(
        "the order has several lines of product {product_id}, with the SKUs {}",
        listed(skus)
    )]
    SeveralLines {
        product_id: ProductId,
        /// `None` is that of the line without a SKU.
        skus: Vec<Option<Sku>>,
    },
    #[error("the order's line of product {product_id} is at {existing} each; the same cannot be added at {given}")]
    ConflictingPrice {
        field: String,
        product_id: ProductId,
        existing: Decimal,
        given: Decimal,
    },
    #[error("the order's line of product {product_id} has the name {existing:?}; the same line cannot have two")]
    ConflictingName {
        field: String,
        product_id: ProductId,
        existing: String,
    },
    #[error("the customer is retired")]
    CustomerRetired,
    #[error("product {product_id} is retired")]
    ProductRetired { field: String, product_id: ProductId },
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
    #[error("the order is being paid with {payment_method_id}; another method can be chosen once that has failed")]
    PaymentInProgress { payment_method_id: PaymentMethodId },
    #[error("the order is going to be cancelled, as its payment has failed or something took too long")]
    GivenUp,
    #[error("{field} {reason}")]
    InvalidField { field: String, reason: String },
    /// What is wrong with items of the command, in their order: the first error and at least one more.
    #[error("{first}")]
    Several {
        first: Box<OrderError>,
        others: Vec<OrderError>,
    },
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
    const BEFORE_SHIPMENT: [OrderStatus; 4] = [Created, Submitted, Confirmed, Paid];

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
            let product = context.products.get(&item.product_id);
            let sku = sku_of_line(order, &item, product)?;
            let mut lines = order.items.iter();
            let is_line = lines.any(|line| line.is_of(&item.product_id, sku.as_ref(), false));
            let retired = retired(context, &item, "").filter(|_| !is_line);
            match check_item(&order.items, order.terms.currency, item, sku, product, "") {
                Ok(item) if retired.is_none() => Ok(vec![item.into()]),
                checked => Err(together(retired.into_iter().chain(checked.err().into_iter().flatten()))),
            }
        }
        OrderCommand::RemoveOrderItem { product_id, which } => {
            only_from(&[Created])?;
            let lines: Vec<_> = match &which {
                Which::Only => order.lines_of(&product_id).collect(),
                Which::Sku(sku) => order.lines_of(&product_id).filter(|line| line.sku == *sku).collect(),
            };
            match lines[..] {
                [] => Err(OrderError::ItemNotFound { product_id }),
                [line] => Ok(vec![OrderEvent::item_removed(product_id, line.sku.clone())]),
                _ => Err(several_lines(order, &product_id)),
            }
        }
        OrderCommand::CorrectShippingAddress { shipping_address } => {
            only_from(&BEFORE_SHIPMENT)?;
            let is_new = order.terms.shipping_address != shipping_address;
            let corrected = is_new.then_some(OrderEvent::OrderShippingAddressCorrected { shipping_address });
            Ok(corrected.into_iter().collect())
        }
        OrderCommand::ChangeReference { reference } => {
            only_from(&BEFORE_SHIPMENT)?;
            let is_new = order.terms.reference != reference;
            let changed = is_new.then_some(OrderEvent::OrderReferenceChanged { reference });
            Ok(changed.into_iter().collect())
        }
        OrderCommand::SubmitOrder { payment_method_id } => {
            only_from(&[Created])?;
            with_items()?;
            Ok(vec![OrderEvent::OrderSubmitted { payment_method_id }])
        }
        OrderCommand::ConfirmOrder { payment_method_id } => {
            let is_free = order.total_amount().is_zero();
            if payment_method_id.is_none() && !is_free {
                return Err(invalid("payment_method_id", "is required"));
            }
            if is_free || is_next_choice(order, payment_method_id.as_ref(), &context.charge)? {
                only_from(&[Created, Submitted, Confirmed])?;
            } else {
                only_from(&[Created, Submitted])?;
            }
            with_items()?;
            let confirmation_number = order.confirmation_number.as_ref();
            let confirmation_number = confirmation_number.unwrap_or(&context.confirmation_number).clone();
            let confirmed = match payment_method_id.clone().filter(|_| !is_free) {
                None => OrderEvent::FreeOrderConfirmed { confirmation_number },
                Some(payment_method_id) => OrderEvent::OrderConfirmed {
                    payment_method_id,
                    confirmation_number,
                },
            };
            Ok(match order.status {
                Created => vec![OrderEvent::OrderSubmitted { payment_method_id }, confirmed],
                _ => vec![confirmed],
            })
        }
        OrderCommand::RecordPayment {
            transaction_id,
            amount,
            payment_method_id,
        } => {
            only_from(&[Confirmed])?;
            let given = check_amount(order.terms.currency, amount, "amount")?;
            let due = order.total_amount();
            if given != due {
                return Err(OrderError::AmountMismatch {
                    due,
                    given,
                    currency: order.terms.currency,
                });
            }
            Ok(vec![OrderEvent::OrderPaid {
                transaction_id,
                amount: given,
                payment_method_id,
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
            only_from(&BEFORE_SHIPMENT)?;
            cancel(order, reason, refund_amount)
        }
    }
}

/// Whether the order's payment method is chosen once more, as the one before could not be charged.
fn is_next_choice(order: &Order, chosen: Option<&PaymentMethodId>, charge: &Charge) -> Result<bool, OrderError> {
    if !matches!(order.status, OrderStatus::Submitted | OrderStatus::Confirmed) {
        return Ok(false);
    }
    let under_way = match charge {
        Charge::None => return Ok(false),
        Charge::GivenUp => return Err(OrderError::GivenUp),
        Charge::UnderWay(method) => method,
        // What was chosen since is going to be charged.
        Charge::Failed(failed) => match order.payment_method_id.as_ref().filter(|method| *method != failed) {
            None => return Ok(true),
            Some(method) => method,
        },
    };
    if chosen.is_none_or(|chosen| chosen == under_way) {
        return Ok(false);
    }
    Err(OrderError::PaymentInProgress {
        payment_method_id: under_way.clone(),
    })
}

fn create(command: CreateOrder, context: &Context) -> Result<Vec<OrderEvent>, OrderError> {
    // A line named twice is merged as if it had been added twice.
    let mut items = Vec::with_capacity(command.items.len());
    let mut errors: Vec<_> = context
        .retired
        .customer
        .then_some(OrderError::CustomerRetired)
        .into_iter()
        .collect();
    let mut products = HashSet::new();
    for (position, item) in command.items.iter().enumerate() {
        products.insert(&item.product_id);
        let prefix = format!("items[{position}].");
        if products.len() > MAX_LINES {
            // The others were not looked up.
            errors.push(too_many_lines(&prefix));
            break;
        }
        errors.extend(retired(context, item, &prefix));
        let product = context.products.get(&item.product_id);
        // What else stands in the request does not matter: its items may come in any order.
        let sku = sku_of_item(item, product);
        match check_item(&items, command.terms.currency, item.clone(), sku, product, &prefix) {
            Ok(item) => add(&mut items, &item, false),
            Err(refused) => {
                let is_full = refused.iter().any(|error| match error {
                    OrderError::InvalidField { field, .. } => field == "items",
                    error => matches!(error, OrderError::TooLarge { .. }),
                });
                errors.extend(refused);
                if is_full {
                    break;
                }
            }
        }
    }
    if !errors.is_empty() {
        return Err(together(errors.into_iter()));
    }
    Ok(vec![OrderEvent::OrderCreated {
        terms: command.terms,
        items,
    }])
}

/// One refusal that says all that is wrong.
fn together(errors: impl Iterator<Item = OrderError>) -> OrderError {
    let mut errors: Vec<_> = errors.collect();
    let others = errors.split_off(1);
    let first = errors.swap_remove(0);
    match others[..] {
        [] => first,
        _ => OrderError::Several {
            first: Box::new(first),
            others,
        },
    }
}

/// Why an item makes no new line, if its product is retired. `prefix` says where it stands in the request.
fn retired(context: &Context, item: &NewItem, prefix: &str) -> Option<OrderError> {
    let is_retired = context.retired.products.contains(&item.product_id);
    is_retired.then(|| OrderError::ProductRetired {
        field: format!("{prefix}product_id"),
        product_id: item.product_id.clone(),
    })
}

fn cancel(order: &Order, reason: Reason, refund_amount: Option<Decimal>) -> Result<Vec<OrderEvent>, OrderError> {
    let paid = order.paid_amount();
    let refund_amount = match refund_amount {
        None => paid,
        Some(refund) => check_amount(order.terms.currency, refund, "refund_amount")?,
    };
    if refund_amount > paid {
        return Err(invalid(
            "refund_amount",
            format!(
                "must not be more than the {paid} {} that were paid",
                order.terms.currency
            ),
        ));
    }
    Ok(vec![OrderEvent::OrderCancelled { reason, refund_amount }])
}

/// The SKU of the line that an item means; of a product that the order has not, that of the catalogue.
fn sku_of_line(order: &Order, item: &NewItem, product: Option<&Product>) -> Result<Option<Sku>, OrderError> {
    if let Some(line) = order.line_meant(&item.product_id, item.sku.as_ref()) {
        return Ok(line.sku.clone());
    }
    let sku = sku_of_item(item, product);
    match sku {
        None if order.lines_of(&item.product_id).next().is_some() => Err(several_lines(order, &item.product_id)),
        sku => Ok(sku),
    }
}

fn sku_of_item(item: &NewItem, product: Option<&Product>) -> Option<Sku> {
    item.sku
        .clone()
        .or_else(|| product.and_then(|product| product.sku.clone()))
}

fn several_lines(order: &Order, product_id: &ProductId) -> OrderError {
    OrderError::SeveralLines {
        product_id: product_id.clone(),
        skus: order.lines_of(product_id).map(|line| line.sku.clone()).collect(),
    }
}

/// The item as it may be added to the line of this SKU among `items`, or as a new line; or all that is wrong with it. `prefix`
/// says where it stands in the request.
fn check_item(
    items: &[OrderItem],
    currency: Currency,
    item: NewItem,
    sku: Option<Sku>,
    product: Option<&Product>,
    prefix: &str,
) -> Result<OrderItem, Vec<OrderError>> {
    let mut lines = items.iter();
    let Some(line) = lines.find(|line| line.is_of(&item.product_id, sku.as_ref(), false)) else {
        if items.len() == MAX_LINES {
            return Err(vec![too_many_lines(prefix)]);
        }
        let item = OrderItem {
            unit_price: price(&item, product, currency, prefix).map_err(|error| vec![error])?,
            product_id: item.product_id,
            quantity: item.quantity,
            product_name: item
                .product_name
                .or_else(|| product.map(|product| product.name.clone())),
            sku,
        };
        return check_size(items, item).map_err(|error| vec![error]);
    };
    let mut errors = Vec::new();
    if line.quantity.plus(item.quantity).get() > Quantity::MAX {
        errors.push(invalid(
            format!("{prefix}quantity"),
            format!(
                "a line has at most {}, and this one has {} already",
                Quantity::MAX,
                line.quantity.get()
            ),
        ));
    }
    match item.unit_price.map(|given| checked_price(currency, given, prefix)) {
        Some(Err(error)) => errors.push(error),
        Some(Ok(given)) if given != line.unit_price => errors.push(OrderError::ConflictingPrice {
            field: format!("{prefix}unit_price"),
            product_id: item.product_id.clone(),
            existing: line.unit_price,
            given,
        }),
        Some(Ok(_)) | None => {}
    }
    if let (Some(existing), Some(given)) = (&line.product_name, &item.product_name)
        && existing != given
    {
        errors.push(OrderError::ConflictingName {
            field: format!("{prefix}product_name"),
            existing: existing.to_string(),
            product_id: item.product_id,
        });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let item = OrderItem {
        quantity: item.quantity,
        product_name: line.product_name.clone().or(item.product_name),
        ..line.clone()
    };
    match line.product_name {
        Some(_) => Ok(item),
        None => check_size(items, item).map_err(|error| vec![error]),
    }
}

fn check_size(items: &[OrderItem], item: OrderItem) -> Result<OrderItem, OrderError> {
    let bytes = items.iter().chain([&item]).map(OrderItem::text_bytes).sum();
    if bytes > MAX_ITEM_TEXT_BYTES {
        return Err(OrderError::TooLarge { bytes });
    }
    Ok(item)
}

/// The item's own price, or that of the catalogue.
fn price(item: &NewItem, product: Option<&Product>, currency: Currency, prefix: &str) -> Result<Decimal, OrderError> {
    let unit_price = match (item.unit_price, product) {
        (Some(unit_price), _) => unit_price,
        (None, None) => {
            return Err(OrderError::UnknownProduct {
                field: format!("{prefix}product_id"),
                product_id: item.product_id.clone(),
            });
        }
        (None, Some(product)) if product.currency != currency => {
            return Err(OrderError::CurrencyMismatch {
                field: format!("{prefix}unit_price"),
                product_id: item.product_id.clone(),
                catalogue: product.currency,
                order: currency,
            });
        }
        (None, Some(product)) => product.unit_price,
    };
    checked_price(currency, unit_price, prefix)
}

fn checked_price(currency: Currency, unit_price: Decimal, prefix: &str) -> Result<Decimal, OrderError> {
    currency
        .price(unit_price)
        .map_err(|error| invalid(format!("{prefix}unit_price"), error.to_string()))
}

/// The SKUs as people read them.
fn listed(skus: &[Option<Sku>]) -> String {
    let names: Vec<_> = skus
        .iter()
        .map(|sku| sku.as_ref().map_or("(none)", Sku::as_str))
        .collect();
    names.join(", ")
}

fn check_amount(currency: Currency, amount: Decimal, field: &str) -> Result<Decimal, OrderError> {
    currency
        .amount(amount)
        .map_err(|error: AmountError| invalid(field, error.to_string()))
}

fn too_many_lines(prefix: &str) -> OrderError {
    let field = if prefix.is_empty() { "product_id" } else { "items" };
    invalid(field, format!("an order has at most {MAX_LINES} lines"))
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
