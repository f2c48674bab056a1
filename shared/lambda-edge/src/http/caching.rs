//! Who may keep an answer.

use lambda_http::http::HeaderValue;

/// Who may keep an answer: `Cache-Control` (<https://www.rfc-editor.org/rfc/rfc9111>). What an order says is for its caller
/// alone, so never a cache between caller and function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Caching {
    /// Nobody. It is of this moment, or has had an effect.
    #[default]
    Nobody,
    /// The caller, who asks each time whether there is something new.
    Revalidated,
    /// The caller, for an hour: it changes seldom, and who looks at it does not mind.
    Hour,
    /// The caller, for a day: it will not change.
    Settled,
    /// Everybody, for an hour: it says nothing of any order.
    Public,
}

impl Caching {
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Nobody => "no-store",
            Self::Revalidated => "private, no-cache",
            Self::Hour => "private, max-age=3600",
            Self::Settled => "private, max-age=86400",
            Self::Public => "public, max-age=3600",
        })
    }
}
