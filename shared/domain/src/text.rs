//! Identifiers and texts that callers bring.
//!
//! What comes in is parsed, under rules that may be tightened: whoever holds what was parsed need not look again. What is stored
//! was parsed under the rules of its time, and is deserialized as it is; the rules of today do not matter to it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`email`] | e-mail addresses |

mod characters;
pub mod email;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

pub use characters::is_invisible;
use characters::{is_line_break, is_space, is_visible};
pub use email::{EmailAddress, EmailAddressError};

/// Why a text is not acceptable. Its message completes "the field …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("must be 1 to {max} characters long")]
    Length { max: usize },
    #[error("must not contain control characters, such as U+{:04X}", *.0 as u32)]
    ControlCharacter(char),
    #[error("must not contain characters that nobody sees, such as U+{:04X}", *.0 as u32)]
    InvisibleCharacter(char),
    #[error("must contain something that can be seen")]
    NothingVisible,
    #[error("must not contain / or ?, nor be . or .., which a path cannot carry")]
    NotForPaths,
    #[error("must be in Unicode's normalization form C")]
    NotNormalized,
    #[error("must not begin or end with white space")]
    SurroundingSpace,
}

/// How people call a customer.
pub type CustomerName = Text<200>;
pub type ProductName = Text<200>;
pub type AddressLine = Text<200>;
pub type PostalCode = Text<20>;
pub type Carrier = Text<100>;
pub type Jurisdiction = Text<100>;
pub type Reason = Text<500, MANY_LINES>;

/// What came with a delivery: the number of a delivery note, say.
pub type Reference = Text<100>;

/// Says of a text that its line breaks are kept.
pub const MANY_LINES: bool = true;

/// A text of people: 1 to `MAX` characters of any script, at least one of them visible.
///
/// It is taken as forms and spreadsheets send it. White space around it goes, and it is put into Unicode's normalization form C.
/// Line breaks and tabs become spaces; where it may have several `LINES`, a line break stays, as `\n`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize, const LINES: bool = false>(String);

impl<const MAX: usize, const LINES: bool> Text<MAX, LINES> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a valid text of `text`: leaves out what the rules do not allow, and what is beyond `MAX`.
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

impl<const MAX: usize, const LINES: bool> FromStr for Text<MAX, LINES> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text: String = if LINES { lines(text) } else { one_line(text) }.nfc().collect();
        if text.is_empty() || text.chars().count() > MAX {
            return Err(TextError::Length { max: MAX });
        }
        if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\n') {
            return Err(TextError::ControlCharacter(control));
        }
        if !text.chars().any(is_visible) {
            return Err(TextError::NothingVisible);
        }
        Ok(Self(text))
    }
}

/// The text with a space for each break in it: line breaks and tabs, with the white space around them.
fn one_line(text: &str) -> String {
    let parts = text.split(|c| c == '\t' || is_line_break(c));
    let parts = parts
        .map(|part| part.trim_matches(is_space))
        .filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

/// The text with `\n` for each line break and a space for each tab. No line ends with white space.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', " ");
    let lines = text.split(is_line_break).map(|line| line.trim_end_matches(is_space));
    let lines = lines.collect::<Vec<_>>().join("\n");
    lines.trim_matches(is_space).to_owned()
}

impl<const MAX: usize, const LINES: bool> From<Text<MAX, LINES>> for String {
    fn from(text: Text<MAX, LINES>) -> String {
        text.0
    }
}

impl<const MAX: usize, const LINES: bool> fmt::Display for Text<MAX, LINES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The longest identifier, in characters.
pub const MAX_ID_CHARS: usize = 64;

/// What somebody names that is stored, perhaps since before the rules of today: a `T` of any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T>(pub T);

/// Identifiers belong to the shop's other systems, so any script and inner spaces are allowed. They are compared and put into
/// paths, so a new one has nothing in it that looks like nothing, or like something else.
fn check_new_id(id: &str) -> Result<(), TextError> {
    check_length(id, MAX_ID_CHARS)?;
    for c in id.chars() {
        match c {
            '/' | '?' => return Err(TextError::NotForPaths),
            c if c.is_control() || is_line_break(c) => return Err(TextError::ControlCharacter(c)),
            c if is_invisible(c) => return Err(TextError::InvisibleCharacter(c)),
            _ => {}
        }
    }
    if matches!(id, "." | "..") {
        return Err(TextError::NotForPaths);
    }
    if id.trim() != id {
        return Err(TextError::SurroundingSpace);
    }
    if !is_nfc(id) {
        return Err(TextError::NotNormalized);
    }
    Ok(())
}

fn check_length(text: &str, max: usize) -> Result<(), TextError> {
    match text.chars().count() {
        length if (1..=max).contains(&length) => Ok(()),
        _ => Err(TextError::Length { max }),
    }
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(id: &str) -> Result<Self, TextError> {
                check_new_id(id)?;
                Ok(Self(id.to_owned()))
            }
        }

        impl FromStr for Stored<$name> {
            type Err = TextError;

            fn from_str(id: &str) -> Result<Self, TextError> {
                check_length(id, MAX_ID_CHARS)?;
                Ok(Self($name(id.to_owned())))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
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
    /// What the shop's other systems call an order.
    OrderReference,
}

/// The name of an aggregate or of what keeps one: an identifier, perhaps with a prefix.
impl FromStr for Stored<String> {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        check_length(name, MAX_ID_CHARS + 36)?;
        Ok(Self(name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
