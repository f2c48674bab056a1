//! What an eventually consistent read sees: the tables as they were a moment ago.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use dynoxide::Database;
use serde_json::Value;
use tokio::time::Instant;

use super::database::carry_out;

/// A copy that takes in each write some time after it happened, in the same order.
pub struct Replica {
    database: Database,
    /// Writes that were carried out, and are not here yet.
    coming: Mutex<VecDeque<(Instant, String, Vec<u8>)>>,
}

impl Replica {
    pub fn new() -> Self {
        Self {
            database: Database::memory().unwrap(),
            coming: Mutex::default(),
        }
    }

    /// Takes notice of an operation that was carried out; a write arrives after `lag`.
    pub fn follow(&self, operation: &str, body: &[u8], lag: Duration) {
        let lag = match operation {
            "CreateTable" | "UpdateTimeToLive" => Duration::ZERO,
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => lag,
            _ => return,
        };
        let write = (Instant::now() + lag, operation.to_owned(), body.to_vec());
        self.coming.lock().unwrap().push_back(write);
    }

    /// The answer to a read that does not ask for the newest state; `None` for anything else.
    pub fn read(&self, operation: &str, body: &[u8]) -> Option<dynoxide::Result<String>> {
        let is_read = matches!(operation, "GetItem" | "Query" | "Scan");
        let request: Value = serde_json::from_slice(body).unwrap();
        if !is_read || request["ConsistentRead"] == true {
            return None;
        }
        self.take_in_what_has_come();
        Some(carry_out(&self.database, operation, body))
    }

    fn take_in_what_has_come(&self) {
        let mut coming = self.coming.lock().unwrap();
        while let Some((_, operation, body)) = coming.pop_front_if(|(at, ..)| *at <= Instant::now()) {
            carry_out(&self.database, &operation, &body).unwrap();
        }
    }
}
