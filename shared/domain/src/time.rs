//! How times are stored and told: as texts whose order is that of the times.

use chrono::{DateTime, SecondsFormat, Utc};

/// RFC 3339 in UTC with exactly six decimals, so that text order is time order.
pub fn rfc3339_micros(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A time as [`rfc3339_micros`] writes it, for `#[serde(with = …)]`.
pub mod timestamp {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// # Errors
    /// What the format says.
    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::rfc3339_micros(*at))
    }

    /// # Errors
    /// When it is no text, or no time of RFC 3339.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
        Ok(at.to_utc())
    }
}
