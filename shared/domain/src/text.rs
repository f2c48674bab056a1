//! Identifiers and texts that callers bring.
//!
//! They are checked once, where they come in; whoever holds one need not look again. Stored events are read through the
//! same types, so these rules may be loosened but never tightened.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not acceptable. Its message completes "the field …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("must be 1 to {max} characters long")]
    Length { max: usize },
    #[error("must not contain control characters")]
    ControlCharacter,
    #[error("must not begin or end with white space")]
    SurroundingSpace,
}

/// A text of 1 to `MAX` characters of any script, without control characters and without surrounding white space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        if text.is_empty() || text.chars().count() > MAX {
            return Err(TextError::Length { max: MAX });
        }
        if text.chars().any(char::is_control) {
            return Err(TextError::ControlCharacter);
        }
        if text.trim() != text {
            return Err(TextError::SurroundingSpace);
        }
        Ok(Self(text))
    }
}

impl<const MAX: usize> FromStr for Text<MAX> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        text.to_owned().try_into()
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identifiers are 1 to 64 characters long. They belong to the shop's other systems, so any script and inner spaces
/// are allowed.
macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Text<64>);

        impl $name {
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

identifiers! {
    CustomerId,
    ProductId,
    /// Stock keeping unit.
    Sku,
    /// The payment provider's name for a way to pay; never card data.
    PaymentMethodId,
    /// The payment provider's name for a payment.
    TransactionId,
    TrackingNumber,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_takes_any_script_and_inner_spaces() {
        for id in ["1", "PM 7 / Süß", "注文-42", &"ü".repeat(64)] {
            assert_eq!(id.parse::<ProductId>().unwrap().as_str(), id);
        }
    }

    #[test]
    fn an_identifier_is_1_to_64_characters_without_control_characters_or_surrounding_space() {
        let reason = |text: &str| text.parse::<ProductId>().unwrap_err();
        assert_eq!(reason(""), TextError::Length { max: 64 });
        assert_eq!(reason(&"x".repeat(65)), TextError::Length { max: 64 });
        assert_eq!(reason("a\u{0}b"), TextError::ControlCharacter);
        assert_eq!(reason(" a"), TextError::SurroundingSpace);
        assert_eq!(reason("a\u{a0}"), TextError::SurroundingSpace);
    }
}
