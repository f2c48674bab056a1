//! A request as its handler sees it.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use lambda_http::http::header::{CONTENT_TYPE, HeaderName};
use lambda_http::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::caller::Caller;
use super::idempotency::{IdempotencyKey, MAX_KEY_CHARS};
use super::object::Object;
use super::problem::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The largest body accepted. An order of 500 items with long names is well below it.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How much of a message, or of a field's name, that may quote the client's own input goes back.
const MAX_MESSAGE_CHARS: usize = 200;

/// Where a route takes no parameters: any that is given is refused.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A request that was routed and whose caller is known.
#[derive(Debug)]
pub struct Call {
    /// `None` only on a public route.
    pub caller: Option<Caller>,
    /// Shared by everything that follows from this request.
    pub correlation_id: String,
    pub(super) method: String,
    /// As it was requested.
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

    /// The query parameters, all of them.
    ///
    /// # Errors
    /// 400 `malformed_parameter` naming the one that is unknown, given twice or not usable.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parameters(&self.query)
    }

    /// The query parameters in two parts: those of these names, and all others.
    ///
    /// # Errors
    /// As [`Call::query`].
    pub fn query_in_parts<T, U>(&self, names: &[&str]) -> Result<(T, U), Problem>
    where
        T: DeserializeOwned,
        U: DeserializeOwned,
    {
        let mut named = form_urlencoded::Serializer::new(String::new());
        let mut others = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
            let part = if names.contains(&&*name) {
                &mut named
            } else {
                &mut others
            };
            part.append_pair(&name, &value);
        }
        Ok((parameters(&named.finish())?, parameters(&others.finish())?))
    }

    /// The JSON body.
    ///
    /// # Errors
    /// 413, 415, 400 `malformed_json`, or 422 `validation_failed` naming the field.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.check_size()?;
        self.check_content_type()?;
        self.parse()
    }

    /// For a route without query parameters: one that is given is refused rather than ignored.
    ///
    /// # Errors
    /// As [`Call::query`].
    pub fn no_query(&self) -> Result<(), Problem> {
        self.query::<Nothing>().map(|_| ())
    }

    /// For a command without parameters: the body is absent or an empty JSON object.
    ///
    /// # Errors
    /// As [`Call::json`].
    pub fn no_body(&self) -> Result<(), Problem> {
        self.optional_json::<Nothing>().map(|_| ())
    }

    /// For a command whose parameters are all optional: the body is absent or a JSON object.
    ///
    /// # Errors
    /// As [`Call::json`].
    pub fn optional_json<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.body.is_empty() {
            return Ok(T::default());
        }
        self.json()
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

    fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let parsed = serde_path_to_error::deserialize(&mut json);
        match parsed {
            Ok(Object(value)) => {
                json.end().map_err(|error| malformed_json(&error))?;
                Ok(value)
            }
            Err(error) if error.inner().is_data() => {
                // The rest may be no JSON at all, and then that is what is wrong.
                serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).map_err(|error| malformed_json(&error))?;
                let (field, message) = explained(&error);
                Err(Problem::invalid(field, message))
            }
            Err(error) => Err(malformed_json(error.inner())),
        }
    }
}

fn parameters<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let parameters = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(parameters).map_err(|error| {
        let (field, message) = explained(&error);
        Problem::parameter(field, message)
    })
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

/// Which field an error of serde is about, and its message.
///
/// Of an absent or unknown field serde gives the object's path, and the name only in the message.
fn explained<E: Display>(error: &serde_path_to_error::Error<E>) -> (String, String) {
    let (field, message) = field_and_message(error);
    (field.chars().take(MAX_MESSAGE_CHARS).collect(), message)
}

fn field_and_message<E: Display>(error: &serde_path_to_error::Error<E>) -> (String, String) {
    let path = error.path().to_string();
    let path = if path == "." { "" } else { &path };
    let message = error.inner().to_string();
    let message = message.split(" at line ").next().unwrap_or_default();

    let quoted = |prefix: &str| message.strip_prefix(prefix)?.split('`').nth(1);
    let inside = |name: &str| {
        if path.is_empty() || path == name || path.ends_with(&format!(".{name}")) {
            if path.is_empty() {
                name.to_owned()
            } else {
                path.to_owned()
            }
        } else {
            format!("{path}.{name}")
        }
    };
    if let Some(name) = quoted("missing field ") {
        return (inside(name), "is required".to_owned());
    }
    if let Some(name) = quoted("unknown field ") {
        return (inside(name), "is not known here".to_owned());
    }
    if let Some(name) = quoted("duplicate field ") {
        return (inside(name), "is given twice".to_owned());
    }
    // `invalid type: map, expected a string` and `unknown variant `x`, expected one of `a`, `b`` say what was wanted.
    let message = match message.split_once(", expected ") {
        Some((_, wanted)) => format!("must be {}", wanted.replace('`', "").replace("a sequence", "a list")),
        None => message.to_owned(),
    };
    let message = message.chars().take(MAX_MESSAGE_CHARS).collect();
    (
        if path.is_empty() {
            "body".to_owned()
        } else {
            path.to_owned()
        },
        message,
    )
}

#[cfg(test)]
mod tests {

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Body {
        name: String,
        lines: Vec<Object<Line>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Line {
        count: u8,
    }

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

    fn problem(body: &str) -> (u16, &'static str, Option<String>) {
        let problem = call("application/json", body).json::<Body>().unwrap_err();
        let field = problem.fields.first().map(|error| error.field.clone());
        (problem.status.as_u16(), problem.code, field)
    }

    #[test]
    fn an_error_names_the_field() {
        let invalid = |field: &str| (422, "validation_failed", Some(field.to_owned()));
        assert_eq!(problem(r#"{"lines": []}"#), invalid("name"));
        assert_eq!(problem(r#"{"name": "x", "lines": [{}]}"#), invalid("lines[0].count"));
        assert_eq!(
            problem(r#"{"name": "x", "lines": [{"count": 1}, {"count": -1}]}"#),
            invalid("lines[1].count")
        );
        assert_eq!(
            problem(r#"{"name": "x", "lines": [{"count": 1, "n": 2}]}"#),
            invalid("lines[0].n")
        );
        assert_eq!(problem(r#"{"name": "x", "lines": [], "extra": 1}"#), invalid("extra"));
        assert_eq!(problem(r#"{"name": "x", "lines": [], "name": "y"}"#), invalid("name"));
        assert_eq!(problem("[]"), invalid("body"));
        assert_eq!(problem(r#"["x", []]"#), invalid("body"));
        assert_eq!(problem(r#"{"name": "x", "lines": [[1]]}"#), invalid("lines[0]"));
    }

    #[test]
    fn a_message_says_what_is_wanted_and_not_what_was_given() {
        let message = |body: &str| {
            let problem = call("application/json", body).json::<Body>().unwrap_err();
            problem.fields[0].message.clone()
        };
        assert_eq!(message(r#"{"name": {"secret": 1}, "lines": []}"#), "must be a string");
        assert_eq!(message(r#"{"name": "x", "lines": {}}"#), "must be a list");
        assert_eq!(message(r#"{"name": "x", "lines": [7]}"#), "must be an object");
        assert_eq!(message(r#"{"name": "x"}"#), "is required");
    }

    #[test]
    fn parameters_in_two_parts_are_checked_in_both() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Named {
            size: Option<String>,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Others {
            name: Option<String>,
        }
        let parts = |query: &str| {
            let mut call = call("", "");
            call.query = query.to_owned();
            let parts = call.query_in_parts::<Named, Others>(&["size"]);
            parts.map_err(|problem| (problem.fields[0].field.clone(), problem.fields[0].message.clone()))
        };
        let (size, name) = (Some("3".to_owned()), Some("a&b=ü".to_owned()));
        assert_eq!(
            parts("size=3&name=a%26b%3D%C3%BC"),
            Ok((Named { size }, Others { name }))
        );
        for (query, field, message) in [
            ("size=3&name=x&size=4", "size", "is given twice"),
            ("name=x&size=3&name=y", "name", "is given twice"),
            ("size=3&other=x", "other", "is not known here"),
        ] {
            assert_eq!(parts(query), Err((field.to_owned(), message.to_owned())), "{query}");
        }
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for body in ["", "{", "nonsense", r#"{"name": 1} trailing"#, r#"{"name": 1, "#] {
            assert_eq!(problem(body), (400, "malformed_json", None), "{body}");
        }
    }

    #[test]
    fn a_body_is_sent_as_json() {
        let status = |content_type: &str| {
            let outcome = call(content_type, r#"{"name": "x", "lines": []}"#).json::<Body>();
            outcome.map_err(|problem| problem.status.as_u16()).err()
        };
        assert_eq!(status("application/json"), None);
        assert_eq!(status("Application/JSON; charset=utf-8"), None);
        assert_eq!(status("text/plain"), Some(415));
        assert_eq!(status(""), Some(415));
    }

    #[test]
    fn a_body_has_at_most_1_mib() {
        let body = format!("{{{}}}", " ".repeat(MAX_BODY_BYTES));
        assert_eq!(problem(&body).0, 413);
    }
}
