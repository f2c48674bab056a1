//! What a message tells the process of an order.

use std::collections::BTreeMap;

use domain::fulfilment::event::{OrderNews, Start, StartLine};
use domain::fulfilment::{Input, PaymentNews, StockNews};
use domain::order::OrderId;
use domain::stock::Pieces;
use domain::text::Sku;
use event_bus::queue::NotHandled;
use messages::events::OrderSubmitted;
use messages::{Body, Message};
use rust_decimal::Decimal;

/// `None` when a process need not know it.
///
/// # Errors
/// When it is of a type that no process is told of.
pub(crate) fn of(message: &Message) -> Result<Option<(OrderId, Vec<Input>)>, NotHandled> {
    let version = message.aggregateversion.unwrap_or_default();
    let payment = |news| vec![Input::Payment { version, news }];
    let order = |news| vec![Input::Order(news)];
    Ok(match message.body.clone() {
        Body::OrderSubmitted(submitted) => Some((submitted.order_id, vec![Input::OrderSubmitted(start(submitted))])),
        Body::OrderConfirmed(confirmed) => {
            let news = OrderNews::Confirmed {
                payment_method_id: confirmed.payment_method_id,
                order_version: message.aggregateversion,
            };
            Some((confirmed.order_id, order(news)))
        }
        Body::FreeOrderConfirmed(confirmed) => Some((confirmed.order_id, order(OrderNews::FreeConfirmed))),
        Body::OrderPaid(paid) => {
            let transaction_id = paid.transaction_id;
            Some((paid.order_id, order(OrderNews::Paid { transaction_id })))
        }
        Body::OrderShipped(shipped) => Some((shipped.order_id, order(OrderNews::Shipped))),
        // Nobody has done anything for it.
        Body::OrderCancelled(cancelled) if !cancelled.was_submitted => None,
        Body::OrderCancelled(cancelled) => Some((
            cancelled.order_id,
            order(OrderNews::Cancelled {
                reason: cancelled.reason,
                refund_amount: cancelled.refund_amount,
                paid_with: cancelled.transaction_id,
            }),
        )),
        Body::InventoryReserved(reserved) => {
            let news = StockNews::Reserved {
                expires_at: reserved.expires_at,
            };
            let skus = reserved.items.into_iter().map(|item| (item.sku, news.clone()));
            Some((reserved.order_id, stock(version, skus)))
        }
        Body::InventoryReservationFailed(failed) => {
            let skus = failed.items.into_iter().map(|item| {
                let (wanted, available) = (item.wanted, item.available);
                let news = match item.unknown_sku {
                    true => StockNews::UnknownSku,
                    false => StockNews::Refused { wanted, available },
                };
                (item.sku, news)
            });
            Some((failed.order_id, stock(version, skus)))
        }
        Body::InventoryReleased(released) => {
            let skus = released.items.into_iter().map(|item| (item.sku, StockNews::Released));
            Some((released.order_id, stock(version, skus)))
        }
        Body::InventoryCommitted(committed) => {
            let skus = committed.items.into_iter().map(|item| (item.sku, StockNews::Committed));
            Some((committed.order_id, stock(version, skus)))
        }
        Body::PaymentProcessed(processed) => {
            let (transaction_id, amount) = (processed.transaction_id, processed.amount);
            Some((
                processed.order_id,
                payment(PaymentNews::Taken { transaction_id, amount }),
            ))
        }
        Body::PaymentFailed(failed) => {
            let news = PaymentNews::Failed {
                code: failed.code,
                reason: failed.reason,
                retryable: failed.retryable,
            };
            Some((failed.order_id, payment(news)))
        }
        Body::PaymentCancelled(cancelled) => {
            let amount = Decimal::ZERO;
            Some((cancelled.order_id, payment(PaymentNews::Returned { amount })))
        }
        Body::PaymentRefunded(refunded) => {
            let amount = refunded.amount;
            Some((refunded.order_id, payment(PaymentNews::Returned { amount })))
        }
        Body::PaymentReturnRefused(refused) => {
            let (code, reason) = (refused.code, refused.reason);
            Some((refused.order_id, payment(PaymentNews::ReturnRefused { code, reason })))
        }
        Body::TimerDue(timer) => {
            let (step, due_at) = (timer.step, timer.due_at);
            Some((timer.order_id, vec![Input::TimerDue { step, due_at }]))
        }
        other => return Err(NotHandled::Lasting(format!("no process is told of {}", other.name()))),
    })
}

fn stock(version: u64, skus: impl Iterator<Item = (Sku, StockNews)>) -> Vec<Input> {
    skus.map(|(sku, news)| Input::Stock { sku, version, news }).collect()
}

/// Several items may be of one SKU, and some of none: those are not kept in stock.
fn start(submitted: OrderSubmitted) -> Start {
    let mut lines = BTreeMap::<Sku, Pieces>::new();
    for item in submitted.items {
        if let (Some(sku), Ok(quantity)) = (item.sku, Pieces::try_from(item.quantity)) {
            let sum = lines.entry(sku).or_default();
            *sum = sum.plus(quantity);
        }
    }
    Start {
        customer_id: submitted.customer_id,
        currency: submitted.currency,
        total_amount: submitted.total_amount,
        payment_method_id: submitted.payment_method_id,
        lines: lines
            .into_iter()
            .map(|(sku, quantity)| StartLine { sku, quantity })
            .collect(),
    }
}
