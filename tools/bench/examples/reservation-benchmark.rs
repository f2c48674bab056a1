//! `make reservation-benchmark`: how many reservations a second one SKU takes from 1, 4 and 16 writers at once, how often
//! they are in each other's way, and what each costs.
//!
//! The DynamoDB runs in a process of its own. Rates depend on the machine; requests, units and conflicts do so little.

#![allow(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bench::{how_many, server};
use chrono::{TimeDelta, Utc};
use domain::Aggregate;
use domain::Metadata;
use domain::order::OrderId;
use domain::stock::{Stock, StockEvent};
use domain::text::Sku;
use dynamodb::Cost;
use environment::Variable;
use event_store::{Decider, EventStore, Snapshots};
use futures::future::join_all;
use inventory_commands::{App, bus};
use lambda_edge::Environment;
use local_stack::dynamodb::{create_tables, local_config};
use local_stack::template::Template;
use messages::commands::ReserveStock;
use messages::{Body, Message};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata as Level, Recorder, SharedString, Unit};
use uuid::Uuid;

const RESERVATIONS: Variable = Variable {
    name: "RESERVATIONS",
    default: "480",
    meaning: "by each number of writers",
};
const WRITERS: [u64; 3] = [1, 4, 16];

/// Orders before the ones that are measured: a stock that remembers as many as it ever does.
const SOLD_BEFORE: u128 = 500;

#[tokio::main]
async fn main() {
    if std::env::args().nth(1).as_deref() == Some(server::SERVE) {
        return server::serve().await;
    }
    let reservations = how_many(&RESERVATIONS, WRITERS[2]);
    let conflicts = Conflicts::default();
    metrics::set_global_recorder(conflicts.clone()).unwrap();
    let (mut server, endpoint) = server::start();
    let config = local_config(&endpoint).await;
    let dynamodb = dynamodb::client(&config);
    let mut template = Template::read("template.yaml".as_ref()).unwrap();
    for table in &mut template.tables {
        // The embedded DynamoDB looks through a stream's records at every write, and nobody reads them here.
        table.stream = None;
    }
    create_tables(&dynamodb, &template).await.unwrap();
    let commands = template
        .functions
        .iter()
        .find(|function| function.binary == "inventory-commands")
        .unwrap();
    let environment: Environment = commands.environment.clone().into_iter().collect();
    let stocks = EventStore::new(
        dynamodb,
        "EventStore",
        environment.parsed("EVENT_TYPE_SHARDS", "").unwrap(),
    );
    let every = environment.parsed("SNAPSHOT_EVERY", "").unwrap();
    let stocks = stocks.with_snapshots(Snapshots::new("Snapshots", every));
    let app = Arc::new(App {
        stocks: Decider::new(stocks),
    });

    println!(
        "{reservations} reservations of one SKU, of which {SOLD_BEFORE} orders have been sold before; per reservation:"
    );
    println!("| writers | reservations/s | conflicts | given up | requests | read units | write units | index |");
    println!("|---|---|---|---|---|---|---|---|");
    for writers in WRITERS {
        let sku: Sku = format!("popular {writers}").parse().unwrap();
        sold(app.stocks.store(), &sku).await;
        reserve(&app, &sku).await;
        // The first one has written a snapshot beside its append.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;

        let before = conflicts.count();
        let started = Instant::now();
        let writer = || async {
            let (mut cost, mut given_up) = (Cost::default(), 0);
            for _ in 0..reservations / writers {
                let (of_one, times) = reserve(&app, &sku).await;
                cost += of_one;
                given_up += times;
            }
            (cost, given_up)
        };
        let done = join_all((0..writers).map(|_| writer())).await;
        let seconds = started.elapsed().as_secs_f64();
        let (mut cost, mut given_up) = (Cost::default(), 0);
        for (of_one, times) in done {
            cost += of_one;
            given_up += times;
        }
        let count = (reservations / writers * writers) as f64;
        println!(
            "| {writers} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.1} | {:.1} |",
            count / seconds,
            (conflicts.count() - before) as f64 / count,
            f64::from(given_up) / count,
            f64::from(cost.requests) / count,
            cost.read_units / count,
            // A refused condition costs a unit that DynamoDB does not report.
            (cost.write_units + (conflicts.count() - before) as f64) / count,
            cost.index_write_units / count,
        );
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

/// One reservation for a new order, however often its message has to come; what it cost the last time, and how often the
/// writer had given up before.
async fn reserve(app: &App, sku: &Sku) -> (Cost, u32) {
    let order_id = OrderId(Uuid::now_v7());
    let body = Body::ReserveStock(ReserveStock {
        order_id,
        sku: sku.clone(),
        quantity: 1.try_into().unwrap(),
        expires_at: Some(Utc::now() + TimeDelta::minutes(10)),
    });
    let message = Message::new(Uuid::now_v7(), format!("fulfilment-{order_id}"), Utc::now(), body);
    for given_up in 0.. {
        if let Ok(cost) = bus::perform(app, message.clone()).await {
            return (cost, given_up);
        }
    }
    unreachable!("an endless loop")
}

/// A stock that has come far: received, and reserved and committed for many orders.
async fn sold(stocks: &EventStore, sku: &Sku) {
    let id = Stock::aggregate_id(sku);
    let mut events = vec![StockEvent::StockReceived {
        quantity: 1_000_000.try_into().unwrap(),
        reference: None,
    }];
    for number in 0..SOLD_BEFORE {
        let (order_id, quantity) = (OrderId(Uuid::from_u128(number)), 1.try_into().unwrap());
        events.push(StockEvent::StockReserved {
            order_id,
            quantity,
            expires_at: None,
        });
        events.push(StockEvent::StockCommitted {
            order_id,
            quantity,
            missing: 0.try_into().unwrap(),
        });
    }
    for (number, some) in events.chunks(100).enumerate() {
        let metadata = Metadata::of_command(Uuid::now_v7());
        let version = 100 * number as u64;
        stocks.append::<Stock>(&id, version, some, &metadata).await.unwrap();
    }
}

/// Counts decisions that were taken again, and nothing else.
#[derive(Clone, Default)]
struct Conflicts(Arc<AtomicU64>);

impl Conflicts {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Recorder for Conflicts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Level<'_>) -> Counter {
        match key.name() {
            "event_store_conflicts_total" => Counter::from_arc(self.0.clone()),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Level<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Level<'_>) -> Histogram {
        Histogram::noop()
    }
}
