//! Any request at all: it is answered below 500, as the description says; by a problem when it is an error, and then nothing
//! was written.
//!
//! The routes, their parameters and the bodies come from the description, so that a new route is among them by itself.

use std::panic::AssertUnwindSafe;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::Select;
use futures::FutureExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::strategy::{Union, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use crate::support::api::{behind_proxy, order_body};
use crate::support::description::DESCRIPTION;
use crate::support::{Answer, Api, Item};

/// How many requests an ordinary test run makes, all of one seed.
const CASES: u64 = 400;
const SEED: u64 = 14;

/// What stands for an order of the run, and for a cursor that it was answered.
const ORDER: &str = "ORDER";
const CURSOR: &str = "CURSOR";

/// Identifiers that some of the requests bring into being.
const NAMES: [&str; 7] = ["11", "42", "VINET", "QC-1", "M-72", "pm_visa", "order-summary"];

/// A request as it is generated, before it is known which orders there are.
#[derive(Debug, Clone)]
struct Request {
    method: &'static str,
    /// Whole, with its query.
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Option<Vec<u8>>,
    /// Which of the run's orders and cursors.
    known: Index,
}

/// Texts that no schema has.
fn strange_text() -> BoxedStrategy<String> {
    let fixed = select(vec![
        "",
        " ",
        "-",
        "..",
        "a/b",
        "a?b",
        "a#b%2F",
        "*",
        "\0",
        "\u{200b}",
        "\u{202e}abc",
        "e\u{301}",
        "💥",
        "null",
        "-1",
        "1e999",
        "99999999999999999999",
        "0x10",
        "NaN",
        "'; --",
        "{}",
        "2026-13-40",
        "9999999999-01-01T00:00:00Z",
        "\u{fdfa}\u{fdfa}",
    ]);
    let fixed = fixed.prop_map(str::to_owned);
    let long = (1..4_000_usize).prop_map(|length| "x".repeat(length));
    prop_oneof![6 => fixed, 3 => any::<String>(), 1 => long].boxed()
}

/// Values that no schema has, or that few expect.
fn strange_value() -> BoxedStrategy<Value> {
    let fixed = select(vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(0.1),
        json!(1e308),
        json!(u64::MAX),
        json!("79228162514264337593543950336"),
        json!("1e-40"),
        json!([]),
        json!({}),
        json!([[[{ "a": [] }]]]),
        json!([null]),
    ]);
    prop_oneof![2 => fixed, 1 => strange_text().prop_map(Value::from)].boxed()
}

/// What a schema allows, as far as examples, kinds and bounds say.
fn allowed(schema: &Value) -> BoxedStrategy<Value> {
    let schema = DESCRIPTION.resolve(schema);
    let list = |name: &str| schema[name].as_array().cloned().filter(|list| !list.is_empty());
    let example = |other: BoxedStrategy<Value>| match list("examples") {
        Some(examples) => prop_oneof![2 => select(examples), 1 => other].boxed(),
        None => other,
    };
    if let Some(choices) = list("enum") {
        return select(choices).boxed();
    }
    if let Some(choices) = list("anyOf").or_else(|| list("oneOf")) {
        return Union::new(choices.iter().map(allowed)).boxed();
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    match kind {
        Some("object") => {
            let is_required = |name: &String| list("required").is_some_and(|names| names.contains(&json!(name)));
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            let (required, optional): (Vec<_>, Vec<_>) =
                properties.into_iter().partition(|(name, _)| is_required(name));
            let field = |(name, of): (String, Value)| allowed(&of).prop_map(move |value| (name.clone(), value)).boxed();
            let required: Vec<_> = required.into_iter().map(field).collect();
            let optional: Vec<_> = optional.into_iter().map(field).collect();
            let count = optional.len();
            let object = (required, subsequence(optional, 0..=count).prop_flat_map(|some| some));
            object
                .prop_map(|(required, optional)| Value::Object(required.into_iter().chain(optional).collect()))
                .boxed()
        }
        Some("array") => vec(allowed(&schema["items"]), 0..4).prop_map(Value::from).boxed(),
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("integer") => {
            let (least, most) = (schema["minimum"].as_i64().unwrap_or(0), schema["maximum"].as_i64());
            let most = most.unwrap_or(i64::MAX);
            let small = least..=most.min(least.saturating_add(9));
            prop_oneof![5 => small, 1 => least..=most].prop_map(Value::from).boxed()
        }
        Some("number") => (0..2_000_u32).prop_map(|cents| json!(f64::from(cents) / 100.0)).boxed(),
        _ => {
            let longest = schema["maxLength"].as_u64().unwrap_or(40).min(200);
            let shortest = longest.min(1);
            let text = format!("[a-zA-Z0-9äß京 -]{{{shortest},{longest}}}");
            let text = string_regex(&text).unwrap();
            let text = prop_oneof![2 => select(&NAMES[..]).prop_map(str::to_owned), 1 => text];
            example(text.prop_map(Value::from).boxed())
        }
    }
}

/// The value with something in it replaced, left out or added.
fn spoilt(value: Value, place: Index, change: Option<Value>) -> Value {
    fn count(value: &Value) -> usize {
        1 + match value {
            Value::Array(list) => list.iter().map(count).sum(),
            Value::Object(fields) => fields.values().map(count).sum(),
            _ => 0,
        }
    }
    fn spoil(value: &mut Value, left: &mut usize, change: &Option<Value>) {
        if *left == 0 {
            match (change, &mut *value) {
                (None, Value::Object(fields)) => drop(fields.insert("quantiti".to_owned(), json!(1))),
                (None, value) => *value = Value::Null,
                (Some(change), value) => *value = change.clone(),
            }
        }
        *left = left.wrapping_sub(1);
        match value {
            Value::Array(list) => list.iter_mut().for_each(|value| spoil(value, left, change)),
            Value::Object(fields) => {
                let is_next = *left < fields.len() && change.is_none();
                if let Some(name) = fields.keys().nth(*left).cloned().filter(|_| is_next) {
                    fields.remove(&name);
                }
                fields.values_mut().for_each(|value| spoil(value, left, change));
            }
            _ => {}
        }
    }
    let mut value = value;
    let mut left = place.index(count(&value));
    spoil(&mut value, &mut left, &change);
    value
}

fn body(schema: Option<&Value>) -> BoxedStrategy<Option<Vec<u8>>> {
    let allowed = schema.map_or_else(|| Just(json!({})).boxed(), allowed);
    let text = |value: Value| value.to_string().into_bytes();
    let spoilt_body = (allowed.clone(), any::<Index>(), proptest::option::of(strange_value()))
        .prop_map(|(value, place, change)| spoilt(value, place, change));
    let cut = (allowed.clone(), any::<Index>()).prop_map(move |(value, at)| {
        let mut text = text(value);
        text.truncate(at.index(text.len()));
        text
    });
    let twice = allowed.clone().prop_map(|value| {
        let text = value.to_string();
        format!("{{\"reason\":1,{}", text.trim_start_matches('{')).into_bytes()
    });
    let large = prop_oneof![
        Just("[".repeat(20_000)),
        Just(format!("{{\"reason\":\"{}\"}}", "x".repeat(400_000))),
        Just(format!("{{\"items\":[{}1]}}", "1,".repeat(30_000))),
    ];
    let some = prop_oneof![
        24 => allowed.prop_map(text),
        8 => spoilt_body.prop_map(text),
        2 => strange_value().prop_map(text),
        1 => cut,
        1 => twice,
        1 => vec(any::<u8>(), 0..60),
        1 => large.prop_map(String::into_bytes),
    ];
    match schema {
        Some(_) => prop_oneof![1 => Just(None), 12 => some.prop_map(Some)].boxed(),
        None => prop_oneof![9 => Just(None), 1 => some.prop_map(Some)].boxed(),
    }
}

fn headers() -> BoxedStrategy<Vec<(&'static str, Vec<u8>)>> {
    let header = |name: &'static str, values: &'static [&'static str]| {
        let strange = vec(prop_oneof![0x20..0x7f_u8, 0x80..0xff_u8, Just(b'\t')], 0..300);
        let usual = select(values).prop_map(|value| value.as_bytes().to_vec());
        prop_oneof![7 => usual, 1 => strange]
            .prop_map(move |value| (name, value))
            .boxed()
    };
    let tags: &[&str] = &[
        "*",
        "\"1\"",
        "\"2\", \"3\"",
        "W/\"1\"",
        "\"",
        "\"7-1\"",
        "1",
        ",,",
        "\"99999999999999999999\"",
    ];
    let some = Union::new([
        header("if-match", tags),
        header("if-none-match", tags),
        header("idempotency-key", &["a", "b", "c", "", "two words", "tab\there"]),
        header("content-encoding", &["gzip", "identity", "", "br, gzip"]),
        header(
            "x-read-after",
            &[
                "ORDER@1",
                "ORDER@9",
                "ORDER@0",
                "ORDER",
                "@",
                "ORDER@99999999999999999999",
            ],
        ),
        header("x-correlation-id", &["shop-1", "", "a b"]),
        header("origin", &["https://shop.example", "null"]),
        header("accept", &["text/html", "application/xml;q=0"]),
        header("authorization", &["Bearer x", "Basic"]),
    ]);
    let json = &[
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
    ];
    let other = &[
        "text/plain",
        "",
        "application/json; charset=latin-1",
        "multipart/form-data",
        "json",
    ];
    let content_type = prop_oneof![30 => header("content-type", json), 1 => header("content-type", other)];
    let content_type = proptest::option::weighted(0.98, content_type);
    let some = prop_oneof![3 => Just(Vec::new()), 1 => vec(some, 1..4)];
    (some, content_type)
        .prop_map(|(mut headers, content_type)| {
            headers.extend(content_type);
            headers
        })
        .boxed()
}

/// The text of a value that stands in a path or a query, its marks for what is known left as they are.
fn escaped(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.split_once(ORDER) {
        Some((before, after)) => format!("{}{ORDER}{}", escaped(&json!(before)), escaped(&json!(after))),
        None => utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string(),
    }
}

/// All requests of an operation and of HEAD beside it.
fn requests(key: &str) -> BoxedStrategy<Request> {
    let (method, pattern) = key.split_once(' ').unwrap();
    let operation = &DESCRIPTION.operations()[key];
    let of_path = &DESCRIPTION.api["paths"][pattern]["parameters"];
    let parameters = [Some(of_path), operation.get("parameters")];
    let parameters = parameters.into_iter().flatten().filter_map(Value::as_array).flatten();
    let queried = parameters
        .map(|parameter| DESCRIPTION.resolve(parameter))
        .filter(|of| of["in"] == "query");
    let queried = queried.map(|parameter| {
        let name = parameter["name"].as_str().unwrap().to_owned();
        let strange = strange_text().prop_map(Value::from);
        let cursor = Just(json!(CURSOR));
        let value = match &*name {
            "cursor" => prop_oneof![cursor, strange].boxed(),
            _ => prop_oneof![4 => allowed(&parameter["schema"]), 1 => strange].boxed(),
        };
        let share = if parameter["required"] == true { 0.9 } else { 0.2 };
        proptest::option::weighted(
            share,
            value.prop_map(move |value| format!("{name}={}", escaped(&value))),
        )
    });
    let queried: Vec<_> = queried.collect();
    let more = proptest::option::weighted(
        0.05,
        select(vec!["unknown=1", "%zz", "a=%ff", "&&=", "page_size=1&page_size=2"]),
    );
    let query = (queried, more).prop_map(|(parameters, more)| {
        let more = more.map(str::to_owned);
        parameters
            .into_iter()
            .flatten()
            .chain(more)
            .collect::<Vec<_>>()
            .join("&")
    });

    let segments = pattern.split('/').map(|segment| match segment.strip_prefix('{') {
        Some(name) => {
            let known = match name {
                "order_id}" => Just(ORDER).boxed(),
                _ => select(&NAMES[..]).boxed(),
            };
            let known = known.prop_map(str::to_owned);
            let absent = Just("0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c".to_owned());
            // What a client's URL would not have as a segment.
            let strange = strange_text().prop_filter("a segment", |text| !matches!(&**text, "" | "." | ".."));
            prop_oneof![9 => known, 1 => absent, 1 => strange]
                .prop_map(|text| escaped(&json!(text)))
                .boxed()
        }
        None => Just(segment.to_owned()).boxed(),
    });
    let segments: Vec<_> = segments.collect();

    let methods: Vec<&'static str> = match method {
        "GET" => vec!["GET", "GET", "HEAD"],
        "POST" => vec!["POST"],
        "PUT" => vec!["PUT"],
        "DELETE" => vec!["DELETE"],
        other => panic!("{other} is a method that no request is made of"),
    };
    let schema = operation
        .get("requestBody")
        .map(|body| &body["content"]["application/json"]["schema"]);
    (
        select(methods),
        segments,
        query,
        headers(),
        body(schema),
        any::<Index>(),
    )
        .prop_map(|(method, segments, query, headers, body, known)| Request {
            method,
            path: match &*query {
                "" => segments.join("/"),
                query => format!("{}?{query}", segments.join("/")),
            },
            headers,
            body,
            known,
        })
        .boxed()
}

/// A stack, and what its answers have told so far.
struct Run {
    api: Api,
    dynamodb: Client,
    orders: Vec<String>,
    cursors: Vec<String>,
    written: Written,
    statuses: std::collections::BTreeMap<u16, u32>,
}

/// What holds the truth.
#[derive(Debug, PartialEq)]
struct Written {
    events: i32,
    rows: Vec<Vec<Item>>,
}

impl Written {
    async fn read(dynamodb: &Client) -> Self {
        let counts = dynamodb.scan().table_name("EventStore").select(Select::Count);
        let mut pages = counts.into_paginator().send();
        let mut events = 0;
        while let Some(page) = pages.next().await {
            events += page.unwrap().count;
        }
        let mut rows = Vec::new();
        for table in ["Products", "Customers"] {
            let items = dynamodb.scan().table_name(table).into_paginator().items().send();
            rows.push(items.collect::<Result<_, _>>().await.unwrap());
        }
        Self { events, rows }
    }
}

impl Run {
    /// # Errors
    /// What is wrong with the answer.
    async fn ask(&mut self, request: &Request) -> Result<(), String> {
        let known = |list: &[String]| match list {
            [] => "none".to_owned(),
            list => request.known.get(list).clone(),
        };
        let (order, cursor) = (known(&self.orders), known(&self.cursors));
        let path = request.path.replace(ORDER, &order).replace(CURSOR, &cursor);
        let method = Method::from_bytes(request.method.as_bytes()).unwrap();
        let mut asked = self.api.request(method, &path);
        for (name, value) in &request.headers {
            let value = match std::str::from_utf8(value) {
                Ok(text) => text.replace(ORDER, &order).into_bytes(),
                Err(_) => value.clone(),
            };
            asked = asked.header(*name, HeaderValue::from_bytes(&value).unwrap());
        }
        if let Some(body) = &request.body {
            asked = asked.body(body.clone());
        }
        let answer = AssertUnwindSafe(Answer::of(asked)).catch_unwind().await;
        let written = Written::read(&self.dynamodb).await;
        let has_written = self.written != written;
        self.written = written;
        let answer = answer.map_err(|panic| match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(_) => "the answer is not as described".to_owned(),
        })?;

        *self.statuses.entry(answer.status).or_default() += 1;
        if answer.status == 201 {
            self.orders.extend(answer.body["order_id"].as_str().map(str::to_owned));
        }
        self.cursors
            .extend(answer.body["next_cursor"].as_str().map(str::to_owned));
        // What is no route, API Gateway answers itself.
        let is_route = DESCRIPTION
            .operation_of(request.method, path.split('?').next().unwrap())
            .is_some();
        let is_problem = || {
            let has_code = request.method == "HEAD" || answer.body["code"].is_string();
            answer.header("content-type") == Some("application/problem+json") && has_code
        };
        if answer.status >= 500 {
            Err(format!("{} {}", answer.status, answer.body))
        } else if answer.status >= 400
            && (is_route || request.method == "HEAD" && answer.status != 404)
            && !is_problem()
        {
            Err(format!("{} is no problem: {}", answer.status, answer.body))
        } else if answer.status >= 400 && has_written {
            Err(format!(
                "{} although something was written: {}",
                answer.status, answer.body
            ))
        } else {
            Ok(())
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_request_is_answered_and_nothing_is_written_when_it_is_an_error() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = number("CASES");
    let seed = number("SEED").unwrap_or_else(|| cases.map_or(SEED, |_| fastrand::u64(..1 << 32)));
    let cases = cases.unwrap_or(CASES);
    println!("{cases} requests of seed {seed}");

    let (embedded, _proxy, api) = behind_proxy().await;
    let product = json!({ "name": "Queso Cabrales", "unit_price": 14, "currency": "USD", "sku": "QC-1" });
    assert_eq!(api.put("/products/11", product).await.status, 201);
    assert_eq!(
        api.put("/inventory/QC-1", json!({ "on_hand": 1_000 })).await.status,
        200
    );
    let order = api.post("/orders", order_body()).await.body["order_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let dynamodb = embedded.client().await;
    let mut run = Run {
        written: Written::read(&dynamodb).await,
        api,
        dynamodb,
        orders: vec![order],
        cursors: Vec::new(),
        statuses: Default::default(),
    };

    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let operations = DESCRIPTION.operations();
    // What writes comes more often.
    let weight = |key: &str| if key.starts_with("GET") { 1 } else { 4 };
    let requests = Union::new_weighted(operations.keys().map(|key| (weight(key), requests(key))).collect());
    let mut failed = Vec::new();
    for case in 1..=cases {
        let request = requests.new_tree(&mut runner).unwrap().current();
        if let Err(wrong) = run.ask(&request).await {
            let body = request.body.as_deref().map(String::from_utf8_lossy);
            let body: Option<String> = body.map(|body| body.chars().take(2_000).collect());
            let headers: Vec<_> = request
                .headers
                .iter()
                .map(|(name, value)| (name, String::from_utf8_lossy(value)))
                .collect();
            failed.push(format!(
                "request {case}: {} {}\n  {headers:?}\n  {body:?}\n  {wrong}",
                request.method, request.path
            ));
        }
        if failed.len() == 10 {
            break;
        }
    }
    println!("answered: {:?}", run.statuses);
    assert!(
        failed.is_empty(),
        "{}\nTo repeat it: make fuzz CASES={cases} SEED={seed}",
        failed.join("\n")
    );
    // Otherwise it would have shown little.
    let succeeded: u32 = run.statuses.range(200..300).map(|(_, count)| count).sum();
    assert!(u64::from(succeeded) > cases / 10, "{:?}", run.statuses);
}
