//! Days in parameters.

use chrono::NaiveDate;

use super::problem::Problem;

/// The day that a parameter names, as `YYYY-MM-DD`.
///
/// # Errors
/// 400 `malformed_parameter`.
pub fn day(name: &'static str, text: &str) -> Result<NaiveDate, Problem> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    // Parsing also takes `2026-1-2` and years of more or fewer digits.
    day.filter(|day| day.to_string() == text && text.len() == "2026-11-20".len())
        .ok_or_else(|| Problem::parameter(name, "must be a day such as 2026-11-20"))
}
