//! What a refused or failed command answers.

use domain::stock::StockError;
use event_store::{StoreError, TransactError, Version};
use lambda_edge::http::{Problem, StatusCode};

/// Why a command was not appended, although the store would have.
#[derive(Debug)]
pub enum Refusal {
    /// The stock is not at the version that `If-Match` names.
    VersionMismatch { expected: Version, actual: Version },
    /// The stock's rules do not allow it.
    Stock(StockError),
}

pub fn transact_problem(error: TransactError<Refusal>) -> Problem {
    match error {
        TransactError::Refused(refusal) => refusal_problem(refusal),
        TransactError::KeyReused => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "The Idempotency-Key was used for another request.",
        ),
        TransactError::Contended { .. } => Problem {
            retry_after_seconds: Some(1),
            ..Problem::new(
                StatusCode::CONFLICT,
                "concurrent_modification",
                "Others keep changing the stock. Nothing was changed by this request.",
            )
        },
        TransactError::TooLarge { bytes, limit } => {
            Problem::internal(format!("an event of a stock has {bytes} bytes, of at most {limit}"))
        }
        TransactError::Store(error) => store_problem(error),
    }
}

pub fn store_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Throttled(_) => Problem::unavailable(
            "throttled",
            "Too many requests at the moment. The request may have had its effect or not.",
        )
        .caused_by(error),
        StoreError::Unavailable(_) => Problem::unavailable(
            "store_unavailable",
            "The event store did not answer. The request may have had its effect or not.",
        )
        .caused_by(error),
        StoreError::Rejected(_) | StoreError::Misconfigured(_) | StoreError::Corrupt(_) | StoreError::Unreadable(_) => {
            Problem::internal(error)
        }
    }
}

fn refusal_problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::VersionMismatch { expected, actual } => Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "version_mismatch",
            format!("The stock is at version {actual}, not {expected}."),
        ),
        Refusal::Stock(StockError::BelowReserved { on_hand, reserved }) => Problem::new(
            StatusCode::CONFLICT,
            "stock_reserved",
            format!("{reserved} pieces are reserved for orders; the stock cannot be {on_hand}."),
        )
        .field("on_hand", format!("must be at least {reserved}")),
        Refusal::Stock(StockError::TooMany { room }) => {
            Problem::invalid("quantity", format!("must be at most {room} with what is there already"))
        }
    }
}
