//! What the stream of the Replays table asks for: the next run of a replay.

use std::sync::Arc;
use std::time::Duration;

use dynamodb::TableError;
use lambda_edge::deadline::Deadline;
use lambda_edge::stream::EventRecord;
use operations::{Difference, Observer, Replay, ReplayError, Replayer, Status, Stop};

/// How long before its time limit a run stops, so that its last batches and its checkpoint can be written; a quarter of
/// the time, where that is less.
const RESERVE: Duration = Duration::from_secs(15);

/// Returns the sequence numbers of the requests that have to come again.
pub async fn carry_on(replayer: Arc<Replayer>, records: Vec<EventRecord>, deadline: Deadline) -> Vec<String> {
    for record in records {
        if let Err(error) = next_run(&replayer, &record, deadline).await {
            tracing::error!(%error, "the replay stopped; its request will be delivered again");
            return vec![record.change.sequence_number.unwrap_or_default()];
        }
    }
    Vec::new()
}

async fn next_run(replayer: &Replayer, record: &EventRecord, deadline: Deadline) -> Result<(), ReplayError> {
    use serde_dynamo::AttributeValue::{N, S};
    let (Some(S(replay_id)), Some(N(run))) = (record.change.keys.get("ReplayId"), record.change.new_image.get("Run"))
    else {
        tracing::error!("a record that requests no replay is left out");
        return Ok(());
    };
    let replays = replayer.replays();
    let replay = match replays.get(replay_id).await {
        Err(TableError::Unreadable(error)) => {
            tracing::error!(replay_id, %error, "a replay that cannot be read is left out");
            return Ok(());
        }
        replay => replay?,
    };
    let Some(replay) = replay else {
        return Ok(());
    };
    // The record is old, and another run is on, or has been.
    if replay.run.to_string() != *run || replay.status == Status::Done {
        return Ok(());
    }
    let replay = Replay {
        status: Status::Running,
        ..replay
    };
    if !replays.save(&replay).await? {
        return Ok(());
    }

    let stop = Stop::default();
    let timer = deadline.time_left().map(|left| {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(left.saturating_sub(RESERVE.min(left / 4))).await;
            stop.now();
        })
    });
    let outcome = replayer.run(replay, &stop, &Log).await;
    if let Some(timer) = timer {
        timer.abort();
    }
    match outcome {
        Ok(replay) if replay.status == Status::Done => {
            tracing::info!(
                replay_id = replay.replay_id,
                events = replay.counts.events,
                orders = replay.counts.orders,
                written = replay.counts.written,
                removed = replay.counts.removed,
                unreadable = replay.counts.unreadable,
                differences = replay.counts.differences,
                "replayed"
            );
            Ok(())
        }
        Ok(replay) => {
            tracing::info!(
                replay_id = replay.replay_id,
                events = replay.counts.events,
                "the next run goes on"
            );
            replays.next_run(replay, Status::Requested).await?;
            Ok(())
        }
        Err(ReplayError::TakenOver) => Ok(()),
        Err(error @ (ReplayError::Plan(_) | ReplayError::NoEvents)) => {
            tracing::error!(replay_id, %error, "the replay cannot be carried out");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Logs which rows differ, and not what they say.
struct Log;

impl Observer for Log {
    fn progressed(&self, _: &Replay) {}

    fn found(&self, difference: &Difference) {
        tracing::warn!(
            read_model = difference.read_model,
            order_id = difference.order_id,
            what = difference.what.name(),
            "a row is not what the events say"
        );
    }
}
