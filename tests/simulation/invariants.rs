//! What must hold when a run is over and all is delivered.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Aggregate;
use domain::order::OrderId;
use domain::transaction::Transaction;
use event_store::Recorded;
use read_models::customer_orders::CustomerOrderRow;
use read_models::daily_orders::DailyOrderRow;
use read_models::{OrderSummaryRow, Row};
use serde::de::DeserializeOwned;
use uuid::Uuid;
use views::OrderView;

use crate::projections::wrong_totals;
use crate::support::is_row;

use super::history::{Attempt, History, Outcome, Read};
use super::linearizability;
use super::replay;
use super::trigger::Stream;
use super::world::World;

macro_rules! ensure {
    ($holds:expr, $($otherwise:tt)+) => {
        if !$holds {
            return Err(format!($($otherwise)+));
        }
    };
}

/// The events of each order, by version.
type Events = BTreeMap<String, Vec<Recorded>>;

/// # Errors
/// What does not hold.
pub async fn check(world: &World) -> Result<(), String> {
    let events = events(world).await;
    versions_are_contiguous(&events)?;
    let is_claim = |(id, _): &(String, Vec<Recorded>)| Transaction::id_of(id).is_some();
    let (claims, events): (Events, Events) = events.into_iter().partition(is_claim);
    claims_are_by_those_who_pay(&claims, &world.history.borrow())?;
    answers_agree_with(&events, &world.history.borrow())?;
    rows_are_folds(world, &events).await?;
    totals_are_sums(world).await?;
    nothing_differs(world).await?;
    rows_went_only_forwards(world, &events)?;
    let parked = items(world, "ParkedEvents").await;
    ensure!(parked.is_empty(), "parked: {parked:?}");
    Ok(())
}

fn answers_agree_with(events: &Events, history: &History) -> Result<(), String> {
    let effects = effects(events, history)?;
    for attempt in &history.attempts {
        effect_is_as_answered(attempt, effects.get(attempt.correlation_id.as_str()))?;
    }
    keys_have_one_effect_and_one_answer(&history.attempts, &effects)?;
    for order in 0..history.order_ids.len() {
        linearizability::check(&on_order(&history.attempts, order, &effects))?;
    }
    for read in &history.reads {
        read_is_new_enough_and_was_so(read, events)?;
    }
    Ok(())
}

async fn items(world: &World, table: &str) -> Vec<HashMap<String, AttributeValue>> {
    let mut found = world.truth.scan().table_name(table).into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = found.next().await {
        items.push(item.unwrap());
    }
    items
}

async fn events(world: &World) -> Events {
    let mut events = Events::new();
    for item in items(world, "EventStore").await {
        let event = Recorded::from_item(item).unwrap();
        events.entry(event.aggregate_id.clone()).or_default().push(event);
    }
    for events in events.values_mut() {
        events.sort_by_key(|event| event.version);
    }
    events
}

fn versions_are_contiguous(events: &Events) -> Result<(), String> {
    for (order, events) in events {
        let versions: Vec<_> = events.iter().map(|event| event.version).collect();
        let expected: Vec<_> = (1..=events.len() as u64).collect();
        ensure!(versions == expected, "{order} has the versions {versions:?}");
    }
    Ok(())
}

/// What came of one attempt: by command, the versions of its events.
type Effect = BTreeMap<Uuid, Vec<u64>>;

/// A transaction is claimed once, for the order of the attempt. The claim of a command that was killed then may stay.
fn claims_are_by_those_who_pay(claims: &Events, history: &History) -> Result<(), String> {
    for claim in claims.values().flatten() {
        let correlation_id = claim.metadata.correlation_id.as_deref();
        let mut attempts = history.attempts.iter();
        let attempt = attempts.find(|attempt| correlation_id == Some(&attempt.correlation_id));
        let order = attempt.and_then(|attempt| history.order_ids[attempt.request.order].as_deref());
        let claimed_for = claim.stored.data["order_id"].as_str();
        ensure!(claim.version == 1 && order == claimed_for, "nobody asked for {claim:?}");
    }
    Ok(())
}

/// The effects by correlation id, which every attempt has of its own.
fn effects<'a>(events: &'a Events, history: &History) -> Result<BTreeMap<&'a str, Effect>, String> {
    let mut effects = BTreeMap::<&str, Effect>::new();
    for event in events.values().flatten() {
        let correlation_id = event.metadata.correlation_id.as_deref().unwrap_or_default();
        let attempt = history
            .attempts
            .iter()
            .find(|attempt| attempt.correlation_id == correlation_id);
        let Some(attempt) = attempt else {
            return Err(format!("nobody asked for {event:?}"));
        };
        let asked_for = &history.order_ids[attempt.request.order];
        ensure!(
            asked_for.as_ref().is_none_or(|id| *id == event.aggregate_id),
            "{correlation_id} changed another order: {event:?}"
        );
        let effect = effects.entry(correlation_id).or_default();
        let versions = effect.entry(event.metadata.command_id).or_default();
        versions.push(event.version);
    }
    Ok(effects)
}

/// An acknowledged command is in the stream exactly once, a refused or replayed one not at all, any other at most once.
fn effect_is_as_answered(attempt: &Attempt, effect: Option<&Effect>) -> Result<(), String> {
    let commands = effect.map_or(0, Effect::len);
    let versions: Vec<u64> = effect.into_iter().flat_map(Effect::values).flatten().copied().collect();
    let is_right = match &attempt.outcome {
        Outcome::Accepted {
            version,
            replayed: false,
            ..
        } => commands == 1 && versions.last() == Some(version),
        Outcome::Accepted { replayed: true, .. } | Outcome::Refused { .. } => commands == 0,
        Outcome::Unknown => commands <= 1,
    };
    ensure!(is_right, "{attempt:?} has had the effect {effect:?}");
    let contiguous = versions.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    ensure!(contiguous, "{attempt:?} was torn apart: {versions:?}");
    Ok(())
}

fn keys_have_one_effect_and_one_answer(attempts: &[Attempt], effects: &BTreeMap<&str, Effect>) -> Result<(), String> {
    let mut by_key = BTreeMap::<_, Vec<&Attempt>>::new();
    for attempt in attempts {
        if let Some(key) = &attempt.request.key {
            by_key.entry((attempt.request.order, key)).or_default().push(attempt);
        }
    }
    for ((order, key), attempts) in by_key {
        let having_effect = attempts
            .iter()
            .filter(|attempt| effects.contains_key(attempt.correlation_id.as_str()));
        ensure!(
            having_effect.count() <= 1,
            "{key} has had its effect on order {order} more than once: {attempts:?}"
        );
        let answers: BTreeSet<_> = attempts
            .iter()
            .filter_map(|attempt| match &attempt.outcome {
                Outcome::Accepted { version, status, .. } => Some((version, status)),
                _ => None,
            })
            .collect();
        ensure!(answers.len() <= 1, "{key} has had more than one answer: {attempts:?}");
    }
    Ok(())
}

/// The attempts on one order that were answered or had an effect.
fn on_order(attempts: &[Attempt], order: usize, effects: &BTreeMap<&str, Effect>) -> Vec<Attempt> {
    let counts = |attempt: &&Attempt| {
        attempt.request.order == order
            && (attempt.answered.is_some() || effects.contains_key(attempt.correlation_id.as_str()))
    };
    attempts.iter().filter(counts).cloned().collect()
}

fn fold(order: &str, events: &[Recorded]) -> OrderSummaryRow {
    let (row, folded) = OrderSummaryRow::fold(order.parse::<OrderId>().unwrap(), None, events);
    folded.unwrap();
    row.unwrap()
}

/// A reader gets a state that the order really had, no older than the one it asked for.
fn read_is_new_enough_and_was_so(read: &Read, events: &Events) -> Result<(), String> {
    if read.status == 503 {
        return Ok(());
    }
    let version = read.body["version"].as_u64().unwrap_or_default();
    ensure!(
        read.status == 200 && version >= read.min_version,
        "asked for version {}: {read:?}",
        read.min_version
    );
    let then = OrderView::from(fold(&read.order_id, &events[&read.order_id][..version as usize]));
    let then = serde_json::to_value(then).unwrap();
    ensure!(read.body == then, "{read:?}, but the order was {then}");
    Ok(())
}

async fn rows<T: DeserializeOwned>(world: &World, table: &str) -> Vec<T> {
    let mut items = items(world, table).await;
    items.retain(is_row);
    serde_dynamo::from_items(items).unwrap()
}

async fn rows_are_folds(world: &World, events: &Events) -> Result<(), String> {
    // In the order of their ids, as the events are.
    let expected: Vec<_> = events.iter().map(|(order, events)| fold(order, events)).collect();
    let mut found: Vec<OrderSummaryRow> = rows(world, "OrderSummary").await;
    found.sort_by_key(|row| row.order_id);
    ensure!(
        found == expected,
        "OrderSummary is {found:#?}\nbut the events say {expected:#?}"
    );

    let orders = expected;
    let expected: Vec<_> = orders.iter().flat_map(CustomerOrderRow::rows).collect();
    let mut found: Vec<CustomerOrderRow> = rows(world, "CustomerOrders").await;
    found.sort_by_key(|row| row.order_id);
    ensure!(
        found == expected,
        "CustomerOrders is {found:#?}\nbut the events say {expected:#?}"
    );

    let mut days: Vec<_> = orders.iter().flat_map(DailyOrderRow::rows).collect();
    days.sort_by_key(|row| row.order_id);
    let mut found: Vec<DailyOrderRow> = rows(world, "DailyOrders").await;
    found.sort_by_key(|row| row.order_id);
    ensure!(found == days, "DailyOrders is {found:#?}\nbut the events say {days:#?}");
    Ok(())
}

/// Nor does what only a dry run looks at: the postings of the search.
async fn nothing_differs(world: &World) -> Result<(), String> {
    let differences = replay::verify(world).await;
    ensure!(differences.is_empty(), "a dry run finds {differences:?}");
    Ok(())
}

async fn totals_are_sums(world: &World) -> Result<(), String> {
    let customers = wrong_totals::<CustomerOrderRow>(items(world, "CustomerOrders").await);
    let days = wrong_totals::<DailyOrderRow>(items(world, "DailyOrders").await);
    ensure!(customers.is_empty(), "CustomerOrders: {customers:?}");
    ensure!(days.is_empty(), "DailyOrders: {days:?}");
    Ok(())
}

/// Each row in OrderSummary has been what folding some of the order's first events gives, and never an older one after
/// a newer.
fn rows_went_only_forwards(world: &World, events: &Events) -> Result<(), String> {
    let mut newest = BTreeMap::<String, u64>::new();
    for mut record in Stream::of(world, "OrderSummary").read(world) {
        let image: serde_dynamo::Item = serde_json::from_value(record["dynamodb"]["NewImage"].take()).unwrap();
        let row: OrderSummaryRow = serde_dynamo::from_item(image).unwrap();
        let order = row.order_id.to_string();
        let before = newest.insert(order.clone(), row.version).unwrap_or_default();
        ensure!(
            before <= row.version,
            "the row of {order} went from version {before} back to {}",
            row.version
        );
        let then = fold(&order, &events[&order][..row.version as usize]);
        ensure!(
            row == then,
            "the row of {order} was {row:#?}\nbut never has been more than {then:#?}"
        );
    }
    Ok(())
}
