//! What the process makes of what it is told.

use super::event::{FulfilmentEvent, OrderNews, PaymentNews};
use super::input::{Context, FulfilmentError, Input};
use super::next::next;
use super::state::{Fulfilment, LineStatus, PaymentStage};

/// The events that `input` leads to: what is new in it, and what is to be done next. None, when it is known already or
/// comes too late to matter.
///
/// # Errors
/// When an operator settles a fulfilment that there is not, or that needs no settling.
pub(super) fn decide(
    fulfilment: Option<&Fulfilment>,
    input: Input,
    context: &Context,
) -> Result<Vec<FulfilmentEvent>, FulfilmentError> {
    if let Input::Settle { reason } = &input
        && fulfilment.is_none_or(|state| !state.may_be_settled(reason))
    {
        return Err(match fulfilment {
            Some(state) if state.order.is_some() => FulfilmentError::NothingToSettle,
            _ => FulfilmentError::NotFound,
        });
    }
    let unborn = Fulfilment::default();
    let before = fulfilment.unwrap_or(&unborn);
    if !context.is_on && before.order.is_none() {
        return Ok(Vec::new());
    }
    let Some(news) = news(before, input) else {
        return Ok(Vec::new());
    };
    let mut state = before.clone().after(&news);
    let mut events = vec![news];
    while let Some(event) = next(&state, context) {
        state = state.after(&event);
        events.push(event);
    }
    Ok(events)
}

/// What `input` says that the process does not know.
fn news(state: &Fulfilment, input: Input) -> Option<FulfilmentEvent> {
    match input {
        Input::OrderSubmitted(start) => state
            .order
            .is_none()
            .then_some(FulfilmentEvent::FulfilmentStarted(start)),
        Input::Order(news) => {
            let is_known = match &news {
                OrderNews::Confirmed {
                    payment_method_id,
                    order_version,
                } => !state.is_news(payment_method_id, *order_version),
                OrderNews::FreeConfirmed => state.is_free_confirmed,
                OrderNews::Paid { .. } => state.paid_with.is_some(),
                OrderNews::Shipped => state.is_shipped,
                OrderNews::Cancelled { .. } => state.cancellation.is_some(),
            };
            (!is_known).then_some(FulfilmentEvent::FulfilmentOrderChanged { news })
        }
        Input::Stock { sku, version, news } => {
            let line = state.lines.get(&sku)?;
            let is_late = version <= line.stock_version
                // What has left the warehouse has. A reservation that a late message has made again expires by itself.
                || line.status == LineStatus::Committed;
            (!is_late).then_some(FulfilmentEvent::FulfilmentStockChanged {
                sku,
                stock_version: version,
                news,
            })
        }
        Input::Payment { version, news } => {
            let is_late = version <= state.payment.version
                || (state.payment.status == PaymentStage::Returned && !matches!(news, PaymentNews::Returned { .. }))
                // What will never go back has been told.
                || state.payment.status == PaymentStage::ReturnRefused;
            (!is_late).then_some(FulfilmentEvent::FulfilmentPaymentChanged {
                payment_version: version,
                news,
            })
        }
        Input::TimerDue { step, due_at } => {
            let is_awaited = state.waiting.get(&step) == Some(&due_at);
            is_awaited.then_some(FulfilmentEvent::FulfilmentStepTimedOut { step })
        }
        Input::Settle { reason } => {
            let is_open = state.attention.as_ref().is_some_and(|attention| attention.is_open());
            is_open.then_some(FulfilmentEvent::FulfilmentSettled { reason })
        }
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
