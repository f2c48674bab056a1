//! The operators' tool against the local stack.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use chrono::{TimeDelta, Utc};
use lambda_edge::Environment;
use local_stack::template::AttributeKind;
use ordermaster::{CliError, EVENT_TYPE_SHARDS, Outcome};
use serde_json::{Value, json};

use crate::support::api::order_body;
use crate::support::{Api, Tables, TestFolder, template};

/// What the tool prints, line by line, and how it ends.
async fn run_in(env: &[(&str, &str)], arguments: &[&str]) -> (Vec<Value>, Result<Outcome, CliError>) {
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let arguments = std::iter::once("ordermaster").chain(arguments.iter().copied());
    let mut out = Vec::new();
    let outcome = ordermaster::run(arguments.map(OsString::from), &env.collect::<Environment>(), &mut out).await;
    let lines = String::from_utf8(out).unwrap();
    (
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        outcome,
    )
}

async fn run(endpoint: &str, arguments: &[&str]) -> (Vec<Value>, Result<Outcome, CliError>) {
    run_in(&[("DYNAMODB_ENDPOINT", endpoint)], arguments).await
}

/// The sentence on stderr.
fn sentence(outcome: Result<Outcome, CliError>) -> String {
    outcome.unwrap_err().to_string()
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

/// Two customers' orders, in several states. Returns their ids.
async fn orders(api: &Api) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..6 {
        let mut body = order_body();
        body["customer_id"] = json!(["VINET", "HANAR"][n % 2]);
        let id = api.post("/orders", body).await.body["order_id"]
            .as_str()
            .unwrap()
            .to_owned();
        if n > 0 {
            let item = json!({ "product_id": "42", "quantity": n, "unit_price": "9.80" });
            api.post(&format!("/orders/{id}/items"), item).await;
        }
        if n > 1 {
            let method = json!({ "payment_method_id": "pm_visa" });
            api.post(&format!("/orders/{id}/confirm"), method).await;
        }
        if n > 3 {
            let reason = json!({ "reason": "changed my mind" });
            api.post(&format!("/orders/{id}/cancel"), reason).await;
        }
        ids.push(id);
    }
    ids
}

/// What every query answers about these orders. Cursors are left out: they are of one stack.
async fn answers(api: &Api, ids: &[String]) -> Vec<(String, Value)> {
    let mut paths = vec![
        "/events?page_size=100".to_owned(),
        "/events?type=OrderCreated".to_owned(),
        "/admin/parked".to_owned(),
    ];
    for id in ids {
        paths.push(format!("/orders/{id}"));
        paths.push(format!("/orders/{id}?version=1"));
        paths.push(format!("/orders/{id}/history"));
        paths.push(format!("/orders/{id}/events"));
    }
    for customer in ["VINET", "HANAR"] {
        paths.push(format!("/customers/{customer}/orders"));
        paths.push(format!("/customers/{customer}/orders?status=cancelled"));
    }
    let mut answers = Vec::new();
    for path in paths {
        let answer = api.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answers.push((path, answer.body));
    }
    answers
}

#[tokio::test]
async fn after_an_import_into_another_stack_every_query_answers_the_same() {
    let folder = TestFolder::new();
    let file = folder.path("store.ndjson");
    let from = Api::start().await;
    let ids = orders(&from).await;
    from.stack.caught_up().await.unwrap();
    let (exported, outcome) = run(from.stack.dynamodb_endpoint(), &["export", path(&file)]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    let events = exported[0]["events"].as_u64().unwrap();
    assert_eq!(exported[0]["aggregates"], 6);
    assert_eq!(exported[0]["sha256"].as_str().unwrap().len(), 64);

    let to = Api::start().await;
    let (imported, outcome) = run(to.stack.dynamodb_endpoint(), &["import", path(&file)]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(
        imported,
        [json!({ "file": path(&file), "events": events, "aggregates": 6, "already_there": 0 })]
    );
    to.stack.caught_up().await.unwrap();
    let expected = answers(&from, &ids).await;
    for (found, expected) in answers(&to, &ids).await.into_iter().zip(expected) {
        assert_eq!(found, expected);
    }
    // The imported orders go on, and what a client repeats is recognised.
    let submitted = to.post_empty(&format!("/orders/{}/submit", ids[0])).await;
    assert_eq!((submitted.status, &submitted.body["version"]), (200, &json!(2)));

    // Neither is overwritten.
    let (_, outcome) = run(from.stack.dynamodb_endpoint(), &["export", path(&file)]).await;
    assert!(sentence(outcome).contains("is not overwritten"));
    let (_, outcome) = run(to.stack.dynamodb_endpoint(), &["import", path(&file)]).await;
    let sentence = sentence(outcome);
    assert!(
        sentence.contains("is not empty") && sentence.contains("--resume"),
        "{sentence}"
    );
}

async fn put(api: &Api, item: HashMap<String, AttributeValue>) {
    let dynamodb = api.stack.dynamodb();
    let put = dynamodb.put_item().table_name("EventStore");
    put.set_item(Some(item)).send().await.unwrap();
}

/// An order whose first event has a type that nobody knows. Returns its id and the item that the event should have been.
async fn damaged_order(api: &Api) -> (String, HashMap<String, AttributeValue>) {
    let helper = api.create_order().await;
    let found = api.stack.dynamodb().get_item().table_name("EventStore");
    let found = found
        .key("AggregateId", AttributeValue::S(helper))
        .key("Version", AttributeValue::N("1".to_owned()));
    let mut good = found.send().await.unwrap().item.unwrap();
    let id = crate::support::orders::new_order_id();
    good.insert("AggregateId".to_owned(), AttributeValue::S(id.clone()));
    let mut bad = good.clone();
    bad.insert("EventData".to_owned(), AttributeValue::S("nonsense".to_owned()));
    put(api, bad).await;
    (id, good)
}

#[tokio::test]
async fn what_is_parked_is_listed_shown_and_redriven() {
    let api = Api::start_without_relay().await;
    let endpoint = api.stack.dynamodb_endpoint().to_owned();
    let (nothing, outcome) = run(&endpoint, &["parked", "list"]).await;
    assert_eq!((nothing.len(), outcome.unwrap()), (0, Outcome::Done));

    let (first, first_item) = damaged_order(&api).await;
    let (second, second_item) = damaged_order(&api).await;
    let (third, _) = damaged_order(&api).await;
    api.stack.caught_up().await.unwrap();

    let (mut listed, outcome) = run(&endpoint, &["parked", "list"]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    let mut over_http = api.get("/admin/parked").await.body["data"].as_array().unwrap().clone();
    for list in [&mut listed, &mut over_http] {
        list.sort_by_key(|entry| entry["aggregate_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(listed, over_http);
    assert_eq!(listed.len(), 3);
    let (shown, outcome) = run(&endpoint, &["parked", "show", "order-summary", &first]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(shown, listed[..1]);

    let redrive = ["parked", "redrive", "order-summary", &first];
    let (redriven, outcome) = run(&endpoint, &redrive).await;
    assert_eq!(outcome.unwrap(), Outcome::Incomplete);
    assert_eq!(redriven[0]["outcome"], "still_failing");
    assert!(redriven[0]["error"].as_str().unwrap().contains("cannot be decoded"));

    put(&api, first_item).await;
    let (redriven, outcome) = run(&endpoint, &redrive).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(
        redriven,
        [json!({ "projection": "order-summary", "aggregate_id": first, "outcome": "projected" })]
    );
    let (_, outcome) = run(&endpoint, &redrive).await;
    assert_eq!(
        sentence(outcome),
        format!("nothing of {first} is parked by order-summary")
    );

    put(&api, second_item).await;
    let (redriven, outcome) = run(&endpoint, &["parked", "redrive-all"]).await;
    assert_eq!(outcome.unwrap(), Outcome::Incomplete);
    let outcomes: HashMap<_, _> = redriven
        .iter()
        .map(|line| {
            (
                line["aggregate_id"].as_str().unwrap(),
                line["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        outcomes,
        HashMap::from([(second.as_str(), "projected"), (third.as_str(), "still_failing")])
    );
    assert_eq!(api.get(&format!("/orders/{second}")).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_done_is_one_clear_sentence() {
    let folder = TestFolder::new();
    let file = folder.path("bad.ndjson");
    std::fs::write(&file, "{}\n").unwrap();
    let tables = Tables::new().await;
    let (_, outcome) = run(tables.endpoint(), &["import", path(&file)]).await;
    assert_eq!(
        sentence(outcome),
        format!(
            "{} was not imported: line 1: it is not the header of a backup",
            path(&file)
        )
    );
    for usage in [
        &["import"][..],
        &["nonsense"],
        &[],
        &["parked", "show", "order-summary"],
    ] {
        let (_, outcome) = run(tables.endpoint(), usage).await;
        assert!(
            matches!(outcome, Err(CliError::Usage(error)) if error.use_stderr()),
            "{usage:?}"
        );
    }
    let (_, outcome) = run_in(&[], &["--version"]).await;
    let version = outcome.unwrap_err();
    assert_eq!(version.exit_code(), 0);
    assert!(version.to_string().starts_with("ordermaster "), "{version}");
    let (_, outcome) = run_in(&[], &["parked", "list", "--endpoint-url", "localhost:8000"]).await;
    assert!(sentence(outcome).contains("localhost:8000 is not the URL"));

    // Something else listens there.
    let api = Api::start().await;
    for arguments in [
        &["parked", "list"][..],
        &["verify"],
        &["export", path(&folder.path("x"))],
    ] {
        let (_, outcome) = run(api.stack.url(), arguments).await;
        let sentence = sentence(outcome);
        assert!(
            sentence.contains("what answers there is something else") && sentence.contains(api.stack.url()),
            "{sentence}"
        );
    }

    // A port on which nobody listens.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let (_, outcome) = run_in(&[("DYNAMODB_PORT", &port)], &["parked", "list"]).await;
    let sentence = sentence(outcome);
    assert!(sentence.contains("make run") && sentence.contains(&port), "{sentence}");
}

#[tokio::test]
async fn a_variable_that_is_misspelt_or_means_nothing_is_a_sentence_that_names_it() {
    const PORT: &str = "which is not the port of a running `make run`, from 1 to 65535";
    const URL: &str = "which is not an http or https URL, such as http://127.0.0.1:8000";
    for (name, value, expected) in [
        ("DYNAMODB_PORT", "abc", format!("DYNAMODB_PORT is `abc`, {PORT}")),
        ("DYNAMODB_PORT", "0", format!("DYNAMODB_PORT is `0`, {PORT}")),
        ("EVENTS_PORT", "80000", format!("EVENTS_PORT is `80000`, {PORT}")),
        (
            "DYNAMODB_ENDPOINT",
            "localhost:8000",
            format!("DYNAMODB_ENDPOINT is `localhost:8000`, {URL}"),
        ),
        (
            "AWS_ENDPOINT_URL_EVENTBRIDGE",
            "x",
            format!("AWS_ENDPOINT_URL_EVENTBRIDGE is `x`, {URL}"),
        ),
        (
            "EVENT_TYPE_SHARDS",
            "0",
            "EVENT_TYPE_SHARDS is `0`, which is not a whole number from 1".to_owned(),
        ),
        (
            "REPORT_TIME_ZONE",
            "Europe/Bonn",
            "REPORT_TIME_ZONE is `Europe/Bonn`, which is not the name of a time zone, such as Europe/Berlin".to_owned(),
        ),
        (
            "DYNAMO_PORT",
            "8002",
            "DYNAMO_PORT is not known: set DYNAMODB_PORT, or unset".to_owned(),
        ),
        (
            "EVENTSTORE_TABLE",
            "Shop",
            "EVENTSTORE_TABLE is not known: set EVENT_STORE_TABLE, or unset".to_owned(),
        ),
    ] {
        let (_, outcome) = run_in(&[(name, value)], &["parked", "list"]).await;
        let sentence = sentence(outcome);
        assert!(
            sentence.starts_with(&format!("the environment variable {expected}")),
            "{sentence}"
        );
    }
}

#[tokio::test]
async fn a_stack_is_worked_on_by_its_name() {
    let folder = TestFolder::new();
    let tables = Tables::new().await;
    let endpoint = ["--endpoint-url", tables.endpoint()];
    let export = |file| [&["--stack", "shop"], &endpoint[..], &["export", file]].concat();
    let file = folder.path("shop.ndjson");
    let (_, outcome) = run_in(&[], &export(path(&file))).await;
    assert!(sentence(outcome).contains("no table shop-EventStore-…"));

    let create = async |name: String, key: &str| {
        let hash = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash);
        let text = AttributeDefinition::builder()
            .attribute_name(key)
            .attribute_type(ScalarAttributeType::S);
        tables
            .dynamodb
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(hash.build().unwrap())
            .attribute_definitions(text.build().unwrap())
            .send()
            .await
            .unwrap();
    };
    // More than one page of names.
    for n in 0..110 {
        create(format!("other-{n}"), "Id").await;
    }
    for tables::Table { logical_id, .. } in tables::ALL {
        create(format!("shop-{logical_id}-1A2B3C"), "AggregateId").await;
    }
    let item = [
        ("AggregateId".to_owned(), AttributeValue::S("x".to_owned())),
        ("Colour".to_owned(), AttributeValue::S("red".to_owned())),
    ];
    let put = tables.dynamodb.put_item().table_name("shop-EventStore-1A2B3C");
    put.set_item(Some(item.into())).send().await.unwrap();
    // It is this table that is read, also when the environment names another DynamoDB.
    let env = [("DYNAMODB_ENDPOINT", "http://127.0.0.1:1")];
    let (_, outcome) = run_in(&env, &export(path(&file))).await;
    let found = sentence(outcome);
    assert!(found.contains("an item is not an event: x version ?"), "{found}");

    // A table that outlived its stack, and how the right one is named.
    create("shop-EventStore-9Z8Y7X".to_owned(), "AggregateId").await;
    let (_, outcome) = run_in(&[], &export(path(&file))).await;
    assert!(sentence(outcome).contains("several tables EventStore"));
    let (exported, outcome) = run_in(&[("EVENT_STORE_TABLE", "shop-EventStore-9Z8Y7X")], &export(path(&file))).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(exported[0]["events"], 0);
}

#[test]
fn the_tool_knows_the_templates_tables_and_shards() {
    let template = template();
    let mut variables = HashMap::new();
    for function in &template.functions {
        assert_eq!(function.environment["EVENT_TYPE_SHARDS"], EVENT_TYPE_SHARDS.default);
        let tables = function.environment.iter().filter(|(name, _)| name.ends_with("_TABLE"));
        variables.extend(tables.map(|(name, table)| (name.as_str(), table.as_str())));
    }
    let known = tables::ALL.iter().map(|table| (table.variable, table.logical_id));
    assert_eq!(variables, known.collect());
    for table in tables::ALL {
        let there = template
            .tables
            .iter()
            .find(|there| there.name == table.logical_id)
            .unwrap();
        let key = there.key.iter().map(|element| {
            let attribute = there.attributes.iter().find(|attribute| attribute.name == element.name);
            (element.name.as_str(), attribute.unwrap().kind)
        });
        let known = table.key.iter().map(|(name, kind)| match kind {
            tables::KeyType::Text => (*name, AttributeKind::S),
            tables::KeyType::Number => (*name, AttributeKind::N),
        });
        assert!(key.eq(known), "{}", table.logical_id);
    }
    assert_eq!(template.tables.len(), tables::ALL.len());
}

/// Overwrites the total of an order's row.
async fn spoil(api: &Api, order_id: &str) {
    let dynamodb = api.stack.dynamodb();
    let key = AttributeValue::S(order_id.to_owned());
    let row = dynamodb.get_item().table_name("OrderSummary").key("OrderId", key);
    let mut row = row.send().await.unwrap().item.unwrap();
    row.insert("TotalAmount".to_owned(), AttributeValue::S("0.01".to_owned()));
    let put = dynamodb.put_item().table_name("OrderSummary").set_item(Some(row));
    put.send().await.unwrap();
    api.stack.caught_up().await.unwrap();
}

#[tokio::test]
async fn wrong_rows_are_found_by_verify_and_mended_by_replay() {
    let api = Api::start().await;
    let ids = orders(&api).await;
    api.stack.caught_up().await.unwrap();
    let endpoint = api.stack.dynamodb_endpoint();
    let (printed, outcome) = run(endpoint, &["verify"]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    let [summary] = <[Value; 1]>::try_from(printed).unwrap();
    assert_eq!((&summary["status"], &summary["orders"]), (&json!("done"), &json!(6)));

    spoil(&api, &ids[2]).await;
    let (printed, outcome) = run(endpoint, &["verify"]).await;
    assert_eq!(outcome.unwrap(), Outcome::Incomplete);
    // The row that the first one feeds has followed it.
    let mut found: Vec<_> = printed
        .iter()
        .take(3)
        .map(|line| (&line["read_model"], &line["order_id"]))
        .collect();
    found.sort_unstable_by_key(|(read_model, _)| read_model.to_string());
    assert_eq!(
        found,
        [
            (&json!("customer-orders"), &json!(ids[2])),
            (&json!("daily-orders"), &json!(ids[2])),
            (&json!("order-summary"), &json!(ids[2]))
        ]
    );
    assert_eq!(printed[0]["what"]["fields"][0]["path"], "TotalAmount");
    assert_eq!(printed[3]["differences_found"], 3);

    // A projection stands for all that it keeps, and a day for its first moment.
    let day = |days| (Utc::now() + TimeDelta::days(days)).date_naive().to_string();
    let index = [
        "verify",
        "--projection",
        "order-index",
        "--projection",
        "daily-orders",
        "--since",
    ];
    for (since, orders, differences) in [(day(-1), 6, 1), (day(2), 0, 0)] {
        let (printed, outcome) = run(endpoint, &[&index[..], &[&since]].concat()).await;
        assert_eq!(outcome.unwrap() == Outcome::Done, differences == 0);
        let (summary, found) = printed.split_last().unwrap();
        assert_eq!(
            (&summary["orders"], &summary["differences_found"]),
            (&json!(orders), &json!(differences))
        );
        assert!(found.len() == differences && found.iter().all(|line| line["read_model"] == "daily-orders"));
    }

    let (printed, outcome) = run(
        endpoint,
        &["replay", "--projection", "order-summary", "--order", &ids[2]],
    )
    .await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(printed[0]["rows_written"], 1);
    api.stack.caught_up().await.unwrap();
    assert_eq!(run(endpoint, &["verify"]).await.1.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_replay_can_be_left_to_the_function_and_be_asked_for_again() {
    let api = Api::start().await;
    let ids = orders(&api).await;
    api.stack.caught_up().await.unwrap();
    spoil(&api, &ids[0]).await;
    let endpoint = api.stack.dynamodb_endpoint();
    let (printed, outcome) = run(endpoint, &["verify", "--background"]).await;
    assert_eq!(outcome.unwrap(), Outcome::Incomplete);
    assert_eq!(printed.len(), 4);
    let (printed, outcome) = run(endpoint, &["replay", "--background", "--segments", "2", "--batch", "3"]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    let id = printed[0]["replay_id"].as_str().unwrap();

    let (again, outcome) = run(endpoint, &["replay", "--resume", id]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(again, printed);
    let refused = sentence(run(endpoint, &["verify", "--resume", id]).await.1);
    assert!(refused.contains("is for the other purpose"), "{refused}");
}

#[tokio::test]
async fn a_replay_that_makes_no_sense_is_refused_with_one_sentence() {
    let api = Api::start().await;
    let endpoint = api.stack.dynamodb_endpoint();
    let unknown = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";
    for (arguments, expected) in [
        (
            &["replay", "--projection", "orders"][..],
            "--projection is orders, and must be one of order-summary, customer-orders, daily-orders, order-search, order-index",
        ),
        (
            &["replay", "--segments", "0"],
            "'--segments <SEGMENTS>': 0 is not in 1..=64",
        ),
        (
            &["verify", "--batch", "10001"],
            "'--batch <BATCH>': 10001 is not in 1..=10000",
        ),
        (&["replay", "--resume", "nothing"], "there is no replay nothing"),
        (&["replay", "--order", unknown], "there is no order 0190b6a4"),
        (&["replay", "--order", "7"], "must be a UUID"),
        (
            &["replay", "--since", "yesterday"],
            "'--since <TIME>': must be a moment such as 2026-11-20T12:00:00Z, or a day such as 2026-11-20",
        ),
        (&["replay", "--since", "2026-02-30"], "or a day such as"),
        (
            &["replay", "--since", "2026-11-20T00:00:00Z", "--order", unknown],
            "cannot be used with",
        ),
        (&["replay", "--resume", unknown, "--batch", "7"], "cannot be used with"),
    ] {
        let (printed, outcome) = run(endpoint, arguments).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.exit_code(), 2, "{arguments:?}");
        assert!(error.to_string().contains(expected), "{arguments:?}: {error}");
        assert_eq!(printed, [] as [Value; 0]);
    }
    assert!(
        api.stack
            .dynamodb()
            .scan()
            .table_name("OrderSummary")
            .send()
            .await
            .unwrap()
            .items()
            .is_empty()
    );
}
