//! The rules of an order: what may happen next, and what it is.

use std::collections::HashSet;

use rust_decimal::Decimal;

use super::command::{Charge, Context, CreateOrder, OrderCommand, Which};
use super::event::OrderEvent;
use super::evolve::add;
use super::lines::{check_item, retired, several_lines, sku_of_item, sku_of_line, too_many_lines};
use super::refusal::{OrderError, invalid, together};
use super::state::{MAX_LINES, Order, OrderStatus};
use crate::money::{AmountError, Currency};
use crate::text::{PaymentMethodId, Reason};

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

fn check_amount(currency: Currency, amount: Decimal, field: &str) -> Result<Decimal, OrderError> {
    currency
        .amount(amount)
        .map_err(|error: AmountError| invalid(field, error.to_string()))
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
