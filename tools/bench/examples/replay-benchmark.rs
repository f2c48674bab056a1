//! `make benchmark`: how fast a replay is next to a bare scan of the same table, and how much memory it takes.
//!
//! The DynamoDB runs in a process of its own, so that the memory measured is the replay's. Rates depend on the machine;
//! only their ratio, within one run, says something.

#![allow(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::time::Instant;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::WriteRequest;
use bench::store::{self, Quiet};
use bench::{how_many, server};
use chrono::{DateTime, Utc};
use environment::Variable;
use futures::future::join_all;
use local_stack::dynamodb::{create_tables, local_config};
use operations::{Plan, Purpose, Replayer, Scope, Status, Stop};
use serde_json::json;
use uuid::Uuid;

const EVENTS: Variable = Variable {
    name: "EVENTS",
    default: "100000",
    meaning: "in the store",
};
const EVENTS_PER_ORDER: u64 = 8;
const SEGMENTS: i32 = 4;
/// The number of events on a page that is read.
const BATCH: usize = 1_000;

#[tokio::main]
async fn main() {
    if std::env::args().nth(1).as_deref() == Some(server::SERVE) {
        return server::serve().await;
    }
    let events = how_many(&EVENTS, EVENTS_PER_ORDER);
    let (mut server, endpoint) = server::start();
    let config = local_config(&endpoint).await;
    let dynamodb = Client::new(&config);
    let template = store::template();
    create_tables(&dynamodb, &template).await.unwrap();

    let started = Instant::now();
    fill(&dynamodb, events / EVENTS_PER_ORDER).await;
    println!(
        "{events} events of {EVENTS_PER_ORDER} to an order, written in {:.0} s",
        started.elapsed().as_secs_f64()
    );

    let started = Instant::now();
    let scanned = scan(&dynamodb).await;
    let scan_rate = rate(scanned, started);
    println!("bare scan in {SEGMENTS} segments: {scan_rate:.0} events/s");

    let replayer = Replayer::from_env(&store::replay_environment(&template), dynamodb).unwrap();
    for (purpose, name) in [(Purpose::Rebuild, "rebuild"), (Purpose::Verify, "verify")] {
        let before = resident_kilobytes("VmRSS");
        // The peak is counted from here on.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let started = Instant::now();
        let plan = Plan {
            segments: SEGMENTS as u32,
            batch: BATCH,
            ..Plan::new(purpose, Scope::Everything, &replayer.read_models())
        };
        let begun = replayer.create(plan, Status::Running).await.unwrap();
        let done = replayer.run(begun, &Stop::default(), &Quiet).await.unwrap();
        let rate = rate(done.counts.events, started);
        let peak = resident_kilobytes("VmHWM") - before;
        assert_eq!(done.counts.events, scanned);
        assert_eq!((done.counts.differences, done.counts.unreadable), (0, 0));
        println!(
            "{name} of all read models: {rate:.0} events/s, {:.2} of the bare scan; {} orders, {} rows written; \
             peak memory {:+.0} MB",
            rate / scan_rate,
            done.counts.orders,
            done.counts.written,
            peak as f64 / 1024.0,
        );
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

async fn fill(dynamodb: &Client, orders: u64) {
    let now = Utc::now();
    let puts = (0..orders).flat_map(|n| {
        let id = Uuid::from_u128(u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        (1..=EVENTS_PER_ORDER).map(move |version| put(id, version, now))
    });
    store::write(dynamodb, puts).await;
}

fn put(id: Uuid, version: u64, now: DateTime<Utc>) -> WriteRequest {
    let item = json!({ "product_id": format!("p{version}"), "quantity": 2, "unit_price": "14.00", "product_name": "Queso Cabrales" });
    let event = match version {
        1 => (
            "OrderCreated",
            3,
            json!({
                "customer_id": format!("customer {}", id.as_u128() % 1_000),
                "currency": "EUR",
                "tax": { "rate": "0.055" },
                "items": [item],
                "shipping_address": { "street": "59 rue de l'Abbaye", "city": "Reims", "postal_code": "51100" },
            }),
        ),
        EVENTS_PER_ORDER => ("OrderSubmitted", 1, json!({})),
        _ => ("OrderItemAdded", 1, item),
    };
    store::put(id, version, event, now)
}

/// How many events there are.
async fn scan(dynamodb: &Client) -> u64 {
    let segments = (0..SEGMENTS).map(|segment| async move {
        let scan = dynamodb
            .scan()
            .table_name("EventStore")
            .segment(segment)
            .total_segments(SEGMENTS);
        let mut pages = scan.limit(BATCH as i32).into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += page.unwrap().items().len() as u64;
        }
        count
    });
    join_all(segments).await.into_iter().sum()
}

fn rate(events: u64, started: Instant) -> f64 {
    events as f64 / started.elapsed().as_secs_f64()
}

/// `VmRSS` is what the process has in memory, `VmHWM` the most that it had.
fn resident_kilobytes(name: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
