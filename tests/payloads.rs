//! Every sample in `events/` is real: it passes through its function and has the effect that its name says.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use chrono::{TimeDelta, Utc};
use domain::Aggregate;
use domain::fulfilment::{Fulfilment, FulfilmentEvent, Step};
use domain::order::{ConfirmationNumber, Order, OrderEvent, OrderStatus, Tax, TaxRate, Terms};
use domain::payment::{Payment, PaymentStatus};
use domain::stock::Stock;
use lambda_edge::Constructor;
use lambda_runtime::Context;
use operations::{Plan, Purpose, Replay, Replayer, Scope, Status};
use run::FUNCTIONS;
use serde_json::{Value, json};
use timers::{Timer, Timers};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::orders::{item, metadata, submitted, terms};
use crate::support::{Tables, project};

/// The order that all samples speak of.
const ORDER_ID: &str = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";

/// The samples with which functions have been invoked.
static INVOKED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn sample(function: &str, name: &str) -> Value {
    let path = project().join("events").join(function).join(format!("{name}.json"));
    let mut sample: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // Rows are as this code writes them, or they would not be looked at.
    let records = sample.get_mut("Records").and_then(Value::as_array_mut);
    for record in records.into_iter().flatten() {
        for image in ["/dynamodb/OldImage", "/dynamodb/NewImage"] {
            if let Some(image) = record
                .pointer_mut(image)
                .filter(|image| image.get("Generation").is_some())
            {
                image["StateVersion"] = json!({ "N": Order::STATE_VERSION.to_string() });
            }
        }
    }
    sample
}

async fn invoke(tables: &Tables, binary: &str, name: &str) -> Value {
    invoke_with(tables, binary, name, &[]).await
}

/// The same with some variables changed.
async fn invoke_with(tables: &Tables, binary: &str, name: &str, changed: &[(&str, &str)]) -> Value {
    INVOKED.lock().unwrap().insert(format!("{binary}/{name}.json"));
    let constructor: Constructor = FUNCTIONS.iter().find(|(name, _)| *name == binary).unwrap().1;
    constructor(&tables.environment_with(binary, changed), &tables.config)
        .unwrap()
        .invoke(sample(binary, name), Context::default())
        .await
        .unwrap()
}

/// The order of `create-order.json`, and what has happened to it since.
async fn given(tables: &Tables, events: &[OrderEvent]) {
    let mut singapore = item("42", 10);
    singapore.unit_price = "9.80".parse().unwrap();
    let created = OrderEvent::OrderCreated {
        terms: Terms {
            currency: "EUR".parse().unwrap(),
            tax: Tax {
                rate: TaxRate::try_from("0.055".parse::<rust_decimal::Decimal>().unwrap()).unwrap(),
                jurisdiction: None,
            },
            ..terms()
        },
        items: vec![item("11", 12), singapore],
    };
    let events: Vec<_> = std::iter::once(created).chain(events.iter().cloned()).collect();
    tables
        .store()
        .append::<Order>(ORDER_ID, 0, &events, &metadata())
        .await
        .unwrap();
}

fn confirmed() -> OrderEvent {
    OrderEvent::OrderConfirmed {
        payment_method_id: "pm".parse().unwrap(),
        confirmation_number: ConfirmationNumber::from_uuid(Uuid::nil()),
    }
}

fn shipped() -> OrderEvent {
    OrderEvent::OrderShipped {
        tracking_number: "1Z".parse().unwrap(),
        carrier: "Federal Shipping".parse().unwrap(),
    }
}

/// All samples in one test, so that it knows whether it has had them all.
#[tokio::test]
async fn every_sample_has_its_effect() {
    each_command_is_accepted_in_its_status().await;
    each_query_finds_the_order().await;
    each_batch_is_projected_without_failures().await;
    each_admin_request_is_answered().await;
    each_put_creates_what_is_read_then().await;
    each_message_changes_the_stock_that_was_set().await;
    each_message_changes_the_order().await;
    each_message_takes_the_fulfilment_further().await;
    each_message_carries_the_payment_on().await;
    each_event_is_told_on_the_bus().await;
    timers_that_are_due_are_told_on_the_bus().await;
    each_level_is_projected_and_found().await;
    the_description_is_answered().await;
    each_replay_is_requested_and_carried_out().await;

    let mut there = BTreeSet::new();
    for folder in std::fs::read_dir(project().join("events")).unwrap() {
        let folder = folder.unwrap();
        let function = folder.file_name().into_string().unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            there.insert(format!(
                "{function}/{}",
                file.unwrap().file_name().into_string().unwrap()
            ));
        }
    }
    assert_eq!(there, *INVOKED.lock().unwrap());
    let with_samples: BTreeSet<_> = there.iter().map(|path| path.split('/').next().unwrap()).collect();
    let built: BTreeSet<_> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(with_samples, built);
}

/// Each sample of order-commands: the events before it (`None`: no order yet), and what it answers.
fn command_samples() -> [(&'static str, Option<Vec<OrderEvent>>, u16, &'static str); 11] {
    [
        ("create-order", None, 201, "created"),
        ("add-order-item", Some(vec![]), 200, "created"),
        ("remove-order-item", Some(vec![]), 200, "created"),
        ("correct-shipping-address", Some(vec![submitted()]), 200, "submitted"),
        ("change-reference", Some(vec![]), 200, "created"),
        ("submit-order", Some(vec![]), 200, "submitted"),
        ("confirm-order", Some(vec![submitted()]), 200, "confirmed"),
        ("record-payment", Some(vec![submitted(), confirmed()]), 200, "paid"),
        ("ship-order", Some(vec![submitted(), confirmed()]), 200, "shipped"),
        (
            "deliver-order",
            Some(vec![submitted(), confirmed(), shipped()]),
            200,
            "delivered",
        ),
        ("cancel-order", Some(vec![]), 200, "cancelled"),
    ]
}

const REPORT_QUERIES: [&str; 1] = ["get-daily-orders"];
const ORDER_QUERIES: [&str; 10] = [
    "get-order",
    "get-order-history",
    "get-order-events",
    "get-order-fulfilment",
    "get-fulfilment-history",
    "get-payment-history",
    "get-health",
    "get-orders",
    "get-orders-by-status",
    "search-orders",
];
const CUSTOMER_QUERIES: [&str; 6] = [
    "get-customers",
    "get-customer",
    "get-customer-orders",
    "get-customer-orders-by-status",
    "get-customer-order-summary",
    "get-customer-notifications",
];
/// In their order: what was put is found.
const CATALOGUE: [(&str, u16); 4] = [
    ("put-product", 201),
    ("get-product", 200),
    ("get-products", 200),
    ("retire-product", 200),
];
const CUSTOMER_COMMANDS: [(&str, u16); 2] = [("put-customer", 201), ("retire-customer", 200)];
/// In their order: what was set and received is reserved, released and found.
const INVENTORY_COMMANDS: [&str; 2] = ["put-stock", "receive-stock"];
const INVENTORY_MESSAGES: [&str; 3] = ["reserve-stock", "release-stock", "commit-stock"];
const INVENTORY_QUERIES: [&str; 3] = ["get-stock", "get-stocks", "get-low-stocks"];
/// With the version of the row that each leaves.
const LEVEL_BATCHES: [(&str, u64); 2] = [("stock-level-changed", 1), ("out-of-order-and-twice", 3)];
/// From the newest message to the oldest.
/// Each with what the customer is told, and whether it is still so; newest first.
const NOTIFICATIONS: [(&str, &str, &str); 4] = [
    ("payment-method-needed", "payment_failed", "outdated"),
    ("order-cancelled", "order_cancelled", "sent"),
    ("order-shipped", "order_shipped", "sent"),
    ("order-paid", "order_confirmed", "sent"),
];
/// Each with the events before it, and the status that it leaves.
fn order_messages() -> [(&'static str, Vec<OrderEvent>, OrderStatus); 4] {
    [
        ("message-confirm-order", vec![submitted()], OrderStatus::Confirmed),
        (
            "message-record-payment",
            vec![submitted(), confirmed()],
            OrderStatus::Paid,
        ),
        // Something is due: it is refused.
        ("message-confirm-free-order", vec![submitted()], OrderStatus::Submitted),
        ("message-cancel-order", vec![submitted()], OrderStatus::Cancelled),
    ]
}
/// In their order, each with what the process waits for after it.
const FULFILMENT: [(&str, &[Step]); 4] = [
    ("order-submitted", &[Step::ReserveStock]),
    ("inventory-reserved", &[Step::TakePayment]),
    // Of a step that was answered.
    ("timer-due", &[Step::TakePayment]),
    ("payment-processed", &[Step::ConfirmOrder, Step::HoldStock]),
];
/// In their order, each with what becomes of the payment.
const PAYMENT_COMMANDS: [(&str, PaymentStatus); 2] = [
    ("take-payment", PaymentStatus::Captured),
    ("return-payment", PaymentStatus::Refunded),
];
/// Each with the message that it puts on the bus.
const EVENT_RELAY: [(&str, &str); 2] = [
    ("order-submitted", "OrderSubmitted"),
    ("reservation-requested", "ReserveStock"),
];
const FIRE_TIMERS: &str = "every-minute";
const DOCS: [&str; 2] = ["get-description", "get-docs"];
/// With the status that each answers when nothing is parked.
const ADMIN: [(&str, u16); 7] = [
    ("query-events", 200),
    ("list-attention", 200),
    ("list-parked", 200),
    ("get-parked", 404),
    ("redrive-parked", 404),
    ("redrive-all-parked", 200),
    ("get-projections", 200),
];
const EVENT_BATCHES: [&str; 3] = ["order-created", "out-of-order-and-twice", "unknown-event-in-the-middle"];
/// With the status of the row that each leaves.
const ROW_BATCHES: [(&str, &str); 2] = [("order-inserted", "created"), ("order-modified", "submitted")];

/// With the status of the replay that each answers; the last one is a batch of the stream.
const REPLAYS: [(&str, &str); 3] = [
    ("rebuild-everything", "requested"),
    ("verify-order", "requested"),
    ("get-replay", "requested"),
];
const REPLAY_BATCH: &str = "replay-requested";
/// The replay that the samples speak of.
const REPLAY_ID: &str = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3d";

async fn each_command_is_accepted_in_its_status() {
    for (name, history, status_code, status) in command_samples() {
        let tables = Tables::new().await;
        if let Some(history) = history {
            given(&tables, &history).await;
        }
        let answer = invoke(&tables, "order-commands", name).await;
        assert_eq!(answer["statusCode"], status_code, "{name}: {answer}");
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["status"], status, "{name}");
        // The authorizer's `sub` is who did it.
        let order_id = body["order_id"].as_str().unwrap();
        let events = tables.store().events(order_id, 1, None).await.unwrap();
        let user = events.last().unwrap().metadata.user_id.as_deref();
        assert_eq!(user, Some("0f8fad5b-d9cb-469f-a165-70867728950e"), "{name}");
    }
}

async fn each_query_finds_the_order() {
    let tables = Tables::new().await;
    given(&tables, &[submitted(), confirmed(), shipped()]).await;
    invoke(&tables, "order-summary-projection", "order-created").await;
    let rows = tables.items("OrderSummary").await;
    assert_eq!(rows.len(), 1);
    invoke(&tables, "customer-orders-projection", "order-modified").await;
    for name in ["order-inserted", "order-modified"] {
        invoke(&tables, "order-index-projection", name).await;
    }
    invoke(&tables, "customer-commands", "put-customer").await;
    invoke(&tables, "fulfilment", "order-submitted").await;
    invoke(&tables, "payment-commands", "take-payment").await;
    for (name, ..) in NOTIFICATIONS {
        let answer = invoke(&tables, "notifications", name).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{name}");
    }
    let mut answers = Vec::new();
    for (binary, names) in [
        ("order-queries", &ORDER_QUERIES[..]),
        ("customer-queries", &CUSTOMER_QUERIES),
        ("report-queries", &REPORT_QUERIES),
    ] {
        for name in names {
            let answer = invoke(&tables, binary, name).await;
            assert_eq!(answer["statusCode"], 200, "{name}: {answer}");
            answers.push(serde_json::from_str::<Value>(answer["body"].as_str().unwrap()).unwrap());
        }
    }
    let [
        order,
        history,
        events,
        fulfilment,
        process,
        payment,
        health,
        all,
        all_shipped,
        found,
        customers,
        customer,
        orders,
        shipped_orders,
        summary,
        notifications,
        day,
    ] = answers.try_into().unwrap();
    assert_eq!(
        (&order["status"], &order["total_amount"]),
        (&json!("shipped"), &json!("280.63"))
    );
    assert_eq!(order["customer_name"], customer["name"]);
    assert_eq!(history["data"].as_array().unwrap().len(), 4);
    assert_eq!(events["data"][3]["event_type"], "OrderShipped");
    assert_eq!(fulfilment["timers"][0]["step"], "reserve_stock");
    assert_eq!(process["data"][0]["details"]["event"], "FulfilmentStarted");
    assert_eq!(payment["data"][2]["status"], "captured");
    assert_eq!(customers["data"], json!([customer]));
    assert_eq!(health["status"], "healthy");
    assert_eq!(all_shipped["data"][0]["total_amount"], "280.63");
    assert_eq!(all, all_shipped);
    assert_eq!(orders["data"][0]["status"], "submitted");
    assert_eq!(shipped_orders["data"], json!([]));
    assert_eq!(found["data"][0]["status"], "shipped");
    assert_eq!(summary["by_status"], json!({ "submitted": 1 }));
    let told: Vec<_> = notifications["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|told| [told["template"].as_str().unwrap(), told["status"].as_str().unwrap()])
        .collect();
    assert_eq!(told, NOTIFICATIONS.map(|(_, template, status)| [template, status]));
    assert_eq!(
        day["revenue"],
        json!([{ "currency": "EUR", "gross": "280.63", "net": "280.63" }])
    );
}

async fn each_batch_is_projected_without_failures() {
    for name in EVENT_BATCHES {
        let tables = Tables::new().await;
        given(&tables, &[submitted()]).await;
        if name == "unknown-event-in-the-middle" {
            put_unknown_event(&tables).await;
        }
        let answer = invoke(&tables, "order-summary-projection", name).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{name}");
        let rows = tables.items("OrderSummary").await;
        assert_eq!(rows[0]["Version"], AttributeValue::N("2".to_owned()), "{name}");
        let parked = tables.items("ParkedEvents").await.len();
        assert_eq!(parked, usize::from(name == "unknown-event-in-the-middle"), "{name}");
    }
    for (name, status) in ROW_BATCHES {
        let tables = Tables::new().await;
        for (projection, table) in [
            ("customer-orders-projection", "CustomerOrders"),
            ("order-index-projection", "DailyOrders"),
        ] {
            let answer = invoke(&tables, projection, name).await;
            assert_eq!(answer, json!({ "batchItemFailures": [] }), "{name}");
            let rows = tables.rows(table).await;
            assert_eq!(rows[0]["Status"], AttributeValue::S(status.to_owned()), "{name}");
        }
    }
}

/// The event that `unknown-event-in-the-middle.json` tells of.
async fn put_unknown_event(tables: &Tables) {
    let image =
        sample("order-summary-projection", "unknown-event-in-the-middle")["Records"][1]["dynamodb"]["NewImage"].clone();
    let image: serde_dynamo::Item = serde_json::from_value(image).unwrap();
    tables
        .dynamodb
        .put_item()
        .table_name("EventStore")
        .set_item(Some(image.into()))
        .send()
        .await
        .unwrap();
}

async fn each_admin_request_is_answered() {
    let tables = Tables::new().await;
    for (name, status) in ADMIN {
        let answer = invoke(&tables, "admin", name).await;
        assert_eq!(answer["statusCode"], status, "{name}: {answer}");
    }
    assert_eq!(invoke(&tables, "admin", "every-minute").await, json!({ "applied": 0 }));
}

async fn each_put_creates_what_is_read_then() {
    let tables = Tables::new().await;
    for (binary, samples) in [("catalogue", &CATALOGUE[..]), ("customer-commands", &CUSTOMER_COMMANDS)] {
        for (name, status) in samples {
            let answer = invoke(&tables, binary, name).await;
            assert_eq!(answer["statusCode"], *status, "{name}: {answer}");
        }
    }
}

async fn each_message_changes_the_stock_that_was_set() {
    let tables = Tables::new().await;
    let mut answers = Vec::new();
    for name in INVENTORY_COMMANDS {
        let answer = invoke(&tables, "inventory-commands", name).await;
        assert_eq!(answer["statusCode"], 200, "{name}: {answer}");
    }
    let history = invoke(&tables, "inventory-queries", "get-stock-history").await;
    let history: Value = serde_json::from_str(history["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        history["data"].as_array().unwrap().last().unwrap()["details"]["on_hand_after"],
        160
    );
    for name in INVENTORY_MESSAGES {
        let answer = invoke(&tables, "inventory-commands", name).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{name}");
        let stock = tables.store().load::<Stock>("stock-QC-1").await.unwrap().state.unwrap();
        answers.push((stock.on_hand.get(), stock.reserved().get()));
    }
    // What was released is not reserved any more; it has left the warehouse all the same.
    assert_eq!(answers, [(160, 12), (160, 0), (148, 0)]);
}

async fn each_message_changes_the_order() {
    for (name, history, status) in order_messages() {
        let tables = Tables::new().await;
        given(&tables, &history).await;
        let answer = invoke(&tables, "order-commands", name).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{name}");
        let order = tables.store().load::<Order>(ORDER_ID).await.unwrap().state.unwrap();
        assert_eq!(order.status, status, "{name}");
    }
}

async fn each_message_takes_the_fulfilment_further() {
    let tables = Tables::new().await;
    for (name, steps) in FULFILMENT {
        let answer = invoke(&tables, "fulfilment", name).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{name}");
        let id = format!("fulfilment-{ORDER_ID}");
        let process = tables.store().load::<Fulfilment>(&id).await.unwrap().state.unwrap();
        assert!(process.waiting.keys().eq(steps), "{name}: {:?}", process.waiting);
    }
    let store = tables.store();
    let id = format!("fulfilment-{ORDER_ID}");
    let version = store.load::<Fulfilment>(&id).await.unwrap().version;
    let needs_attention = FulfilmentEvent::FulfilmentNeedsAttention {
        code: "refund_refused".to_owned(),
        detail: "The payment does not go back".to_owned(),
    };
    store
        .append::<Fulfilment>(&id, version, &[needs_attention], &metadata())
        .await
        .unwrap();
    let answer = invoke(&tables, "fulfilment", "settle").await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
}

async fn each_message_carries_the_payment_on() {
    let tables = Tables::new().await;
    for (name, status) in PAYMENT_COMMANDS {
        let answer = invoke(&tables, "payment-commands", name).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{name}");
        let id = format!("payment-{ORDER_ID}");
        let payment = tables.store().load::<Payment>(&id).await.unwrap().state.unwrap();
        assert_eq!(payment.status, status, "{name}");
    }
}

/// A bus that takes everything: where it is, and what it was given.
pub(crate) async fn bus() -> (String, Arc<Mutex<Vec<Value>>>) {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let put = {
        let taken = taken.clone();
        async move |request: Bytes| {
            let request: Value = serde_json::from_slice(&request).unwrap();
            let entries = request["Entries"].as_array().unwrap().iter();
            let details =
                entries.map(|entry| serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap()).unwrap());
            let details: Vec<_> = details.collect();
            let results = vec![json!({ "EventId": "1" }); details.len()];
            taken.lock().unwrap().extend(details);
            json!({ "FailedEntryCount": 0, "Entries": results }).to_string()
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = Router::new().route("/", post(put));
    tokio::spawn(async move { axum::serve(listener, server).await });
    (endpoint, taken)
}

async fn each_event_is_told_on_the_bus() {
    let tables = Tables::new().await;
    given(&tables, &[submitted()]).await;
    invoke(&tables, "fulfilment", "order-submitted").await;
    let (endpoint, taken) = bus().await;
    let changed = [("AWS_ENDPOINT_URL_EVENTBRIDGE", endpoint.as_str())];
    for (name, message) in EVENT_RELAY {
        let answer = invoke_with(&tables, "event-relay", name, &changed).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{name}");
        let told: Vec<_> = taken.lock().unwrap().drain(..).collect();
        let types: Vec<_> = told.iter().map(|told| &told["type"]).collect();
        assert_eq!(types, [message], "{name}");
        assert_eq!(told[0]["data"]["order_id"], ORDER_ID, "{name}");
    }
}

async fn timers_that_are_due_are_told_on_the_bus() {
    let tables = Tables::new().await;
    let dynamodb = tables.client.clone();
    let timers = Timers::from_env(&tables.environment("fire-timers"), dynamodb).unwrap();
    let now = Utc::now();
    let timer = Timer::of(ORDER_ID.parse().unwrap(), Step::Ship, now);
    timers.set(&timer, now).await.unwrap();
    let (endpoint, taken) = bus().await;
    let changed = [("AWS_ENDPOINT_URL_EVENTBRIDGE", endpoint.as_str())];
    for fired in [1, 0] {
        let answer = invoke_with(&tables, "fire-timers", FIRE_TIMERS, &changed).await;
        assert_eq!(answer, json!({ "fired": fired }));
    }
    let told = taken.lock().unwrap().clone();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["type"], &told[0]["data"]["step"]),
        (&json!("TimerDue"), &json!("ship"))
    );
}

#[tokio::test]
async fn the_first_firing_begins_with_the_earliest_timer() {
    let tables = Tables::new().await;
    let timers = Timers::from_env(&tables.environment("fire-timers"), tables.dynamodb.clone()).unwrap();
    let now = Utc::now();
    let none = timers.open_minutes(now).await.unwrap();
    assert!(none.len() < 10, "{none:?}");
    for hours in [3, 50, 1, -1] {
        let due_at = now - TimeDelta::hours(hours);
        let timer = Timer::of(ORDER_ID.parse().unwrap(), Step::Ship, due_at);
        timers.set(&timer, due_at).await.unwrap();
    }
    let minutes = timers.open_minutes(now).await.unwrap();
    let earliest = now - TimeDelta::hours(50);
    assert!(minutes[0] <= earliest && earliest < minutes[1], "{}", minutes[0]);

    let (first, rest) = minutes.split_first().unwrap();
    timers.done(std::slice::from_ref(first), now).await.unwrap();
    assert_eq!(timers.open_minutes(now).await.unwrap(), rest);
}

async fn each_level_is_projected_and_found() {
    for (name, version) in LEVEL_BATCHES {
        let tables = Tables::new().await;
        let answer = invoke(&tables, "stock-levels-projection", name).await;
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{name}");
        let mut found = Vec::new();
        for query in INVENTORY_QUERIES {
            let answer = invoke(&tables, "inventory-queries", query).await;
            assert_eq!(answer["statusCode"], 200, "{query}: {answer}");
            found.push(serde_json::from_str::<Value>(answer["body"].as_str().unwrap()).unwrap());
        }
        let [stock, all, low] = found.try_into().unwrap();
        assert_eq!(stock["version"], version, "{name}");
        assert_eq!(all["data"], json!([stock]));
        let is_low = stock["low_stock"].as_bool().unwrap();
        assert_eq!(low["data"].as_array().unwrap().len(), usize::from(is_low));
    }
}

async fn the_description_is_answered() {
    let tables = Tables::new().await;
    for name in DOCS {
        let answer = invoke(&tables, "docs", name).await;
        assert_eq!(
            (&answer["statusCode"], &answer["isBase64Encoded"]),
            (&json!(200), &json!(false))
        );
    }
}

async fn each_replay_is_requested_and_carried_out() {
    let tables = Tables::new().await;
    given(&tables, &[submitted()]).await;
    let dynamodb = tables.client.clone();
    let replayer = Replayer::from_env(&tables.environment("replay"), dynamodb).unwrap();
    let plan = Plan::new(Purpose::Rebuild, Scope::Everything, &replayer.read_models());
    let requested = Replay {
        replay_id: REPLAY_ID.to_owned(),
        ..Replay::new(plan, Status::Requested, None)
    };
    replayer.replays().create(&requested).await.unwrap();
    for (name, status) in REPLAYS {
        let answer = invoke(&tables, "replay", name).await;
        assert_eq!(answer["status"], status, "{name}: {answer}");
    }
    let answer = invoke(&tables, "replay", REPLAY_BATCH).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(tables.items("OrderSummary").await.len(), 1);
    assert_eq!(invoke(&tables, "replay", "get-replay").await["status"], "done");
}
