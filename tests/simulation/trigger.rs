//! A trigger: reads a table's stream and delivers its records to a projection, worse than Lambda does.
//!
//! Several deliveries run at once. Records come in any batches, again, out of order, and late; what a crashed invocation
//! or a reported failure leaves undone comes again. None is lost.

use std::cell::RefCell;

use domain::Aggregate;
use domain::order::Order;
use serde_json::{Value, json};

use super::faults::chance;
use super::world::{Instance, World, pause};

/// The most records of one batch.
const MAX_BATCH: usize = 8;

pub struct Trigger<'a> {
    world: &'a World,
    pub binary: &'static str,
    stream: RefCell<Stream>,
    /// Read from the stream, and to be delivered yet.
    undelivered: RefCell<Vec<Value>>,
}

impl<'a> Trigger<'a> {
    pub fn new(world: &'a World, table: &str, binary: &'static str) -> Self {
        Self {
            world,
            binary,
            stream: RefCell::new(Stream::of(world, table)),
            undelivered: RefCell::default(),
        }
    }

    /// One of its deliveries, over and over, until the run is over.
    pub async fn deliver(&self, name: String) {
        let mut instance = self.world.instance(self.binary, &name);
        while !self.world.is_over() {
            pause(200).await;
            self.poll();
            let batch = self.draw_batch();
            self.deliver_batch(&mut instance, batch).await;
        }
    }

    /// Delivers what is left.
    pub async fn drain(&self) {
        let mut instance = self.world.instance(self.binary, self.binary);
        loop {
            self.poll();
            let batch: Vec<_> = self.undelivered.take();
            if batch.is_empty() {
                return;
            }
            for batch in batch.chunks(MAX_BATCH) {
                self.deliver_batch(&mut instance, batch.to_vec()).await;
            }
        }
    }

    fn poll(&self) {
        let mut records = self.stream.borrow_mut().read(self.world);
        // The template's filter: of the event store, projections get the events of orders.
        records.retain(|record| {
            let aggregate_type = record["dynamodb"]["NewImage"]["AggregateType"]["S"].as_str();
            aggregate_type.is_none_or(|of| of == Order::TYPE)
        });
        self.undelivered.borrow_mut().extend(records);
    }

    /// Takes some records.
    fn draw_batch(&self) -> Vec<Value> {
        let disorder = self.world.dynamodb.faults().disorder;
        let mut undelivered = self.undelivered.borrow_mut();
        let mut batch = Vec::new();
        for _ in 0..fastrand::usize(1..=MAX_BATCH) {
            if undelivered.is_empty() {
                break;
            }
            let position = if chance(disorder) {
                fastrand::usize(..undelivered.len())
            } else {
                0
            };
            let record = undelivered.remove(position);
            if chance(disorder / 4.0) {
                undelivered.push(record.clone());
            }
            batch.push(record);
        }
        batch
    }

    async fn deliver_batch(&self, instance: &mut Instance<'_>, batch: Vec<Value>) {
        if batch.is_empty() {
            return;
        }
        let answer = instance.invoke(json!({ "Records": batch })).await;
        let done = answer.map_or(0, |answer| done(&batch, &answer));
        let mut undelivered = self.undelivered.borrow_mut();
        undelivered.splice(0..0, batch.into_iter().skip(done));
    }
}

/// How many records of the batch need not come again: Lambda goes on at the first that is reported.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>
fn done(batch: &[Value], answer: &Value) -> usize {
    let failures = answer["batchItemFailures"].as_array().unwrap();
    let position = |failure: &Value| {
        let is_it = |record: &Value| record["dynamodb"]["SequenceNumber"] == failure["itemIdentifier"];
        // What is reported is a record of the batch.
        batch.iter().position(is_it).unwrap()
    };
    failures.iter().map(position).min().unwrap_or(batch.len())
}

/// A table's stream, read from its beginning.
pub struct Stream {
    iterator: Value,
}

impl Stream {
    pub fn of(world: &World, table: &str) -> Self {
        let ask = |operation, body| world.dynamodb.ask(operation, &body);
        let stream = &ask("ListStreams", json!({ "TableName": table }))["Streams"][0]["StreamArn"];
        let described = ask("DescribeStream", json!({ "StreamArn": stream }));
        // The embedded DynamoDB has one.
        let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
        let start = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        Self {
            iterator: ask("GetShardIterator", start)["ShardIterator"].take(),
        }
    }

    /// The records since the last call.
    pub fn read(&mut self, world: &World) -> Vec<Value> {
        let mut records = Vec::new();
        loop {
            let mut page = world
                .dynamodb
                .ask("GetRecords", &json!({ "ShardIterator": self.iterator }));
            let Value::Array(found) = page["Records"].take() else {
                panic!("GetRecords answers a list");
            };
            self.iterator = page["NextShardIterator"].take();
            if found.is_empty() {
                return records;
            }
            records.extend(found);
        }
    }
}
