//! Decimals read from JSON without going through a float.

use rust_decimal::Decimal;

pub(super) const EXPECTED: &str = "must be a decimal number such as 49.99 or \"49.99\", of at most 28 digits";

/// Reads `49.99` and `"49.99"`, both exactly. `None` when the JSON is neither, or has more digits than [`Decimal`] holds.
pub(super) fn parse(json: &str) -> Option<Decimal> {
    let digits = match json.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => json,
    };
    // Decimal itself would also read `+1`, `1_000`, `.5` …
    // … and `5.`.
    let is_plain = !digits.ends_with('.')
        && digits.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit())
        && digits
            .chars()
            .all(|c| matches!(c, '0'..='9' | '.' | '-' | '+' | 'e' | 'E'));
    if !is_plain {
        return None;
    }
    let Some((base, _)) = digits.split_once(['e', 'E']) else {
        return Decimal::from_str_exact(digits).ok();
    };
    // By itself it would round a base that is too long.
    Decimal::from_str_exact(base).ok()?;
    Decimal::from_scientific(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn numbers_and_strings_are_read_exactly() {
        for (json, expected) in [
            ("49.99", "49.99"),
            ("\"49.99\"", "49.99"),
            ("12345678901234567.89", "12345678901234567.89"),
            ("0.1000000000000000055511151231", "0.1000000000000000055511151231"),
            ("-1", "-1"),
            ("1e3", "1000"),
            ("49.990", "49.990"),
        ] {
            assert_eq!(parse(json).map(|d| d.to_string()).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for json in [
            "true",
            "\"\"",
            "\"abc\"",
            "\"1,5\"",
            "\"+1\"",
            "\"1_000\"",
            "\" 1\"",
            "[]",
            "99999999999999999999999999999999",
            "1e99",
            "1e",
            "\"5.\"",
            "\".5\"",
            "1.9999999999999999999999999999999e0",
            "1.9999999999999999999999999999999",
        ] {
            assert_eq!(parse(json), None, "{json}");
        }
    }
}
