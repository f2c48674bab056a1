//! Days in parameters and keys.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

/// A UTC day, written `YYYY-MM-DD`.
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

impl Day {
    /// Whether all of it lies before that moment.
    pub fn ended_before(self, at: DateTime<Utc>) -> bool {
        self.0 < at.date_naive()
    }
}

impl From<NaiveDate> for Day {
    fn from(day: NaiveDate) -> Self {
        Self(day)
    }
}
