//! Opaque, tamper-evident places in a list.
//!
//! A cursor is the place as JSON and a keyed hash over it and the query it belongs to, in base64url. So a client cannot
//! make one up, alter one, or use one of another query.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use environment::{ConfigError, Environment};
use hmac::{Hmac, KeyInit, Mac};
use lambda_edge::http::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// How much of the hash a cursor carries: 128 bits.
const TAG_BYTES: usize = 16;

/// The length of the hash that the key is for, which RFC 2104 asks for.
const MIN_KEY_BYTES: usize = 32;

const CURSOR_KEY: &str = "CURSOR_KEY";

/// Makes and reads the cursors of one function.
#[derive(Clone)]
pub struct Cursors {
    key: Hmac<Sha256>,
}

impl Cursors {
    /// # Errors
    /// When `CURSOR_KEY` is not set, or too short to be a secret.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let key = env.required(CURSOR_KEY)?;
        Self::new(key).ok_or_else(|| ConfigError::Invalid {
            name: CURSOR_KEY,
            value: format!("{} bytes", key.len()),
            expected: "a secret of 32 bytes or more",
        })
    }

    pub(crate) fn new(key: &str) -> Option<Self> {
        if key.len() < MIN_KEY_BYTES {
            return None;
        }
        let key = Hmac::new_from_slice(key.as_bytes()).ok()?;
        Some(Self { key })
    }

    /// The cursor of `place` in the list that `query` brings. `query` names the route and every filter.
    ///
    /// # Errors
    /// [`Problem::internal`] when `place` does not serialize.
    pub fn seal(&self, query: &str, place: &impl Serialize) -> Result<String, Problem> {
        let mut bytes = serde_json::to_vec(place).map_err(Problem::internal)?;
        let tag = self.tagging(query, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag[..TAG_BYTES]);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The place that `cursor` stands for.
    ///
    /// # Errors
    /// 400 `invalid_cursor` when it was altered, or belongs to another query.
    pub fn open<T: DeserializeOwned>(&self, query: &str, cursor: &str) -> Result<T, Problem> {
        self.verified(query, cursor).ok_or_else(|| {
            Problem::malformed("invalid_cursor", "The cursor was altered or belongs to another query.")
                .field("cursor", "must be a next_cursor of the same query")
        })
    }

    fn verified<T: DeserializeOwned>(&self, query: &str, cursor: &str) -> Option<T> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (place, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        self.tagging(query, place).verify_truncated_left(tag).ok()?;
        serde_json::from_slice(place).ok()
    }

    fn tagging(&self, query: &str, place: &[u8]) -> Hmac<Sha256> {
        let mut hash = self.key.clone();
        hash.update(query.as_bytes());
        // Keeps the query and the place apart: neither contains it.
        hash.update(&[0]);
        hash.update(place);
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_unaltered_and_for_its_query() {
        assert!(Cursors::new("too short").is_none());
        let cursors = Cursors::new("a secret of thirty-two characters").unwrap();
        let cursor = cursors.seal("orders of 1", &("2026", 7)).unwrap();
        let place = |query: &str, cursor: &str| cursors.verified::<(String, u32)>(query, cursor);

        assert_eq!(place("orders of 1", &cursor), Some(("2026".to_owned(), 7)));
        assert_eq!(place("orders of 2", &cursor), None);
        assert_eq!(place("orders of 1", ""), None);
        for position in 0..cursor.len() {
            let mut altered = cursor.clone().into_bytes();
            altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
            assert_eq!(place("orders of 1", std::str::from_utf8(&altered).unwrap()), None);
            assert_eq!(place("orders of 1", &cursor[..position]), None);
        }
        assert_eq!(
            Cursors::new("another secret of that same length")
                .unwrap()
                .verified::<(String, u32)>("orders of 1", &cursor),
            None
        );
    }
}
