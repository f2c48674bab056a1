//! What the services' own events say, when the answer to a step is due: the message that told of it may have been lost.

use domain::Aggregate;
use domain::fulfilment::event::OrderNews;
use domain::fulfilment::state::{Line, LineStatus};
use domain::fulfilment::{Fulfilment, Input, PaymentNews, Step, StockNews};
use domain::order::{Order, OrderEvent, OrderId, OrderStatus};
use domain::payment::{Payment, PaymentStatus};
use domain::stock::{Ended, Stock};
use domain::text::Sku;
use event_store::{EventStore, Recorded, StoreError};
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
            let history = events.events(&Order::aggregate_id(&order_id), 1, None).await?;
            Ok(of_order(&history)?.into_iter().map(Input::Order).collect())
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
        PaymentStatus::ReturnRefused => payment.failure.as_ref().map(|failure| PaymentNews::ReturnRefused {
            code: failure.code.clone(),
            reason: failure.reason.clone(),
        }),
    }
}

/// What a process can be told of an order, by its events.
fn of_order(history: &[Recorded]) -> Result<Vec<OrderNews>, StoreError> {
    let mut order = None;
    let mut confirmed = None;
    for recorded in history {
        let events = recorded.events::<Order>()?;
        order = Order::fold(order, &events);
        for event in events {
            if let OrderEvent::OrderConfirmed { payment_method_id, .. } = event {
                let order_version = Some(recorded.version);
                confirmed = Some(OrderNews::Confirmed {
                    payment_method_id,
                    order_version,
                });
            }
        }
    }
    let Some(order) = order else {
        return Ok(Vec::new());
    };
    // Later, it matters no more which method was chosen; told first, it might be charged.
    let confirmed = confirmed.filter(|_| order.status == OrderStatus::Confirmed);
    let is_free = order.confirmation_number.is_some() && order.total_amount().is_zero();
    let free =
        (is_free && order.status == OrderStatus::Paid && order.payment.is_none()).then_some(OrderNews::FreeConfirmed);
    let paid_with = order.payment.map(|payment| payment.transaction_id);
    let paid = paid_with
        .clone()
        .map(|transaction_id| OrderNews::Paid { transaction_id });
    let shipped = order.shipment.map(|_| OrderNews::Shipped);
    let cancelled = order.cancellation.map(|cancellation| OrderNews::Cancelled {
        reason: cancellation.reason,
        refund_amount: cancellation.refund_amount,
        paid_with,
    });
    Ok([confirmed, free, paid, shipped, cancelled]
        .into_iter()
        .flatten()
        .collect())
}
