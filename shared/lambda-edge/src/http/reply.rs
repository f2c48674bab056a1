//! Answers that are no errors.

use lambda_http::http::header::{CONTENT_SECURITY_POLICY, ETAG, HeaderName, LOCATION};
use lambda_http::http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::caching::Caching;
use super::problem::Problem;

/// An answer, mostly of JSON.
#[derive(Debug)]
pub struct Reply {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: String,
    pub(super) caching: Caching,
    /// The order it is about, for the log.
    pub(super) order_id: Option<String>,
}

impl Reply {
    /// # Errors
    /// [`Problem::internal`] when `body` does not serialize.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(Problem::internal)?;
        Ok(Self {
            status,
            ..Self::text("application/json", body)
        })
    }

    /// A text that is written already.
    pub fn text(content_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            headers: Vec::new(),
            body: body.into(),
            caching: Caching::default(),
            order_id: None,
        }
    }

    /// # Errors
    /// [`Problem::internal`] when `body` does not serialize.
    pub fn ok(body: &impl Serialize) -> Result<Self, Problem> {
        Self::json(StatusCode::OK, body)
    }

    /// The version as the entity's tag: `ETag: "3"`.
    pub fn version(self, version: u64) -> Self {
        self.etag(&version.to_string())
    }

    /// The tag of an answer that shows more than one version, or not all of it.
    pub fn etag(self, tag: &str) -> Self {
        self.header(ETAG, format!("\"{tag}\""))
    }

    pub fn caching(mut self, caching: Caching) -> Self {
        self.caching = caching;
        self
    }

    pub fn location(self, path: String) -> Self {
        self.header(LOCATION, path)
    }

    /// What a browser may load and run for a page.
    pub fn content_security_policy(self, policy: &str) -> Self {
        self.header(CONTENT_SECURITY_POLICY, policy.to_owned())
    }

    pub fn about_order(mut self, order_id: impl ToString) -> Self {
        self.order_id = Some(order_id.to_string());
        self
    }

    /// Where the answer was read from: `X-Read-Source`.
    pub fn read_source(self, source: &'static str) -> Self {
        self.header(HeaderName::from_static("x-read-source"), source.to_owned())
    }

    /// Says that the request had been answered before, and that nothing was done now.
    pub fn replayed(self) -> Self {
        self.header(HeaderName::from_static("idempotency-replayed"), "true".to_owned())
    }

    /// A value that is no valid header value is left out.
    fn header(mut self, name: HeaderName, value: String) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value) {
            self.headers.push((name, value));
        }
        self
    }
}
