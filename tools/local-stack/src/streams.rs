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
use std::time::Duration;

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

/// What a poller has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Rounds that read every shard there is.
    pub rounds: usize,
    /// Records dealt with, counted after their batch.
    pub records: usize,
    /// A round has found nothing left to read.
    pub has_caught_up: bool,
}

/// How often a stream is looked at that has nothing new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The longest pause between two looks for records.
    longest_pause: Duration,
    /// The pause between two looks for new shards, and for another stream of the table.
    describe_interval: Duration,
}

impl Pace {
    /// For a DynamoDB that has to be asked. The children of a shard may be listed only some time after its end, and someone waits
    /// for their records; DescribeStream allows ten calls a second.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_DescribeStream.html>
    pub(crate) const ASKING: Self = Self {
        longest_pause: Duration::from_secs(1),
        describe_interval: Duration::from_secs(2),
    };

    /// For the embedded DynamoDB, which rings when there are records. Each of its streams is one shard that never ends.
    pub(crate) const WITH_BELLS: Self = Self {
        longest_pause: Duration::from_secs(30),
        describe_interval: Duration::from_secs(60 * 60),
    };
}

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
