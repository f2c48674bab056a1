//! Metrics as CloudWatch takes them out of a function's log: JSON lines in the embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! Every combination of a metric and its dimensions' values is billed as a metric of its own, so the function's name is the
//! only dimension. The labels stand beside it as properties, by which CloudWatch Logs Insights can filter and group.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SetRecorderError, SharedString, Unit,
};
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
const NAMESPACE: &str = "OrderMaster";

/// The dimension: a label that names another function would contradict it.
const FUNCTION: &str = "function";

/// The most values of one metric in a line. Same page.
const MAX_VALUES: usize = 100;

/// A metric's name and labels.
type Series = (String, BTreeMap<String, String>);

/// What has been counted and timed since the last [`flush`](Self::flush).
#[derive(Clone, Default)]
pub(crate) struct EmbeddedMetrics(Arc<Recorded>);

#[derive(Default)]
struct Recorded {
    counters: Mutex<BTreeMap<Series, Arc<AtomicU64>>>,
    histograms: Mutex<BTreeMap<Series, Arc<Values>>>,
}

#[derive(Default)]
struct Values(Mutex<Vec<f64>>);

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        lock(&self.0).push(value);
    }
}

impl EmbeddedMetrics {
    /// Records what this process counts from now on.
    ///
    /// # Errors
    /// When something else does already.
    pub(crate) fn install() -> Result<Self, SetRecorderError<Self>> {
        let recorder = Self::default();
        metrics::set_global_recorder(recorder.clone())?;
        Ok(recorder)
    }

    /// Writes what one invocation of `function` has counted and timed to standard output, where Lambda collects it.
    pub(crate) fn flush(&self, function: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = now.as_millis().try_into().unwrap_or(u64::MAX);
        let mut output = std::io::stdout().lock();
        for line in self.take_lines(function, now_ms) {
            // Nobody could be told.
            let _ = writeln!(output, "{line}");
        }
    }

    /// The lines, mostly one: what has no labels that differ stands together.
    fn take_lines(&self, function: &str, now_ms: u64) -> Vec<Value> {
        let mut lines = Vec::new();
        for ((name, labels), counter) in lock(&self.0.counters).iter() {
            let count = counter.swap(0, Ordering::Relaxed);
            if count > 0 {
                Line::add(&mut lines, function, name, labels, json!(count));
            }
        }
        for ((name, labels), values) in lock(&self.0.histograms).iter() {
            let values = std::mem::take(&mut *lock(&values.0));
            for values in values.chunks(MAX_VALUES) {
                Line::add(&mut lines, function, name, labels, json!(values));
            }
        }
        lines.into_iter().map(|line| line.into_json(now_ms)).collect()
    }
}

/// A line as it grows.
struct Line {
    metrics: Map<String, Value>,
    properties: BTreeMap<String, String>,
}

impl Line {
    /// Adds a value to the first line that it fits into, or to a new one.
    fn add(lines: &mut Vec<Self>, function: &str, name: &str, labels: &BTreeMap<String, String>, value: Value) {
        let fits = |line: &Self| {
            let agrees = |(label, value)| line.properties.get(label).is_none_or(|there| there == value);
            !line.metrics.contains_key(name) && labels.iter().all(agrees)
        };
        let place = lines.iter().position(fits).unwrap_or_else(|| {
            lines.push(Self {
                metrics: Map::new(),
                properties: BTreeMap::from([(FUNCTION.to_owned(), function.to_owned())]),
            });
            lines.len() - 1
        });
        let line = &mut lines[place];
        line.metrics.insert(name.to_owned(), value);
        for (label, value) in labels {
            line.properties.entry(label.clone()).or_insert_with(|| value.clone());
        }
    }

    fn into_json(self, now_ms: u64) -> Value {
        let unit = |name: &str| if name.ends_with("_seconds") { "Seconds" } else { "Count" };
        let definitions = self
            .metrics
            .keys()
            .map(|name| json!({ "Name": name, "Unit": unit(name) }));
        let directive = json!({
            "Namespace": NAMESPACE,
            "Dimensions": [[FUNCTION]],
            "Metrics": definitions.collect::<Vec<_>>(),
        });
        let mut line = self.metrics;
        line.extend(
            self.properties
                .into_iter()
                .map(|(name, value)| (name, Value::String(value))),
        );
        line.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": now_ms, "CloudWatchMetrics": [directive] }),
        );
        Value::Object(line)
    }
}

impl Recorder for EmbeddedMetrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(lock(&self.0.counters).entry(series(key)).or_default().clone())
    }

    /// There are none.
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(lock(&self.0.histograms).entry(series(key)).or_default().clone())
    }
}

fn series(key: &Key) -> Series {
    let labels = key
        .labels()
        .map(|label| (label.key().to_owned(), label.value().to_owned()));
    (key.name().to_owned(), labels.collect())
}

/// Numbers are whole also after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use metrics::{counter, histogram, with_local_recorder};

    use super::*;

    fn lines(count: impl FnOnce()) -> Vec<Value> {
        let recorder = EmbeddedMetrics::default();
        with_local_recorder(&recorder, count);
        let lines = recorder.take_lines("orders", 1_795_176_000_000);
        assert_eq!(recorder.take_lines("orders", 0), [] as [Value; 0], "each is told once");
        lines
    }

    /// What the specification requires of a line.
    fn assert_is_valid(line: &Value) {
        assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        assert!(!directives.is_empty(), "{line}");
        for directive in directives {
            let namespace = directive["Namespace"].as_str().unwrap();
            assert!((1..=1024).contains(&namespace.len()), "{line}");
            let sets = directive["Dimensions"].as_array().unwrap();
            assert!(!sets.is_empty(), "{line}");
            for dimension in sets.iter().flat_map(|set| set.as_array().unwrap()) {
                let value = line[dimension.as_str().unwrap()].as_str().unwrap();
                assert!((1..=1024).contains(&value.len()), "{line}");
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()), "{line}");
            for metric in metrics {
                assert!(
                    ["Count", "Seconds"].contains(&metric["Unit"].as_str().unwrap()),
                    "{line}"
                );
                match &line[metric["Name"].as_str().unwrap()] {
                    Value::Number(_) => {}
                    Value::Array(values) => {
                        assert!(
                            (1..=100).contains(&values.len()) && values.iter().all(Value::is_number),
                            "{line}"
                        );
                    }
                    other => panic!("{other} is no value of a metric"),
                }
            }
        }
        assert!(!line.to_string().contains('\n'), "a line is one line");
    }

    #[test]
    fn one_invocation_is_one_line_with_the_function_as_its_only_dimension() {
        let lines = lines(|| {
            counter!("http_requests_total", "route" => "GET /health", "status" => "200", "code" => "ok").increment(1);
            histogram!("http_request_duration_seconds", "route" => "GET /health").record(0.25);
            counter!("event_store_conflicts_total").increment(2);
            counter!("event_store_contended_total").increment(0);
        });
        lines.iter().for_each(assert_is_valid);
        let expected = json!({
            "_aws": {
                "Timestamp": 1_795_176_000_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "OrderMaster",
                    "Dimensions": [["function"]],
                    "Metrics": [
                        { "Name": "event_store_conflicts_total", "Unit": "Count" },
                        { "Name": "http_request_duration_seconds", "Unit": "Seconds" },
                        { "Name": "http_requests_total", "Unit": "Count" },
                    ],
                }],
            },
            "function": "orders",
            "route": "GET /health",
            "status": "200",
            "code": "ok",
            "http_requests_total": 1,
            "http_request_duration_seconds": [0.25],
            "event_store_conflicts_total": 2,
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn what_differs_in_its_labels_stands_in_lines_of_its_own() {
        let lines = lines(|| {
            for operation in ["PutItem", "Query"] {
                counter!("aws_sdk_retries_total", "operation" => operation).increment(3);
            }
            counter!("stream_batches_total", "function" => "another").increment(1);
        });
        lines.iter().for_each(assert_is_valid);
        let retries: Vec<_> = lines
            .iter()
            .map(|line| (&line["operation"], &line["aws_sdk_retries_total"]))
            .collect();
        assert_eq!(
            retries[..2],
            [(&json!("PutItem"), &json!(3)), (&json!("Query"), &json!(3))]
        );
    }

    #[test]
    fn more_values_than_a_line_can_have_are_several_lines() {
        let lines = lines(|| (0..250).for_each(|n| histogram!("http_request_duration_seconds").record(f64::from(n))));
        lines.iter().for_each(assert_is_valid);
        let counts: Vec<_> = lines
            .iter()
            .map(|line| line["http_request_duration_seconds"].as_array().unwrap().len())
            .collect();
        assert_eq!(counts, [100, 100, 50]);
    }

    #[test]
    fn nothing_counted_is_nothing_written() {
        assert_eq!(lines(|| ()), [] as [Value; 0]);
    }
}
