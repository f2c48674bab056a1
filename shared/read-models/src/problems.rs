//! What a query that failed answers.

use event_store::StoreError;
use lambda_edge::http::Problem;

/// Tables that may answer later are a 503; rows and events that cannot be read are our own fault.
pub fn read_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Throttled(_) => {
            Problem::unavailable("throttled", "Too many requests at the moment.").caused_by(error)
        }
        StoreError::Unavailable(_) => {
            Problem::unavailable("store_unavailable", "The tables did not answer.").caused_by(error)
        }
        StoreError::Rejected(_) | StoreError::Misconfigured(_) | StoreError::Corrupt(_) => Problem::internal(error),
    }
}
