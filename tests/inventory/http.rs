//! Stock over HTTP.

use event_bus::Bus;
use lambda_runtime::Context;
use local_stack::dynamodb::local_config;
use read_models::StockLevels;
use read_models::stock_levels::{Level, StockLevelRow};
use reqwest::Method;
use serde_json::{Value, json};

use super::{in_an_hour, message, record, reserve};
use crate::support::{Answer, Api};

/// `on_hand`, `reserved`, `available` and `low_stock_threshold`.
fn level(body: &Value) -> [u64; 4] {
    ["on_hand", "reserved", "available", "low_stock_threshold"].map(|name| body[name].as_u64().unwrap())
}

async fn with_header(api: &Api, method: Method, path: &str, header: (&str, &str), body: Value) -> Answer {
    Answer::of(api.request(method, path).header(header.0, header.1).json(&body)).await
}

/// Reserves past the bus.
pub async fn reserved(api: &Api, number: u32, quantity: u32) {
    let config = local_config(api.stack.dynamodb_endpoint()).await;
    let environment = crate::support::environment(&crate::support::template(), "inventory-commands", &[]);
    let function = inventory_commands::function(&environment, &config).unwrap();
    let records = json!({ "Records": [record(&message(number, reserve(number, quantity, in_an_hour())))] });
    let answer = function.invoke(records, Context::default()).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn stock_is_set_received_and_read_back_at_once() {
    let api = Api::start().await;
    let body = json!({ "on_hand": 120, "low_stock_threshold": 20, "reason": "stocktaking" });
    let set = api.put("/inventory/QC-1", body.clone()).await;
    assert_eq!((set.status, set.header("etag")), (200, Some("\"2\"")));
    assert_eq!(
        (level(&set.body), &set.body["message"]),
        ([120, 0, 120, 20], &json!("Stock set"))
    );

    let receipt = json!({ "quantity": 40, "reference": "delivery note 4711" });
    let received = api.post("/inventory/QC-1/receipts", receipt).await;
    assert_eq!((received.status, &received.body["version"]), (200, &json!(3)));
    assert_eq!(level(&received.body), [160, 0, 160, 20]);
    assert_eq!(received.body["message"], "Stock received");
    reserved(&api, 1, 145).await;

    let read = api.get("/inventory/QC-1?min_version=4").await;
    assert_eq!((read.status, read.header("etag")), (200, Some("\"4\"")));
    assert_eq!(
        (level(&read.body), &read.body["low_stock"]),
        ([160, 145, 15, 20], &json!(true))
    );
    api.get("/inventory/QC-1?min_version=5")
        .await
        .assert_problem(409, "version_not_reached");

    // What is so already does not happen again.
    let again = api.put("/inventory/QC-1", json!({ "low_stock_threshold": 20.0 })).await;
    assert_eq!((again.status, &again.body["version"]), (200, &json!(4)));
}

#[tokio::test]
async fn the_rules_of_a_stock_are_kept_and_named() {
    let api = Api::start().await;
    api.put("/inventory/QC-1", json!({ "on_hand": 10 })).await;
    reserved(&api, 1, 4).await;
    let below = api.put("/inventory/QC-1", json!({ "on_hand": 3 })).await;
    below.assert_problem(409, "stock_reserved");
    assert_eq!(below.fields(), ["on_hand"]);
    assert_eq!(below.body["errors"][0]["message"], "must be at least 4");
    let most = json!({ "quantity": 1_000_000_000 });
    let too_many = api.post("/inventory/QC-1/receipts", most).await;
    too_many.assert_problem(422, "validation_failed");
    assert_eq!(too_many.fields(), ["quantity"]);
    assert_eq!(api.put("/inventory/QC-1", json!({ "on_hand": 4 })).await.status, 200);
}

#[tokio::test]
async fn bad_input_is_refused_and_named_and_nothing_is_written() {
    let api = Api::start().await;
    for (body, field) in [
        (json!({}), "on_hand"),
        (json!({ "reason": "r" }), "on_hand"),
        (json!({ "on_hand": null }), "on_hand"),
        (json!({ "on_hand": -1 }), "on_hand"),
        (json!({ "on_hand": 1.5 }), "on_hand"),
        (json!({ "on_hand": "1" }), "on_hand"),
        (json!({ "on_hand": 1_000_000_001 }), "on_hand"),
        (json!({ "low_stock_threshold": -1 }), "low_stock_threshold"),
        (json!({ "low_stock_threshold": 1, "reason": "r" }), "reason"),
        (json!({ "on_hand": 1, "reason": "" }), "reason"),
        (json!({ "on_hand": 1, "reason": "x".repeat(501) }), "reason"),
        (json!({ "on_hand": 1, "onhand": 1 }), "onhand"),
    ] {
        let answer = api.put("/inventory/QC-1", body.clone()).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field], "{body}");
    }
    for (body, field) in [
        (json!({}), "quantity"),
        (json!({ "quantity": 0 }), "quantity"),
        (json!({ "quantity": -3 }), "quantity"),
        (json!({ "quantity": 1_000_000_001 }), "quantity"),
        (json!({ "quantity": 1, "reference": " " }), "reference"),
        (json!({ "quantity": 1, "note": "x" }), "note"),
    ] {
        let answer = api.post("/inventory/QC-1/receipts", body.clone()).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field], "{body}");
    }
    let long = format!("/inventory/{}", "x".repeat(65));
    for (answer, field) in [
        (api.put(&long, json!({ "on_hand": 1 })).await, "sku"),
        (api.get(&long).await, "sku"),
        (api.put("/inventory/QC-1?x=1", json!({ "on_hand": 1 })).await, "x"),
        (api.get("/inventory/QC-1?min_version=0").await, "min_version"),
        (api.get("/inventory/QC-1?version=1").await, "version"),
        (api.get("/inventory?low_stock=yes").await, "low_stock"),
        (api.get("/inventory?low=true").await, "low"),
        (api.get("/inventory?page_size=0").await, "page_size"),
    ] {
        answer.assert_problem(400, "malformed_parameter");
        assert_eq!(answer.fields(), [field]);
    }
    api.get("/inventory/QC-1").await.assert_problem(404, "sku_not_found");
}

#[tokio::test]
async fn a_request_with_a_key_has_one_effect_and_if_match_is_heeded() {
    let api = Api::start().await;
    let path = "/inventory/QC-1/receipts";
    let keyed = async |quantity: u32| {
        let body = json!({ "quantity": quantity });
        with_header(&api, Method::POST, path, ("idempotency-key", "lorry-7"), body).await
    };
    let first = keyed(5).await;
    api.post(path, json!({ "quantity": 1 })).await;
    // Reservations do not make it forget the keys of people.
    for number in 1..=120 {
        reserved(&api, number, 1).await;
    }
    let again = keyed(5).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    keyed(6).await.assert_problem(422, "idempotency_key_reused");

    let outdated = |version: &'static str| {
        let body = json!({ "on_hand": 500 });
        with_header(&api, Method::PUT, "/inventory/QC-1", ("if-match", version), body)
    };
    outdated("\"1\"").await.assert_problem(412, "version_mismatch");
    assert_eq!(outdated("\"122\"").await.status, 200);
    let unborn = json!({ "on_hand": 1 });
    with_header(&api, Method::PUT, "/inventory/new", ("if-match", "\"1\""), unborn)
        .await
        .assert_problem(412, "version_mismatch");
}

#[tokio::test]
async fn a_keyed_request_that_changed_nothing_gets_its_first_answer_again_whatever_came_after() {
    let api = Api::start().await;
    let path = "/inventory/QC-1";
    api.put(path, json!({ "on_hand": 10, "low_stock_threshold": 2 })).await;
    let before = api.eventually(path, |answer| answer.body["version"] == 2).await;
    let keyed =
        async |key: &str, body: Value| with_header(&api, Method::PUT, path, ("idempotency-key", key), body).await;
    let same = [
        ("count", json!({ "on_hand": 10 })),
        ("count-why", json!({ "on_hand": 10, "reason": "stocktaking" })),
        ("threshold", json!({ "low_stock_threshold": 2 })),
        ("both", json!({ "on_hand": 10, "low_stock_threshold": 2 })),
    ];
    let mut first = Vec::new();
    for (key, body) in &same {
        let answer = keyed(key, body.clone()).await;
        // The version is that of the last change.
        assert_eq!((answer.status, answer.header("etag")), (200, Some("\"2\"")), "{key}");
        assert_eq!(
            (&answer.body["version"], answer.header("idempotency-replayed")),
            (&json!(2), None)
        );
        first.push(answer);
    }
    // Nobody is told, and what is shown stays as it is.
    api.stack.caught_up().await.unwrap();
    let unchanged = api.get(&format!("{path}?min_version=2")).await;
    assert_eq!(
        (&unchanged.body, unchanged.header("etag")),
        (&before.body, before.header("etag"))
    );
    assert_eq!(unchanged.header("x-read-source"), Some("projection"));
    api.get(&format!("{path}?min_version=3"))
        .await
        .assert_problem(409, "version_not_reached");

    // With the version of the last change, the next one is made.
    let receipt = with_header(
        &api,
        Method::POST,
        "/inventory/QC-1/receipts",
        ("if-match", "\"2\""),
        json!({ "quantity": 5 }),
    );
    assert_eq!(receipt.await.body["on_hand"], 15);
    // More keys than a snapshot used to carry, and snapshots meanwhile.
    for number in 0..130 {
        let key = format!("more-{number}");
        let receipt = json!({ "quantity": 1 });
        let more = with_header(
            &api,
            Method::POST,
            "/inventory/QC-1/receipts",
            ("idempotency-key", &key),
            receipt,
        )
        .await;
        assert_eq!(more.status, 200);
    }
    for ((key, body), first) in same.iter().zip(&first) {
        let again = keyed(key, body.clone()).await;
        assert_eq!(
            (again.status, &again.body, again.header("etag")),
            (200, &first.body, first.header("etag"))
        );
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{key}");
    }
    keyed("count", json!({ "on_hand": 11 }))
        .await
        .assert_problem(422, "idempotency_key_reused");
    assert_eq!(api.get(&format!("{path}?min_version=7")).await.body["on_hand"], 145);

    // What was refused has used no key.
    reserved(&api, 1, 4).await;
    keyed("refused", json!({ "on_hand": 0 }))
        .await
        .assert_problem(409, "stock_reserved");
    let taken = keyed("refused", json!({ "on_hand": 145 })).await;
    assert_eq!((taken.status, taken.header("idempotency-replayed")), (200, None));
}

#[tokio::test]
async fn a_stock_is_not_sent_again_until_it_changes() {
    let api = Api::start().await;
    api.put("/inventory/QC-1", json!({ "on_hand": 1 })).await;
    let path = "/inventory/QC-1?min_version=1";
    let first = api.get(path).await;
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let known = |tag: &'static str| Answer::of(api.request(Method::GET, path).header("if-none-match", tag));
    assert_eq!(known("\"1\"").await.status, 304);
    assert_eq!(known("\"2\"").await.body, first.body);
    assert_eq!(api.get("/inventory").await.header("cache-control"), Some("no-store"));
}

/// The bus of the stack.
async fn bus(api: &Api) -> Bus {
    let endpoint = api.stack.events_endpoint().unwrap();
    let environment = [("EVENT_BUS", "orders"), ("AWS_ENDPOINT_URL_EVENTBRIDGE", endpoint)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = local_config(api.stack.dynamodb_endpoint()).await;
    Bus::from_env(&environment.into_iter().collect(), &config).unwrap()
}

#[tokio::test]
async fn messages_on_the_bus_reserve_stock_and_what_the_rows_lack_is_read_from_the_events() {
    let api = Api::start().await;
    let bus = bus(&api).await;
    api.put("/inventory/QC-1", json!({ "on_hand": 10 })).await;
    let put = bus.put(&[message(1, reserve(1, 4, in_an_hour()))]).await;
    assert!(put.iter().all(Result::is_ok), "{put:?}");
    api.stack.caught_up().await.unwrap();
    let row = api.get("/inventory/QC-1").await;
    assert_eq!(
        (row.header("x-read-source"), level_of(&row)),
        (Some("projection"), (2, 4))
    );

    api.stack.pause_bus();
    reserved(&api, 2, 1).await;
    let fresh = api.get("/inventory/QC-1?min_version=3").await;
    assert_eq!(
        (fresh.header("x-read-source"), level_of(&fresh)),
        (Some("events"), (3, 5))
    );
    assert_eq!(level_of(&api.get("/inventory/QC-1").await), (2, 4));
    api.stack.resume_bus();
    api.stack.caught_up().await.unwrap();
    let row = api.get("/inventory/QC-1?min_version=3").await;
    assert_eq!(
        (row.header("x-read-source"), &row.body),
        (Some("projection"), &fresh.body)
    );
    assert_eq!(api.stack.dead_messages().len(), 0);
}

/// `version` and `reserved`.
fn level_of(answer: &Answer) -> (u64, u64) {
    let number = |name: &str| answer.body[name].as_u64().unwrap();
    (number("version"), number("reserved"))
}

/// The SKUs of a list, over all pages of `page_size`.
async fn walk(api: &Api, filter: &str, page_size: usize) -> Vec<String> {
    let mut skus = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api
            .get(&format!("/inventory?page_size={page_size}{filter}{cursor}"))
            .await;
        let data = page.body["data"].as_array().unwrap();
        assert!(data.len() <= page_size);
        skus.extend(data.iter().map(|row| row["sku"].as_str().unwrap().to_owned()));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return skus,
        }
    }
}

#[tokio::test]
async fn all_stocks_are_listed_and_those_that_are_low_by_sku() {
    let api = Api::start().await;
    assert_eq!(walk(&api, "", 3).await, [""; 0]);
    let config = local_config(api.stack.dynamodb_endpoint()).await;
    let environment = crate::support::environment(&crate::support::template(), "inventory-queries", &[]);
    let levels = StockLevels::from_env(&environment, aws_sdk_dynamodb::Client::new(&config)).unwrap();
    let write = async |number: u32, version: u64, available: u32| {
        let level = Level {
            on_hand: super::pieces(available),
            reserved: super::pieces(0),
            available: super::pieces(available),
            low_stock_threshold: super::pieces(2),
        };
        let sku = format!("SKU {number:02}").parse().unwrap();
        let row = StockLevelRow::new(sku, version, level, chrono::Utc::now());
        levels.put(&row).await.unwrap();
    };
    for number in 0..9 {
        write(number, 1, number % 4).await;
    }
    let all: Vec<_> = (0..9).map(|number| format!("SKU {number:02}")).collect();
    let low: Vec<_> = all
        .iter()
        .filter(|sku| !["SKU 03", "SKU 07"].contains(&sku.as_str()))
        .cloned()
        .collect();
    for page_size in 1..=10 {
        let mut listed = walk(&api, "", page_size).await;
        listed.sort();
        assert_eq!(listed, all, "on pages of {page_size}");
        assert_eq!(
            walk(&api, "&low_stock=true", page_size).await,
            low,
            "on pages of {page_size}"
        );
    }
    // One is low no longer, and another is now.
    write(0, 2, 50).await;
    write(3, 2, 2).await;
    write(3, 1, 3).await;
    let low = walk(&api, "&low_stock=true", 100).await;
    assert!(
        !low.contains(&"SKU 00".to_owned()) && low.contains(&"SKU 03".to_owned()),
        "{low:?}"
    );

    // A cursor is of its list.
    let first = api.get("/inventory?page_size=1").await;
    let cursor = first.body["next_cursor"].as_str().unwrap();
    api.get(&format!("/inventory?low_stock=true&cursor={cursor}"))
        .await
        .assert_problem(400, "invalid_cursor");
}
