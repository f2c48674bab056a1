//! How far the fulfilment of an order has come, what it waits for, and what went wrong.

use std::sync::Arc;

use api::paging::Page;
use api::{Paged, not_found, read_problem};
use chrono::{DateTime, Utc};
use domain::Aggregate;
use domain::fulfilment::event::SETTLED;
use domain::fulfilment::state::{Line, LineStatus, PaymentStage};
use domain::fulfilment::{Fulfilment, FulfilmentEvent, Outcome, Step};
use domain::order::OrderId;
use domain::stock::Pieces;
use domain::text::{Reason, Sku, TransactionId};
use domain::time::timestamp;
use event_store::{Recorded, StoreError, Stream, Version};
use lambda_edge::http::{Caching, Call, Problem, Reply};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::App;

#[derive(Serialize)]
struct FulfilmentView {
    order_id: OrderId,
    /// The version of the process, not of the order.
    version: Version,
    status: Status,
    lines: Vec<LineView>,
    payment: PaymentView,
    /// The steps that were asked for and not answered yet.
    timers: Vec<TimerView>,
    problem: Option<ProblemView>,
    /// What an operator has to see to, or has seen to. Left out where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    attention: Option<AttentionView>,
    steps: Vec<Box<RawValue>>,
    /// The cursor of further steps; nearly always all fit into one answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Fulfilling,
    AwaitingShipment,
    /// The order is to be cancelled, or is, and what was done is being undone.
    Compensating,
    /// Something will never happen by itself: an operator has to see to it.
    NeedsAttention,
    Completed,
    Cancelled,
}

#[derive(Serialize)]
struct LineView {
    sku: Sku,
    quantity: Pieces,
    status: LineStatus,
    /// How many there were when there were too few.
    available: Option<Pieces>,
}

#[derive(Serialize)]
struct PaymentView {
    status: PaymentStage,
    attempts: u32,
    transaction_id: Option<TransactionId>,
    /// The code of the newest attempt that failed.
    failure_code: Option<String>,
}

#[derive(Serialize)]
struct TimerView {
    step: Step,
    #[serde(with = "timestamp")]
    due_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct ProblemView {
    code: String,
    detail: String,
}

#[derive(Serialize)]
struct AttentionView {
    code: String,
    detail: String,
    settled: Option<SettledView>,
}

#[derive(Serialize)]
struct SettledView {
    #[serde(with = "timestamp")]
    at: DateTime<Utc>,
    by: Option<String>,
    reason: Reason,
}

/// Something that the process was told, or has asked for.
#[derive(Serialize)]
struct StepView {
    version: Version,
    #[serde(with = "timestamp")]
    at: DateTime<Utc>,
    event: String,
    details: Value,
}

pub async fn fulfilment(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Paged { page, .. } = Paged::of(&call, |_| Some(()))?;
    let order_id: OrderId = call.path("order_id")?;
    let list = page.list(&app.cursors, "fulfilment of order", &order_id)?;
    let id = Fulfilment::aggregate_id(&order_id);
    let events = app.events.events(&id, 1, None).await.map_err(read_problem)?;
    let steps = list.page_of_all(events.iter().map(|event| (event.version, step(event))))?;
    let view = view(order_id, &events, steps)
        .map_err(read_problem)?
        .ok_or_else(fulfilment_not_found)?;
    let reply = Reply::ok(&view)?.version(view.version);
    Ok(reply.caching(Caching::Revalidated))
}

pub fn fulfilment_not_found() -> Problem {
    not_found("fulfilment_not_found", "There is no fulfilment of such an order.")
}

/// `None` when the process has not started.
fn view(order_id: OrderId, events: &[Recorded], steps: Page) -> Result<Option<FulfilmentView>, StoreError> {
    let mut stream = Stream::<Fulfilment>::unborn(Fulfilment::aggregate_id(&order_id));
    for event in events {
        stream.fold(event)?;
    }
    let version = stream.changed;
    let started = stream.state.filter(|state| state.order.is_some());
    Ok(started.map(|state| FulfilmentView {
        order_id,
        version,
        status: status(&state),
        payment: PaymentView {
            status: state.payment.status,
            attempts: state.payment.attempts,
            transaction_id: state.payment.transaction_id,
            failure_code: state.payment.failure.map(|failure| failure.code),
        },
        lines: state.lines.into_iter().map(line).collect(),
        timers: state
            .waiting
            .into_iter()
            .map(|(step, due_at)| TimerView { step, due_at })
            .collect(),
        problem: state.abandoned.map(|abandoned| ProblemView {
            code: abandoned.code,
            detail: abandoned.reason.to_string(),
        }),
        attention: state.attention.map(|attention| AttentionView {
            code: attention.code,
            detail: attention.detail,
            settled: attention.settled.and_then(|reason| settled(events, reason)),
        }),
        steps: steps.data,
        next_cursor: steps.next_cursor,
    }))
}

/// The settlement, with who has settled it and when, as its event says.
fn settled(events: &[Recorded], reason: Reason) -> Option<SettledView> {
    let event = events.iter().find(|event| event.stored.event_type == SETTLED)?;
    Some(SettledView {
        at: event.timestamp,
        by: event.metadata.user_id.clone(),
        reason,
    })
}

pub fn status(state: &Fulfilment) -> Status {
    match state.outcome {
        _ if state.attention.as_ref().is_some_and(|attention| attention.is_open()) => Status::NeedsAttention,
        Some(Outcome::Completed) => Status::Completed,
        Some(Outcome::Cancelled) => Status::Cancelled,
        None if state.cancellation.is_some() || state.abandoned.is_some() => Status::Compensating,
        None if state.is_waiting_for(Step::Ship) => Status::AwaitingShipment,
        None => Status::Fulfilling,
    }
}

fn line((sku, line): (Sku, Line)) -> LineView {
    LineView {
        sku,
        quantity: line.quantity,
        status: line.status,
        available: line.available,
    }
}

/// The newest form of what is stored: the process has a vocabulary of its own, which is shown as it is.
fn step(event: &Recorded) -> StepView {
    let newest = event
        .events::<Fulfilment>()
        .ok()
        .and_then(|events| events.into_iter().next());
    let details = newest.and_then(|event| details(&event)).unwrap_or_default();
    StepView {
        version: event.version,
        at: event.timestamp,
        event: event.stored.event_type.clone(),
        details,
    }
}

fn details(event: &FulfilmentEvent) -> Option<Value> {
    serde_json::to_value(event).ok()?.get_mut("EventData").map(Value::take)
}
