//! Reads a trigger's stream and hands over what is there.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodbstreams::Client as Streams;
use aws_sdk_dynamodbstreams::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodbstreams::operation::get_records::{GetRecordsError, GetRecordsOutput};
use aws_sdk_dynamodbstreams::operation::get_shard_iterator::GetShardIteratorError;
use aws_sdk_dynamodbstreams::types::{Shard, ShardIteratorType};
use tokio::sync::watch;
use tokio::time::Instant;

use super::checkpoints::Checkpoints;
use super::delivery::{Delivery, Source};
use super::record::StreamRecord;
use super::shards::Shards;
use crate::batches::backoff;
use crate::bells::LastRecords;
use crate::cause::sdk_cause;
use crate::stop::Stop;

/// The pause after the first look that found nothing; each one after that is twice as long, up to the longest. Lambda polls
/// an idle shard four times a second; locally a person or a test waits for the result.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A poll returns 1,000 records at most.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html>
const MAX_RECORDS_PER_READ: i32 = 1_000;

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
    /// The pace for a DynamoDB that has to be asked. The children of a shard may be listed only some time after its end, and someone waits
    /// for their records; DescribeStream allows ten calls a second.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_DescribeStream.html>
    pub(crate) const ASKING: Self = Self {
        longest_pause: Duration::from_secs(1),
        describe_interval: Duration::from_secs(2),
    };

    /// The pace for the embedded DynamoDB, which rings when there are records. Each of its streams is one shard that never ends.
    pub(crate) const WITH_BELLS: Self = Self {
        longest_pause: Duration::from_secs(30),
        describe_interval: Duration::from_secs(60 * 60),
    };
}

pub(super) struct Reader {
    pub trigger: String,
    pub streams: Streams,
    pub bell: watch::Receiver<()>,
    pub last_records: LastRecords,
    pub pace: Pace,
    pub checkpoints: Arc<Checkpoints>,
    pub delivery: Delivery,
    pub stop: Stop,
    pub progress: watch::Sender<Progress>,
    pub stream: Option<Stream>,
}

/// What a table's stream was when it was last described.
pub(super) struct Stream {
    arn: String,
    shards: Shards,
    describe_again_at: Instant,
}

/// A fault of the DynamoDB, which passes or keeps being logged.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("cannot {0}: {1}")]
    Request(&'static str, String),
    #[error("the table {0} has no stream")]
    NoStream(String),
}

fn cannot<E>(action: &'static str) -> impl Fn(SdkError<E>) -> ReadError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    move |error| ReadError::Request(action, sdk_cause(&error))
}

impl Reader {
    pub(super) async fn run(mut self) {
        let (mut failures, mut pause) = (0, FIRST_PAUSE);
        while !self.stop.is_requested() {
            // What rings during the round may come too late for it.
            self.bell.mark_unchanged();
            match self.round().await {
                Ok(0) => {
                    failures = 0;
                    pause = match self.is_rung_within(pause).await {
                        true => FIRST_PAUSE,
                        false => (2 * pause).min(self.pace.longest_pause),
                    };
                }
                Ok(_) => (failures, pause) = (0, FIRST_PAUSE),
                Err(error) => {
                    tracing::warn!(trigger = self.trigger, %error, "reading the stream failed and is retried");
                    // The table may have been made again; iterators are taken again from the checkpoints.
                    self.stream = None;
                    self.stop.sleep(backoff(failures)).await;
                    failures = failures.saturating_add(1);
                }
            }
        }
    }

    /// Waits until there is something to read, for as long as `pause` unless it is to stop.
    async fn is_rung_within(&mut self, pause: Duration) -> bool {
        tokio::select! {
            Ok(()) = self.bell.changed() => true,
            _ = self.stop.sleep(pause) => false,
        }
    }

    /// Reads once from every readable shard and delivers what is there. Returns how many records there were.
    async fn round(&mut self) -> Result<usize, ReadError> {
        let described = match self.stream.take() {
            Some(stream) if Instant::now() < stream.describe_again_at => stream,
            known => self.describe(known).await?,
        };
        let Self {
            stream,
            streams,
            last_records,
            checkpoints,
            delivery,
            trigger,
            stop,
            progress,
            ..
        } = self;
        let Stream {
            arn: stream_arn,
            shards,
            describe_again_at,
        } = stream.insert(described);
        let mut count = 0;
        let mut any_finished = false;
        let mut is_complete = !shards.is_exhausted();
        for shard in shards.readable() {
            let source = Source {
                stream_arn,
                shard_id: &shard.id,
            };
            let iterator = match shard.iterator.take() {
                Some(iterator) => iterator,
                None => match start(streams, checkpoints, trigger, &source).await? {
                    Some(iterator) => iterator,
                    None => {
                        is_complete = false;
                        continue;
                    }
                },
            };
            let page = match read(streams, iterator).await? {
                Page::Records(page) => page,
                Page::IteratorExpired => {
                    is_complete = false;
                    continue;
                }
                Page::Trimmed => {
                    checkpoints.forget(trigger, stream_arn, &shard.id);
                    is_complete = false;
                    continue;
                }
            };
            let records = page.records.unwrap_or_default().into_iter();
            let records: Vec<_> = records
                .filter_map(|record| StreamRecord::new(record, stream_arn))
                .collect();
            if !records.is_empty() {
                last_records.note();
            }
            let dealt_with = deliver(delivery, checkpoints, trigger, &source, &records).await;
            count += dealt_with;
            progress.send_modify(|progress| progress.records += dealt_with);
            if dealt_with < records.len() || stop.is_requested() {
                // The checkpoint says where it goes on after a restart.
                return Ok(count);
            }
            shard.iterator = page.next_shard_iterator;
            shard.is_finished = shard.iterator.is_none();
            any_finished |= shard.is_finished;
        }
        if any_finished {
            *describe_again_at = Instant::now();
        } else if is_complete {
            progress.send_modify(|progress| {
                progress.rounds += 1;
                progress.has_caught_up |= count == 0;
            });
        }
        Ok(count)
    }

    /// Which stream the table has now, and its shards; what is known of the same stream stays.
    async fn describe(&self, known: Option<Stream>) -> Result<Stream, ReadError> {
        let table = &self.delivery.trigger.table;
        let answer = self.streams.list_streams().table_name(table).send().await;
        // One that was switched off is listed for a day; labels go up with time.
        let streams = answer.map_err(cannot("list the streams"))?.streams.unwrap_or_default();
        let latest = streams.into_iter().max_by(|a, b| a.stream_label.cmp(&b.stream_label));
        let arn = latest
            .and_then(|stream| stream.stream_arn)
            .ok_or_else(|| ReadError::NoStream(table.clone()))?;
        let known = known.filter(|known| known.arn == arn);
        let mut shards = known.map(|known| known.shards).unwrap_or_default();
        shards.update(self.shards(&arn).await?);
        Ok(Stream {
            arn,
            shards,
            describe_again_at: Instant::now() + self.pace.describe_interval,
        })
    }

    /// All shards, page by page.
    async fn shards(&self, stream_arn: &str) -> Result<Vec<Shard>, ReadError> {
        let mut shards = Vec::new();
        let mut last = None;
        loop {
            let request = self.streams.describe_stream().stream_arn(stream_arn);
            let answer = request.set_exclusive_start_shard_id(last).send().await;
            let Some(stream) = answer.map_err(cannot("describe the stream"))?.stream_description else {
                break;
            };
            shards.extend(stream.shards.unwrap_or_default());
            last = stream.last_evaluated_shard_id;
            if last.is_none() {
                break;
            }
        }
        Ok(shards)
    }
}

/// An iterator behind the checkpoint, or at the oldest record there is.
async fn start(
    streams: &Streams,
    checkpoints: &Checkpoints,
    trigger: &str,
    source: &Source<'_>,
) -> Result<Option<String>, ReadError> {
    let request = streams
        .get_shard_iterator()
        .stream_arn(source.stream_arn)
        .shard_id(source.shard_id);
    if let Some(number) = checkpoints.get(trigger, source.stream_arn, source.shard_id) {
        let request = request
            .clone()
            .shard_iterator_type(ShardIteratorType::AfterSequenceNumber);
        match request.sequence_number(number).send().await {
            Ok(answer) => return Ok(answer.shard_iterator),
            Err(error) if is_trimmed(error.as_service_error()) => {
                tracing::warn!(trigger, "records were trimmed before they were read");
                checkpoints.forget(trigger, source.stream_arn, source.shard_id);
            }
            Err(error) => return Err(cannot("find the checkpoint in the stream")(error)),
        }
    }
    let answer = request.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await;
    Ok(answer.map_err(cannot("find the start of the stream"))?.shard_iterator)
}

fn is_trimmed(error: Option<&GetShardIteratorError>) -> bool {
    error.is_some_and(GetShardIteratorError::is_trimmed_data_access_exception)
}

enum Page {
    Records(GetRecordsOutput),
    /// An iterator lives 15 minutes; a function may have been retried for longer.
    IteratorExpired,
    /// The records that it pointed to are older than 24 hours and gone.
    Trimmed,
}

async fn read(streams: &Streams, iterator: String) -> Result<Page, ReadError> {
    match streams
        .get_records()
        .shard_iterator(iterator)
        .limit(MAX_RECORDS_PER_READ)
        .send()
        .await
    {
        Ok(page) => Ok(Page::Records(page)),
        Err(error) => match error.as_service_error() {
            Some(GetRecordsError::ExpiredIteratorException(_)) => Ok(Page::IteratorExpired),
            Some(GetRecordsError::TrimmedDataAccessException(_)) => Ok(Page::Trimmed),
            _ => Err(cannot("read the stream")(error)),
        },
    }
}

/// Delivers the records that pass the filters, in batches, and moves the checkpoint past all that are dealt with,
/// filtered ones included. Returns their number.
async fn deliver(
    delivery: &mut Delivery,
    checkpoints: &Checkpoints,
    trigger: &str,
    source: &Source<'_>,
    records: &[StreamRecord],
) -> usize {
    let filters = &delivery.trigger.filters;
    let passes =
        |record: &StreamRecord| filters.is_empty() || filters.iter().any(|filter| filter.matches(&record.event));
    let passing: Vec<usize> = (0..records.len()).filter(|index| passes(&records[*index])).collect();
    let mut dealt_with = 0;
    for batch in passing.chunks(delivery.trigger.batch_size) {
        let events: Vec<_> = batch.iter().map(|index| records[*index].clone()).collect();
        let handled = delivery.deliver(&events, source).await;
        if let Some(last) = handled.checked_sub(1) {
            dealt_with = batch[last] + 1;
            checkpoints.set(
                trigger,
                source.stream_arn,
                source.shard_id,
                &records[dealt_with - 1].sequence_number,
            );
        }
        if handled < batch.len() {
            return dealt_with;
        }
    }
    if let Some(last) = records.last().filter(|_| dealt_with < records.len()) {
        checkpoints.set(trigger, source.stream_arn, source.shard_id, &last.sequence_number);
    }
    records.len()
}

#[cfg(test)]
mod tests;
