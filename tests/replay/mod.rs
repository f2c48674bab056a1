//! The promises of a replay: DESIGN section 7, point 5.

mod formats;
mod function;
mod rebuild;
mod resume;
mod search;
mod time_zone;
mod totals;
mod verify;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::OrderEvent;
use operations::{Difference, Observer, Plan, Purpose, Replay, ReplayError, Replayer, Scope, Status, Stop};

use crate::projections::order;
use crate::support::Tables;
use crate::support::orders::{added, submitted};

type Item = HashMap<String, AttributeValue>;

/// A replayer as the function has it, that writes a checkpoint after every batch.
fn replayer(tables: &Tables) -> Replayer {
    Replayer::from_env(&tables.environment("replay"), tables.client.clone())
        .unwrap()
        .with_checkpoints_every(Duration::ZERO)
}

/// Of all read models, in small batches.
fn plan(purpose: Purpose, scope: Scope) -> Plan {
    Plan {
        segments: 2,
        batch: 7,
        ..Plan::new(
            purpose,
            scope,
            &["order-summary", "customer-orders", "daily-orders", "order-search"],
        )
    }
}

/// Watches, and stops the replay after so many batches.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) differences: Mutex<Vec<Difference>>,
    batches: Mutex<u32>,
    stop_after: Option<(u32, Stop)>,
}

impl Observer for Watch {
    fn progressed(&self, _: &Replay) {
        let mut batches = self.batches.lock().unwrap();
        *batches += 1;
        if let Some((count, stop)) = &self.stop_after
            && *batches >= *count
        {
            stop.now();
        }
    }

    fn found(&self, difference: &Difference) {
        self.differences.lock().unwrap().push(difference.clone());
    }
}

/// Carries a whole replay out.
async fn replay(tables: &Tables, plan: Plan) -> (Replay, Vec<Difference>) {
    let watch = Watch::default();
    let replayer = replayer(tables);
    let begun = replayer.create(plan, Status::Running).await.unwrap();
    let replay = replayer.run(begun, &Stop::default(), &watch).await.unwrap();
    assert_eq!(replay.status, Status::Done);
    (replay, watch.differences.into_inner().unwrap())
}

pub(crate) async fn rebuild(tables: &Tables) -> Replay {
    replay(tables, plan(Purpose::Rebuild, Scope::Everything)).await.0
}

async fn verify(tables: &Tables) -> Vec<Difference> {
    replay(tables, plan(Purpose::Verify, Scope::Everything)).await.1
}

/// Orders of different lengths, of three customers.
async fn orders(tables: &Tables, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        let mut events: Vec<OrderEvent> = (0..n % 5).map(|n| added(&format!("p{n}"), 1)).collect();
        if n % 3 == 0 && n % 5 > 0 {
            events.push(submitted());
        }
        ids.push(order(tables, &format!("customer {}", n % 3), &events).await);
    }
    ids
}

async fn put(tables: &Tables, table: &str, item: Item) {
    let put = tables.dynamodb.put_item().table_name(table).set_item(Some(item));
    put.send().await.unwrap();
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn unwrap_store(error: ReplayError) -> event_store::StoreError {
    match error {
        ReplayError::Store(error) => error,
        other => panic!("not an error of the store: {other}"),
    }
}
