//! Each function's role in template.yaml, next to what the function asks DynamoDB for.
//!
//! The local stack allows everything. Here all functions are put to work in it, each in a region of its own, so that a proxy
//! can tell by its signature who makes a request.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::Order;
use event_store::EventStore;
use lambda_edge::Function;
use lambda_runtime::Context;
use local_stack::Options;
use local_stack::dynamodb::local_config;
use projector::ParkedEvents;
use read_models::projections::NAMES;
use reqwest::Method;
use run::FUNCTIONS;
use serde_json::{Value, json};

use crate::fulfilment::body;
use crate::support::api::{behind_proxy, behind_proxy_of, options};
use crate::support::fault_proxy::Request;
use crate::support::orders::{added, created, item, metadata};
use crate::support::roles::{Right, resources, statements};
use crate::support::{Answer, Api, FaultProxy, Item, SHARDS, environment, in_own_region, project, template, until};

/// The order that all samples speak of.
const ORDER_ID: &str = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_ask_for_what_their_roles_allow_and_for_all_of_it() {
    let (_embedded, proxy, api) = behind_proxy().await;
    proxy.record();
    work(&proxy, &api).await;
    let mut requests = proxy.recorded();
    requests.extend(fulfil().await);
    let resources = resources();
    let mut wrong = Vec::new();
    for function in template().functions {
        let binary = function.binary.as_str();
        let asked: BTreeSet<Right> = requests
            .iter()
            .filter(|request| request.region.rsplit_once('-').unwrap().0 == binary)
            .flat_map(rights_for)
            .collect();
        let statements = statements(&resources, &function.logical_id);
        for right in &asked {
            if !statements.iter().flatten().any(|allowed| allowed == right) {
                wrong.push(format!("{binary} lacks {right:?}"));
            }
        }
        let unused = statements.iter().flat_map(|statement| unused(statement, &asked));
        wrong.extend(unused.map(|part| format!("{binary} does not need {part}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a statement allows and nobody asks for. It allows each of its actions on each of its resources, and not every pair
/// makes sense: so it should be that each action is asked for on some resource, and something is asked of each resource.
fn unused(statement: &[Right], asked: &BTreeSet<Right>) -> Vec<String> {
    let parts = |right: &Right| {
        let of = |part: &str, other: &str| (part.to_owned(), other.to_owned());
        [of(&right.action, "anything"), of("anything", &right.resource)]
    };
    let used = statement.iter().filter(|right| asked.contains(right));
    let used: BTreeSet<_> = used.flat_map(parts).collect();
    let unused: BTreeSet<_> = statement.iter().flat_map(parts).collect();
    let unused = unused.difference(&used);
    unused
        .map(|(action, resource)| format!("{action} on {resource} of {statement:?}"))
        .collect()
}

/// What has to be allowed for a request. A transaction needs the rights for each of its parts.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>
fn rights_for(request: &Request) -> Vec<Right> {
    let right = |action: &str, resource: &str| Right {
        action: action.to_owned(),
        resource: resource.to_owned(),
    };
    let Request { operation, body, .. } = request;
    match operation.as_str() {
        "TransactWriteItems" | "TransactGetItems" => {
            let parts = body["TransactItems"].as_array().unwrap().iter();
            let parts = parts.flat_map(|part| part.as_object().unwrap());
            parts
                .map(|(action, of)| right(&format!("{action}Item"), of["TableName"].as_str().unwrap()))
                .collect()
        }
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().unwrap().keys();
            tables.map(|table| right(operation, table)).collect()
        }
        // Of EventBridge, for which there is no proxy.
        "PutEvents" => Vec::new(),
        _ => {
            let table = body["TableName"].as_str().unwrap();
            let index = body["IndexName"].as_str();
            let resource = index.map_or(table.to_owned(), |index| format!("{table}/index/{index}"));
            vec![right(operation, &resource)]
        }
    }
}

/// Has the functions do all that they can do.
async fn work(proxy: &FaultProxy, api: &Api) {
    let dynamodb = &api.stack.dynamodb();
    let store = EventStore::new(dynamodb.clone(), "EventStore", SHARDS);
    let events = [created([item("11", 12)]), added("42", 1)];
    store.append::<Order>(ORDER_ID, 0, &events, &metadata()).await.unwrap();
    api.stack.caught_up().await.unwrap();
    for function in template().functions {
        invoke_with_samples(proxy, &function.binary).await;
    }

    // The price of an item is looked up, and the order is so long that it has a snapshot.
    let product = json!({ "name": "n", "unit_price": 1, "currency": "USD" });
    api.put("/products/rare", product).await;
    // One of the samples has retired them.
    for (path, body) in [
        ("/customers/VINET", json!({ "name": "n" })),
        (
            "/products/11",
            json!({ "name": "n", "unit_price": 1, "currency": "USD" }),
        ),
    ] {
        assert_eq!(api.put(path, body).await.status, 200, "{path}");
    }
    let id = &api.create_order().await;
    let more: Vec<_> = (0..90).map(|n| added(&format!("p{n}"), 1)).collect();
    store.append::<Order>(id, 1, &more, &metadata()).await.unwrap();
    for _ in 0..2 {
        let item = json!({ "product_id": "rare", "quantity": 1 });
        let answer = api.post(&format!("/orders/{id}/items"), item).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        until("a snapshot", async || !items(dynamodb, "Snapshots").await.is_empty()).await;
    }
    // Its row is one that older code wrote, so that all who read it go to its source.
    api.stack.caught_up().await.unwrap();
    for mut row in items(dynamodb, "OrderSummary").await {
        row.insert("Generation".to_owned(), AttributeValue::N("0".to_owned()));
        let put = dynamodb.put_item().table_name("OrderSummary").set_item(Some(row));
        put.send().await.unwrap();
    }
    read_in_every_way(api, id).await;
    api.stack.caught_up().await.unwrap();

    // What is parked is redriven, and finds no rows.
    for projection in NAMES {
        park(dynamodb, projection, id).await;
        lose_rows(dynamodb).await;
        let path = format!("/admin/parked/{projection}/{id}");
        assert_eq!(api.get(&path).await.status, 200, "{path}");
        let redriven = api.post_empty(&format!("{path}/redrive")).await;
        assert_eq!(redriven.status, 200, "{path}: {}", redriven.body);
        api.stack.caught_up().await.unwrap();
    }

    // What nobody can read is parked, by replays too.
    for (table, unreadable) in [
        ("OrderSummary", json!({ "OrderId": "no order" })),
        (
            "EventStore",
            json!({ "AggregateId": id, "Version": 99, "AggregateType": "Order" }),
        ),
    ] {
        let put = dynamodb.put_item().table_name(table);
        let put = put.set_item(Some(serde_dynamo::to_item(unreadable).unwrap()));
        put.send().await.unwrap();
    }

    api.stack.caught_up().await.unwrap();
    let redrive = format!("/admin/parked/order-summary/{id}/redrive");
    api.post_empty(&redrive).await.assert_problem(409, "still_failing");

    // A replay finds rows that are gone, and an order's that no events account for.
    lose_rows(dynamodb).await;
    let extra = api.create_order().await;
    api.stack.caught_up().await.unwrap();
    let event = dynamodb.delete_item().table_name("EventStore");
    let event = event.key("AggregateId", AttributeValue::S(extra));
    let event = event.key("Version", AttributeValue::N("1".to_owned()));
    event.send().await.unwrap();
    invoke_with_samples(proxy, "replay").await;
    let since = json!({ "purpose": "verify", "since": "2026-01-01T00:00:00Z" });
    let answer = function(proxy, "replay").await.invoke(since, Context::default()).await;
    assert_eq!(answer.unwrap()["status"], "requested");
    api.stack.caught_up().await.unwrap();
}

/// Has orders fulfilled and undone. Returns what the functions asked for.
async fn fulfil() -> Vec<Request> {
    let mut parameters = options(true).parameters;
    parameters.insert("StepTimeouts".to_owned(), "choose_payment:1".to_owned());
    let fulfilling = Options {
        parameters,
        ..options(true)
    };
    let (_embedded, proxy, api) = behind_proxy_of(fulfilling).await;
    proxy.record();
    let customer = json!({ "name": "Vins et alcools Chevalier", "email": "orders@vinet.example" });
    api.put("/customers/VINET", customer).await;
    // So often that the stock has a snapshot.
    for on_hand in 1..=60 {
        api.stock_up("A-1", on_hand).await;
    }
    let shipped = api.submit(body(&[("A-1", 1)]), "pm_visa").await;
    api.fulfilment_is(&shipped, "awaiting_shipment").await;
    api.ship(&shipped).await;
    api.fulfilment_is(&shipped, "completed").await;
    let declined = api.submit(body(&[("A-1", 1)]), "pm_declined").await;
    api.fulfilment_is(&declined, "cancelled").await;
    // Nobody says how it is to be paid.
    let late = api.create_order().await;
    api.post_empty(&format!("/orders/{late}/submit")).await;
    api.fulfilment_is(&late, "cancelled").await;
    api.stack.caught_up().await.unwrap();
    for (path, status) in [
        ("/inventory", 200),
        ("/inventory?low_stock=true", 200),
        ("/inventory/A-1", 200),
        ("/inventory/A-1?min_version=999", 409),
        ("/customers/VINET/notifications", 200),
    ] {
        assert_eq!(api.get(path).await.status, status, "{path}");
    }
    // In an environment that does not know the stock yet.
    let file = project().join("events/inventory-commands/put-stock.json");
    let mut set_stock: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    set_stock["rawPath"] = json!("/inventory/A-1");
    set_stock["pathParameters"] = json!({ "sku": "A-1" });
    let inventory = function(&proxy, "inventory-commands").await;
    inventory.invoke(set_stock, Context::default()).await.unwrap();
    // What nobody can read is parked.
    let dynamodb = api.stack.dynamodb();
    let unreadable = json!({ "AggregateId": late, "Version": 99, "AggregateType": "Order" });
    let put = dynamodb.put_item().table_name("EventStore");
    let put = put.set_item(Some(serde_dynamo::to_item(unreadable).unwrap()));
    put.send().await.unwrap();
    api.stack.caught_up().await.unwrap();
    proxy.recorded()
}

async fn read_in_every_way(api: &Api, id: &str) {
    for path in [
        format!("/orders/{id}?min_version=93"),
        format!("/orders/{id}?version=3"),
        "/orders?customer_id=VINET".to_owned(),
        "/orders?customer_id=VINET&status=created".to_owned(),
        "/orders?status=created".to_owned(),
        "/orders/search?q=Reims".to_owned(),
        "/customers/VINET/orders".to_owned(),
        "/customers/VINET/orders?status=created".to_owned(),
    ] {
        assert_eq!(api.get(&path).await.status, 200, "{path}");
        for view in ["compact", "full"] {
            let request = api.request(Method::GET, &path).query(&[("view", view)]);
            let answer = Answer::of(request.header("x-read-after", format!("{id}@93"))).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        }
    }
    let correlation_id = api.get(&format!("/orders/{id}/events")).await.body["data"][0]["correlation_id"].clone();
    let today = "from=2026-01-01T00:00:00Z&to=2099-01-01T00:00:00Z";
    for path in [
        "/events?type=OrderCreated".to_owned(),
        format!("/events?correlation_id={}&{today}", correlation_id.as_str().unwrap()),
        "/admin/parked".to_owned(),
        "/projections".to_owned(),
    ] {
        let answer = api.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
}

/// A function as it is built for the stack.
async fn function(proxy: &FaultProxy, binary: &str) -> Function {
    let config = in_own_region(&local_config(&proxy.endpoint).await, binary);
    let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == binary).unwrap();
    constructor(&environment(&template(), binary, &[]), &config).unwrap()
}

/// Invokes a function with each of its samples, whatever it answers.
async fn invoke_with_samples(proxy: &FaultProxy, binary: &str) {
    let function = function(proxy, binary).await;
    let files = std::fs::read_dir(project().join("events").join(binary)).unwrap();
    let files: BTreeSet<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    for file in files {
        let payload = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let _ = function.invoke(payload, Context::default()).await;
    }
}

async fn park(dynamodb: &Client, projection: &str, id: &str) {
    let entry = json!({ "Projection": projection, "AggregateId": id, "ParkedAt": "2026-01-01T00:00:00.000000Z" });
    let entry = serde_json::from_value(entry).unwrap();
    let parked = ParkedEvents::new(dynamodb.clone(), "ParkedEvents");
    parked.park(&entry).await.unwrap();
}

/// Removes the rows that follow from those of OrderSummary.
async fn lose_rows(dynamodb: &Client) {
    let template = template();
    let knows = |binary: &str, table: &tables::Table| table.name_in(&environment(&template, binary, &[])).is_ok();
    let follows = |table: &&tables::Table| {
        let projections = ["customer-orders-projection", "order-index-projection"];
        projections.iter().any(|projection| knows(projection, table)) && !knows("order-summary-projection", table)
    };
    for table in tables::ALL.iter().filter(follows) {
        for mut item in items(dynamodb, table.logical_id).await {
            item.retain(|name, _| table.key.iter().any(|(key, _)| key == name));
            let delete = dynamodb.delete_item().table_name(table.logical_id).set_key(Some(item));
            delete.send().await.unwrap();
        }
    }
}

async fn items(dynamodb: &Client, table: &str) -> Vec<Item> {
    let items = dynamodb.scan().table_name(table).into_paginator().items().send();
    items.collect::<Result<_, _>>().await.unwrap()
}
