//! Requests that depend on what the caller has: `If-Match` and `If-None-Match`.
//!
//! <https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests>

use lambda_http::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use lambda_http::http::{HeaderMap, HeaderName, StatusCode};

use super::call::{Call, malformed_header, whole_number};
use super::problem::Problem;
use super::reply::Reply;

/// What a header says of the thing that a request is to change.
#[derive(Debug, Clone, PartialEq)]
pub enum Tags {
    /// `*`: there is one.
    Any,
    /// The versions that its tags name. What is read may show a version of something else too; of such a tag `"3-7"` the
    /// first one is meant. A tag that names no version is of nothing here.
    Versions(Vec<u64>),
}

/// The entity tags of a header.
enum Listed<'a> {
    Any,
    These(Vec<EntityTag<'a>>),
}

struct EntityTag<'a> {
    is_weak: bool,
    opaque: &'a str,
}

impl Call {
    /// One of these versions must be there. Compared strongly: a weak tag matches nothing.
    ///
    /// # Errors
    /// 400 `malformed_header` when it is neither `*` nor a list of entity tags.
    pub fn if_match(&self) -> Result<Option<Tags>, Problem> {
        tags(&self.headers, IF_MATCH, "If-Match", |tag| !tag.is_weak)
    }

    /// None of these versions may be there. Compared weakly.
    ///
    /// # Errors
    /// As [`Call::if_match`].
    pub fn if_none_match(&self) -> Result<Option<Tags>, Problem> {
        tags(&self.headers, IF_NONE_MATCH, "If-None-Match", |_| true)
    }
}

fn tags(
    headers: &HeaderMap,
    name: HeaderName,
    shown: &str,
    counts: impl Fn(&EntityTag) -> bool,
) -> Result<Option<Tags>, Problem> {
    let Some(value) = joined(headers, name) else {
        return Ok(None);
    };
    let expected = "must be entity tags in quotes, such as \"3\", or *";
    let listed = listed(&value).ok_or_else(|| malformed_header(shown, expected))?;
    Ok(Some(match listed {
        Listed::Any => Tags::Any,
        Listed::These(tags) => {
            let tags = tags.iter().filter(|tag| counts(tag));
            Tags::Versions(tags.filter_map(|tag| version(tag.opaque)).collect())
        }
    }))
}

fn version(opaque: &str) -> Option<u64> {
    match opaque.split_once('-') {
        None => whole_number(opaque),
        Some((own, other)) => whole_number(own).filter(|_| whole_number(other).is_some()),
    }
}

/// All lines of a header as one; `None` when it was not sent. What is no text is malformed.
fn joined(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("?"));
    let lines: Vec<_> = lines.collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// `None` when it is neither `*` nor a list of entity tags.
fn listed(value: &str) -> Option<Listed<'_>> {
    let mut rest = value.trim();
    if rest == "*" {
        return Some(Listed::Any);
    }
    let mut tags = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return (!tags.is_empty()).then_some(Listed::These(tags));
        }
        let strong = rest.strip_prefix("W/");
        let (opaque, after) = strong.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        let is_apart = after.is_empty() || after.trim_start().starts_with(',');
        if !is_apart || !opaque.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        tags.push(EntityTag {
            is_weak: strong.is_some(),
            opaque,
        });
        rest = after;
    }
}

/// The reply to a read, or 304 when the caller says in `If-None-Match` that it has just that. `W/` makes no difference here.
pub(super) fn or_not_modified(mut reply: Reply, asked: &HeaderMap) -> Reply {
    let etag = reply.headers.iter().find(|(name, _)| *name == ETAG);
    let etag = etag.and_then(|(_, value)| value.to_str().ok());
    let known = joined(asked, IF_NONE_MATCH);
    let is_known = |etag: &str| match known.as_deref().and_then(listed) {
        None => false,
        Some(Listed::Any) => true,
        Some(Listed::These(tags)) => tags.iter().any(|tag| etag.trim_matches('"') == tag.opaque),
    };
    if reply.status == StatusCode::OK && etag.is_some_and(is_known) {
        reply.status = StatusCode::NOT_MODIFIED;
        reply.body = String::new();
    }
    reply
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    fn status(if_none_match: &[&'static str]) -> u16 {
        let mut asked = HeaderMap::new();
        for value in if_none_match {
            asked.append(IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        let reply = Reply::ok(&"body").expect("a reply").version(3);
        or_not_modified(reply, &asked).status.as_u16()
    }

    #[test]
    fn a_tag_that_the_caller_names_is_not_sent_again() {
        for known in ["\"3\"", "W/\"3\"", "*", "\"1\", \"3\""] {
            assert_eq!(status(&[known]), 304, "{known}");
        }
        assert_eq!(status(&["\"1\"", "\"3\""]), 304);
        for other in ["\"1\"", "3", "\"33\"", ""] {
            assert_eq!(status(&[other]), 200, "{other}");
        }
        assert_eq!(status(&[]), 200);
    }

    #[test]
    fn a_write_names_versions_strongly_or_weakly_or_any() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, value.parse().unwrap());
            let strong = tags(&headers, IF_MATCH, "If-Match", |tag| !tag.is_weak);
            let weak = tags(&headers, IF_MATCH, "If-Match", |_| true);
            (
                strong.map_err(|problem| problem.code),
                weak.map_err(|problem| problem.code),
            )
        };
        let both = |tags: Tags| (Ok(Some(tags.clone())), Ok(Some(tags)));
        let versions = |versions: &[u64]| Tags::Versions(versions.to_vec());
        assert_eq!(read("*"), both(Tags::Any));
        assert_eq!(read("\"3\""), both(versions(&[3])));
        assert_eq!(read("\"3-7\""), both(versions(&[3])));
        assert_eq!(read(" \"1\",, \"x,y\" ,\"2\" "), both(versions(&[1, 2])));
        let weak = read("W/\"3\", \"4\"");
        assert_eq!(weak, (Ok(Some(versions(&[4]))), Ok(Some(versions(&[3, 4])))));
        // Tags, but of nothing here.
        for other in [
            "\"+3\"",
            "\"03\"",
            "\"x\"",
            "\"\"",
            "\"3-\"",
            "\"-3\"",
            "\"3-7-1\"",
            "\"3-7+\"",
            "\"*\"",
        ] {
            assert_eq!(read(other), both(versions(&[])), "{other}");
        }
        for malformed in [
            "3",
            "",
            ",",
            "\"3",
            "\"3\" \"4\"",
            "*, \"3\"",
            "w/\"3\"",
            "\"a b\"",
            "W/3",
        ] {
            assert_eq!(
                read(malformed),
                (Err("malformed_header"), Err("malformed_header")),
                "{malformed}"
            );
        }
    }
}
