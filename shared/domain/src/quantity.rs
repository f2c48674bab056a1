//! How many: of a product in an order, and of a SKU in the warehouse.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many of a product: 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "WholeNumber", into = "u32")]
pub struct Quantity(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {}", Quantity::MAX)]
pub struct QuantityError;

impl Quantity {
    pub const MAX: u32 = 10_000;

    /// # Errors
    /// [`QuantityError`] outside 1 to 10,000.
    pub fn new(quantity: u32) -> Result<Self, QuantityError> {
        if (1..=Self::MAX).contains(&quantity) {
            Ok(Self(quantity))
        } else {
            Err(QuantityError)
        }
    }

    pub fn get(self) -> u32 {
        self.0
    }

    /// The sum, which may be more than a line may have: `decide` checks that before it happens.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Any number, so that 1.5 and −1 get the same message as 0. That 2.0 is a whole number, JSON Schema says, and JavaScript.
/// A number with a point reaches serde's `untagged` as an f64 and in no other form; every quantity is exact in one.
#[derive(Deserialize)]
#[serde(untagged)]
enum WholeNumber {
    Fits(u32),
    Written(f64),
    Other(serde::de::IgnoredAny),
}

impl TryFrom<u32> for Quantity {
    type Error = QuantityError;

    fn try_from(quantity: u32) -> Result<Self, QuantityError> {
        Self::new(quantity)
    }
}

impl TryFrom<WholeNumber> for Quantity {
    type Error = QuantityError;

    fn try_from(number: WholeNumber) -> Result<Self, QuantityError> {
        match number {
            WholeNumber::Fits(quantity) => Self::new(quantity),
            // What is below 0 becomes 0, and what is too large stays so.
            WholeNumber::Written(quantity) if quantity.fract() == 0.0 => Self::new(quantity as u32),
            WholeNumber::Written(_) | WholeNumber::Other(_) => Err(QuantityError),
        }
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> u32 {
        quantity.0
    }
}

/// How many pieces: 0 to 1,000,000,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "WholeNumber", into = "u32")]
pub struct Pieces(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to {}", Pieces::MAX)]
pub struct PiecesError;

impl Pieces {
    pub const MAX: u32 = 1_000_000_000;
    pub const NONE: Pieces = Pieces(0);
    pub const MOST: Pieces = Pieces(Self::MAX);

    pub fn get(self) -> u32 {
        self.0
    }

    /// The sum, at most [`Pieces::MAX`]: `decide` checks that before it happens.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(Self::MAX))
    }

    /// The difference, at least none.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl TryFrom<u32> for Pieces {
    type Error = PiecesError;

    fn try_from(pieces: u32) -> Result<Self, PiecesError> {
        if pieces <= Self::MAX {
            Ok(Self(pieces))
        } else {
            Err(PiecesError)
        }
    }
}

impl TryFrom<WholeNumber> for Pieces {
    type Error = PiecesError;

    fn try_from(number: WholeNumber) -> Result<Self, PiecesError> {
        match number {
            WholeNumber::Fits(pieces) => pieces.try_into(),
            // What is too large stays so.
            WholeNumber::Written(pieces) if pieces >= 0.0 && pieces.fract() == 0.0 => (pieces as u32).try_into(),
            WholeNumber::Written(_) | WholeNumber::Other(_) => Err(PiecesError),
        }
    }
}

impl From<Pieces> for u32 {
    fn from(pieces: Pieces) -> u32 {
        pieces.0
    }
}

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
