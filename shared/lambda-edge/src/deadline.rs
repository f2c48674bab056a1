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

/// The moment by which a batch must have been answered; there is none where nobody enforces it.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Option<tokio::time::Instant>);

impl Deadline {
    /// That of an invocation.
    pub fn of(context: &Context) -> Self {
        Self(tokio::time::Instant::now().checked_add(time_left(context)))
    }

    /// How long it is until then; `None` without a moment.
    pub fn time_left(self) -> Option<Duration> {
        self.0
            .map(|at| at.saturating_duration_since(tokio::time::Instant::now()))
    }

    /// The outcome of `work`, or `None` when the moment comes first. What has no time left is not begun.
    pub async fn bound<T>(self, work: impl Future<Output = T>) -> Option<T> {
        match self.0 {
            Some(at) if at <= tokio::time::Instant::now() => None,
            Some(at) => tokio::time::timeout_at(at, work).await.ok(),
            None => Some(work.await),
        }
    }
}
