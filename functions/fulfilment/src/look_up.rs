//! What the services' own events say, when the answer to a step is due: the message that told of it may have been lost.

use domain::Aggregate;
use domain::fulfilment::event::OrderNews;
use domain::fulfilment::state::{Line, LineStatus};
use domain::fulfilment::{Fulfilment, Input, PaymentNews, Step, StockNews};
use domain::order::{Order, OrderId};
use domain::payment::{Payment, PaymentStatus};
use domain::stock::{Ended, Stock};
use domain::text::Sku;
use event_store::{EventStore, StoreError};
use rust_decimal::Decimal;

/// What `process` would have been told about `step`, and perhaps was not.
pub(crate) async fn news(
    events: &EventStore,
    order_id: OrderId,
    process: &Fulfilment,
    step: Step,
) -> Result<Vec<Input>, StoreError> {
    match step {
        Step::ReserveStock | Step::HoldStock | Step::ReleaseStock | Step::CommitStock => {
            let mut inputs = Vec::new();
            for (sku, line) in &process.lines {
                inputs.extend(of_stock(events, order_id, sku, line).await?);
            }
            Ok(inputs)
        }
        Step::TakePayment | Step::ReturnPayment => {
            let payment = events.load::<Payment>(&Payment::aggregate_id(&order_id)).await?;
            let news = payment.state.and_then(|payment| of_payment(&payment));
            let version = payment.version;
            Ok(news.map(|news| Input::Payment { version, news }).into_iter().collect())
        }
        Step::ChoosePayment | Step::ConfirmOrder | Step::RecordPayment | Step::Ship | Step::CancelOrder => {
            let order = events.load::<Order>(&Order::aggregate_id(&order_id)).await?;
            let news = order.state.map(of_order).unwrap_or_default();
            Ok(news.into_iter().map(Input::Order).collect())
        }
    }
}

async fn of_stock(events: &EventStore, order_id: OrderId, sku: &Sku, line: &Line) -> Result<Option<Input>, StoreError> {
    let stream = events.load::<Stock>(&Stock::aggregate_id(sku)).await?;
    let Some(stock) = stream.state else {
        return Ok(None);
    };
    let (status, news) = match (stock.reservations.get(&order_id), stock.end_of(order_id)) {
        (Some(reservation), _) => {
            let expires_at = reservation.expires_at;
            let status = if expires_at.is_some() {
                LineStatus::Reserved
            } else {
                LineStatus::Held
            };
            (status, StockNews::Reserved { expires_at })
        }
        (None, Some(Ended::Committed)) => (LineStatus::Committed, StockNews::Committed),
        (None, Some(Ended::Released)) => (LineStatus::Released, StockNews::Released),
        (None, Some(Ended::Refused)) if !stock.is_known => (LineStatus::Refused, StockNews::UnknownSku),
        (None, Some(Ended::Refused)) => {
            let (wanted, available) = (line.quantity, stock.available());
            (LineStatus::Refused, StockNews::Refused { wanted, available })
        }
        (None, None) => return Ok(None),
    };
    let is_new = status != line.status;
    Ok(is_new.then(|| Input::Stock {
        sku: sku.clone(),
        version: stream.version,
        news,
    }))
}

fn of_payment(payment: &Payment) -> Option<PaymentNews> {
    let captured = payment.captured.as_ref();
    match payment.status {
        PaymentStatus::Requested | PaymentStatus::Authorised => None,
        PaymentStatus::Captured => captured.map(|captured| PaymentNews::Taken {
            transaction_id: captured.transaction_id.clone(),
            amount: captured.amount,
        }),
        PaymentStatus::Failed => payment.failure.as_ref().map(|failure| PaymentNews::Failed {
            code: failure.code.clone(),
            reason: failure.reason.clone(),
            retryable: failure.retryable,
        }),
        PaymentStatus::Cancelled => Some(PaymentNews::Returned { amount: Decimal::ZERO }),
        PaymentStatus::Refunded => {
            let part = payment.cancellation.and_then(|cancellation| cancellation.refund_amount);
            let all = captured.map(|captured| captured.amount).unwrap_or_default();
            Some(PaymentNews::Returned {
                amount: part.unwrap_or(all),
            })
        }
    }
}

fn of_order(order: Order) -> Vec<OrderNews> {
    let payment_method_id = order.payment_method_id.filter(|_| order.confirmation_number.is_some());
    let paid_with = order.payment.map(|payment| payment.transaction_id);
    let confirmed = payment_method_id.map(|payment_method_id| OrderNews::Confirmed { payment_method_id });
    let paid = paid_with
        .clone()
        .map(|transaction_id| OrderNews::Paid { transaction_id });
    let shipped = order.shipment.map(|_| OrderNews::Shipped);
    let cancelled = order.cancellation.map(|cancellation| OrderNews::Cancelled {
        reason: cancellation.reason,
        refund_amount: cancellation.refund_amount,
        paid_with,
    });
    [confirmed, paid, shipped, cancelled].into_iter().flatten().collect()
}
