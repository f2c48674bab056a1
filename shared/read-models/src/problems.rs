//! What a query that failed answers.

use event_store::{StoreError, Version};
use lambda_edge::http::{Problem, StatusCode};

/// Tables that may answer later are a 503; rows and events that cannot be read are our own fault.
pub fn read_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Throttled(_) => {
            Problem::unavailable("throttled", "Too many requests at the moment.").caused_by(error)
        }
        StoreError::Unavailable(_) => {
            Problem::unavailable("store_unavailable", "The tables did not answer.").caused_by(error)
        }
        StoreError::Newer(_) => Problem::unavailable(
            "newer_code",
            "What is stored here was written by newer code, which is being deployed.",
        )
        .caused_by(error),
        StoreError::Rejected(_) | StoreError::Misconfigured(_) | StoreError::Corrupt(_) | StoreError::Unreadable(_) => {
            Problem::internal(error)
        }
    }
}

pub fn order_not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "order_not_found", "There is no such order.")
}

/// The order itself, not only its row, has not come to the version that the caller asks for.
pub fn version_not_reached(actual: Version, wanted: Version) -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "version_not_reached",
        format!("The order is at version {actual}, not yet at {wanted}."),
    )
}
