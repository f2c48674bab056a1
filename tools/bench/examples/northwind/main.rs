//! `make northwind`: sends the 830 orders of the Northwind sample database through the HTTP API of a local stack, and
//! compares everything that the system says afterwards with what the CSV files say; and once more after redelivery and a
//! rebuild, and while the projections are paused.
//!
//! The files are read from the folder that `NORTHWIND` names; they are not part of this project.
//!
//! - [`data`]: what the CSV files say
//! - [`expected`]: what the system should answer, by looking at every order
//! - [`failure`]: what may be wrong
//! - [`api`]: the API, spoken to over HTTP
//! - [`compare`]: asks everything, and compares

mod api;
mod compare;
mod data;
mod expected;
mod failure;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use aws_sdk_dynamodb::Client;
use dynamodb::TableError;
use lambda_edge::Environment;
use local_stack::dynamodb::{Embedded, create_tables};
use local_stack::template::Template;
use local_stack::{DynamoDb, LocalStack, Options};
use operations::{Difference, Observer, Plan, Purpose, Replay, Replayer, Scope, Status, Stop};
use run::FUNCTIONS;
use rust_decimal::Decimal;
use serde_json::json;

use api::{Api, for_each};
use compare::{Counts, compare};
use data::Northwind;
use expected::{Orders, Placed, Question, STATUSES};
use failure::Failure;

/// One in so many orders is placed while the triggers go, and the others before they do: the embedded DynamoDB looks
/// through all records of its streams at every write to them.
const LIVE_PART: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    let folder = PathBuf::from(std::env::var("NORTHWIND").unwrap_or_else(|_| "../shared/data/northwind".to_owned()));
    if !folder.join("orders.csv").is_file() {
        eprintln!(
            "The Northwind data is not there: {} has no orders.csv. Nothing was tried. \
             Set NORTHWIND to the folder with its CSV files.",
            folder.display()
        );
        return ExitCode::from(2);
    }
    match run(&folder).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("northwind: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(folder: &Path) -> Result<(), Failure> {
    let northwind = Northwind::read(folder)?;
    let embedded = Embedded::memory().await?;
    // The orders are confirmed, paid and shipped by commands.
    let unfulfilled = [("Fulfilment".to_owned(), "DISABLED".to_owned())].into();
    let template = Template::read_with("template.yaml".as_ref(), &unfulfilled)?;
    let mut paused = template.clone();
    for function in &mut paused.functions {
        function.triggers.clear();
        function.queues.clear();
        function.schedules.clear();
    }

    let (live, later) = northwind.orders.split_at(northwind.orders.len() / LIVE_PART);
    let started = Instant::now();
    let mut placed = Vec::new();
    for (template, orders) in [(&template, live), (&paused, later)] {
        let stack = start(&embedded, template).await?;
        let api = Api::of(&stack);
        placed.extend(for_each(orders, |order| api.place(&northwind, order)).await?);
        stack.stop().await;
    }
    let orders = Orders::new(placed);
    let total: Decimal = orders.iter().map(|order| order.total).sum();
    let shipped = orders.iter().filter(|order| order.status == "shipped").count();
    println!(
        "{} orders with {} lines of {} customers, placed in {:.1} s: {shipped} shipped, {} paid, {total} in all",
        northwind.orders.len(),
        northwind.line_count(),
        orders.customers().len(),
        started.elapsed().as_secs_f64(),
        northwind.orders.len() - shipped,
    );
    // A stack that starts remembers nothing of what has been delivered, and begins at the beginning of each stream.
    for when in ["projected", "all streams delivered again"] {
        deliver(&embedded, &template).await?;
        count_postings(&embedded.client().await).await?;
        let stack = start(&embedded, &paused).await?;
        check(when, &stack, orders.questions(&northwind)).await?;
        stack.stop().await;
    }

    let stack = start(&embedded, &paused).await?;
    rebuild(&stack.dynamodb(), &template).await?;
    check("rebuilt from empty tables", &stack, orders.questions(&northwind)).await?;

    let changed = change(&Api::of(&stack), &northwind, &orders).await?;
    let questions = changed.iter().flat_map(|order| after(&orders, order)).collect();
    check("projections paused, read after a change", &stack, questions).await?;
    check(
        "projections paused, nothing asked for",
        &stack,
        orders.questions(&northwind),
    )
    .await?;
    stack.stop().await;

    deliver(&embedded, &template).await?;
    let stack = start(&embedded, &paused).await?;
    let orders = changed.iter().fold(orders, |orders, order| orders.with(order));
    check("projections going again", &stack, orders.questions(&northwind)).await?;
    stack.stop().await;
    embedded.stop().await;
    Ok(())
}

async fn start(embedded: &Embedded, template: &Template) -> Result<LocalStack, Failure> {
    let options = Options {
        dynamodb: DynamoDb::Endpoint(embedded.endpoint().to_owned()),
        ..run::in_memory("")
    };
    Ok(LocalStack::start_from(template.clone(), options, FUNCTIONS).await?)
}

/// Starts the triggers, and stops them when they have delivered everything.
async fn deliver(embedded: &Embedded, template: &Template) -> Result<(), Failure> {
    let started = Instant::now();
    let stack = start(embedded, template).await?;
    stack.caught_up().await?;
    stack.stop().await;
    println!("delivered ({:.1} s)", started.elapsed().as_secs_f64());
    Ok(())
}

/// What the search costs: how many postings an order has.
async fn count_postings(dynamodb: &Client) -> Result<(), Failure> {
    let mut of_orders = BTreeMap::<String, usize>::new();
    let scan = dynamodb.scan().table_name("OrderSearch");
    let mut items = scan.into_paginator().items().send();
    while let Some(item) = items.try_next().await.map_err(TableError::from)? {
        // `<order key>#<version>`; an order's row has none.
        let posting = item.get("Posting").and_then(|posting| posting.as_s().ok());
        if let Some((order_key, _)) = posting.and_then(|posting| posting.rsplit_once('#')) {
            *of_orders.entry(order_key.to_owned()).or_default() += 1;
        }
    }
    let mut counts: Vec<usize> = of_orders.into_values().collect();
    counts.sort_unstable();
    println!(
        "search postings per order: median {}, at most {}, {} in all",
        counts.get(counts.len() / 2).unwrap_or(&0),
        counts.last().unwrap_or(&0),
        counts.iter().sum::<usize>()
    );
    Ok(())
}

async fn check(when: &str, stack: &LocalStack, questions: Vec<Question>) -> Result<(), Failure> {
    let started = Instant::now();
    let counts: Counts = compare(&Api::of(stack), questions).await?;
    let counts: Vec<_> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!(
        "{when}: {}: all as the CSV says ({:.1} s)",
        counts.join(", "),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Deletes the tables of rows, makes them again, and has each of them written from the events.
async fn rebuild(dynamodb: &Client, template: &Template) -> Result<(), Failure> {
    for table in ["OrderSummary", "CustomerOrders", "DailyOrders", "OrderSearch"] {
        let deleted = dynamodb.delete_table().table_name(table).send().await;
        deleted.map_err(|_| Failure::Delete(table.to_owned()))?;
    }
    create_tables(dynamodb, template).await?;
    let replay = template.functions.iter().find(|function| function.binary == "replay");
    let environment: Environment = replay
        .map(|replay| replay.environment.clone())
        .unwrap_or_default()
        .into_iter()
        .collect();
    let replayer = Replayer::from_env(&environment, dynamodb.clone())?;
    for read_model in replayer.read_models() {
        let started = Instant::now();
        let plan = Plan::new(Purpose::Rebuild, Scope::Everything, &[read_model]);
        let begun = replayer.create(plan, Status::Running).await?;
        let done = replayer.run(begun, &Stop::default(), &Quiet).await?;
        println!(
            "{read_model} rebuilt: {} orders ({:.1} s)",
            done.counts.orders,
            started.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

struct Quiet;

impl Observer for Quiet {
    fn progressed(&self, _: &Replay) {}
    fn found(&self, _: &Difference) {}
}

/// Delivers orders that were shipped, cancels orders that were paid, and places some again, as new ones.
async fn change(api: &Api, northwind: &Northwind, orders: &Orders) -> Result<Vec<Placed>, Failure> {
    let mut changed = Vec::new();
    for (status, command, body, becomes) in [
        ("shipped", "deliver", None, "delivered"),
        (
            "paid",
            "cancel",
            Some(json!({ "reason": "changed their mind" })),
            "cancelled",
        ),
    ] {
        for order in orders.iter().filter(|order| order.status == status).step_by(10).take(3) {
            api.post(&format!("/orders/{}/{command}", order.id), body.clone())
                .await?;
            let mut order = order.clone();
            order.status = becomes;
            order.version += 1;
            api.time(&mut order).await?;
            changed.push(order);
        }
    }
    for order in northwind.orders.iter().step_by(300) {
        changed.push(api.place(northwind, order).await?);
    }
    Ok(changed)
}

/// The lists that have the order, have had it, or do not have it, as they are for one who knows of it.
fn after(orders: &Orders, changed: &Placed) -> Vec<Question> {
    let orders = orders.with(changed);
    let customer = changed.customer_id.as_str();
    let mut questions = Vec::new();
    for status in STATUSES.into_iter().map(Some).chain([None]) {
        for range in orders.ranges() {
            for customer in [None, Some(customer), Some("nobody")] {
                questions.push(orders.list(customer, status, range.clone(), 100));
            }
        }
        for page_size in [1, 7] {
            questions.push(orders.list_of_customer(customer, status, page_size));
        }
    }
    for question in &mut questions {
        question.get.read_after = Some(format!("{}@{}", changed.id, changed.version));
    }
    questions
}
