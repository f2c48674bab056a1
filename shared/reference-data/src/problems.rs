//! What a request on reference data that failed answers.

use event_store::StoreError;
use lambda_edge::http::{Problem, StatusCode};

use crate::table::PutError;

/// A table that may answer later is a 503; what cannot be read is our own fault.
pub fn store_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Throttled(_) => Problem::unavailable(
            "throttled",
            "Too many requests at the moment. The same request may be sent again.",
        )
        .caused_by(error),
        StoreError::Unavailable(_) => Problem::unavailable(
            "store_unavailable",
            "A table did not answer. The same request may be sent again.",
        )
        .caused_by(error),
        StoreError::Newer(_) => Problem::unavailable(
            "newer_code",
            "What is stored here was written by newer code, which is being deployed. Nothing was changed by this request.",
        )
        .caused_by(error),
        StoreError::Rejected(_) | StoreError::Misconfigured(_) | StoreError::Corrupt(_) | StoreError::Unreadable(_) => {
            Problem::internal(error)
        }
    }
}

/// `what` was put: `product`, `customer`.
pub fn put_problem(what: &str, error: PutError) -> Problem {
    match error {
        PutError::VersionMismatch { expected, actual: 0 } => version_mismatch(format!(
            "There is no such {what} yet, and so no version {expected} of it."
        )),
        PutError::VersionMismatch { expected, actual } => {
            version_mismatch(format!("The {what} is at version {actual}, not {expected}."))
        }
        PutError::Contended => Problem {
            retry_after_seconds: Some(1),
            ..Problem::new(
                StatusCode::CONFLICT,
                "concurrent_modification",
                format!("Others keep changing the {what}. Nothing was changed by this request."),
            )
        },
        PutError::Store(error) => store_problem(error),
    }
}

fn version_mismatch(detail: String) -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", detail)
}
