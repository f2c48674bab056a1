//! How long an invocation may take.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::Context;

/// How long before its time limit a function answers by itself, rather than be killed without an answer.
pub(crate) const RESERVE: Duration = Duration::from_millis(500);

/// What is left of the invocation's time: without bound where nobody enforces a limit.
///
/// A deadline that has passed before the work begins is none: `cargo lambda watch` sends one of 1970.
pub(crate) fn time_left(context: &Context) -> Duration {
    (UNIX_EPOCH + Duration::from_millis(context.deadline))
        .duration_since(SystemTime::now())
        .map_or(Duration::MAX, |left| left.saturating_sub(RESERVE))
}
