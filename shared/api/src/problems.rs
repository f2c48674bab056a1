//! What is answered when a table, a version or a thing is not there.

use domain::precondition::Precondition;
use dynamodb::TableError;
use event_store::{StoreError, Version};
use lambda_edge::http::{Problem, StatusCode};

/// What a request that failed may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it only reads.
    None,
    /// Nobody knows: its write may have gone through.
    Unknown,
}

/// Tables that may answer later are a 503; rows and events that cannot be read are our own fault.
pub fn store_problem(error: impl Into<StoreError>, effect: Effect) -> Problem {
    let error = error.into();
    let (code, cause) = match error {
        StoreError::Table(TableError::Throttled(_)) => ("throttled", "Too many requests at the moment."),
        StoreError::Table(TableError::Unavailable(_)) => ("store_unavailable", "The tables did not answer."),
        StoreError::Newer(_) => {
            // Nothing is written on what cannot be read.
            let detail = "Newer code has written what is stored here, and is being deployed. Nothing was changed.";
            return Problem::unavailable("newer_code", detail).caused_by(error);
        }
        StoreError::Table(_) | StoreError::Corrupt(_) => return Problem::internal(error),
    };
    let detail = match effect {
        Effect::None => cause.to_owned(),
        Effect::Unknown => format!("{cause} The request may have had its effect or not."),
    };
    Problem::unavailable(code, detail).caused_by(error)
}

/// [`store_problem`] of a request that only reads.
pub fn read_problem(error: impl Into<StoreError>) -> Problem {
    store_problem(error, Effect::None)
}

/// [`store_problem`] of a request that writes.
pub fn write_problem(error: impl Into<StoreError>) -> Problem {
    store_problem(error, Effect::Unknown)
}

/// 404. `code` says of what there is none, `detail` the same as a sentence.
pub fn not_found(code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, code, detail)
}

/// 404: nobody has said who the customer is.
pub fn customer_not_found() -> Problem {
    not_found("customer_not_found", "There is no such customer.")
}

/// 412: `what` is at a version that the caller does not want to change; at 0 when there is none.
pub fn version_mismatch(what: &str, expected: &Precondition, actual: Version) -> Problem {
    let detail = match (&expected.at, actual) {
        _ if expected.excludes(actual) => format!("There is such a {what} already, at version {actual}."),
        (_, 0) => format!("There is no such {what} yet, and so no version of it."),
        (Some(at), _) => format!("The {what} is at version {actual}, not {at}."),
        (None, _) => format!("The {what} is at version {actual}."),
    };
    Problem::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", detail)
}

/// 409: `what` itself, not only its row, has not come to the version that the caller asks for.
pub fn version_not_reached(what: &str, actual: Version, wanted: Version) -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "version_not_reached",
        format!("The {what} is at version {actual}, not yet at {wanted}."),
    )
}

/// 409: others were faster each time.
pub fn contended(what: &str) -> Problem {
    Problem {
        retry_after_seconds: Some(1),
        ..Problem::new(
            StatusCode::CONFLICT,
            "concurrent_modification",
            format!("Others keep changing the {what}. Nothing was changed by this request."),
        )
    }
}
