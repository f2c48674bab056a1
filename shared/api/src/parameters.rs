//! What several routes take as a query parameter.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use event_store::Version;
use lambda_edge::http::{Problem, whole_number};

/// Refuses an id that names nothing yet and must not: what is stored may bear it from before.
///
/// # Errors
/// 422 `validation_failed`, naming the parameter of the path that it came in.
pub fn check_new<T: FromStr<Err: Display> + Display>(name: &'static str, id: &T) -> Result<(), Problem> {
    let parsed = id.to_string().parse::<T>();
    parsed
        .map(|_| ())
        .map_err(|error| Problem::invalid(name, error.to_string()))
}

/// A version: 1, 2, 3 …
pub struct VersionNumber(pub Version);

impl FromStr for VersionNumber {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let version = whole_number(text).filter(|version| *version >= 1);
        version.map(Self).ok_or("must be a whole number from 1")
    }
}

/// A time with its offset, after RFC 3339.
pub struct Moment(pub DateTime<Utc>);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let time = DateTime::parse_from_rfc3339(text);
        time.map(|time| Self(time.to_utc()))
            .map_err(|_| "must be a time such as 2026-11-20T12:00:00Z (a + is written %2B)")
    }
}
