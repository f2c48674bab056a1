//! Messages that their function cannot handle: they hold nobody up, and those that it never can lie with the dead letters.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{TimeDelta, Utc};
use lambda_edge::{ConfigError, Environment, Function};
use lambda_runtime::{Context, LambdaEvent};
use local_stack::dynamodb::local_config;
use messages::events::OrderDelivered;
use messages::{Body, Message};
use run::FUNCTIONS;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fulfilment::body;
use crate::inventory::{in_an_hour, message, record, reserve};
use crate::support::api::{function, options};
use crate::support::roles::resources;
use crate::support::{Api, environment, template, template_of, until};

/// Each queue, with a type of message that its rule puts there.
const QUEUES: [(&str, &str); 6] = [
    ("FulfilmentQueue", "OrderConfirmed"),
    ("InventoryCommandsQueue", "ReserveStock"),
    ("NotificationsQueue", "OrderConfirmed"),
    ("OrderCommandsQueue", "ConfirmOrder"),
    ("PaymentCommandsQueue", "TakePayment"),
    ("StockLevelsQueue", "StockLevelChanged"),
];

/// Puts events on the bus that need be no messages.
async fn put(api: &Api, events: impl IntoIterator<Item = (&str, Value)>) {
    let entries: Vec<_> = events
        .into_iter()
        .map(|(kind, detail)| {
            json!({
                "EventBusName": "orders", "Source": "tests", "DetailType": kind, "Detail": detail.to_string(),
            })
        })
        .collect();
    let request = crate::support::http().post(api.stack.events_endpoint().unwrap());
    let request = request.header("x-amz-target", "AWSEvents.PutEvents");
    let answer = request
        .body(json!({ "Entries": entries }).to_string())
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
}

/// The queue that each dead letter comes from, and why, in order.
fn dead(api: &Api) -> Vec<(String, String)> {
    let dead = api.stack.dead_messages().into_iter().map(|dead| {
        assert_eq!((dead.queue.as_str(), dead.receives), ("DeadMessages", 0), "{dead:?}");
        let from = dead.attributes["Queue"].rsplit(':').next().unwrap().to_owned();
        (from, dead.attributes["Reason"].clone())
    });
    let mut dead: Vec<_> = dead.collect();
    dead.sort();
    dead
}

#[tokio::test]
async fn what_nobody_can_read_or_handles_is_given_up_at_once_and_everything_else_handled() {
    let consumed = template().functions.into_iter().flat_map(|function| function.queues);
    let mut consumed: Vec<_> = consumed.map(|trigger| trigger.queue).collect();
    consumed.sort();
    assert_eq!(consumed, QUEUES.map(|(queue, _)| queue));

    // Whoever takes messages from a queue may give them up, and send to nobody else.
    let resources = resources();
    for function in template().functions {
        let role = &resources[format!("{}Role", function.logical_id.trim_end_matches("Function"))];
        let statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
            .as_array()
            .unwrap();
        let sends = statements
            .iter()
            .filter(|statement| statement["Action"] == "sqs:SendMessage");
        let to: Vec<_> = sends.map(|statement| &statement["Resource"]).collect();
        if !function.queues.is_empty() {
            assert_eq!(to, ["DeadMessages.Arn"], "{}", function.binary);
        }
    }

    let api = Api::start().await;
    api.stock_up("QC-1", 10).await;
    let unreadable =
        |kind: &str| json!({ "type": kind, "dataschema": format!("urn:ordermaster:{kind}:1"), "data": {} });
    let unhandled = Body::OrderDelivered(OrderDelivered {
        order_id: Uuid::nil().to_string().parse().unwrap(),
        customer_id: "VINET".parse().unwrap(),
    });
    let unhandled = json!(Message::new(Uuid::nil(), "order", Utc::now(), unhandled));
    let reserved = ("ReserveStock", json!(message(1, reserve(1, 4, in_an_hour()))));
    let kinds: BTreeSet<_> = QUEUES.iter().map(|(_, kind)| *kind).collect();
    let broken = kinds.iter().map(|kind| (*kind, unreadable(kind)));
    put(&api, broken.chain([reserved])).await;
    put(&api, kinds.iter().map(|kind| (*kind, unhandled.clone()))).await;
    api.stack.caught_up().await.unwrap();
    assert_eq!(api.stock("QC-1").await, (10, 4));
    let dead = dead(&api);
    let from: Vec<_> = dead.iter().map(|(queue, _)| queue.as_str()).collect();
    assert_eq!(from, QUEUES.map(|(queue, _)| [queue; 2]).concat());
    let unread = dead
        .iter()
        .filter(|(_, reason)| reason.starts_with("it cannot be read, at line"));
    assert_eq!(unread.count(), QUEUES.len(), "{dead:?}");
    let metrics = api.request(reqwest::Method::GET, "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for function in ["fulfilment", "stock-levels-projection"] {
        let series = format!("queue_messages_given_up_total{{function=\"{function}\"}}");
        assert!(metrics.contains(&series), "{metrics}");
    }
}

/// Whether inventory-commands knows the schema in which the pieces of the SKU `NEW-1` are asked for.
static HAS_COME: AtomicBool = AtomicBool::new(false);
/// How often older code has met it.
static MET: AtomicUsize = AtomicUsize::new(0);

/// inventory-commands, which at first is older than some of its messages.
fn becomes_newer(environment: &Environment, config: &SdkConfig) -> Result<Function, ConfigError> {
    let inventory = function(environment, config)?;
    Ok(Function::new(move |mut event: LambdaEvent<Value>| {
        let inventory = inventory.clone();
        async move {
            for record in event
                .payload
                .get_mut("Records")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                let body = record["body"].as_str().unwrap_or_default();
                if body.contains("NEW-1") && !HAS_COME.load(Ordering::SeqCst) {
                    record["body"] = json!(body.replace("ReserveStock:1", "ReserveStock:2"));
                    MET.fetch_add(1, Ordering::SeqCst);
                }
            }
            inventory.invoke(event.payload, event.context).await
        }
    }))
}

#[tokio::test]
async fn a_message_of_newer_code_holds_nobody_up_and_is_handled_once_the_code_has_come() {
    let options = options(true);
    let api = Api::start_replacing("inventory-commands", becomes_newer, template_of(&options), options).await;
    api.stock_up("NEW-1", 9).await;
    api.stock_up("OLD-1", 9).await;
    let newer = api.submit(body(&[("NEW-1", 1)]), "pm_visa").await;
    until("it to come again", async || MET.load(Ordering::SeqCst) > 1).await;
    let other = api.submit(body(&[("OLD-1", 1)]), "pm_visa").await;
    api.fulfilment_is(&other, "awaiting_shipment").await;
    assert_eq!((api.stock("NEW-1").await, api.stock("OLD-1").await), ((9, 0), (9, 1)));

    HAS_COME.store(true, Ordering::SeqCst);
    api.fulfilment_is(&newer, "awaiting_shipment").await;
    assert_eq!(api.stock("NEW-1").await, (9, 1));
    assert_eq!(dead(&api), []);
}

#[tokio::test]
async fn what_is_newer_than_the_code_is_given_up_after_an_hour_and_what_is_damaged_at_once() {
    let api = Api::start().await;
    api.stock_up("QC-1", 10).await;
    let endpoint = api.stack.events_endpoint().unwrap();
    let environment = environment(&template(), "inventory-commands", &[("AWS_ENDPOINT_URL_SQS", endpoint)]);
    let (_, constructor) = FUNCTIONS
        .iter()
        .find(|(name, _)| *name == "inventory-commands")
        .unwrap();
    let config = local_config(api.stack.dynamodb_endpoint()).await;
    // The ids of the messages that are to come again.
    let deliver = async |message: &Message, minutes: i64| {
        let mut record = record(message);
        let first = Utc::now() - TimeDelta::minutes(minutes);
        record["attributes"]["ApproximateFirstReceiveTimestamp"] = json!(first.timestamp_millis().to_string());
        // It has been in the queue for longer.
        record["attributes"]["SentTimestamp"] = json!("1");
        record["eventSourceARN"] = json!("arn:aws:sqs:us-east-1:000000000000:InventoryCommandsQueue");
        let function = constructor(&environment, &config).unwrap();
        let answer = function
            .invoke(json!({ "Records": [record] }), Context::default())
            .await;
        answer.unwrap()["batchItemFailures"].as_array().unwrap().len()
    };
    let today = message(1, reserve(1, 4, in_an_hour()));
    let mut newer = today.clone();
    newer.dataschema = "urn:ordermaster:ReserveStock:2".to_owned();
    assert_eq!((deliver(&newer, 59).await, dead(&api).len()), (1, 0));
    assert_eq!((deliver(&newer, 61).await, dead(&api).len()), (0, 1));

    // The message is of today, and the stock has an event of newer code, or one that nobody can read.
    let event = async |name: &str, value: AttributeValue| {
        let update = api.stack.dynamodb().update_item().table_name("EventStore");
        let update = update.key("AggregateId", AttributeValue::S("stock-QC-1".to_owned()));
        let update = update.key("Version", AttributeValue::N("1".to_owned()));
        let update = update.update_expression("SET #name = :value");
        let update = update.expression_attribute_names("#name", name);
        update
            .expression_attribute_values(":value", value)
            .send()
            .await
            .unwrap();
    };
    event("EventVersion", AttributeValue::N("99".to_owned())).await;
    assert_eq!((deliver(&today, 59).await, dead(&api).len()), (1, 1));
    assert_eq!((deliver(&today, 61).await, dead(&api).len()), (0, 2));
    event("EventVersion", AttributeValue::N("0".to_owned())).await;
    assert_eq!((deliver(&today, 0).await, dead(&api).len()), (0, 3));
    event("EventVersion", AttributeValue::N("1".to_owned())).await;
    assert_eq!((deliver(&today, 61).await, dead(&api).len()), (0, 3));
    assert_eq!(api.stock("QC-1").await, (10, 4));
}
