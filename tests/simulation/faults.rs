//! What may go wrong, and how often. Everything is drawn from the run's random numbers.

use std::time::Duration;

/// How often what goes wrong in a run. Each seed has a mixture of its own, so that some runs are calm enough to get far
/// and others are nothing but trouble.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// Of requests to DynamoDB that are refused.
    refused: f64,
    /// Of requests to DynamoDB that are carried out, and whose answer is lost.
    lost: f64,
    /// Of requests to DynamoDB that take longer than the SDK waits, on the way there or back.
    slow: f64,
    /// Of invocations that end somewhere in the middle.
    crash: f64,
    /// Of answers that API Gateway has, and the client never gets.
    pub lost_reply: f64,
    /// By how much eventually consistent reads are behind.
    pub replica_lag: Duration,
    /// Of records that are delivered out of order, late, or again.
    pub disorder: f64,
}

/// What happens to one request to DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    None,
    /// Not carried out; answered by this status and error.
    Refuse(u16, &'static str),
    /// A transaction that is not carried out because another one holds the same items.
    Cancel,
    /// Carried out; the connection breaks before the answer.
    LoseAnswer,
    /// Carried out, and answered by a 500.
    AnswerWith500,
}

impl Faults {
    pub const NONE: Self = Self {
        refused: 0.0,
        lost: 0.0,
        slow: 0.0,
        crash: 0.0,
        lost_reply: 0.0,
        replica_lag: Duration::ZERO,
        disorder: 0.0,
    };

    pub fn draw() -> Self {
        let rate = |rates: [f64; 4]| rates[fastrand::usize(..4)];
        Self {
            refused: rate([0.0, 0.05, 0.15, 0.35]),
            lost: rate([0.0, 0.05, 0.10, 0.25]),
            slow: rate([0.0, 0.01, 0.03, 0.10]),
            crash: rate([0.0, 0.05, 0.10, 0.30]),
            lost_reply: rate([0.0, 0.02, 0.05, 0.10]),
            replica_lag: Duration::from_millis([0, 10, 100, 1_000][fastrand::usize(..4)]),
            disorder: rate([0.0, 0.20, 0.50, 0.90]),
        }
    }

    /// What happens to a request of `operation`.
    pub fn of_request(&self, operation: &str) -> Fault {
        let refusals = [
            Fault::Refuse(400, "ThrottlingException"),
            Fault::Refuse(400, "ProvisionedThroughputExceededException"),
            Fault::Refuse(500, "InternalServerError"),
            match operation {
                "TransactWriteItems" => Fault::Cancel,
                "PutItem" => Fault::Refuse(400, "TransactionConflictException"),
                _ => Fault::Refuse(503, "ServiceUnavailable"),
            },
        ];
        match fastrand::f64() {
            draw if draw < self.refused => refusals[fastrand::usize(..refusals.len())],
            draw if draw < self.refused + self.lost / 2.0 => Fault::LoseAnswer,
            draw if draw < self.refused + self.lost => Fault::AnswerWith500,
            _ => Fault::None,
        }
    }

    /// How long a request is on its way, there or back. The SDK gives up an attempt after 2 s and an operation after 7 s.
    pub fn latency(&self) -> Duration {
        let ms = if chance(self.slow) { 500..8_000 } else { 1..25 };
        Duration::from_millis(fastrand::u64(ms))
    }

    /// When an invocation crashes, if it does: early enough to be in the middle of its requests more often than not.
    pub fn crash_after(&self) -> Option<Duration> {
        chance(self.crash).then(|| Duration::from_millis(fastrand::u64(0..250)))
    }
}

pub fn chance(probability: f64) -> bool {
    fastrand::f64() < probability
}
