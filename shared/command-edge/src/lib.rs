//! What the functions of commands have in common: who asks, and what an append that did not happen answers.

use domain::{Idempotency, Metadata};
use event_store::{StoreError, TransactError};
use lambda_edge::http::{Call, Problem, StatusCode};
use uuid::Uuid;

/// Who asks for the command, and why. Each request is a command of its own.
///
/// # Errors
/// 400 when the idempotency key is malformed.
pub fn metadata(call: &Call) -> Result<Metadata, Problem> {
    let idempotency = call.idempotency_key()?.map(|key| Idempotency {
        key: key.key,
        request_hash: key.request_hash,
    });
    Ok(Metadata {
        idempotency,
        correlation_id: Some(call.correlation_id.clone()),
        user_id: call.caller.as_ref().map(|caller| caller.user_id.clone()),
        tenant_id: call.caller.as_ref().and_then(|caller| caller.tenant_id.clone()),
        ..Metadata::of_command(Uuid::now_v7())
    })
}

/// What a command on `what` answers that was not appended; of what its rules refuse and of what is too large, `refused` and
/// `too_large` know more.
pub fn transact_problem<E>(
    error: TransactError<E>,
    what: &str,
    refused: impl Fn(E) -> Problem,
    too_large: impl Fn(usize, usize) -> Problem,
) -> Problem {
    match error {
        TransactError::Refused(refusal) => refused(refusal),
        TransactError::VersionMismatch { expected, actual } => Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "version_mismatch",
            format!("The {what} is at version {actual}, not {expected}."),
        ),
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
                format!("Others keep changing the {what}. Nothing was changed by this request."),
            )
        },
        TransactError::TooLarge { bytes, limit } => too_large(bytes, limit),
        TransactError::Store(error) => store_problem(error),
    }
}

/// What a command answers whose events could not be read or written.
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
