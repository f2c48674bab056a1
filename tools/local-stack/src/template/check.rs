//! What must hold between the parts of a template.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{OF_A_QUEUE, Problem};
use super::intrinsics::At;
use super::model::{Queue, Template};

/// No more than two processes should read one shard of a stream, or reads are throttled.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>
const MAX_READERS_PER_STREAM: usize = 2;

impl Template {
    /// What must hold between resources.
    pub(super) fn check(&self) -> Result<(), (String, At)> {
        let (mut binaries, mut routes) = (BTreeSet::new(), BTreeSet::new());
        let mut readers = BTreeMap::<_, usize>::new();
        for function in &self.functions {
            let fail = |property: &str, problem| Err((function.logical_id.clone(), At::new(property, problem)));
            if !binaries.insert(&function.binary) {
                return fail(
                    "Metadata.BuildProperties.Binary",
                    Problem::Duplicate(function.binary.clone()),
                );
            }
            for route in &function.routes {
                if !routes.insert(route) {
                    return fail("Events", Problem::Duplicate(format!("{} {}", route.method, route.path)));
                }
            }
            for trigger in &function.triggers {
                let stream = self
                    .tables
                    .iter()
                    .any(|table| table.name == trigger.table && table.stream.is_some());
                if !stream {
                    return fail(
                        "Events",
                        Problem::Expected("the stream of a table with a StreamSpecification"),
                    );
                }
                let count = readers.entry(&trigger.table).or_default();
                *count += 1;
                if *count > MAX_READERS_PER_STREAM {
                    return fail("Events", Problem::Expected("at most the second trigger on its stream"));
                }
            }
        }
        self.check_messaging()
    }

    /// The same of queues, rules and what takes messages from a queue.
    fn check_messaging(&self) -> Result<(), (String, At)> {
        let queue = |name: &str| self.queues.iter().find(|queue| queue.name == name);
        let mut names = BTreeSet::new();
        for Queue {
            logical_id,
            name,
            redrive,
            ..
        } in &self.queues
        {
            let fail = |property: &str, problem| Err((logical_id.clone(), At::new(property, problem)));
            if !names.insert(name) {
                return fail("QueueName", Problem::Duplicate(name.clone()));
            }
            if redrive.as_ref().is_some_and(|redrive| queue(&redrive.queue).is_none()) {
                return fail("RedrivePolicy.deadLetterTargetArn", OF_A_QUEUE);
            }
        }
        for rule in &self.rules {
            let fail = |property: &str, problem| Err((rule.logical_id.clone(), At::new(property, problem)));
            if !self.buses.contains(&rule.bus) {
                return fail(
                    "EventBusName",
                    Problem::Expected("the name of an event bus of this template"),
                );
            }
            if !rule
                .targets
                .iter()
                .chain(&rule.dead_letters)
                .all(|name| queue(name).is_some())
            {
                return fail("Targets", OF_A_QUEUE);
            }
        }
        let mut taken = BTreeSet::new();
        for function in &self.functions {
            let fail = |problem| Err((function.logical_id.clone(), At::new("Events", problem)));
            for trigger in &function.queues {
                let Some(queue) = queue(&trigger.queue) else {
                    return fail(OF_A_QUEUE);
                };
                if !taken.insert(&trigger.queue) {
                    return fail(Problem::Unsupported("two triggers on one queue".to_owned()));
                }
                // Lambda refuses such a mapping: a message would come again while the function still has it.
                if function.timeout > queue.visibility_timeout {
                    return fail(Problem::Expected(
                        "a queue whose VisibilityTimeout is not below the function's Timeout",
                    ));
                }
            }
        }
        Ok(())
    }
}
