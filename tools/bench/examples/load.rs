//! `make load`: clients that create orders without a pause, and how the stack bears it: orders a second for each 2,000, how far
//! behind each projection is then, how long the stack takes to start again with all of them, and what it uses when nobody asks.
//!
//! `DATA` is `memory`, or a new folder, with which the stack is started again at the end.
//!
//! Linux only: the processor time is read from `/proc`.

#![allow(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench::how_many;
use environment::Variable;
use fastrand::Rng;
use local_stack::{Data, LocalStack, Options};
use run::FUNCTIONS;
use serde_json::{Value, json};

/// Orders of one line of the table.
const STEP: usize = 2_000;

const CUSTOMERS: usize = 500;
const PRODUCTS: usize = 77;

/// How long a stack is left alone before it counts as idle, and how long it is watched then.
const REST: Duration = Duration::from_secs(20);
const WATCHED: Duration = Duration::from_secs(20);

const ORDERS: Variable = Variable {
    name: "ORDERS",
    default: "20000",
    meaning: "orders in all",
};

const CLIENTS: Variable = Variable {
    name: "CLIENTS",
    default: "4",
    meaning: "clients at the same time",
};

#[tokio::main]
async fn main() {
    let orders = how_many(&ORDERS, 1) as usize;
    let clients = how_many(&CLIENTS, 1) as usize;
    let folder = std::env::var("DATA")
        .ok()
        .filter(|data| !data.is_empty() && data != "memory");
    let folder = folder.map(PathBuf::from);
    if let Some(folder) = folder.as_ref().filter(|folder| folder.exists()) {
        eprintln!(
            "DATA is `{}`, which exists: set it to a new folder, or to memory",
            folder.display()
        );
        std::process::exit(2);
    }

    let (stack, _) = start(folder.as_deref()).await;
    idle("empty").await;
    let http = reqwest::Client::new();
    let mut is_first = true;
    let mut made = 0;
    while made < orders {
        let step = STEP.min(orders - made);
        let seconds = create(&http, stack.url(), step, clients).await.as_secs_f64();
        made += step;
        let projections = projections(&http, stack.url()).await;
        if std::mem::take(&mut is_first) {
            let names: String = projections.iter().map(|(name, _)| format!("{name:>28}")).collect();
            println!("{:>8} {:>9}{names}", "orders", "a second");
        }
        let lags: String = projections
            .iter()
            .map(|(_, lag)| format!("{:>28}", format!("{:.1} s behind", lag.as_secs_f64())))
            .collect();
        println!("{made:>8} {:>9.0}{lags}", step as f64 / seconds);
    }
    let started = Instant::now();
    while projections(&http, stack.url())
        .await
        .iter()
        .any(|(_, lag)| !lag.is_zero())
    {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    println!(
        "the last projection had caught up {:.0} s later",
        started.elapsed().as_secs_f64()
    );
    idle(&format!("with {made} orders")).await;
    stack.stop().await;
    if folder.is_some() {
        let (stack, time) = start(folder.as_deref()).await;
        println!("started again in {:.1} s", time.as_secs_f64());
        idle("after a restart with them").await;
        stack.stop().await;
    }
}

async fn start(folder: Option<&Path>) -> (LocalStack, Duration) {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let options = Options {
        parameters: [("Fulfilment".to_owned(), "DISABLED".to_owned())].into(),
        data: folder.map_or(Data::Memory, |folder| Data::Folder(folder.to_owned())),
        ..run::in_memory(template)
    };
    let started = Instant::now();
    let stack = LocalStack::start(options, FUNCTIONS).await.unwrap();
    (stack, started.elapsed())
}

/// Creates orders, each client the next one as soon as it has the answer.
async fn create(http: &reqwest::Client, url: &str, orders: usize, clients: usize) -> Duration {
    let left = Arc::new(AtomicUsize::new(orders));
    let started = Instant::now();
    let clients = (0..clients).map(|_| {
        let (http, url, left) = (http.clone(), format!("{url}/orders"), Arc::clone(&left));
        tokio::spawn(async move {
            let mut random = Rng::new();
            let has_more = |left: usize| left.checked_sub(1);
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, has_more)
                .is_ok()
            {
                let answer = http.post(&url).json(&order(&mut random)).send().await.unwrap();
                assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    started.elapsed()
}

fn order(random: &mut Rng) -> Value {
    let mut products: Vec<_> = (1..=PRODUCTS).collect();
    random.shuffle(&mut products);
    let item = |product: &usize| {
        json!({
            "product_id": format!("p-{product}"),
            "product_name": format!("Product number {product}"),
            "quantity": product % 5 + 1,
            "unit_price": format!("{product}.90"),
        })
    };
    json!({
        "customer_id": format!("c-{}", random.usize(0..CUSTOMERS)),
        "items": products[..2].iter().map(item).collect::<Vec<_>>(),
        "shipping_address": { "street": "Luisenstr. 48", "city": "Münster", "postal_code": "44087", "country": "Germany" },
    })
}

/// Each projection, and how long its oldest event has waited.
async fn projections(http: &reqwest::Client, url: &str) -> Vec<(String, Duration)> {
    let answer = http.get(format!("{url}/projections")).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let projections = answer["data"].as_array().unwrap().iter();
    let projections = projections.map(|of| {
        let name = of["projection"].as_str().unwrap().to_owned();
        (name, Duration::from_millis(of["lag_ms"].as_u64().unwrap()))
    });
    projections.collect()
}

async fn idle(when: &str) {
    tokio::time::sleep(REST).await;
    let before = processor_time();
    tokio::time::sleep(WATCHED).await;
    let used = processor_time() - before;
    let percent = 100.0 * used.as_secs_f64() / WATCHED.as_secs_f64();
    println!("idle, {when}: {percent:.2} % of a core");
}

/// What this process has used, in user and kernel. <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
fn processor_time() -> Duration {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program is the second field, in parentheses.
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS_PER_SECOND)
}
