//! What the clients asked for, and what they were answered.

use serde_json::Value;

use super::request::Request;

/// What a client learns.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Accepted {
        version: u64,
        status: String,
        /// The answer is that of an earlier request with the same idempotency key.
        replayed: bool,
    },
    Refused {
        status: u64,
        code: String,
    },
    /// No answer, or one that says that nobody knows: the command may have had its effect, or have it yet, or not.
    Unknown,
}

/// One request as it was sent once. A repetition is another attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// In the events that came of it.
    pub correlation_id: String,
    pub request: Request,
    /// When it was sent and answered, as positions in the history of the run.
    pub sent: usize,
    pub answered: Option<usize>,
    pub outcome: Outcome,
}

/// What a reader was told.
#[derive(Debug)]
pub struct Read {
    pub order_id: String,
    pub min_version: u64,
    pub status: u64,
    pub body: Value,
}

/// Everything that clients and readers were told in a run.
#[derive(Debug)]
pub struct History {
    pub attempts: Vec<Attempt>,
    pub reads: Vec<Read>,
    /// The id of each order that a client knows of.
    pub order_ids: Vec<Option<String>>,
    moment: usize,
}

impl History {
    pub fn new(orders: usize) -> Self {
        Self {
            attempts: Vec::new(),
            reads: Vec::new(),
            order_ids: vec![None; orders],
            moment: 0,
        }
    }

    /// Returns the number of the attempt.
    pub fn sent(&mut self, request: &Request, correlation_id: &str) -> usize {
        self.moment += 1;
        self.attempts.push(Attempt {
            correlation_id: correlation_id.to_owned(),
            request: request.clone(),
            sent: self.moment,
            answered: None,
            outcome: Outcome::Unknown,
        });
        self.attempts.len() - 1
    }

    pub fn answered(&mut self, attempt: usize, answer: &Value) -> Outcome {
        let outcome = outcome(answer);
        if outcome == Outcome::Unknown {
            return outcome;
        }
        self.moment += 1;
        let attempt = &mut self.attempts[attempt];
        attempt.answered = Some(self.moment);
        attempt.outcome = outcome.clone();
        outcome
    }

    /// The client has learnt the order's id.
    pub fn order_is(&mut self, order: usize, id: &str) {
        let known = self.order_ids[order].get_or_insert_with(|| id.to_owned());
        assert_eq!(known, id, "one idempotency key created two orders");
    }
}

/// What the answer of the command function says.
fn outcome(answer: &Value) -> Outcome {
    let status = answer["statusCode"].as_u64().unwrap();
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    match status {
        200 | 201 => Outcome::Accepted {
            version: body["version"].as_u64().unwrap(),
            status: body["status"].as_str().unwrap().to_owned(),
            replayed: answer["headers"]["idempotency-replayed"] == "true",
        },
        503 => Outcome::Unknown,
        400..=499 => Outcome::Refused {
            status,
            code: body["code"].as_str().unwrap().to_owned(),
        },
        _ => panic!("a command was answered {status} {body}"),
    }
}
