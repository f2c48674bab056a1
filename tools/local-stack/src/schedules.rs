//! Invokes functions on their schedules, sixty times as often as the template says: a minute is a second. While nothing happens
//! it is five.

use std::sync::Arc;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::bells::LastRecords;
use crate::invoke::Functions;
use crate::names::{ACCOUNT_ID, REGION, arn};
use crate::stop::Stop;
use crate::template::{FunctionDefinition, Schedule, Scheduler};

/// Someone is waiting.
const SPEED: u32 = 60;

/// Nobody seems to be, so an idle stack uses next to nothing.
const SPEED_WHEN_IDLE: u32 = 12;

/// So long after the last record of a stream.
const IDLE_AFTER: Duration = Duration::from_secs(10);

/// A schedule in the background.
pub(crate) struct Timer {
    /// Whether the function is being invoked.
    pub is_firing: watch::Receiver<bool>,
    pub task: JoinHandle<()>,
}

impl Timer {
    pub(crate) fn spawn(
        functions: Arc<Functions>,
        function: FunctionDefinition,
        schedule: Schedule,
        last_records: LastRecords,
        mut stop: Stop,
    ) -> Self {
        let (firing, is_firing) = watch::channel(false);
        let task = tokio::spawn(async move {
            // The next firing waits for this one: never are there two at once.
            while is_due(&schedule, &last_records, &mut stop).await {
                firing.send_replace(true);
                let outcome = functions.invoke(&function, payload(&function, &schedule)).await;
                firing.send_replace(false);
                if let Err(error) = outcome {
                    let (function, schedule) = (&function.binary, &schedule.name);
                    tracing::warn!(function, schedule, %error, "a scheduled invocation failed; the next one comes");
                }
            }
        });
        Self { is_firing, task }
    }
}

/// Waits for the next firing; false when it is to stop.
async fn is_due(schedule: &Schedule, last_records: &LastRecords, stop: &mut Stop) -> bool {
    let mut waited = Duration::ZERO;
    loop {
        let interval = match last_records.age() < IDLE_AFTER {
            true => schedule.every / SPEED,
            false => schedule.every / SPEED_WHEN_IDLE,
        };
        // Something may happen in a long pause.
        let step = interval.saturating_sub(waited).min(schedule.every / SPEED);
        if step.is_zero() {
            return true;
        }
        if !stop.sleep(step).await {
            return false;
        }
        waited += step;
    }
}

/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>, and for EventBridge Scheduler
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html>
fn payload(function: &FunctionDefinition, schedule: &Schedule) -> Value {
    let name = format!("{}{}", function.logical_id, schedule.name);
    let (source, resource, detail) = match schedule.by {
        Scheduler::Rule => ("aws.events", arn("events", &format!("rule/{name}")), json!({})),
        Scheduler::EventBridgeScheduler => (
            "aws.scheduler",
            arn("scheduler", &format!("schedule/default/{name}")),
            json!("{}"),
        ),
    };
    json!({
        "version": "0",
        "id": Uuid::new_v4(),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT_ID,
        "time": Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        "region": REGION,
        "resources": [resource],
        "detail": detail,
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_is_a_second_or_five_while_nothing_happens() {
        let schedule = Schedule {
            name: "EveryMinute".to_owned(),
            every: Duration::from_secs(60),
            by: Scheduler::Rule,
        };
        let (_sender, mut stop) = Stop::channel();
        let last_records = LastRecords::new();
        let mut seconds = async |last_records: &LastRecords| {
            let started = Instant::now();
            assert!(is_due(&schedule, last_records, &mut stop).await);
            started.elapsed().as_secs()
        };
        assert_eq!(seconds(&last_records).await, 1);
        tokio::time::advance(IDLE_AFTER).await;
        assert_eq!(seconds(&last_records).await, 5);
        let something = last_records.clone();
        let happens = async {
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            something.note();
        };
        let (seconds, ()) = tokio::join!(seconds(&last_records), happens);
        assert_eq!(seconds, 3);
    }
}
