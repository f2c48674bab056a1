//! A store that is filled past the functions.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use chrono::{DateTime, Utc};
use domain::time::rfc3339_micros;
use dynamodb::shard_of;
use futures::{StreamExt, stream};
use lambda_edge::Environment;
use local_stack::template::Template;
use operations::{Difference, Observer, Replay};
use serde_json::{Value, json};
use uuid::Uuid;

/// `EVENT_TYPE_SHARDS` of template.yaml.
const SHARDS: u32 = 8;

/// template.yaml without streams: the embedded DynamoDB looks through a stream's records at every write, and nobody reads
/// them here.
pub fn template() -> Template {
    let mut template = Template::read("template.yaml".as_ref()).unwrap();
    for table in &mut template.tables {
        table.stream = None;
    }
    template
}

/// An event of an order, by its type, schema version and data.
pub fn put(id: Uuid, version: u64, (event_type, schema, data): (&str, u32, Value), at: DateTime<Utc>) -> WriteRequest {
    let shard = shard_of(&id.to_string(), SHARDS);
    let item = json!({
        "AggregateId": id,
        "Version": version,
        "AggregateType": "Order",
        "EventId": Uuid::now_v7(),
        "EventType": event_type,
        "EventVersion": schema,
        "EventData": data,
        "EventTypeShard": format!("{event_type}#{shard}"),
        "Timestamp": rfc3339_micros(at),
        "CommandId": Uuid::now_v7(),
        "CorrelationId": Uuid::now_v7(),
        "CausationId": Uuid::now_v7(),
        "UserId": Uuid::now_v7(),
    });
    let put = PutRequest::builder().set_item(Some(serde_dynamo::to_item(item).unwrap()));
    WriteRequest::builder().put_request(put.build().unwrap()).build()
}

/// Writes events into EventStore.
pub async fn write(dynamodb: &Client, puts: impl Iterator<Item = WriteRequest>) {
    stream::iter(puts)
        .chunks(25)
        .map(|batch| async {
            let write = dynamodb.batch_write_item().request_items("EventStore", batch);
            write.send().await.unwrap();
        })
        .buffer_unordered(4)
        .collect::<Vec<()>>()
        .await;
}

/// The environment of the function `replay`, with the names of all tables of rows.
pub fn replay_environment(template: &Template) -> Environment {
    let mut functions = template.functions.iter();
    let replay = functions.find(|function| function.binary == "replay").unwrap();
    replay.environment.clone().into_iter().collect()
}

/// Says nothing.
pub struct Quiet;

impl Observer for Quiet {
    fn progressed(&self, _: &Replay) {}
    fn found(&self, _: &Difference) {}
}
