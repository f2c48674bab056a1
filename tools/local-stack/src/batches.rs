//! What Lambda's event source mappings have in common, be it of a stream or of a queue: how a function's answer to a
//! batch is read, and how long it is until the next attempt.

use std::time::Duration;

use serde_json::Value;

/// Starts small, because a passing local fault passes quickly; and stays bounded, because someone is waiting.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// The n-th wait, from 0.
pub(crate) fn backoff(n: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(1 << n.min(16)).min(MAX_BACKOFF)
}

/// Which items of a batch failed, counted from its first, by the answer of a function that did not fail as a whole.
///
/// `None` fails the whole batch: the answer names an item outside of it, or is not of the agreed shape.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
pub(crate) fn failed_items(answer: &Value, identifiers: &[&str], reports_item_failures: bool) -> Option<Vec<usize>> {
    if !reports_item_failures || answer.is_null() {
        return Some(Vec::new());
    }
    let failures = match answer.as_object()?.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(failures) => failures.as_array()?,
    };
    let position = |failure: &Value| {
        let identifier = failure.get("itemIdentifier")?.as_str()?;
        identifiers.iter().position(|known| *known == identifier)
    };
    failures.iter().map(position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BATCH: &[&str] = &["100", "101", "102", "103"];

    fn reported(identifiers: &[&str]) -> Value {
        let failures: Vec<_> = identifiers.iter().map(|id| json!({"itemIdentifier": id})).collect();
        json!({ "batchItemFailures": failures })
    }

    #[test]
    fn backoff_starts_small_and_stays_bounded() {
        assert_eq!(backoff(0), Duration::from_millis(50));
        assert_eq!(backoff(1), Duration::from_millis(100));
        assert_eq!(backoff(u32::MAX), MAX_BACKOFF);
    }

    #[test]
    fn nothing_reported_is_success() {
        for answer in [
            Value::Null,
            json!({}),
            json!({"batchItemFailures": null}),
            reported(&[]),
        ] {
            assert_eq!(failed_items(&answer, BATCH, true), Some(vec![]), "{answer}");
        }
    }

    #[test]
    fn reported_items_are_those_that_failed() {
        assert_eq!(failed_items(&reported(&["103", "101"]), BATCH, true), Some(vec![3, 1]));
    }

    #[test]
    fn an_answer_that_cannot_be_read_fails_the_whole_batch() {
        for answer in [
            reported(&["99"]),
            reported(&["101", ""]),
            json!({"batchItemFailures": [{"itemIdentifier": null}]}),
            json!({"batchItemFailures": [{"identifier": "101"}]}),
            json!({"batchItemFailures": {}}),
            json!("fine"),
        ] {
            assert_eq!(failed_items(&answer, BATCH, true), None, "{answer}");
        }
    }

    #[test]
    fn a_function_that_does_not_report_has_handled_what_it_answered() {
        assert_eq!(failed_items(&reported(&["101"]), BATCH, false), Some(vec![]));
    }
}
