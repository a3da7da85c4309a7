//! Which header fields end at the next hop, and which names are only ours to set.

use http::{
    HeaderMap,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, COOKIE, HOST, HeaderName,
        ORIGIN, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRANSFER_ENCODING, UPGRADE,
    },
};

/// RFC 9110 §7.6.1, and what older software thinks belongs there.
static HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Fields that `Connection` cannot nominate: they are meant for the recipient, and without them a message means another.
static END_TO_END: [HeaderName; 9] =
    [AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE];

/// The tokens of a list field, over all its lines.
pub(super) fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> + use<'h> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

/// Whether a list field has this token.
pub(super) fn is_named(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|named| named.eq_ignore_ascii_case(token))
}

/// Removes what concerns only the connection the message came over.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let options = tokens(headers, &CONNECTION).filter(|option| !is_option(option));
    let nominated: Vec<HeaderName> = options.filter_map(|name| name.parse().ok()).collect();
    let is_nominated = |name: &HeaderName| nominated.contains(name) && !END_TO_END.contains(name);
    remove(headers, |name| HOP_BY_HOP.contains(name) || is_nominated(name));
}

/// A look at the few names there are is shorter than one for each name that may be.
fn remove(headers: &mut HeaderMap, is_removed: impl Fn(&HeaderName) -> bool) {
    let removed: Vec<HeaderName> = headers.keys().filter(|name| is_removed(name)).cloned().collect();
    for name in removed {
        headers.remove(name);
    }
}

/// The options that nearly every message has: they nominate nothing that is not removed anyway.
fn is_option(option: &str) -> bool {
    ["keep-alive", "close", "upgrade"].iter().any(|known| option.eq_ignore_ascii_case(known))
}

/// Whether a request field may not come from outside: it is set by us, or trusted by programs because proxies set it.
pub(super) fn is_ours(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "forwarded" | "x-real-ip" | "proxy") || name.starts_with("x-forwarded-") || name.starts_with("everlit-")
}

/// Removes the fields that [`is_ours`] names.
pub(super) fn remove_ours(headers: &mut HeaderMap) {
    remove(headers, is_ours);
}

/// Whether a field may stand in the trailers of a request: neither of the connection nor one that changes what was decided
/// from the head (RFC 9110 §6.5.1).
pub(super) fn is_trailer(name: &HeaderName) -> bool {
    !is_ours(name) && !HOP_BY_HOP.contains(name) && !END_TO_END.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&str, &str)], kept: &[&str]) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().expect("name"), value.parse().expect("value"));
        }
        remove_hop_by_hop(&mut headers);
        remove_ours(&mut headers);
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, kept, "{fields:?}");
    }

    #[test]
    fn only_end_to_end_fields_pass() {
        check(&[("connection", "close, X-Hop, Keep-Alive"), ("keep-alive", "timeout=5"), ("x-hop", "1"), ("a", "1")], &["a"]);
        check(&[("connection", "x-a"), ("connection", "x-b"), ("x-a", "1"), ("x-b", "1")], &[]);
        check(&[("connection", "Host, Cookie"), ("host", "a"), ("cookie", "a=1")], &["cookie", "host"]);
        check(&[("te", "trailers, deflate"), ("proxy-authorization", "x"), ("proxy-connection", "x"), ("te", "x")], &[]);
        check(&[("transfer-encoding", "chunked"), ("upgrade", "h2c"), ("http2-settings", "AA")], &[]);
        check(&[("connection", ", ,,"), ("trailer", "x-sum")], &["trailer"]);
        check(&[("proxy", "http://evil"), ("x-real-ip", "1.1.1.1"), ("forwarded", "for=1.1.1.1")], &[]);
        check(&[("x-forwarded-for", "1"), ("x-forwarded-prefix", "/a"), ("everlit-generation", "1")], &[]);
    }
}
