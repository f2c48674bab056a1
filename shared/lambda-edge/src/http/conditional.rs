//! Reads that are answered only if there is something new: `If-None-Match`.

use lambda_http::http::header::{ETAG, IF_NONE_MATCH};
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode};

use super::reply::Reply;

/// The reply to a read, or 304 when the caller says in `If-None-Match` that it has just that.
pub(super) fn unless_known(mut reply: Reply, asked: &HeaderMap) -> Reply {
    let etag = reply.headers.iter().find(|(name, _)| *name == ETAG);
    let etag = etag.and_then(|(_, value)| value.to_str().ok());
    let is_known = |etag: &str| asked.get_all(IF_NONE_MATCH).iter().any(|known| names(known, etag));
    if reply.status == StatusCode::OK && etag.is_some_and(is_known) {
        reply.status = StatusCode::NOT_MODIFIED;
        reply.body = String::new();
    }
    reply
}

/// Whether a list of tags has this one, or every. `W/` makes no difference here.
/// <https://www.rfc-editor.org/rfc/rfc9110#field.if-none-match>
fn names(list: &HeaderValue, etag: &str) -> bool {
    let Ok(list) = list.to_str() else {
        return false;
    };
    // Our own tags have no comma.
    let mut tags = list.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(if_none_match: &[&'static str]) -> u16 {
        let mut asked = HeaderMap::new();
        for value in if_none_match {
            asked.append(IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        let reply = Reply::ok(&"body").expect("a reply").version(3);
        unless_known(reply, &asked).status.as_u16()
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
}
