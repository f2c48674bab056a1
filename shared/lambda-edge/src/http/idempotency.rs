//! A caller's key for one request, and what the request was.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The longest key accepted, in characters.
pub const MAX_KEY_CHARS: usize = 255;

/// The `Idempotency-Key` of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub key: String,
    /// SHA-256 over method, path and body, in base64url. The order of a body's fields and the white space between them
    /// make no difference.
    pub request_hash: String,
}

impl IdempotencyKey {
    /// `None` when `key` is not 1 to 255 visible ASCII characters.
    pub(super) fn new(key: &[u8], method: &str, path: &str, body: &[u8]) -> Option<Self> {
        if !(1..=MAX_KEY_CHARS).contains(&key.len()) || !key.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut hash = Sha256::new();
        for part in [method.as_bytes(), path.as_bytes(), &canonical(body)] {
            // With its length, so that the parts cannot be cut elsewhere.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Some(Self {
            key: String::from_utf8_lossy(key).into_owned(),
            request_hash: URL_SAFE_NO_PAD.encode(hash.finalize()),
        })
    }
}

/// JSON with sorted fields and without white space; its numbers stay as they were written. What is no JSON stays as it
/// is.
fn canonical(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(value) if write(value, &mut out).is_ok() => out,
        _ => body.to_vec(),
    }
}

fn write(value: &RawValue, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            out.push(b'{');
            for (name, value) in fields {
                serde_json::to_writer(&mut *out, &name)?;
                out.push(b':');
                write(value, out)?;
                out.push(b',');
            }
            out.push(b'}');
        }
        Some(b'[') => {
            out.push(b'[');
            for value in serde_json::from_str::<Vec<&RawValue>>(text)? {
                write(value, out)?;
                out.push(b',');
            }
            out.push(b']');
        }
        Some(b'"') => serde_json::to_writer(out, &serde_json::from_str::<String>(text)?)?,
        _ => out.extend_from_slice(text.as_bytes()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(method: &str, path: &str, body: &str) -> String {
        IdempotencyKey::new(b"k", method, path, body.as_bytes())
            .unwrap()
            .request_hash
    }

    #[test]
    fn the_order_of_fields_and_white_space_make_no_difference() {
        let one = hash("POST", "/orders", r#"{"a": [1, {"b": "é", "c": null}], "d": 49.99}"#);
        let other = hash("POST", "/orders", r#"{ "d":49.99,"a":[1,{"c":null,"b":"\u00e9"}] }"#);
        assert_eq!(one, other);
    }

    #[test]
    fn everything_else_makes_a_difference() {
        let base = hash("POST", "/orders", r#"{"a": 12345678901234567.89}"#);
        for (method, path, body) in [
            ("PUT", "/orders", r#"{"a": 12345678901234567.89}"#),
            ("POST", "/orders/7", r#"{"a": 12345678901234567.89}"#),
            ("POST", "/orders", r#"{"a": 12345678901234567.88}"#),
            ("POST", "/orders", r#"{"a": "12345678901234567.89"}"#),
            ("POST", "/orders", r#"{"b": 12345678901234567.89}"#),
            ("POST", "/orders", ""),
        ] {
            assert_ne!(hash(method, path, body), base, "{method} {path} {body}");
        }
    }

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters() {
        let is_key = |key: &[u8]| IdempotencyKey::new(key, "POST", "/", b"").is_some();
        assert!(is_key(b"x") && is_key(&[b'~'; 255]));
        assert!(!is_key(b"") && !is_key(&[b'x'; 256]) && !is_key(b"a b") && !is_key("ä".as_bytes()));
    }
}
