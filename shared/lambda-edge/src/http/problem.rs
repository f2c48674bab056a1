//! Errors that a client gets: a stable code, a sentence, and for invalid input the fields.
//! <https://www.rfc-editor.org/rfc/rfc9457>

use std::error::Error;

use lambda_http::http::StatusCode;
use serde::Serialize;

/// How many errors of fields an answer tells.
pub(super) const MAX_ERRORS: usize = 50;

/// An answer that is an error. What a client may know is in `detail` and `fields`; `source` is only logged.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable: clients decide by it.
    pub code: &'static str,
    pub detail: String,
    pub fields: Vec<FieldError>,
    /// When trying again may help, in seconds.
    pub retry_after_seconds: Option<u32>,
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldError {
    pub field: String,
    pub message: String,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            fields: Vec::new(),
            retry_after_seconds: None,
            source: None,
        }
    }

    /// 400: the request cannot be understood.
    pub fn malformed(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400: a path or query parameter cannot be understood.
    pub fn parameter(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::parameters().field(name, message)
    }

    /// The same of parameters that are named later.
    pub(super) fn parameters() -> Self {
        Self::malformed("malformed_parameter", "A parameter of the request cannot be used.")
    }

    /// 422: the request is understood, but a field of its body is not acceptable.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid_fields().field(field, message)
    }

    /// The same of fields that are named later.
    pub(super) fn invalid_fields() -> Self {
        let (code, detail) = ("validation_failed", "The request has invalid fields.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 500: nothing that the client can do anything about.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong on our side. It has been logged.",
        )
        .caused_by(source)
    }

    /// 503: the same request may succeed later.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            retry_after_seconds: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
        }
    }

    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(FieldError {
            field: field.into(),
            message: message.into(),
        });
        self
    }

    /// Adds fields, as many as an answer tells, and says how many more there are.
    pub fn fields(mut self, fields: impl IntoIterator<Item = FieldError>) -> Self {
        self.fields.extend(fields);
        let more = self.fields.len().saturating_sub(MAX_ERRORS);
        self.fields.truncate(MAX_ERRORS);
        match more {
            0 => self,
            _ => self.field("…", format!("{more} more are wrong")),
        }
    }

    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The `application/problem+json` body.
    pub(super) fn body(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: &'static str,
            title: &'static str,
            status: u16,
            code: &'static str,
            detail: &'a str,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            errors: &'a [FieldError],
        }
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            errors: &self.fields,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}
