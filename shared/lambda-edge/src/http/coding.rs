//! `Content-Encoding`: bodies are small, and taken as they are.

use lambda_http::http::header::CONTENT_ENCODING;
use lambda_http::http::{HeaderMap, StatusCode};

use super::problem::Problem;

/// The code of the problem that a coded body is.
pub(super) const UNSUPPORTED: &str = "unsupported_content_coding";

/// Refuses a body in any coding but `identity`, which is none. What is not decoded cannot be larger than it looks, or lie.
///
/// # Errors
/// 415 `unsupported_content_coding`.
/// <https://www.rfc-editor.org/rfc/rfc9110#status.415>
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let is_identity = |coding: &str| coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity");
    if values.all(|value| value.to_str().is_ok_and(|codings| codings.split(',').all(is_identity))) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        UNSUPPORTED,
        "The body must be sent without Content-Encoding.",
    ))
}
