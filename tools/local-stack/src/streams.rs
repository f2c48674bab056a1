//! Drives the template's stream triggers, as Lambda's event source mappings do, on any DynamoDB.
//!
//! - this module: one poller per trigger, and its progress
//! - `reader`: reads a trigger's stream, in rounds
//! - `shards`: which shards may be read
//! - `record`: a record as its function gets it
//! - `delivery`: a batch, until it is handled or given up
//! - `outcome`: the rules for that
//! - `checkpoints`: how far each trigger has come
//!
//! One thing differs from Lambda: a trigger reads its shards in turn, not at the same time.

mod checkpoints;
mod delivery;
mod outcome;
mod reader;
mod record;
mod shards;

use std::sync::Arc;

use aws_sdk_dynamodbstreams::Client as Streams;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bells::{Bells, LastRecords};
use crate::invoke::Functions;
use crate::stop::Stop;
use crate::template::{FunctionDefinition, StreamTrigger};
pub(crate) use checkpoints::Checkpoints;
use delivery::Delivery;
pub use delivery::FailedBatch;
pub(crate) use delivery::FailedBatches;
use reader::Reader;
pub(crate) use reader::{Pace, Progress};

/// A trigger's poller.
pub(crate) struct Poller {
    /// `function/event`.
    pub trigger: String,
    pub progress: watch::Receiver<Progress>,
    pub task: JoinHandle<()>,
}

/// What all pollers share.
pub(crate) struct PollerContext {
    pub streams: Streams,
    pub bells: Bells,
    pub last_records: LastRecords,
    pub pace: Pace,
    pub functions: Arc<Functions>,
    pub checkpoints: Arc<Checkpoints>,
    pub failed: FailedBatches,
    pub stop: Stop,
}

impl Poller {
    pub(crate) fn spawn(context: &PollerContext, function: &FunctionDefinition, trigger: &StreamTrigger) -> Self {
        let name = format!("{}/{}", function.binary, trigger.name);
        let (progress, watched) = watch::channel(Progress::default());
        let reader = Reader {
            trigger: name.clone(),
            streams: context.streams.clone(),
            bell: context.bells.of_table(&trigger.table),
            last_records: context.last_records.clone(),
            pace: context.pace,
            checkpoints: Arc::clone(&context.checkpoints),
            delivery: Delivery {
                function: function.clone(),
                trigger: trigger.clone(),
                functions: Arc::clone(&context.functions),
                failed: Arc::clone(&context.failed),
                stop: context.stop.clone(),
            },
            stop: context.stop.clone(),
            progress,
            stream: None,
        };
        Self {
            trigger: name,
            progress: watched,
            task: tokio::spawn(reader.run()),
        }
    }
}
