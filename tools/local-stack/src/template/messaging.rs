//! Event buses and their rules, queues, and what invokes a function by way of them; and schedules.

use std::time::Duration;

use serde_json::Value;

use super::error::{OF_A_QUEUE, Problem};
use super::intrinsics::{At, Resolver};
use super::model::{Queue, QueueTrigger, Redrive, Rule, Schedule, Scheduler};
use super::properties::{
    BusProperties, Event, OF_BUSES_ELSEWHERE, OF_QUEUES_ELSEWHERE, OF_RULES_ELSEWHERE, OF_SCHEDULES_ELSEWHERE,
    QueueProperties, RuleProperties, ScheduleEvent, SqsEvent, State,
};
use super::read::{read, shape, without};
use crate::filter::Filter;
use crate::names::queue_of;

/// SQS's default `VisibilityTimeout`, and its bounds.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sqs-queue.html>
const DEFAULT_VISIBILITY_SECONDS: u64 = 30;
const MAX_VISIBILITY_SECONDS: u64 = 43_200;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
const MAX_RECEIVES: u32 = 1_000;

/// The batch size of a mapping without a batching window, for which Lambda would wait to fill more.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html>
const MAX_BATCH_SIZE: usize = 10;

/// Where `ScalingConfig` says nothing, Lambda begins with five invocations at a time.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
const DEFAULT_CONCURRENCY: usize = 5;
const MIN_CONCURRENCY: usize = 2;
const MAX_CONCURRENCY: usize = 1_000;

pub(super) fn bus(resolver: &Resolver, id: &str, resource: &Value) -> Result<String, At> {
    let _: BusProperties = read(resolver, resource, "Properties", OF_BUSES_ELSEWHERE)?;
    resolver.name(id, "Name").map_err(|problem| At::new("Name", problem))
}

pub(super) fn queue(resolver: &Resolver, id: &str, resource: &Value) -> Result<Queue, At> {
    // A queue needs no properties.
    let properties: QueueProperties = match resource.get("Properties") {
        Some(_) => read(resolver, resource, "Properties", OF_QUEUES_ELSEWHERE)?,
        None => QueueProperties::default(),
    };
    let visibility_seconds = properties.visibility_timeout.unwrap_or(DEFAULT_VISIBILITY_SECONDS);
    if visibility_seconds > MAX_VISIBILITY_SECONDS {
        return Err(At::new("VisibilityTimeout", Problem::Expected("0 to 43,200 seconds")));
    }
    let redrive = match properties.redrive_policy {
        None => None,
        Some(policy) if !(1..=MAX_RECEIVES).contains(&policy.max_receive_count) => {
            return Err(At::new(
                "RedrivePolicy.maxReceiveCount",
                Problem::Expected("1 to 1,000"),
            ));
        }
        Some(policy) => Some(Redrive {
            queue: queue_name(&policy.dead_letter_target_arn, "RedrivePolicy.deadLetterTargetArn")?,
            max_receives: policy.max_receive_count,
        }),
    };
    Ok(Queue {
        logical_id: id.to_owned(),
        name: resolver
            .name(id, "QueueName")
            .map_err(|problem| At::new("QueueName", problem))?,
        visibility_timeout: Duration::from_secs(visibility_seconds),
        redrive,
    })
}

pub(super) fn rule(resolver: &Resolver, id: &str, resource: &Value) -> Result<Rule, At> {
    let properties: RuleProperties = read(resolver, resource, "Properties", OF_RULES_ELSEWHERE)?;
    let pattern =
        Filter::new(properties.event_pattern).map_err(|error| At::new("EventPattern", Problem::Filter(error)))?;
    let (mut targets, mut dead_letters) = (Vec::new(), Vec::new());
    for (index, target) in properties.targets.iter().enumerate() {
        targets.push(queue_name(&target.arn, &format!("Targets.{index}.Arn"))?);
        if let Some(arn) = target
            .dead_letter_config
            .as_ref()
            .and_then(|config| config.arn.as_deref())
        {
            dead_letters.push(queue_name(arn, &format!("Targets.{index}.DeadLetterConfig.Arn"))?);
        }
    }
    Ok(Rule {
        logical_id: id.to_owned(),
        bus: properties.event_bus_name,
        is_enabled: properties.state == State::Enabled,
        pattern,
        targets,
        dead_letters,
    })
}

pub(super) fn queue_trigger(name: &str, event: Event) -> Result<QueueTrigger, At> {
    let event: SqsEvent = shape(event.properties, "Properties")?;
    let batch_size = event.batch_size.unwrap_or(MAX_BATCH_SIZE);
    if !(1..=MAX_BATCH_SIZE).contains(&batch_size) {
        return Err(At::new("Properties.BatchSize", Problem::Expected("1 to 10")));
    }
    let max_concurrency = event.scaling_config.maximum_concurrency;
    if max_concurrency.is_some_and(|limit| !(MIN_CONCURRENCY..=MAX_CONCURRENCY).contains(&limit)) {
        return Err(At::new(
            "Properties.ScalingConfig.MaximumConcurrency",
            Problem::Expected("2 to 1,000"),
        ));
    }
    Ok(QueueTrigger {
        name: name.to_owned(),
        queue: queue_name(&event.queue, "Properties.Queue")?,
        batch_size,
        reports_item_failures: !event.function_response_types.is_empty(),
        max_concurrency: max_concurrency.unwrap_or(DEFAULT_CONCURRENCY),
    })
}

/// `None` of a schedule that is disabled.
pub(super) fn schedule(name: &str, event: Event) -> Result<Option<Schedule>, At> {
    let by = match event.r#type.as_str() {
        "ScheduleV2" => Scheduler::EventBridgeScheduler,
        _ => Scheduler::Rule,
    };
    let event: ScheduleEvent = shape(without(event.properties, OF_SCHEDULES_ELSEWHERE), "Properties")?;
    let every = rate(&event.schedule).ok_or_else(|| {
        let problem = Problem::Unsupported(format!("the schedule `{}`", event.schedule));
        At::new("Properties.Schedule", problem)
    })?;
    let schedule = Schedule {
        name: name.to_owned(),
        every,
        by,
    };
    Ok((event.state == State::Enabled).then_some(schedule))
}

/// `rate(1 minute)`, `rate(5 minutes)`, and so on; not `cron(…)` or `at(…)`.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
fn rate(expression: &str) -> Option<Duration> {
    let (count, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let unit_seconds = match (unit, count) {
        ("minute", 1) | ("minutes", 2..) => 60,
        ("hour", 1) | ("hours", 2..) => 3_600,
        ("day", 1) | ("days", 2..) => 86_400,
        _ => return None,
    };
    count.checked_mul(unit_seconds).map(Duration::from_secs)
}

fn queue_name(arn: &str, property: &str) -> Result<String, At> {
    let name = queue_of(arn).ok_or_else(|| At::new(property, OF_A_QUEUE))?;
    Ok(name.to_owned())
}
