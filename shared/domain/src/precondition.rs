//! What a caller believes of the thing that its command is to change.

use std::fmt;

use crate::Version;

/// Versions that a caller names.
#[derive(Debug, Clone, PartialEq)]
pub enum Versions {
    /// Whichever there is.
    Any,
    These(Vec<Version>),
}

/// The versions at which a thing may be changed; by default all, and also when it does not exist yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Precondition {
    /// It is at one of these.
    pub at: Option<Versions>,
    /// It is at none of these.
    pub not_at: Option<Versions>,
}

impl Precondition {
    /// Whether it is met by a thing at version `actual`; 0 when there is none.
    pub fn is_met(&self, actual: Version) -> bool {
        self.at.as_ref().is_none_or(|at| at.has(actual)) && !self.excludes(actual)
    }

    /// Whether that is one of the versions at which the thing may not be.
    pub fn excludes(&self, actual: Version) -> bool {
        self.not_at.as_ref().is_some_and(|not_at| not_at.has(actual))
    }
}

impl Versions {
    /// What does not exist is at no version.
    fn has(&self, actual: Version) -> bool {
        match self {
            Self::Any => actual > 0,
            Self::These(versions) => actual > 0 && versions.contains(&actual),
        }
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::These(versions) if versions.is_empty() => f.write_str("what was named"),
            Self::These(versions) => {
                let versions: Vec<_> = versions.iter().map(Version::to_string).collect();
                f.write_str(&versions.join(" or "))
            }
        }
    }
}
