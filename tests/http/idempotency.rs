//! `Idempotency-Key`: the same request with the same key has one effect and one answer.

use std::collections::BTreeSet;

use domain::order::Order;
use event_store::{Snapshots, Stream};
use futures::future::join_all;
use lambda_edge::Function;
use lambda_runtime::Context;
use serde_json::{Value, json};

use crate::support::api::whole_order_body;
use crate::support::orders::{added, metadata};
use crate::support::{Tables, project, until};

/// Orders of more than 7 events have a snapshot.
const SNAPSHOT_EVERY: &str = "Order:5";

/// The command function, called as API Gateway calls it, by any user.
struct Commands {
    tables: Tables,
    function: Function,
}

#[derive(Debug, Clone, PartialEq)]
struct Answer {
    status: u64,
    body: Value,
    etag: Option<String>,
    location: Option<String>,
    replayed: bool,
}

#[derive(Clone)]
struct Request {
    method: &'static str,
    route: &'static str,
    order_id: String,
    body: Option<Value>,
    key: &'static str,
    user: &'static str,
}

impl Commands {
    async fn new() -> Self {
        let tables = Tables::new().await;
        // Snapshots soon, so that an order of some events has one.
        let environment = tables.environment_with("order-commands", &[("SNAPSHOT_EVERY", SNAPSHOT_EVERY)]);
        let function = order_commands::function(&environment, &tables.config).unwrap();
        Self { tables, function }
    }

    /// Lets 20 things more happen to the order, whatever the rules say of it; with snapshots meanwhile, if wanted.
    async fn twenty_further_events(&self, order_id: &str, with_snapshots: bool) {
        let mut store = self.tables.store();
        if with_snapshots {
            store = store.with_snapshots(Snapshots::new("Snapshots", SNAPSHOT_EVERY.parse().unwrap()));
        }
        for _ in 0..20 {
            let order = store.load::<Order>(order_id).await.unwrap();
            let decide = |_: &Stream<Order>| Ok::<_, ()>(vec![added("further", 1)]);
            store.transact(order, &metadata(), decide).await.unwrap();
        }
    }

    async fn until_snapshot(&self) {
        until("a snapshot", async || !self.tables.items("Snapshots").await.is_empty()).await;
    }

    async fn send(&self, request: &Request) -> Answer {
        let file = project().join("events/order-commands/submit-order.json");
        let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let route_key = format!("{} {}", request.method, request.route);
        let path = request
            .route
            .replace("{order_id}", &request.order_id)
            .replace("{product_id}", "11");
        event["routeKey"] = json!(route_key);
        event["rawPath"] = json!(path);
        event["pathParameters"] = json!({ "order_id": request.order_id, "product_id": "11" });
        event["requestContext"]["routeKey"] = json!(route_key);
        event["requestContext"]["http"]["method"] = json!(request.method);
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = json!(request.user);
        if !request.key.is_empty() {
            event["headers"]["idempotency-key"] = json!(request.key);
        }
        if let Some(body) = &request.body {
            event["headers"]["content-type"] = json!("application/json");
            event["body"] = json!(body.to_string());
        }
        let answer = self.function.invoke(event, Context::default()).await.unwrap();
        let header = |name: &str| answer["headers"][name].as_str().map(str::to_owned);
        Answer {
            status: answer["statusCode"].as_u64().unwrap(),
            body: serde_json::from_str(answer["body"].as_str().unwrap()).unwrap(),
            etag: header("etag"),
            location: header("location"),
            replayed: header("idempotency-replayed").as_deref() == Some("true"),
        }
    }

    async fn events(&self) -> usize {
        self.tables.items("EventStore").await.len()
    }

    /// An order in the status from which `command` is possible.
    async fn order_for(&self, command: &str) -> String {
        let created = self.send(&request("create", "")).await;
        let order_id = created.body["order_id"].as_str().unwrap().to_owned();
        let before: &[&str] = match command {
            "payment" | "ship" => &["confirm"],
            "deliver" => &["confirm", "ship"],
            _ => &[],
        };
        for command in before {
            assert_eq!(self.send(&request(command, &order_id)).await.status, 200);
        }
        order_id
    }
}

/// A command as it is first sent, without a key.
fn request(command: &str, order_id: &str) -> Request {
    let item = json!({ "product_id": "42", "quantity": 1, "unit_price": 1 });
    let (method, route, body) = match command {
        "create" => ("POST", "/orders", Some(whole_order_body())),
        "add" => ("POST", "/orders/{order_id}/items", Some(item)),
        "remove" => ("DELETE", "/orders/{order_id}/items/{product_id}", None),
        "submit" => ("POST", "/orders/{order_id}/submit", None),
        "confirm" => (
            "POST",
            "/orders/{order_id}/confirm",
            Some(json!({ "payment_method_id": "pm" })),
        ),
        "payment" => (
            "POST",
            "/orders/{order_id}/payment",
            // A transaction pays one order.
            Some(json!({ "transaction_id": format!("t-{order_id}"), "amount": 20 })),
        ),
        "ship" => (
            "POST",
            "/orders/{order_id}/ship",
            Some(json!({ "tracking_number": "1Z", "carrier": "c" })),
        ),
        "deliver" => ("POST", "/orders/{order_id}/deliver", None),
        "cancel" => ("POST", "/orders/{order_id}/cancel", Some(json!({ "reason": "r" }))),
        _ => panic!("{command} is no command"),
    };
    Request {
        method,
        route,
        order_id: order_id.to_owned(),
        body,
        key: "",
        user: "alice",
    }
}

/// The same command asking for something else. Those without a body have only their path to differ in.
fn other_request(first: &Request) -> Request {
    let mut other = first.clone();
    match &mut other.body {
        Some(Value::Object(fields)) => {
            let changed = match first.route {
                "/orders" => ("customer_id", json!("other")),
                "/orders/{order_id}/items" => ("quantity", json!(2)),
                "/orders/{order_id}/confirm" => ("payment_method_id", json!("other")),
                "/orders/{order_id}/payment" => ("transaction_id", json!("other")),
                "/orders/{order_id}/ship" => ("carrier", json!("other")),
                _ => ("reason", json!("other")),
            };
            fields.insert(changed.0.to_owned(), changed.1);
        }
        _ => {
            other = Request {
                key: first.key,
                ..request("add", &first.order_id)
            }
        }
    }
    other
}

const COMMANDS: [&str; 9] = [
    "create", "add", "remove", "submit", "confirm", "payment", "ship", "deliver", "cancel",
];

#[tokio::test]
async fn a_repetition_gets_the_first_answer_and_has_no_effect() {
    for command in COMMANDS {
        let commands = Commands::new().await;
        let order_id = commands.order_for(command).await;
        let keyed = Request {
            key: "key-1",
            ..request(command, &order_id)
        };
        let first = commands.send(&keyed).await;
        assert!(first.status < 300 && !first.replayed, "{command}: {first:?}");
        let written = commands.events().await;

        for _ in 0..2 {
            let repeated = commands.send(&keyed).await;
            assert_eq!(
                repeated,
                Answer {
                    replayed: true,
                    ..first.clone()
                },
                "{command}"
            );
        }
        assert_eq!(commands.events().await, written, "{command}");
    }
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer_however_much_the_order_has_moved_on() {
    for command in COMMANDS {
        for with_snapshots in [false, true] {
            let commands = Commands::new().await;
            let order_id = commands.order_for(command).await;
            let keyed = Request {
                key: "key-1",
                ..request(command, &order_id)
            };
            let first = commands.send(&keyed).await;
            let order_id = first.body["order_id"].as_str().unwrap();
            commands.twenty_further_events(order_id, with_snapshots).await;
            if with_snapshots {
                commands.until_snapshot().await;
            }
            let written = commands.events().await;

            commands.tables.proxy.take_operations();
            let repeated = commands.send(&keyed).await;
            let operations = commands.tables.proxy.take_operations();
            let replayed = Answer {
                replayed: true,
                ..first.clone()
            };
            assert_eq!(repeated, replayed, "{command}");
            assert_eq!(commands.events().await, written, "{command}");
            // A creation is recognised by the event that was in its way. Every other command finds its key among the events,
            // or in the snapshot, which saves reading them; then both read what the order was when it was first answered.
            let expected: &[&str] = match (command, with_snapshots) {
                ("create", _) => &["PutItem", "Query"],
                (_, true) => &["Query", "GetItem", "Query"],
                (_, false) => &["Query", "GetItem", "Query", "Query"],
            };
            assert_eq!(operations, expected, "{command}");

            let other = commands.send(&other_request(&keyed)).await;
            assert_eq!(other.body["code"], "idempotency_key_reused", "{command}");
        }
    }
}

#[tokio::test]
async fn eight_at_once_with_one_key_have_one_effect_and_the_same_answer() {
    for command in COMMANDS {
        let commands = Commands::new().await;
        let order_id = commands.order_for(command).await;
        let before = commands.events().await;
        let keyed = Request {
            key: "key-1",
            ..request(command, &order_id)
        };
        let answers = join_all((0..8).map(|_| commands.send(&keyed))).await;

        let first = answers.iter().find(|answer| !answer.replayed).unwrap();
        for answer in &answers {
            assert_eq!(
                Answer {
                    replayed: false,
                    ..answer.clone()
                },
                *first,
                "{command}"
            );
        }
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "{command}");
        // A transaction is claimed by an event of its own.
        let events = if matches!(command, "confirm" | "payment") { 2 } else { 1 };
        assert_eq!(commands.events().await, before + events, "{command}");
    }
}

/// The same command with an item that leaves its price to the catalogue, which knows it.
async fn unpriced(commands: &Commands, command: &str, order_id: &str) -> Request {
    let product = json!({
        "ProductId": "77", "Version": 1, "UpdatedAt": "2026-11-20T12:00:00.000000Z",
        "Name": "n", "UnitPrice": "13.00", "Currency": "USD",
    });
    let product = serde_dynamo::to_item(product).unwrap();
    let put = commands.tables.dynamodb.put_item().table_name("Products");
    put.set_item(Some(product)).send().await.unwrap();
    let item = json!({ "product_id": "77", "quantity": 1 });
    let mut request = request(command, order_id);
    request.key = "key-1";
    match &mut request.body {
        Some(body) if command == "create" => body["items"] = json!([item]),
        body => *body = Some(item),
    }
    request
}

#[tokio::test]
async fn eight_at_once_without_a_price_have_one_effect_and_the_same_answer() {
    for command in ["create", "add"] {
        let commands = Commands::new().await;
        let order_id = commands.order_for(command).await;
        let before = commands.events().await;
        let keyed = unpriced(&commands, command, &order_id).await;
        let answers = join_all((0..8).map(|_| commands.send(&keyed))).await;
        assert!(
            answers.iter().all(|answer| answer.body == answers[0].body),
            "{answers:?}"
        );
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "{command}");
        assert_eq!(commands.events().await, before + 1, "{command}");
    }
}

#[tokio::test]
async fn a_creation_without_a_price_is_recognised_by_its_first_event_however_long_the_order_has_become() {
    let commands = Commands::new().await;
    let keyed = unpriced(&commands, "create", "").await;
    let first = commands.send(&keyed).await;
    let order_id = first.body["order_id"].as_str().unwrap();
    commands.twenty_further_events(order_id, true).await;
    commands.until_snapshot().await;
    commands.tables.proxy.take_operations();
    let repeated = commands.send(&keyed).await;
    let operations = commands.tables.proxy.take_operations();
    assert_eq!(operations, ["BatchGetItem", "PutItem", "Query"]);
    assert_eq!(
        repeated,
        Answer {
            replayed: true,
            ..first
        }
    );
}

#[tokio::test]
async fn a_key_that_was_used_for_another_request_is_refused() {
    for command in COMMANDS {
        let commands = Commands::new().await;
        let order_id = commands.order_for(command).await;
        let keyed = Request {
            key: "key-1",
            ..request(command, &order_id)
        };
        let first = commands.send(&keyed).await;
        assert!(first.status < 300, "{command}: {first:?}");
        let written = commands.events().await;

        let refused = commands.send(&other_request(&keyed)).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (422, &json!("idempotency_key_reused")),
            "{command}"
        );
        assert_eq!(commands.events().await, written, "{command}");
    }
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    for command in COMMANDS {
        let commands = Commands::new().await;
        let order_id = commands.order_for(command).await;
        let keyed = Request {
            key: "key-1",
            ..request(command, &order_id)
        };
        let first = commands.send(&keyed).await;
        let others = commands.send(&Request { user: "bob", ..keyed }).await;
        assert!(!others.replayed, "{command}");
        // A second order, a second piece, or what the rules say of doing it twice.
        match command {
            "create" => assert_ne!(others.body["order_id"], first.body["order_id"]),
            "add" => assert_eq!(others.body["version"], 3),
            "remove" => assert_eq!(others.body["code"], "item_not_found"),
            _ => assert_eq!(others.body["code"], "invalid_transition", "{command}"),
        }
    }
}

#[tokio::test]
async fn a_key_is_free_on_another_order() {
    for command in COMMANDS.into_iter().skip(1) {
        let commands = Commands::new().await;
        let orders = [commands.order_for(command).await, commands.order_for(command).await];
        let before = commands.events().await;
        let mut answered = BTreeSet::new();
        for order_id in &orders {
            let answer = commands
                .send(&Request {
                    key: "key-1",
                    ..request(command, order_id)
                })
                .await;
            assert!(answer.status == 200 && !answer.replayed, "{command}: {answer:?}");
            answered.insert(answer.body["order_id"].as_str().unwrap().to_owned());
        }
        assert_eq!(answered.len(), 2);
        let events = if matches!(command, "confirm" | "payment") { 4 } else { 2 };
        assert_eq!(commands.events().await, before + events, "{command}");
    }
}

#[tokio::test]
async fn a_request_that_was_refused_has_used_no_key() {
    let commands = Commands::new().await;
    let order_id = commands.order_for("deliver").await;
    let too_early = Request {
        key: "key-1",
        ..request("payment", &order_id)
    };
    assert_eq!(commands.send(&too_early).await.status, 409);
    let deliver = commands
        .send(&Request {
            key: "key-1",
            ..request("deliver", &order_id)
        })
        .await;
    assert!(deliver.status == 200 && !deliver.replayed, "{deliver:?}");
}

#[tokio::test]
async fn creating_with_a_key_costs_no_more() {
    let commands = Commands::new().await;
    let keyed = Request {
        key: "key-1",
        ..request("create", "")
    };
    let without = request("create", "");
    // The refused put brings the first event; one query shows that nothing of the key follows it.
    let expected: [&[&str]; 3] = [&["PutItem"], &["PutItem"], &["PutItem", "Query"]];
    for (request, expected) in [&without, &keyed, &keyed].into_iter().zip(expected) {
        commands.tables.proxy.take_operations();
        assert_eq!(commands.send(request).await.status, 201);
        assert_eq!(commands.tables.proxy.take_operations(), expected);
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_one_is_refused() {
    let commands = Commands::new().await;
    for key in ["two words", "schlüssel"] {
        let answer = commands
            .send(&Request {
                key,
                ..request("create", "")
            })
            .await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (400, &json!("malformed_header")),
            "{key}"
        );
    }
    assert_eq!(commands.events().await, 0);
}
