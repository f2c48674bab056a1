//! Requests repeated while DynamoDB throttles.
//!
//! A command gives up soon, because its caller waits. Backups and replays have time: a table on demand grows with its
//! load, and throttles meanwhile for minutes.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Passes;

/// How long a request is repeated, beside the SDK's own repetitions each time.
const MAX_PATIENCE: Duration = Duration::from_secs(600);

/// The longest pause before the first repetition; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// The same where a caller waits. The pause itself is drawn from nothing to that, so that writers who collided once do not
/// collide again.
/// <https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>
const FIRST_SHORT_PAUSE: Duration = Duration::from_millis(10);
const MAX_SHORT_PAUSE: Duration = Duration::from_millis(250);

/// The answer to `request`, which may be made several times.
///
/// # Errors
/// The last one, when it passes but has not for ten minutes; any other at once.
pub async fn patiently<T, E, Fut>(request: impl Fn() -> Fut) -> Result<T, E>
where
    E: Passes + Display,
    Fut: Future<Output = Result<T, E>>,
{
    let started = Instant::now();
    let mut attempt = 0;
    loop {
        match request().await {
            Err(error) if error.passes() && started.elapsed() < MAX_PATIENCE => {
                tracing::debug!(%error, attempt, "waiting for DynamoDB");
                pause(attempt).await;
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

/// The pause before retry number `attempt`, from 0: between half and all of `FIRST_PAUSE · 2^attempt`, at most `MAX_PAUSE`.
pub async fn pause(attempt: u32) {
    tokio::time::sleep(longest(attempt, FIRST_PAUSE, MAX_PAUSE).mul_f64(0.5 + 0.5 * fastrand::f64())).await;
}

/// The pause before something is tried again for which a caller waits: at most a quarter of a second.
pub async fn short_pause(attempt: u32) {
    tokio::time::sleep(longest(attempt, FIRST_SHORT_PAUSE, MAX_SHORT_PAUSE).mul_f64(fastrand::f64())).await;
}

fn longest(attempt: u32, first: Duration, max: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(attempt)).min(max)
}
