//! Requests repeated while DynamoDB throttles.
//!
//! A command gives up soon, because its caller waits. Backups and replays have time: a table on demand grows with its
//! load, and throttles meanwhile for minutes.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>

use std::time::Duration;

use tokio::time::Instant;

use crate::StoreError;

/// How long a request is repeated, beside the SDK's own repetitions each time.
const MAX_PATIENCE: Duration = Duration::from_secs(600);

/// The longest pause before the first repetition; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// The answer to `request`, which may be made several times.
///
/// # Errors
/// The last one, when it passes but has not for ten minutes; any other at once.
pub async fn patiently<T, Fut>(request: impl Fn() -> Fut) -> Result<T, StoreError>
where
    Fut: Future<Output = Result<T, StoreError>>,
{
    let started = Instant::now();
    let mut attempt = 0;
    loop {
        match request().await {
            Err(StoreError::Throttled(cause) | StoreError::Unavailable(cause)) if started.elapsed() < MAX_PATIENCE => {
                tracing::debug!(cause, attempt, "waiting for DynamoDB");
                pause(attempt).await;
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

/// The pause before a repetition, of which there were `attempt` before: at least half of the longest, so that all of them
/// together last.
pub async fn pause(attempt: u32) {
    let longest = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt)).min(MAX_PAUSE);
    tokio::time::sleep(longest.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
}
