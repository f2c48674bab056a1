//! What Lambda does after an invocation with a batch: pure rules.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html> and
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>

use std::ops::Range;

use serde_json::Value;

use crate::batches::failed_items;
use crate::template::StreamTrigger;

/// How much of a batch a function has handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Handled,
    /// Everything before this record, counted from the batch's first.
    HandledBefore(usize),
    Failed,
}

/// A part of a batch that is still to be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The records, counted from the batch's first. Never empty.
    pub records: Range<usize>,
    /// Retries used up by this part.
    pub retries: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Done,
    Retry(Part),
    /// The halves in order.
    Split(Part, Part),
    GiveUp,
}

/// Reads the answer of a function that did not fail as a whole.
pub(super) fn verdict(answer: &Value, sequence_numbers: &[&str], reports_item_failures: bool) -> Verdict {
    match failed_items(answer, sequence_numbers, reports_item_failures) {
        None => Verdict::Failed,
        // Records of a shard come in the order of their sequence numbers, so the lowest number is the first position.
        Some(positions) => positions
            .into_iter()
            .min()
            .map_or(Verdict::Handled, Verdict::HandledBefore),
    }
}

/// The next step with a part after its invocation.
///
/// Splitting takes nothing from the retries. A reported first record leaves nothing to split off, so it takes a retry,
/// and when there is none left, the records after it are given up with it.
pub(super) fn next_step(part: &Part, verdict: Verdict, trigger: &StreamTrigger) -> Next {
    let Range { start, end } = part.records;
    match verdict {
        Verdict::Handled => Next::Done,
        Verdict::HandledBefore(handled) if handled > 0 => Next::Retry(Part {
            records: start + handled..end,
            retries: 0,
        }),
        Verdict::Failed if trigger.bisects_on_error && part.records.len() > 1 => {
            let middle = start + part.records.len() / 2;
            let half = |records| Part {
                records,
                retries: part.retries,
            };
            Next::Split(half(start..middle), half(middle..end))
        }
        Verdict::HandledBefore(_) | Verdict::Failed => match trigger.max_retries {
            Some(limit) if part.retries >= limit => Next::GiveUp,
            _ => Next::Retry(Part {
                records: start..end,
                retries: part.retries.saturating_add(1),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BATCH: &[&str] = &["100", "101", "102", "103"];

    fn reported(numbers: &[&str]) -> Value {
        let failures: Vec<_> = numbers.iter().map(|number| json!({"itemIdentifier": number})).collect();
        json!({ "batchItemFailures": failures })
    }

    fn trigger(bisects_on_error: bool, max_retries: Option<u32>) -> StreamTrigger {
        StreamTrigger {
            name: "E".to_owned(),
            table: "T".to_owned(),
            batch_size: 10,
            filters: Vec::new(),
            reports_item_failures: true,
            bisects_on_error,
            max_retries,
            max_record_age: None,
            failure_destination: None,
        }
    }

    fn part(records: Range<usize>, retries: u32) -> Part {
        Part { records, retries }
    }

    #[test]
    fn the_lowest_reported_number_is_where_it_goes_on() {
        assert_eq!(
            verdict(&reported(&["103", "101"]), BATCH, true),
            Verdict::HandledBefore(1)
        );
        let rest = next_step(&part(4..8, 3), Verdict::HandledBefore(1), &trigger(true, Some(3)));
        assert_eq!(rest, Next::Retry(part(5..8, 0)));
    }

    #[test]
    fn a_failed_batch_is_split_down_to_one_record_without_using_retries() {
        let bisecting = trigger(true, Some(0));
        assert_eq!(
            next_step(&part(0..5, 0), Verdict::Failed, &bisecting),
            Next::Split(part(0..2, 0), part(2..5, 0))
        );
        assert_eq!(next_step(&part(4..5, 0), Verdict::Failed, &bisecting), Next::GiveUp);
    }

    #[test]
    fn retries_are_bounded_only_where_the_trigger_bounds_them() {
        let failed = |retries, limit| next_step(&part(0..2, retries), Verdict::Failed, &trigger(false, limit));
        assert_eq!(failed(0, Some(1)), Next::Retry(part(0..2, 1)));
        assert_eq!(failed(1, Some(1)), Next::GiveUp);
        assert_eq!(failed(9_999, None), Next::Retry(part(0..2, 10_000)));
        assert_eq!(
            next_step(&part(0..2, 1), Verdict::HandledBefore(0), &trigger(true, Some(1))),
            Next::GiveUp
        );
    }
}
