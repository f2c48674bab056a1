//! `GET /metrics` of the local stack. Its figures are those of the whole process, other tests included, so what is tested is
//! by how much they grow at least.

use std::collections::BTreeMap;

use measures::cache_read;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{behind_proxy, whole_order_body};
use crate::support::{Api, Fault};

/// Each sample by its name and labels, as they stand there.
type Samples = BTreeMap<String, f64>;

async fn scrape(api: &Api) -> Samples {
    let answer = api.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    parsed(std::str::from_utf8(&answer.bytes().await.unwrap()).unwrap())
}

/// Prometheus' text format, strictly: each family has its type before its samples, which stand together and are told once;
/// the buckets of a histogram only grow, up to its count.
/// <https://prometheus.io/docs/instrumenting/exposition_formats/>
fn parsed(text: &str) -> Samples {
    let is_name = |name: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        name.bytes().all(is_part) && name.starts_with(|first: char| !first.is_ascii_digit())
    };
    assert!(text.ends_with('\n'));
    let mut types = BTreeMap::new();
    let mut family = ("", "");
    let mut samples = Samples::new();
    let mut bucket = ("".to_owned(), 0.0);
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(is_name(help.split(' ').next().unwrap()), "{line}");
            continue;
        }
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            family = declared.split_once(' ').unwrap();
            assert!(["counter", "histogram"].contains(&family.1), "{line}");
            assert!(types.insert(family.0, family.1).is_none(), "declared twice: {line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        let expected = match family.1 {
            "histogram" => ["_bucket", "_sum", "_count"].map(|suffix| format!("{}{suffix}", family.0)),
            _ => [family.0.to_owned(), String::new(), String::new()],
        };
        assert!(
            is_name(name) && expected.iter().any(|expected| expected == name),
            "{line}"
        );
        // No value of ours has a comma or a quote in it.
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once('=').unwrap();
            assert!(
                is_name(label) && value.starts_with('"') && value.ends_with('"'),
                "{line}"
            );
        }
        if let Some((of, _)) = series.split_once("le=\"") {
            let least = if bucket.0 == of { bucket.1 } else { 0.0 };
            assert!(value >= least, "{line}");
            bucket = (of.to_owned(), value);
        }
        if name.ends_with("_count") {
            assert_eq!(value, bucket.1, "{line}");
        }
        assert!(samples.insert(series.to_owned(), value).is_none(), "told twice: {line}");
    }
    samples
}

/// By how much a series has grown.
fn growth(before: &Samples, after: &Samples, series: &str) -> f64 {
    let of = |samples: &Samples| samples.get(series).copied().unwrap_or_default();
    of(after) - of(before)
}

#[tokio::test]
async fn requests_are_counted_and_timed_by_route_status_and_code() {
    let api = Api::start().await;
    let before = scrape(&api).await;
    let id = api.create_order().await;
    for _ in 0..2 {
        api.post_empty(&format!("/orders/{id}/submit")).await;
    }
    api.get(&format!("/orders/{id}?version=9")).await;
    let after = scrape(&api).await;
    for series in [
        r#"http_requests_total{route="POST /orders",status="201",code="ok"}"#,
        r#"http_requests_total{route="POST /orders/{order_id}/submit",status="200",code="ok"}"#,
        r#"http_requests_total{route="POST /orders/{order_id}/submit",status="409",code="invalid_transition"}"#,
        r#"http_requests_total{route="GET /orders/{order_id}",status="404",code="version_not_found"}"#,
        r#"http_request_duration_seconds_count{route="POST /orders"}"#,
        r#"http_request_duration_seconds_bucket{route="POST /orders",le="+Inf"}"#,
    ] {
        assert!(growth(&before, &after, series) >= 1.0, "{series}");
    }
    assert!(after.keys().all(|series| !series.contains(&id)), "an id is no label");
}

#[tokio::test]
async fn batches_are_counted_by_function() {
    let api = Api::start().await;
    let before = scrape(&api).await;
    api.create_order().await;
    api.stack.caught_up().await.unwrap();
    let after = scrape(&api).await;
    for function in ["order-summary-projection", "customer-orders-projection"] {
        for name in ["batches_total", "records_total", "batch_duration_seconds_count"] {
            let series = format!("stream_{name}{{function=\"{function}\"}}");
            assert!(growth(&before, &after, &series) >= 1.0, "{series}");
        }
        assert!(after.contains_key(&format!("stream_batch_item_failures_total{{function=\"{function}\"}}")));
    }
}

fn without_version_2(answer: &mut Value) {
    let items = answer["Items"].as_array_mut().unwrap();
    items.retain(|item| item["Version"]["N"] != "2");
    assert_eq!(items.len(), 1);
}

#[tokio::test]
async fn conflicts_retries_and_throttles_are_counted() {
    let (_embedded, proxy, api) = behind_proxy().await;
    let id = api.create_order().await;
    api.stack.caught_up().await.unwrap();

    // The command does not see the newest event, and appends in its place.
    assert_eq!(api.post_empty(&format!("/orders/{id}/submit")).await.status, 200);
    api.stack.caught_up().await.unwrap();
    let before = scrape(&api).await;
    proxy.inject("Query", Fault::Alter(without_version_2));
    let path = format!("/orders/{id}/cancel");
    let cancelled = api.post(&path, json!({ "reason": "a mistake" })).await;
    assert_eq!(cancelled.body["version"], 3, "{}", cancelled.body);
    let after = scrape(&api).await;
    assert!(growth(&before, &after, "event_store_conflicts_total") >= 1.0);

    // The second attempt goes through.
    api.stack.caught_up().await.unwrap();
    let before = scrape(&api).await;
    proxy.inject("PutItem", Fault::Refuse("ThrottlingException"));
    assert_eq!(api.post("/orders", whole_order_body()).await.status, 201);
    let after = scrape(&api).await;
    let retries = r#"aws_sdk_retries_total{operation="PutItem"}"#;
    assert!(growth(&before, &after, retries) >= 1.0, "{after:?}");

    // None does. The projections have nothing to write meanwhile, so every attempt is the command's.
    api.stack.caught_up().await.unwrap();
    proxy.take_operations();
    for _ in 0..3 {
        proxy.inject("PutItem", Fault::Refuse("ThrottlingException"));
    }
    api.post("/orders", whole_order_body())
        .await
        .assert_problem(503, "throttled");
    let last = scrape(&api).await;
    assert_eq!(proxy.take_operations(), ["PutItem", "PutItem", "PutItem", "Query"]);
    assert!(growth(&after, &last, retries) >= 2.0);
    assert!(growth(&after, &last, "dynamodb_throttled_total") >= 1.0);
}

#[tokio::test]
async fn looks_into_a_cache_are_counted_by_what_they_find() {
    let api = Api::start().await;
    for is_hit in [true, false, true] {
        cache_read("of the test", is_hit);
    }
    let samples = scrape(&api).await;
    assert_eq!(samples[r#"cache_hits_total{cache="of the test"}"#], 2.0);
    assert_eq!(samples[r#"cache_misses_total{cache="of the test"}"#], 1.0);
}

#[tokio::test]
async fn metrics_are_read_with_get_alone() {
    let api = Api::start().await;
    assert_eq!(api.post_empty("/metrics").await.status, 404);
}

#[tokio::test]
async fn looks_into_the_cache_of_closed_days_are_counted() {
    let api = Api::start().await;
    let before = scrape(&api).await;
    for _ in 0..3 {
        api.get("/reports/daily-orders?date=2001-02-03").await;
    }
    let after = scrape(&api).await;
    assert!(growth(&before, &after, r#"cache_hits_total{cache="closed_days"}"#) >= 2.0);
    assert!(growth(&before, &after, r#"cache_misses_total{cache="closed_days"}"#) >= 1.0);
}
