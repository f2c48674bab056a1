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

pub type ProductName = Text<200>;
pub type AddressLine = Text<200>;
pub type PostalCode = Text<20>;
pub type Carrier = Text<100>;
pub type Reason = Text<500>;
pub type Jurisdiction = Text<100>;

/// What came with a delivery: the number of a delivery note, say.
pub type Reference = Text<100>;

/// A text of 1 to `MAX` characters of any script, without control characters and without surrounding white space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A text of our own making, of which the end may go: `text` without what the rules do not allow.
    ///
    /// # Panics
    /// When nothing is left of it.
    pub fn shortened(text: &str) -> Self {
        let allowed: String = text.chars().filter(|c| !c.is_control()).collect();
        let short: String = allowed.trim().chars().take(MAX).collect();
        let short = short.trim_end().to_owned();
        assert!(!short.is_empty(), "a text of our own making says something");
        Self(short)
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

/// How people call a customer.
pub type CustomerName = Text<200>;

/// Why a text is no e-mail address. Its message completes "the field …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address of 3 to 254 characters, such as maria@example.com")]
pub struct EmailAddressError;

/// An e-mail address: one `@` with something on both sides, and no spaces. Whether mail arrives, only sending some tells.
///
/// 254 characters are what fits into a path of SMTP: <https://www.rfc-editor.org/errata/eid1690>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

impl EmailAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = EmailAddressError;

    fn try_from(text: String) -> Result<Self, EmailAddressError> {
        let sides: Vec<_> = text.split('@').collect();
        let has_two_sides = matches!(sides[..], [local, domain] if !local.is_empty() && !domain.is_empty());
        let has_spaces = text.chars().any(|c| c.is_whitespace() || c.is_control());
        if has_two_sides && !has_spaces && text.chars().count() <= 254 {
            Ok(Self(text))
        } else {
            Err(EmailAddressError)
        }
    }
}

impl FromStr for EmailAddress {
    type Err = EmailAddressError;

    fn from_str(text: &str) -> Result<Self, EmailAddressError> {
        text.to_owned().try_into()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> String {
        address.0
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
    fn an_email_address_has_one_at_sign_with_something_on_both_sides_and_no_spaces() {
        let is_address = |text: &str| EmailAddress::try_from(text.to_owned()).is_ok();
        for address in ["a@b", "maria.anders+shop@example.com", "käthe@müller.example"] {
            assert!(is_address(address), "{address}");
        }
        assert!(is_address(&format!("{}@b", "ü".repeat(252))));
        assert!(!is_address(&format!("{}@b", "ü".repeat(253))));
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a@b@",
            "@a@b",
            "a b@c",
            " a@b",
            "a@b\u{a0}",
            "a@b\u{7}",
        ] {
            assert!(!is_address(text), "{text:?}");
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
