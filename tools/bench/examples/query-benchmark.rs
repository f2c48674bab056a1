//! `make query-benchmark`: how long each query takes on a local stack with many orders, and what it costs.
//!
//! Orders are written as events, and their rows by a replay. Then each query is asked many times, one at a time, and with
//! other parameters each time. Times depend on the machine, so they are printed, and fail nothing; requests and read units do not.

#![allow(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bench::how_many;
use bench::store::{self, Quiet, put};
use chrono::{DateTime, NaiveDate, Utc};
use domain::time::rfc3339_micros;
use dynamodb::Item;
use dynoxide::{Database, ImportOptions};
use environment::Variable;
use fastrand::Rng;
use local_stack::dynamodb::{create_tables, local_config};
use local_stack::template::Template;
use local_stack::{DynamoDb, LocalStack, Options};
use operations::{Plan, Purpose, Replayer, Scope, Status, Stop};
use read_models::customer_orders::CustomerOrderRow;
use read_models::daily_orders::DailyOrderRow;
use read_models::totals::Amounts;
use read_models::{CustomerOrders, DailyOrders, OrderSearch, OrderSummaryRow, Row};
use run::FUNCTIONS;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

const ORDERS: Variable = Variable {
    name: "ORDERS",
    default: "100000",
    meaning: "in the store",
};
/// More than two pages, and some customers.
const LEAST_ORDERS: u64 = 100;

const WARM_UPS: usize = 10;
const TIMED: usize = 200;
const COUNTED: usize = 20;
const LATER_PAGES: usize = 20;

/// One in so many orders is of the customer who has most of them.
const BIGGEST_CUSTOMER_HAS_ONE_IN: u64 = 5;
const BIGGEST_CUSTOMER: &str = "WHOLESALE";
const ORDERS_OF_OTHERS: u64 = 16;

const DAYS: u64 = 100;

const CITIES: [&str; 12] = [
    "Lisboa",
    "Århus",
    "Köln",
    "Toulouse",
    "Genève",
    "Bergamo",
    "Oulu",
    "Kraków",
    "Montréal",
    "Caracas",
    "Boise",
    "Cork",
];
const KINDS: [&str; 12] = [
    "Honey",
    "Rye Bread",
    "Olive Oil",
    "Crème",
    "Smoked Trout",
    "Lentils",
    "Cider",
    "Chutney",
    "Almonds",
    "Noodles",
    "Vinegar",
    "Cocoa",
];
const MAKERS: [&str; 10] = [
    "Northern", "Granny's", "Harbour", "Alpine", "Meadow", "Old Mill", "Sunny", "Coastal", "Forest", "Village",
];
/// A word in one order of a thousand.
const RARE: &str = "Saffron";

#[tokio::main]
async fn main() {
    let orders = how_many(&ORDERS, LEAST_ORDERS);
    let mut template = store::template();
    for function in &mut template.functions {
        function.triggers.clear();
        function.queues.clear();
        function.schedules.clear();
    }
    let database = Database::memory().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
    let dynamodb = Client::new(&local_config(&endpoint).await);
    create_tables(&dynamodb, &template).await.unwrap();

    let mut made = Made {
        orders,
        first_day: Utc::now().date_naive() - chrono::Duration::days(DAYS as i64 - 1),
        cursors: Vec::new(),
    };
    let started = Instant::now();
    made.write(&dynamodb).await;
    println!("{orders} orders written in {:.0} s", started.elapsed().as_secs_f64());
    project(&template, &dynamodb, &database).await;

    let stack = start(&endpoint, &template, None).await;
    let meter = Meter::start(&endpoint).await;
    let metered = start(&endpoint, &template, Some(&meter.endpoint)).await;
    let http = reqwest::Client::new();
    for (path, body) in [
        (format!("/customers/{BIGGEST_CUSTOMER}"), json!({ "name": "Wholesale" })),
        (
            "/products/rare".to_owned(),
            json!({ "name": RARE, "unit_price": "99.00", "currency": "EUR" }),
        ),
    ] {
        let put = http.put(format!("{}{path}", stack.url())).json(&body);
        assert!(put.send().await.unwrap().status().is_success(), "{path}");
    }
    let mut page = get(&http, &stack, asked("/orders", [])).await;
    while let Some(cursor) = page["next_cursor"]
        .as_str()
        .filter(|_| made.cursors.len() < LATER_PAGES)
    {
        made.cursors.push(cursor.to_owned());
        page = get(&http, &stack, asked("/orders", [("cursor", cursor.to_owned())])).await;
    }
    let mut measured = Vec::new();
    for (name, ask) in QUERIES {
        eprintln!("asking: {name}");
        let mut random = Rng::with_seed(7);
        for _ in 0..WARM_UPS {
            get(&http, &stack, ask(&made, &mut random)).await;
        }
        let mut times = Vec::new();
        for _ in 0..TIMED {
            let asked = ask(&made, &mut random);
            let started = Instant::now();
            get(&http, &stack, asked).await;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        meter.take();
        for _ in 0..COUNTED {
            get(&http, &metered, ask(&made, &mut random)).await;
        }
        let (requests, units) = meter.take();
        measured.push(Measured {
            name,
            times,
            requests: f64::from(requests) / COUNTED as f64,
            units: units / COUNTED as f64,
        });
    }
    print_slowest_first(measured);
    metered.stop().await;
    stack.stop().await;
    server.abort();
}

/// What came of asking one query.
struct Measured {
    name: &'static str,
    /// Sorted.
    times: Vec<Duration>,
    /// What one question takes, as a mean.
    requests: f64,
    units: f64,
}

impl Measured {
    fn percentile(&self, percent: usize) -> Duration {
        self.times[(self.times.len() * percent).div_ceil(100) - 1]
    }
}

fn print_slowest_first(mut measured: Vec<Measured>) {
    measured.sort_by_key(|query| std::cmp::Reverse(query.percentile(99)));
    println!(
        "{:<44} {:>7} {:>7} {:>7} {:>9} {:>6}",
        "query", "p50 ms", "p95 ms", "p99 ms", "requests", "units"
    );
    for query in measured {
        let [p50, p95, p99] = [50, 95, 99].map(|percent| query.percentile(percent).as_secs_f64() * 1_000.0);
        println!(
            "{:<44} {p50:>7.1} {p95:>7.1} {p99:>7.1} {:>9.1} {:>6.1}",
            query.name, query.requests, query.units
        );
    }
}

async fn start(endpoint: &str, template: &Template, functions: Option<&str>) -> LocalStack {
    let options = Options {
        dynamodb: DynamoDb::Endpoint(endpoint.to_owned()),
        function_dynamodb_endpoint: functions.map(str::to_owned),
        ..run::in_memory("")
    };
    LocalStack::start_from(template.clone(), options, FUNCTIONS)
        .await
        .unwrap()
}

/// A path with its parameters.
struct Asked {
    path: String,
    query: Vec<(&'static str, String)>,
}

async fn get(http: &reqwest::Client, stack: &LocalStack, asked: Asked) -> Value {
    let request = http.get(format!("{}{}", stack.url(), asked.path)).query(&asked.query);
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}: {}", asked.path, answer.status());
    answer.json().await.unwrap()
}

fn asked<const N: usize>(path: impl Into<String>, query: [(&'static str, String); N]) -> Asked {
    Asked {
        path: path.into(),
        query: query.into(),
    }
}

type Ask = fn(&Made, &mut Rng) -> Asked;

const QUERIES: [(&str, Ask); 29] = [
    ("order", |made, random| asked(made.path(random, ""), [])),
    ("order, min_version", |made, random| {
        asked(made.path(random, ""), [("min_version", "1".to_owned())])
    }),
    ("order, as_of", |made, random| {
        asked(made.path(random, ""), [("as_of", rfc3339_micros(Utc::now()))])
    }),
    ("order, history", |made, random| {
        asked(made.path(random, "/history"), [])
    }),
    ("order, events", |made, random| asked(made.path(random, "/events"), [])),
    ("orders", |_, _| asked("/orders", [])),
    ("orders, a later page", |made, random| {
        asked("/orders", [("cursor", random.choice(&made.cursors).unwrap().clone())])
    }),
    ("orders, 100", |_, _| asked("/orders", [page_size()])),
    ("orders of a status", |_, random| asked("/orders", [status(random)])),
    ("orders of days", |made, random| {
        let [from, to] = made.days(random);
        asked("/orders", [from, to])
    }),
    ("orders of days and a status", |made, random| {
        let [from, to] = made.days(random);
        asked("/orders", [from, to, status(random)])
    }),
    ("orders of a customer", |made, random| {
        asked("/orders", [("customer_id", made.any_customer(random))])
    }),
    ("orders of a customer and a status", |made, random| {
        asked("/orders", [("customer_id", made.any_customer(random)), status(random)])
    }),
    ("orders with all filters", |made, random| {
        let [from, to] = made.days(random);
        asked(
            "/orders",
            [("customer_id", BIGGEST_CUSTOMER.to_owned()), from, to, status(random)],
        )
    }),
    ("customer's orders", |made, random| {
        asked(format!("/customers/{}/orders", made.any_customer(random)), [])
    }),
    ("biggest customer's orders", |_, _| {
        asked(format!("/customers/{BIGGEST_CUSTOMER}/orders"), [])
    }),
    ("customer's summary", |made, random| {
        asked(format!("/customers/{}/order-summary", made.any_customer(random)), [])
    }),
    ("biggest customer's summary", |_, _| {
        asked(format!("/customers/{BIGGEST_CUSTOMER}/order-summary"), [])
    }),
    ("daily report, today", |_, _| {
        asked("/reports/daily-orders", [("date", Utc::now().date_naive().to_string())])
    }),
    ("daily report, a closed day", |made, random| {
        asked("/reports/daily-orders", [("date", made.day(random).to_string())])
    }),
    ("search, common word", |_, random| {
        search(random.choice(KINDS).unwrap().to_owned())
    }),
    ("search, rare word", |_, _| search(RARE.to_owned())),
    ("search, a tracking number", |made, random| {
        search(tracking_number(random.u64(..made.orders)))
    }),
    ("search, two common words", |_, random| {
        search(format!(
            "{} {}",
            random.choice(KINDS).unwrap(),
            random.choice(CITIES).unwrap()
        ))
    }),
    ("search, a common and a rare word", |_, random| {
        search(format!("{RARE} {}", random.choice(CITIES).unwrap()))
    }),
    ("search, three characters", |_, random| {
        search(random.choice(CITIES).unwrap().chars().take(3).collect())
    }),
    ("customer", |_, _| asked(format!("/customers/{BIGGEST_CUSTOMER}"), [])),
    ("product", |_, _| asked("/products/rare", [])),
    ("search, nothing found", |_, random| {
        search(format!("zzz{}", random.u32(..)))
    }),
];

fn page_size() -> (&'static str, String) {
    ("page_size", "100".to_owned())
}

fn status(random: &mut Rng) -> (&'static str, String) {
    let status = random.choice(["created", "submitted", "confirmed", "paid", "shipped"]);
    ("status", status.unwrap().to_owned())
}

fn search(question: String) -> Asked {
    asked("/orders/search", [("q", question)])
}

fn tracking_number(n: u64) -> String {
    format!("TN{n:09}")
}

/// The orders that are there: the same ones each time, except that their days end today.
struct Made {
    orders: u64,
    first_day: NaiveDate,
    /// The cursors of later pages of all orders.
    cursors: Vec<String>,
}

impl Made {
    fn id(n: u64) -> Uuid {
        Uuid::from_u128(u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    fn path(&self, random: &mut Rng, rest: &str) -> String {
        format!("/orders/{}{rest}", Self::id(random.u64(..self.orders)))
    }

    fn customer(n: u64) -> String {
        match n % BIGGEST_CUSTOMER_HAS_ONE_IN {
            0 => BIGGEST_CUSTOMER.to_owned(),
            _ => format!("C{:05}", n / ORDERS_OF_OTHERS),
        }
    }

    fn any_customer(&self, random: &mut Rng) -> String {
        format!("C{:05}", random.u64(..self.orders / ORDERS_OF_OTHERS))
    }

    fn day(&self, random: &mut Rng) -> NaiveDate {
        self.first_day + chrono::Duration::days(random.i64(0..DAYS as i64 - 1))
    }

    fn days(&self, random: &mut Rng) -> [(&'static str, String); 2] {
        let first = self.day(random);
        let last = first + chrono::Duration::days(random.i64(0..20));
        [("from_date", first.to_string()), ("to_date", last.to_string())]
    }

    async fn write(&self, dynamodb: &Client) {
        let start: DateTime<Utc> = self.first_day.and_time(chrono::NaiveTime::MIN).and_utc();
        let step = (Utc::now() - start) / i32::try_from(self.orders).unwrap();
        let puts = (0..self.orders).flat_map(|n| {
            let at = start + step * i32::try_from(n).unwrap();
            events(n)
                .into_iter()
                .zip(1..)
                .map(move |((event_type, schema, data), version)| {
                    put(Self::id(n), version, (event_type, schema, data), at)
                })
        });
        store::write(dynamodb, puts).await;
    }
}

/// The events of an order: between one and five, so that there are orders of five statuses.
fn events(n: u64) -> Vec<(&'static str, u32, Value)> {
    let mut random = Rng::with_seed(n);
    let mut items: Vec<Value> = (0..random.usize(1..=3))
        .map(|_| {
            let (maker, kind) = (random.usize(..MAKERS.len()), random.usize(..KINDS.len()));
            json!({
                "product_id": format!("{maker}-{kind}"),
                "product_name": format!("{} {}", MAKERS[maker], KINDS[kind]),
                "quantity": random.u32(1..20),
                "unit_price": "14.00",
            })
        })
        .collect();
    items.sort_by_key(|item| item["product_id"].to_string());
    items.dedup_by_key(|item| item["product_id"].to_string());
    if n.is_multiple_of(1_000) {
        items.push(json!({ "product_id": "rare", "product_name": RARE, "quantity": 1, "unit_price": "99.00" }));
    }
    let price = |item: &Value| if item["product_id"] == "rare" { 99 } else { 14 };
    let total: u64 = items
        .iter()
        .map(|item| item["quantity"].as_u64().unwrap_or_default() * price(item))
        .sum();
    let created = json!({
        "customer_id": Made::customer(n),
        "currency": "EUR",
        "tax": { "rate": "0" },
        "items": items,
        "shipping_address": { "street": "Long Street 7", "city": CITIES[random.usize(..CITIES.len())] },
    });
    let mut events = vec![
        ("OrderCreated", 3, created),
        ("OrderSubmitted", 1, json!({})),
        (
            "OrderConfirmed",
            1,
            json!({ "payment_method_id": "pm", "confirmation_number": format!("CN{n}") }),
        ),
        (
            "OrderPaid",
            1,
            json!({ "transaction_id": format!("tx{n}"), "amount": format!("{total}.00") }),
        ),
        (
            "OrderShipped",
            1,
            json!({ "tracking_number": tracking_number(n), "carrier": "Post" }),
        ),
    ];
    events.truncate(random.usize(1..=5));
    events
}

/// Writes OrderSummary by a replay, and the rows behind it as their projections would, but into the database at once: one by
/// one they would take most of an hour. A dry run over some of the orders then finds no difference.
async fn project(template: &Template, dynamodb: &Client, database: &Database) {
    let environment = store::replay_environment(template);
    let replayer = Replayer::from_env(&environment, dynamodb.clone()).unwrap();
    let run = async |purpose, scope, read_models: &[&str]| {
        let plan = Plan::new(purpose, scope, read_models);
        let begun = replayer.create(plan, Status::Running).await.unwrap();
        replayer.run(begun, &Stop::default(), &Quiet).await.unwrap().counts
    };
    let started = Instant::now();
    let counts = run(Purpose::Rebuild, Scope::Everything, &["order-summary"]).await;
    assert_eq!(counts.unreadable, 0);
    println!(
        "{} orders folded in {:.0} s",
        counts.written,
        started.elapsed().as_secs_f64()
    );

    let started = Instant::now();
    let client = || dynamodb.clone();
    let customers = CustomerOrders::from_env(&environment, client()).unwrap();
    let days = DailyOrders::from_env(&environment, client()).unwrap();
    let mut customer_totals = Sums::default();
    let mut day_totals = Sums::default();
    let mut some = Vec::new();
    let mut pages = dynamodb.scan().table_name("OrderSummary").into_paginator().send();
    while let Some(page) = pages.next().await {
        let (mut of_customers, mut of_days, mut of_search) = (Vec::new(), Vec::new(), Vec::new());
        for item in page.unwrap().items.unwrap_or_default() {
            let order: OrderSummaryRow = serde_dynamo::from_item(item).unwrap();
            for row in CustomerOrderRow::rows(&order) {
                customer_totals.add(&row.customer_id, &row.amounts());
                of_customers.push(customers.item(&row).unwrap());
            }
            for row in DailyOrderRow::rows(&order) {
                day_totals.add(&row.day_shard, &row.amounts());
                let mark = row.mark().unwrap();
                if day_totals.mark(&row.day_shard, &mark) {
                    of_days.push(keys(["DayShard", "Entry"], [&row.day_shard, &mark]));
                }
                of_days.push(days.item(&row).unwrap());
            }
            of_search.extend(OrderSearch::items(&order).unwrap());
            if fastrand::u32(..1_000) == 0 {
                some.push(order.order_id);
            }
        }
        import(database, "CustomerOrders", of_customers);
        import(database, "DailyOrders", of_days);
        import(database, "OrderSearch", of_search);
    }
    import(
        database,
        "CustomerOrders",
        customer_totals.items(["CustomerId", "OrderKey"], "#summary"),
    );
    import(
        database,
        "DailyOrders",
        day_totals.items(["DayShard", "Entry"], "totals"),
    );
    println!("their other rows written in {:.0} s", started.elapsed().as_secs_f64());
    for order_id in some {
        let counts = run(Purpose::Verify, Scope::Order(order_id), &replayer.read_models()).await;
        assert_eq!(counts.differences, 0, "{order_id}");
    }
}

/// Totals by partition.
#[derive(Default)]
struct Sums {
    amounts: BTreeMap<String, Amounts>,
    marks: HashSet<(String, String)>,
}

impl Sums {
    fn add(&mut self, partition: &str, amounts: &Amounts) {
        self.amounts.entry(partition.to_owned()).or_default().add_all(amounts);
    }

    /// Whether it is the first of its kind.
    fn mark(&mut self, partition: &str, mark: &str) -> bool {
        let is_new = self.marks.insert((partition.to_owned(), mark.to_owned()));
        if is_new {
            let amounts = self.amounts.entry(partition.to_owned()).or_default();
            amounts.add("customers", Decimal::ONE);
        }
        is_new
    }

    fn items(self, names: [&str; 2], totals: &str) -> Vec<Item> {
        let partitions = self.amounts.into_iter().map(|(partition, amounts)| {
            let mut item = keys(names, [&partition, totals]);
            item.extend(amounts.to_item());
            item.insert("Revision".to_owned(), AttributeValue::N("1".to_owned()));
            item
        });
        partitions.collect()
    }
}

fn keys(names: [&str; 2], values: [&str; 2]) -> Item {
    let values = values.map(|value| AttributeValue::S(value.to_owned()));
    names.map(str::to_owned).into_iter().zip(values).collect()
}

fn import(database: &Database, table: &str, items: Vec<Item>) {
    let items = items.into_iter().map(|item| {
        let item: serde_dynamo::Item = item.into();
        serde_json::from_value(serde_json::to_value(item).unwrap()).unwrap()
    });
    database
        .import_items(table, items.collect(), ImportOptions::default())
        .unwrap();
}

/// A proxy before the DynamoDB that asks for the consumed capacity of every read, and adds it up.
struct Meter {
    endpoint: String,
    counted: Arc<Mutex<(u32, f64)>>,
}

#[derive(Clone)]
struct Proxy {
    upstream: String,
    http: reqwest::Client,
    counted: Arc<Mutex<(u32, f64)>>,
}

impl Meter {
    async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let counted = Arc::default();
        let proxy = Proxy {
            upstream: upstream.to_owned(),
            http: reqwest::Client::new(),
            counted: Arc::clone(&counted),
        };
        let app = axum::Router::new().fallback(forward).with_state(proxy);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { endpoint, counted }
    }

    /// Requests and read units since the last call.
    fn take(&self) -> (u32, f64) {
        std::mem::take(&mut self.counted.lock().unwrap())
    }
}

async fn forward(State(proxy): State<Proxy>, headers: HeaderMap, body: Bytes) -> (StatusCode, Vec<u8>) {
    let mut asked: Value = serde_json::from_slice(&body).unwrap();
    asked["ReturnConsumedCapacity"] = json!("TOTAL");
    let mut request = proxy.http.post(&proxy.upstream).body(asked.to_string());
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    let answered: Value = serde_json::from_slice(&body).unwrap_or_default();
    let units = |capacity: &Value| capacity["CapacityUnits"].as_f64().unwrap_or_default();
    let consumed = match &answered["ConsumedCapacity"] {
        // Of a BatchGetItem, by table.
        Value::Array(tables) => tables.iter().map(units).sum(),
        capacity => units(capacity),
    };
    let mut counted = proxy.counted.lock().unwrap();
    counted.0 += 1;
    counted.1 += consumed;
    (status, body.into())
}
