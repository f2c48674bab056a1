//! What pages of other origins may do. API Gateway answers every preflight itself.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::template::Cors;

/// The answer to an OPTIONS, whatever its path is: 204, which allows nothing unless the page's origin may call.
pub(super) fn preflight(cors: &Cors, asked: &HeaderMap) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    if let Some(origin) = allowed(cors, asked)
        && asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(headers, ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods.join(","));
        insert(headers, ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers.join(","));
        if let Some(seconds) = cors.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, seconds.into());
        }
    }
    answer
}

/// Adds to an answer that the page which asked may read it.
pub(super) fn add(cors: &Cors, asked: &HeaderMap, answer: &mut HeaderMap) {
    if let Some(origin) = allowed(cors, asked) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(answer, ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose_headers.join(","));
    }
}

/// The origin that asks, if it may, or `*` where all may.
fn allowed(cors: &Cors, asked: &HeaderMap) -> Option<HeaderValue> {
    let origin = asked.get(ORIGIN)?;
    let text = origin.to_str().ok()?;
    let mut allowed = cors.allow_origins.iter();
    let allowed = allowed.find(|allowed| match allowed.strip_suffix('*') {
        Some(scheme) => text.starts_with(scheme),
        None => text == *allowed,
    })?;
    Some(if allowed == "*" {
        HeaderValue::from_static("*")
    } else {
        origin.clone()
    })
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}
