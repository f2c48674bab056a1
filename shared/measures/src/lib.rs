//! What is counted and timed, everywhere: one list of names.
//!
//! Whoever counts uses the facade `metrics`, and knows no recorder. The local stack installs one that `GET /metrics`
//! reads, `lambda-edge` one for CloudWatch; without one, counting does nothing.
//!
//! Labels have few values: route keys rather than paths, and never an id.

use metrics::{Unit, counter, describe_counter, describe_histogram};

/// Labels: `route` (the key, or `none`), `status` and `code` (`ok`, or that of the problem).
pub const HTTP_REQUESTS: &str = "http_requests_total";
/// Label: `route`.
pub const HTTP_REQUEST_DURATION: &str = "http_request_duration_seconds";
/// Label: `function`, as for the ones that follow.
pub const STREAM_BATCHES: &str = "stream_batches_total";
pub const STREAM_RECORDS: &str = "stream_records_total";
pub const STREAM_FAILURES: &str = "stream_batch_item_failures_total";
pub const STREAM_BATCH_DURATION: &str = "stream_batch_duration_seconds";
pub const QUEUE_BATCHES: &str = "queue_batches_total";
pub const QUEUE_MESSAGES: &str = "queue_messages_total";
pub const QUEUE_FAILURES: &str = "queue_batch_item_failures_total";
pub const QUEUE_GIVEN_UP: &str = "queue_messages_given_up_total";
pub const QUEUE_BATCH_DURATION: &str = "queue_batch_duration_seconds";
/// Label: `operation`.
pub const AWS_SDK_RETRIES: &str = "aws_sdk_retries_total";
/// Label: `cache`, as for the next one.
pub const CACHE_HITS: &str = "cache_hits_total";
pub const CACHE_MISSES: &str = "cache_misses_total";
pub const CONFLICTS: &str = "event_store_conflicts_total";
pub const CONTENDED: &str = "event_store_contended_total";
pub const STALE: &str = "event_store_stale_states_total";
pub const THROTTLED: &str = "dynamodb_throttled_total";

/// The counters, and what each counts.
pub const COUNTERS: [(&str, &str); 15] = [
    (HTTP_REQUESTS, "Requests that were answered."),
    (STREAM_BATCHES, "Batches of a stream."),
    (
        STREAM_RECORDS,
        "Records of a stream, each time that they are delivered.",
    ),
    (
        STREAM_FAILURES,
        "Records that a function asked to be given again, from which Lambda goes on.",
    ),
    (QUEUE_BATCHES, "Batches of a queue."),
    (QUEUE_MESSAGES, "Messages of a queue, each time that they are received."),
    (QUEUE_FAILURES, "Messages that a function asked to be given again."),
    (
        QUEUE_GIVEN_UP,
        "Messages that can never be handled, and lie in DeadMessages.",
    ),
    (
        CONFLICTS,
        "Decisions that were taken again, because another writer appended first.",
    ),
    (
        CONTENDED,
        "Commands that gave up because other writers were faster each time.",
    ),
    (
        STALE,
        "Appends on a kept state that another writer had changed meanwhile.",
    ),
    (
        THROTTLED,
        "Operations that DynamoDB throttled, also after the SDK's retries.",
    ),
    (AWS_SDK_RETRIES, "Attempts of the SDK beyond the first of an operation."),
    (CACHE_HITS, "Looks into a cache that found something."),
    (CACHE_MISSES, "Looks into a cache that found nothing."),
];

/// The histograms, and what each times.
pub const HISTOGRAMS: [(&str, &str); 3] = [
    (HTTP_REQUEST_DURATION, "How long a function took for a request."),
    (
        STREAM_BATCH_DURATION,
        "How long a function took for a batch of a stream.",
    ),
    (QUEUE_BATCH_DURATION, "How long a function took for a batch of a queue."),
];

/// Tells the installed recorder what there is. Counters without labels show from the beginning that nothing happened.
pub fn describe() {
    for (name, text) in COUNTERS {
        describe_counter!(name, Unit::Count, text);
    }
    for (name, text) in HISTOGRAMS {
        describe_histogram!(name, Unit::Seconds, text);
    }
    for name in [CONFLICTS, CONTENDED, THROTTLED] {
        counter!(name).increment(0);
    }
}

/// Counts a look into the cache of this name.
pub fn cache_read(cache: &'static str, is_hit: bool) {
    let name = if is_hit { CACHE_HITS } else { CACHE_MISSES };
    counter!(name, "cache" => cache).increment(1);
}
