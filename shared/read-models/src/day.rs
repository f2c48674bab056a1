//! Days in parameters and keys, and the time zone that they are told by.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use environment::{ConfigError, Environment, Variable};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Serialize;

/// A day, written `YYYY-MM-DD`: a UTC day, unless something else is said where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Day(NaiveDate);

impl FromStr for Day {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        // Parsing also takes `2026-1-2` and `+2026-01-02`.
        let day = text.parse().map(Self).ok();
        day.filter(|day| day.to_string() == text && text.len() == "YYYY-MM-DD".len())
            .ok_or("must be a day such as 2026-11-20")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<NaiveDate> for Day {
    fn from(day: NaiveDate) -> Self {
        Self(day)
    }
}

/// The shop's time zone, with the default that template.yaml has.
pub const REPORT_TIME_ZONE: Variable = Variable {
    name: "REPORT_TIME_ZONE",
    default: "UTC",
    meaning: "the time zone of daily reports, by its IANA name",
};

/// A time zone of the IANA's list. Where clocks are changed, it has days of 23 and of 25 hours. Its rules are part of the program,
/// so that all functions of a deployment know the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

impl Zone {
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// # Errors
    /// When the variable is none of the list.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        REPORT_TIME_ZONE.parsed(env, "the name of a time zone, such as Europe/Berlin")
    }

    /// The name that the list has.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    pub fn day_of(&self, at: DateTime<Utc>) -> Day {
        // Beyond the year 9999 there are no rules, and so no offset.
        let offset = Timestamp::from_second(at.timestamp()).map_or(0, |at| self.0.to_offset(at).seconds());
        Day((at + TimeDelta::seconds(offset.into())).date_naive())
    }
}

impl FromStr for Zone {
    type Err = jiff::Error;

    fn from_str(name: &str) -> Result<Self, jiff::Error> {
        TimeZoneDatabase::bundled().get(name).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_when_the_clocks_of_the_zone_say_so() {
        let day = |zone: &str, at: &str| {
            let zone: Zone = zone.parse().unwrap();
            zone.day_of(at.parse().unwrap()).to_string()
        };
        for (zone, last, first) in [
            ("UTC", "2026-11-20T23:59:59.999999Z", "2026-11-21T00:00:00Z"),
            ("Europe/Berlin", "2026-11-20T22:59:59.999999Z", "2026-11-20T23:00:00Z"),
            ("Asia/Kolkata", "2026-11-20T18:29:59Z", "2026-11-20T18:30:00Z"),
            ("America/New_York", "2026-11-21T04:59:59Z", "2026-11-21T05:00:00Z"),
            ("Pacific/Kiritimati", "2026-11-20T09:59:59Z", "2026-11-20T10:00:00Z"),
        ] {
            assert_eq!(
                [day(zone, last), day(zone, first)],
                ["2026-11-20", "2026-11-21"],
                "{zone}"
            );
        }
        // A day of 23 hours, and one of 25.
        for (first, after) in [
            ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ] {
            let (first, after): (DateTime<Utc>, DateTime<Utc>) = (first.parse().unwrap(), after.parse().unwrap());
            let zone: Zone = "Europe/Berlin".parse().unwrap();
            let moment = TimeDelta::microseconds(1);
            assert_ne!(zone.day_of(first - moment), zone.day_of(first));
            assert_eq!(zone.day_of(first), zone.day_of(after - moment));
            assert_ne!(zone.day_of(first), zone.day_of(after));
        }
    }

    #[test]
    fn a_zone_has_the_name_that_the_list_has() {
        let name = |name: &str| name.parse::<Zone>().map(|zone| zone.name().to_owned()).ok();
        assert_eq!(name("europe/berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(name("UTC").as_deref(), Some("UTC"));
        assert_eq!(name("Europe/Bonn"), None);
        assert_eq!(name(""), None);
        let of = |value: &str| {
            Zone::from_env(
                &[("REPORT_TIME_ZONE".to_owned(), value.to_owned())]
                    .into_iter()
                    .collect(),
            )
        };
        assert_eq!(of(""), Ok(Zone::UTC));
        assert!(of("Europe/Bonn").is_err());
    }
}
