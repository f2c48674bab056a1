//! The metadata of a command over HTTP, and the answer to one that was not carried out.

use domain::precondition::{Precondition, Versions};
use domain::{Idempotency, Metadata};
use event_store::TransactError;
use lambda_edge::http::{Call, Problem, StatusCode, Tags};
use reference_data::PutError;
use uuid::Uuid;

use crate::problems::{contended, version_mismatch, write_problem};

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

/// The versions at which the caller wants a thing to be changed.
///
/// # Errors
/// 400 when a header is malformed.
pub fn precondition(call: &Call) -> Result<Precondition, Problem> {
    let versions = |tags| match tags {
        Tags::Any => Versions::Any,
        Tags::Versions(versions) => Versions::These(versions),
    };
    Ok(Precondition {
        at: call.if_match()?.map(versions),
        not_at: call.if_none_match()?.map(versions),
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
        TransactError::VersionMismatch { expected, actual } => version_mismatch(what, &expected, actual),
        TransactError::KeyReused => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "The Idempotency-Key was used for another request.",
        ),
        TransactError::Contended { .. } => contended(what),
        TransactError::TooLarge { bytes, limit } => too_large(bytes, limit),
        TransactError::Store(error) => write_problem(error),
    }
}

/// What a `what` (`product`, `customer`) answers that was not put or retired. `absent`: when there is none.
pub fn put_problem(what: &str, absent: impl FnOnce() -> Problem, error: PutError) -> Problem {
    match error {
        PutError::Absent => absent(),
        PutError::VersionMismatch { expected, actual } => version_mismatch(what, &expected, actual),
        PutError::Contended => contended(what),
        PutError::Table(error) => write_problem(error),
    }
}
