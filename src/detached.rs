//! Parts of messages that outlive them, copied out of what they came in.
//!
//! A header's value, a path and a piece of a body are views of what their connection read, 8 KiB or more at once, and hold all of it:
//! what is kept for a while is kept apart.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, uri::PathAndQuery};

/// The same value.
pub(crate) fn value(value: &HeaderValue) -> HeaderValue {
    let mut copy = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    copy.set_sensitive(value.is_sensitive());
    copy
}

/// Those headers whose names are wanted, all in one piece of memory.
pub(crate) fn headers(headers: &HeaderMap, is_wanted: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let wanted = || headers.iter().filter(|(name, _)| is_wanted(name));
    let mut text = BytesMut::with_capacity(wanted().map(|(_, value)| value.len()).sum());
    wanted().for_each(|(_, value)| text.extend_from_slice(value.as_bytes()));
    let mut text = text.freeze();
    let mut copies = HeaderMap::with_capacity(headers.len());
    for (name, value) in wanted() {
        let bytes = text.split_to(value.len());
        let mut copy = HeaderValue::from_maybe_shared(bytes).unwrap_or_else(|_| self::value(value));
        copy.set_sensitive(value.is_sensitive());
        copies.append(name.clone(), copy);
    }
    copies
}

/// The same path and query.
pub(crate) fn path(path: &PathAndQuery) -> PathAndQuery {
    PathAndQuery::try_from(path.as_str()).unwrap_or_else(|_| path.clone())
}

/// The same target.
pub(crate) fn uri(uri: &Uri) -> Uri {
    match (uri.authority(), uri.path_and_query()) {
        (None, Some(target)) => path(target).into(),
        _ => uri.to_string().parse().unwrap_or_else(|_| uri.clone()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// What a connection read, and a request in it.
    fn read() -> (Bytes, HeaderMap, Uri) {
        let read = Bytes::from(b"/a?b=c one two three".to_vec());
        let value = |range| HeaderValue::from_maybe_shared(read.slice(range)).unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-a", value(7..10));
        headers.append("x-b", value(11..14));
        headers.append("x-a", value(15..20));
        headers.get_mut("x-b").unwrap().set_sensitive(true);
        let uri = PathAndQuery::from_maybe_shared(read.slice(..6)).unwrap().into();
        (read, headers, uri)
    }

    #[test]
    fn what_is_kept_holds_nothing_of_what_was_read() {
        let (read, headers, uri) = read();
        let kept = (super::headers(&headers, |_| true), super::uri(&uri), value(&headers["x-b"]));
        assert_eq!((&kept.0, &kept.1, &kept.2), (&headers, &uri, &headers["x-b"]));
        assert!(kept.0["x-b"].is_sensitive() && kept.2.is_sensitive() && !kept.0["x-a"].is_sensitive());
        assert!(!read.is_unique(), "the request holds it");
        drop((headers, uri));
        assert!(read.is_unique(), "what is kept does not");
    }

    #[test]
    fn what_is_not_wanted_is_left_out() {
        let (_, headers, _) = read();
        let kept = super::headers(&headers, |name| name == "x-a");
        assert_eq!(
            kept.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect::<Vec<_>>(),
            [("x-a", &b"one"[..]), ("x-a", b"three")]
        );
    }

    #[test]
    fn a_target_may_be_of_any_form() {
        for target in ["/", "/a?b", "http://localhost:1/a?b", "localhost:1", "*"] {
            let target: Uri = target.parse().unwrap();
            assert_eq!(uri(&target), target);
        }
    }
}
