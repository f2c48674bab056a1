//! What is to be done in a state: one event at a time, until there is nothing more to do but wait.

use super::event::{FulfilmentEvent, Outcome, Step};
use super::input::{Context, MAX_PAYMENT_ATTEMPTS};
use super::state::{Fulfilment, Line, LineStatus, PaymentFailure, PaymentStage};
use crate::text::Reason;
use LineStatus::{Committed, Held, Refused, Released, Requested, Reserved, Waiting};

/// How often the wait for a step that is repeated doubles: from 5 minutes to 5 hours.
const MAX_DOUBLINGS: u32 = 6;

/// How many SKUs a reason names: it is one sentence for people.
const MAX_NAMED_SKUS: usize = 3;

/// The next event, or `None` when all that is left is to wait.
pub(super) fn next(state: &Fulfilment, context: &Context) -> Option<FulfilmentEvent> {
    state.order.as_ref()?;
    if let Some(failure) = &state.payment.failure
        && state.payment.status == PaymentStage::ReturnRefused
        && state.attention.is_none()
    {
        return Some(FulfilmentEvent::FulfilmentNeedsAttention {
            code: failure.code.clone(),
            detail: format!("The payment does not go back: {}", failure.reason),
        });
    }
    if state.cancellation.is_some() {
        undo(state, context)
    } else if state.is_shipped {
        finish(state, context)
    } else if state.abandoned.is_some() {
        request(state, Step::CancelOrder, context)
    } else {
        advance(state, context)
    }
}

/// The order is cancelled: everything goes back to where it was.
fn undo(state: &Fulfilment, context: &Context) -> Option<FulfilmentEvent> {
    let holds_stock = state.lines_in(&[Requested, Reserved, Held]).next().is_some();
    let holds_money = matches!(state.payment.status, PaymentStage::Requested | PaymentStage::Taken);
    let release = holds_stock
        .then(|| request(state, Step::ReleaseStock, context))
        .flatten();
    let give_back = || {
        holds_money
            .then(|| request(state, Step::ReturnPayment, context))
            .flatten()
    };
    let end = || {
        (!holds_stock && !holds_money)
            .then(|| end(state, Outcome::Cancelled))
            .flatten()
    };
    release.or_else(give_back).or_else(end)
}

/// The order is shipped: what was reserved has left the warehouse.
fn finish(state: &Fulfilment, context: &Context) -> Option<FulfilmentEvent> {
    if !state.all_lines(&[Committed]) {
        return request(state, Step::CommitStock, context).or_else(|| give_back_ours(state, context));
    }
    if is_one_too_many(state) {
        return give_back_ours(state, context);
    }
    end(state, Outcome::Completed)
}

/// Whether the shop has recorded another payment than the one that this process takes or has taken.
fn is_one_too_many(state: &Fulfilment) -> bool {
    let is_ours_open = matches!(state.payment.status, PaymentStage::Requested | PaymentStage::Taken);
    is_ours_open && is_paid_otherwise(state)
}

fn is_paid_otherwise(state: &Fulfilment) -> bool {
    state.paid_with.is_some() && state.paid_with != state.payment.transaction_id
}

fn give_back_ours(state: &Fulfilment, context: &Context) -> Option<FulfilmentEvent> {
    match is_one_too_many(state) {
        true => request(state, Step::ReturnPayment, context),
        false => None,
    }
}

fn advance(state: &Fulfilment, context: &Context) -> Option<FulfilmentEvent> {
    if let (Some(Step::ChoosePayment), Some(failure)) = (state.overdue, &state.payment.failure) {
        return payment_failed(failure);
    }
    if let Some(step) = state.overdue {
        let what = step.as_str().replace('_', " ");
        return abandon(&step.timed_out_code(), &format!("The step to {what} took too long"));
    }
    if state.lines_in(&[Refused]).next().is_some() {
        let unknown = named(state, |line| line.available.is_none());
        if !unknown.is_empty() {
            return abandon("unknown_sku", &format!("Unknown SKU: {unknown}"));
        }
        let missing = named(state, |line| line.available.is_some());
        return abandon("out_of_stock", &format!("Out of stock: {missing}"));
    }
    if state.lines_in(&[Released]).next().is_some() {
        return abandon(
            "reservation_expired",
            "The reserved stock was given to others, as the order took too long",
        );
    }
    if state.lines_in(&[Waiting]).next().is_some() {
        return request(state, Step::ReserveStock, context);
    }
    if !state.all_lines(&[Reserved, Held]) {
        return None;
    }
    pay(state, context).or_else(|| deliver(state, context))
}

/// The stock is there: the payment.
fn pay(state: &Fulfilment, context: &Context) -> Option<FulfilmentEvent> {
    let payment = &state.payment;
    let may_try_another = payment.methods < context.payment_attempts.get();
    match payment.status {
        _ if is_paid_otherwise(state) => give_back_ours(state, context),
        _ if state.is_free() => None,
        PaymentStage::None if state.payment_method_id.is_none() => request(state, Step::ChoosePayment, context),
        PaymentStage::None => match &payment.failure {
            Some(failure) if !may_try_another => payment_failed(failure),
            _ => request(state, Step::TakePayment, context),
        },
        PaymentStage::Requested | PaymentStage::Taken => None,
        PaymentStage::Failed => match &payment.failure {
            Some(failure) if failure.retryable && payment.attempts_of_method < MAX_PAYMENT_ATTEMPTS => {
                request(state, Step::TakePayment, context)
            }
            _ if may_try_another => request(state, Step::ChoosePayment, context),
            Some(failure) => payment_failed(failure),
            None => abandon("payment_failed", "The payment failed"),
        },
        PaymentStage::Returned | PaymentStage::ReturnRefused => abandon("payment_failed", "The payment was cancelled"),
    }
}

/// The payment is there, or none is due: the order is confirmed and paid, the reservations last, and it can be shipped.
fn deliver(state: &Fulfilment, context: &Context) -> Option<FulfilmentEvent> {
    let is_paid = state.paid_with.is_some() || state.is_free_confirmed;
    let is_free = state.is_free();
    if !is_paid && !is_free && state.payment.status != PaymentStage::Taken {
        return None;
    }
    let hold = || match state.all_lines(&[Held]) {
        true => None,
        false => request(state, Step::HoldStock, context),
    };
    let tell_order = || match (is_paid, state.is_confirmed) {
        (true, _) => None,
        (false, _) if is_free => request(state, Step::ConfirmOrder, context),
        (false, false) => request(state, Step::ConfirmOrder, context),
        (false, true) => request(state, Step::RecordPayment, context),
    };
    let ship = || match is_paid && state.all_lines(&[Held]) {
        true => request(state, Step::Ship, context),
        false => None,
    };
    hold().or_else(tell_order).or_else(ship)
}

/// Asks for a step, unless its answer is awaited.
fn request(state: &Fulfilment, step: Step, context: &Context) -> Option<FulfilmentEvent> {
    if state.is_waiting_for(step) {
        return None;
    }
    let expires_at =
        (step == Step::ReserveStock).then(|| context.now + context.timeouts.reservation(context.payment_attempts));
    // Whoever does not answer is asked ever more seldom.
    let patience = context.timeouts.of(step) * (1 << state.repetitions_of(step).min(MAX_DOUBLINGS));
    Some(FulfilmentEvent::FulfilmentStepRequested {
        step,
        due_at: context.now + patience,
        expires_at,
    })
}

fn payment_failed(failure: &PaymentFailure) -> Option<FulfilmentEvent> {
    abandon("payment_failed", &format!("The payment failed: {}", failure.reason))
}

fn abandon(code: &str, reason: &str) -> Option<FulfilmentEvent> {
    Some(FulfilmentEvent::FulfilmentAbandoned {
        code: code.to_owned(),
        reason: Reason::shortened(reason),
    })
}

fn end(state: &Fulfilment, outcome: Outcome) -> Option<FulfilmentEvent> {
    let is_settled = state.attention.as_ref().is_none_or(|attention| !attention.is_open());
    match state.outcome {
        None if !is_settled => None,
        None => Some(FulfilmentEvent::FulfilmentEnded { outcome }),
        Some(_) => None,
    }
}

/// The refused lines of one kind, such as `A-7 (3 wanted)`. How many there are is not the customer's business, who reads it.
fn named(state: &Fulfilment, is_of_kind: impl Fn(&Line) -> bool) -> String {
    let lines: Vec<_> = state
        .lines_in(&[Refused])
        .filter(|(_, line)| is_of_kind(line))
        .take(MAX_NAMED_SKUS)
        .map(|(sku, line)| format!("{sku} ({} wanted)", line.quantity))
        .collect();
    lines.join(", ")
}
