//! How long a provider is waited for, and when it is asked again.

use std::time::Duration;

use tokio::time::Instant;

/// The bounds on one call of [`HttpGateway`](super::HttpGateway), and of its circuit breaker.
///
/// By default a call is over within 12 seconds, so that a function with 30 can authorise and capture one after the other
/// and still write down what came of it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time for a connection, with TLS.
    pub connect: Duration,
    /// The time for one request, from connecting to the end of its answer. Banks take seconds.
    pub attempt: Duration,
    /// The time for a whole call: all its requests, and the pauses between them.
    pub call: Duration,
    /// How often a call may ask again.
    pub retries: u32,
    /// Before asking again for the first time; doubles each time. A random part of up to a half is taken off, so that callers
    /// that failed together do not come back together.
    pub first_pause: Duration,
    pub longest_pause: Duration,
    /// The circuit opens when half of so many requests went without an answer. Few, as a Lambda handles one message at a time.
    pub circuit_requests: usize,
    /// How long an open circuit turns calls away before it lets requests through to see.
    pub circuit_open: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(8),
            call: Duration::from_secs(12),
            retries: 3,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(2),
            circuit_requests: 8,
            circuit_open: Duration::from_secs(10),
        }
    }
}

/// A request without an answer that can be relied on: it is worth asking again, with the same key.
#[derive(Debug)]
pub(super) struct Setback {
    /// The reason, for the log. Nothing of the provider's body.
    pub why: String,
    /// Whether the provider seems to be down, and not merely busy. Only then does it count for the circuit breaker.
    pub is_outage: bool,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
}

/// What one call may still spend.
#[derive(Debug)]
pub(super) struct Patience {
    limits: Limits,
    until: Instant,
    pauses: u32,
}

impl Patience {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            until: Instant::now() + limits.call,
            pauses: 0,
        }
    }

    /// How long the next request may take.
    pub fn for_attempt(&self) -> Duration {
        let left = self.until.saturating_duration_since(Instant::now());
        left.min(self.limits.attempt)
    }

    /// How long to pause before asking again, or that it is time to give up: after all retries, or when the provider wants
    /// us back later than the caller can wait.
    pub fn pause(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        if self.pauses == self.limits.retries {
            return None;
        }
        let doubled = self.limits.first_pause.saturating_mul(1 << self.pauses.min(16));
        let jittered = doubled
            .min(self.limits.longest_pause)
            .mul_f64(1.0 - fastrand::f64() / 2.0);
        let pause = jittered.max(retry_after.unwrap_or_default());
        self.pauses += 1;
        // Compared as durations: `retry_after` may be more than a clock can hold.
        (pause < self.until.saturating_duration_since(Instant::now())).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_longest_with_up_to_half_taken_off() {
        let limits = Limits {
            call: 1000 * SECOND,
            retries: 5,
            first_pause: SECOND,
            longest_pause: 4 * SECOND,
            ..Limits::default()
        };
        for _ in 0..100 {
            let mut patience = Patience::new(limits);
            for longest in [1, 2, 4, 4, 4] {
                let pause = patience.pause(None).unwrap();
                assert!(pause <= longest * SECOND && pause >= longest * SECOND / 2, "{pause:?}");
            }
            assert_eq!(patience.pause(None), None);
        }
    }

    #[test]
    fn a_provider_is_given_the_time_it_asks_for_if_there_is_so_much() {
        let mut patience = Patience::new(Limits::default());
        assert_eq!(patience.pause(Some(5 * SECOND)), Some(5 * SECOND));
        assert_eq!(patience.pause(Some(13 * SECOND)), None);
        assert_eq!(patience.pause(Some(Duration::MAX)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_ends_with_the_call() {
        let patience = Patience::new(Limits::default());
        assert_eq!(patience.for_attempt(), 8 * SECOND);
        tokio::time::advance(9 * SECOND).await;
        assert_eq!(patience.for_attempt(), 3 * SECOND);
        tokio::time::advance(9 * SECOND).await;
        assert_eq!(patience.for_attempt(), Duration::ZERO);
    }
}
