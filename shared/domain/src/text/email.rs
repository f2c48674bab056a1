//! E-mail addresses, as SMTP has them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::characters::is_space;

/// Why a text is no e-mail address that a mail can reach. Its message completes "the field …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailAddressError {
    #[error("must be one e-mail address, such as maria@example.com")]
    NoAddress,
    #[error("must have letters of ASCII, digits, dots and signs such as + before the @, and neither quotes nor spaces")]
    LocalPart,
    #[error("must have at most {MAX_LOCAL_OCTETS} octets before the @, and at most {MAX_OCTETS} together")]
    TooLong,
    #[error("must have a domain of the internet after the @, such as example.com")]
    Domain,
}

/// <https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.1>
const MAX_LOCAL_OCTETS: usize = 64;

/// What fits into a path of SMTP: <https://www.rfc-editor.org/errata/eid1690>.
const MAX_OCTETS: usize = 254;

/// Signs that may stand before the `@`, beside letters and digits: <https://www.rfc-editor.org/rfc/rfc5322#section-3.2.3>.
const SIGNS: &[u8] = b"!#$%&'*+-/=?^_`{|}~";

/// An e-mail address as its owner writes it. Whether mail arrives, only sending some tells.
///
/// Before the `@` stands ASCII without quotes: the rest needs SMTPUTF8, which Amazon SES has not, and quotes are used by nobody.
/// The domain may be of any script, and has a dot in it: a mail comes from the internet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as SMTP has it: `info@müller.example` is `info@xn--mller-kva.example`.
    ///
    /// # Errors
    /// [`EmailAddressError`] when no mail can reach it, as it may be with one that was stored under the rules of before.
    pub fn for_smtp(&self) -> Result<String, EmailAddressError> {
        for_smtp(&self.0)
    }
}

fn for_smtp(address: &str) -> Result<String, EmailAddressError> {
    let (local, domain) = address.rsplit_once('@').ok_or(EmailAddressError::NoAddress)?;
    if local.is_empty() || domain.is_empty() {
        return Err(EmailAddressError::NoAddress);
    }
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || SIGNS.contains(&b));
    if !local.split('.').all(is_word) {
        return Err(EmailAddressError::LocalPart);
    }
    let domain = for_dns(domain).ok_or(EmailAddressError::Domain)?;
    let address = format!("{local}@{domain}");
    if local.len() > MAX_LOCAL_OCTETS || address.len() > MAX_OCTETS {
        return Err(EmailAddressError::TooLong);
    }
    Ok(address)
}

/// The domain as DNS has it. `None` when that has none such: a name of the internet has two labels or more, and its last one is
/// no number, which would be that of an IPv4 address.
fn for_dns(domain: &str) -> Option<Cow<'_, str>> {
    let uts46 = Uts46::new();
    let ascii = uts46.to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Verify,
    );
    let (_, last) = ascii.as_deref().ok()?.rsplit_once('.')?;
    let is_number = last.bytes().all(|b| b.is_ascii_digit());
    ascii.ok().filter(|_| !is_number)
}

impl FromStr for EmailAddress {
    type Err = EmailAddressError;

    /// White space around it goes, as forms and spreadsheets send some.
    fn from_str(text: &str) -> Result<Self, EmailAddressError> {
        let address: String = text.trim_matches(is_space).nfc().collect();
        for_smtp(&address)?;
        Ok(Self(address))
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(address: &str) -> Result<String, EmailAddressError> {
        address.parse::<EmailAddress>()?.for_smtp()
    }

    #[test]
    fn an_address_is_mailed_as_smtp_has_it() {
        for (address, expected) in [
            ("maria.anders+shop@example.com", "maria.anders+shop@example.com"),
            ("info@müller.example", "info@xn--mller-kva.example"),
            ("info@mu\u{308}ller.example", "info@xn--mller-kva.example"),
            ("INFO@Müller.Example", "INFO@xn--mller-kva.example"),
            ("post@例え.テスト", "post@xn--r8jz45g.xn--zckzah"),
            ("a@straße.example", "a@xn--strae-oqa.example"),
            (" o'neill@example.co.uk\r\n", "o'neill@example.co.uk"),
            ("\u{feff}a@b.example", "a@b.example"),
        ] {
            assert_eq!(smtp(address).as_deref(), Ok(expected), "{address}");
        }
        // As its owner writes it, until it is mailed.
        assert_eq!(
            "info@müller.example".parse::<EmailAddress>().unwrap().as_str(),
            "info@müller.example"
        );
    }

    #[test]
    fn an_address_that_no_mail_can_reach_is_refused() {
        use EmailAddressError::{Domain, LocalPart, NoAddress, TooLong};
        let long = |local: usize, label: usize| {
            format!("{}@{}.{}.example", "l".repeat(local), "d".repeat(63), "d".repeat(label))
        };
        for (address, expected) in [
            ("", NoAddress),
            ("a", NoAddress),
            ("@b.example", NoAddress),
            ("a@", NoAddress),
            ("a@b@c.example", LocalPart),
            ("käthe@example.com", LocalPart),
            ("a b@example.com", LocalPart),
            ("\"a b\"@example.com", LocalPart),
            (".a@example.com", LocalPart),
            ("a..b@example.com", LocalPart),
            ("a.@example.com", LocalPart),
            ("a,b@example.com", LocalPart),
            ("Maria <maria@example.com>", LocalPart),
            ("a\u{7}@example.com", LocalPart),
            ("a@localhost", Domain),
            ("a@example.com.", Domain),
            ("a@.example.com", Domain),
            ("a@ex..com", Domain),
            ("a@-b.example", Domain),
            ("a@b_c.example", Domain),
            ("a@b c.example", Domain),
            ("a@[127.0.0.1]", Domain),
            ("a@127.0.0.1", Domain),
            ("a@xn--a.example", Domain),
            ("a@b.example>", Domain),
        ] {
            assert_eq!(smtp(address), Err(expected), "{address:?}");
        }
        assert!(smtp(&long(64, 63)).is_ok());
        assert_eq!(smtp(&long(65, 63)), Err(TooLong));
        // Octets of what is sent, not letters: 42 of them here.
        let label = "ü".repeat(40);
        let address = |labels: usize| format!("{}@{}.example", "l".repeat(64), vec![label.clone(); labels].join("."));
        assert!(smtp(&address(3)).is_ok());
        assert_eq!(smtp(&address(4)), Err(TooLong));
    }

    #[test]
    fn a_stored_address_is_read_whatever_it_is_and_says_so_when_it_is_mailed() {
        for (stored, mailed) in [("a@b", Err(EmailAddressError::Domain)), ("a@b.c", Ok("a@b.c"))] {
            let address: EmailAddress = serde_json::from_value(stored.into()).unwrap();
            assert_eq!(address.for_smtp().as_deref().map_err(|error| *error), mailed);
        }
    }
}
