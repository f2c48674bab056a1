//! What this process has counted and timed, in Prometheus' text format.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the histograms' buckets: from a read to the longest time-out of a projection.
const BUCKETS_SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// The process's recorder. It is one for all its stacks, as the facade has only one.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Records what this process counts from now on; the first call counts. `None` when something else does already.
pub(crate) fn record() -> Option<&'static PrometheusHandle> {
    RECORDER.get_or_init(install).as_ref()
}

fn install() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS_SECONDS).ok()?;
    let handle = builder.install_recorder().ok()?;
    measures::describe();
    // What was timed is sorted into buckets when it is asked for. Until then it takes 8 bytes each, which needs no upkeep.
    Some(handle)
}
