//! The name of an order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A UUID, written in lower case with hyphens. It is also the order's `AggregateId` in the event store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub Uuid);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID such as 0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c")]
pub struct OrderIdError;

impl FromStr for OrderId {
    type Err = OrderIdError;

    fn from_str(text: &str) -> Result<Self, OrderIdError> {
        // Uuid also reads braces, URNs and digits without hyphens.
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(OrderIdError);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| OrderIdError)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
