//! A request as its handler sees it.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use lambda_http::http::header::{CONTENT_TYPE, HeaderName};
use lambda_http::http::{HeaderMap, StatusCode};
use serde_json::value::RawValue;

use super::caller::Caller;
use super::coding;
use super::fields::{Errors, Field, Fields};
use super::idempotency::{IdempotencyKey, MAX_KEY_CHARS};
use super::problem::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The largest body accepted. An order of 500 items with long names is well below it.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What stands in a path where a query parameter has the id, which a path cannot carry.
const ELSEWHERE: &str = "-";

/// A request that was routed and whose caller is known.
#[derive(Debug)]
pub struct Call {
    /// `None` only on a public route.
    pub caller: Option<Caller>,
    /// Shared by everything that follows from this request.
    pub correlation_id: String,
    pub(super) method: String,
    /// The path as it was requested.
    pub(super) raw_path: String,
    /// The parameters in it.
    pub(super) path: HashMap<String, String>,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Call {
    /// A parameter of the path.
    ///
    /// # Errors
    /// 400 `malformed_parameter` when it does not parse.
    pub fn path<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Problem> {
        self.path
            .get(name)
            .map_or("", String::as_str)
            .parse()
            .map_err(|error: T::Err| Problem::parameter(name, error.to_string()))
    }

    /// What is read of the query parameters.
    ///
    /// # Errors
    /// 400 `malformed_parameter` naming all that are unknown, given twice, missing or not usable.
    pub fn query<T>(&self, read: impl FnOnce(&mut Fields) -> Option<T>) -> Result<T, Problem> {
        let parameters: Vec<_> = form_urlencoded::parse(self.query.as_bytes()).into_owned().collect();
        let errors = Errors::default();
        let mut fields = Fields::of_query(&errors, &parameters);
        let read = read(&mut fields);
        fields.refuse_unknown();
        errors.outcome(read, Problem::parameters())
    }

    /// Refuses query parameters, rather than ignoring them, on a route that has none.
    ///
    /// # Errors
    /// As [`Call::query`].
    pub fn no_query(&self) -> Result<(), Problem> {
        self.query(|_| Some(()))
    }

    /// The id of what the path names. One that a path cannot carry is given as a query parameter of the same name, with `-` in
    /// its place in the path.
    pub fn named<T: FromStr<Err: Display>>(&self, query: &mut Fields, name: &'static str) -> Option<T> {
        let in_path = self.path.get(name).map_or("", String::as_str);
        match query.optional(name, Field::text)? {
            None => match in_path.parse() {
                Ok(id) => Some(id),
                Err(error) => query.refuse(name, error),
            },
            Some(id) if in_path == ELSEWHERE => Some(id),
            Some(_) => query.refuse(name, format!("is given with {ELSEWHERE} in its place in the path")),
        }
    }

    /// The id of what the path names, on a route without other query parameters.
    ///
    /// # Errors
    /// As [`Call::query`].
    pub fn id<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, Problem> {
        self.query(|query| self.named(query, name))
    }

    /// What is read of the body, a JSON object.
    ///
    /// # Errors
    /// 413, 415, 400 `malformed_json`, or 422 `validation_failed` naming all fields that are wrong.
    pub fn body<T>(&self, read: impl FnOnce(&mut Fields) -> Option<T>) -> Result<T, Problem> {
        if self.body.is_empty() {
            let problem = Problem::malformed("malformed_json", "The request has no body, and needs a JSON object.");
            return Err(problem.field("body", "is missing"));
        }
        self.check_size()?;
        self.check_content_type()?;
        let json: &RawValue = serde_json::from_slice(&self.body).map_err(|error| malformed_json(&error))?;
        let errors = Errors::default();
        let read = Field::body(&errors, json).object(read);
        errors.outcome(read, Problem::invalid_fields())
    }

    /// The body of a command whose parameters are all optional: absent, which is `None`, or a JSON object.
    ///
    /// # Errors
    /// As [`Call::body`].
    pub fn optional_body<T>(&self, read: impl FnOnce(&mut Fields) -> Option<T>) -> Result<Option<T>, Problem> {
        let body = (!self.body.is_empty()).then(|| self.body(read));
        body.transpose()
    }

    /// Refuses a body, unless it is an empty JSON object, of a command without parameters.
    ///
    /// # Errors
    /// As [`Call::body`].
    pub fn no_body(&self) -> Result<(), Problem> {
        self.optional_body(|_| Some(())).map(|_| ())
    }

    /// A header of ours, if it was sent. `expected` says what it must be.
    ///
    /// # Errors
    /// 400 `malformed_header` when `parse` makes nothing of it.
    pub fn header<T>(
        &self,
        name: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.headers.get(name) else {
            return Ok(None);
        };
        let parsed = value.to_str().ok().and_then(|text| parse(text.trim()));
        parsed.map(Some).ok_or_else(|| malformed_header(name, expected))
    }

    /// The caller's key for this request, if it sent one.
    ///
    /// # Errors
    /// 400 `malformed_header` when it is not 1 to 255 visible ASCII characters.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(value) = self.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(None);
        };
        IdempotencyKey::new(value.as_bytes(), &self.method, &self.raw_path, &self.body)
            .map(Some)
            .ok_or_else(|| {
                let message = format!("must be 1 to {MAX_KEY_CHARS} visible ASCII characters");
                malformed_header("Idempotency-Key", &message)
            })
    }

    fn check_size(&self) -> Result<(), Problem> {
        if self.body.len() > MAX_BODY_BYTES {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload_too_large",
                format!("The body is larger than {MAX_BODY_BYTES} bytes."),
            ));
        }
        Ok(())
    }

    fn check_content_type(&self) -> Result<(), Problem> {
        coding::check(&self.headers)?;
        let media_type = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .unwrap_or_default();
        if media_type.trim().eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be sent as Content-Type: application/json.",
        ))
    }
}

/// A whole number as it is written; parsing also takes `+3` and `03`.
pub fn whole_number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// 400: a header cannot be understood.
pub(super) fn malformed_header(name: &str, message: &str) -> Problem {
    Problem::malformed("malformed_header", format!("The header {name} cannot be used.")).field(name, message)
}

fn malformed_json(error: &serde_json::Error) -> Problem {
    Problem::malformed(
        "malformed_json",
        format!(
            "The body is not valid JSON (line {}, column {}).",
            error.line(),
            error.column()
        ),
    )
}

#[cfg(test)]
mod tests {

    use super::*;

    fn call(content_type: &str, body: &str) -> Call {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        Call {
            caller: None,
            correlation_id: String::new(),
            method: String::new(),
            raw_path: String::new(),
            path: HashMap::new(),
            query: String::new(),
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    fn problem(content_type: &str, body: &str) -> Option<(u16, &'static str)> {
        let outcome = call(content_type, body).body(|fields| fields.required("name", Field::text::<String>));
        outcome.err().map(|problem| (problem.status.as_u16(), problem.code))
    }

    #[test]
    fn what_is_no_json_is_malformed_and_no_body_is_called_missing() {
        for body in ["{", "nonsense", r#"{"name": 1} trailing"#, r#"{"name": 1, "#] {
            assert_eq!(
                problem("application/json", body),
                Some((400, "malformed_json")),
                "{body}"
            );
        }
        for content_type in ["", "application/json", "text/plain"] {
            let problem = call(content_type, "").body(|_| Some(())).unwrap_err();
            assert_eq!((problem.status.as_u16(), problem.code), (400, "malformed_json"));
            assert_eq!(problem.fields[0].message, "is missing");
        }
    }

    #[test]
    fn a_body_is_sent_as_json() {
        let status = |content_type: &str| problem(content_type, r#"{"name": "x"}"#).map(|(status, _)| status);
        assert_eq!(status("application/json"), None);
        assert_eq!(status("Application/JSON; charset=utf-8"), None);
        assert_eq!(status("text/plain"), Some(415));
        assert_eq!(status(""), Some(415));
    }

    #[test]
    fn a_body_has_at_most_1_mib() {
        let body = format!("{{{}}}", " ".repeat(MAX_BODY_BYTES));
        assert_eq!(problem("application/json", &body), Some((413, "payload_too_large")));
    }

    #[test]
    fn what_a_path_cannot_carry_is_named_by_a_query_parameter() {
        let id = |in_path: &str, query: &str| {
            let mut call = call("", "");
            call.path.insert("sku".to_owned(), in_path.to_owned());
            call.query = query.to_owned();
            call.id::<String>("sku")
                .map_err(|problem| problem.fields[0].message.clone())
        };
        assert_eq!(id("M-8", ""), Ok("M-8".to_owned()));
        assert_eq!(id("-", ""), Ok("-".to_owned()));
        assert_eq!(id("-", "sku=M8%2F40%3F"), Ok("M8/40?".to_owned()));
        assert_eq!(
            id("M-8", "sku=M-9"),
            Err("is given with - in its place in the path".to_owned())
        );
        assert_eq!(
            id("-", "sk=M-9"),
            Err("is not known here; did you mean `sku`?".to_owned())
        );
    }
}
