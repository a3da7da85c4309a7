//! Which answers are worth to be encoded.

use axum::body::Body;
use http::{
    HeaderMap, StatusCode,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE},
    response::Parts,
};
use http_body::Body as _;

/// What is shorter fits into one packet anyway, and the fields that encoding adds take a tenth of it back.
pub(super) const MIN_BYTES: usize = 1024;

/// What is longer takes over a tenth of a second to encode, and a body is held in memory twice; it streams instead.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;

/// What is no text and still becomes much smaller.
const COMPRESSIBLE: [&str; 16] = [
    "application/ecmascript",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/jsonl",
    "application/manifest",
    "application/rtf",
    "application/toml",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/xml",
    "application/xml-dtd",
    "application/yaml",
    "font/otf",
    "font/ttf",
];

/// Whether an answer could go out encoded: a whole one, of a kind and size for which it pays, and which nothing forbids to change.
pub(super) fn is_eligible(head: &Parts, body: &Body) -> bool {
    let headers = &head.headers;
    let is_plain = !headers.contains_key(CONTENT_ENCODING) && !headers.contains_key(CONTENT_RANGE);
    let has_size = length(headers, body).is_some_and(|length| (MIN_BYTES as u64..=MAX_BYTES as u64).contains(&length));
    head.status == StatusCode::OK && is_plain && has_size && !forbids_transform(headers) && is_compressible(headers)
}

/// The length is said in a field where the body does not come with the answer (`HEAD`), or comes in pieces.
fn length(headers: &HeaderMap, body: &Body) -> Option<u64> {
    match headers.get(CONTENT_LENGTH) {
        Some(length) => length.to_str().ok()?.parse().ok(),
        None => body.size_hint().exact(),
    }
}

fn forbids_transform(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CACHE_CONTROL).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|member| member.trim().eq_ignore_ascii_case("no-transform"))
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // An event has to go out when it happens.
    let is_text = essence.starts_with("text/") && essence != "text/event-stream";
    is_text || essence.ends_with("+json") || essence.ends_with("+xml") || COMPRESSIBLE.contains(&essence.as_str())
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    #[test]
    fn kinds() {
        for media_type in [
            "text/html; charset=utf-8",
            "TEXT/CSS",
            "text/javascript",
            "text/csv",
            "application/json",
            "application/problem+json",
            "application/vnd.shop.v2+json;x=y",
            "application/atom+xml",
            "image/svg+xml",
            "application/wasm",
            "application/manifest+json",
            "font/ttf",
        ] {
            check(200, &[("content-type", media_type)], true);
        }
        for media_type in [
            "",
            "text/event-stream",
            "text/event-stream; charset=utf-8",
            "image/png",
            "image/jpeg",
            "font/woff2",
            "video/mp4",
            "audio/mpeg",
            "application/gzip",
            "application/zip",
            "application/x-brotli",
            "application/pdf",
            "application/octet-stream",
        ] {
            check(200, &[("content-type", media_type)], false);
        }
    }

    #[test]
    fn states() {
        for status in [201, 204, 206, 304, 404, 500] {
            check(status, &[], false);
        }
        check(200, &[("content-encoding", "br")], false);
        check(200, &[("content-encoding", "identity")], false);
        check(200, &[("content-range", "bytes 0-1/2")], false);
        check(200, &[("cache-control", "private, No-Transform")], false);
        check(200, &[("cache-control", "no-cache")], true);
    }

    #[test]
    fn sizes() {
        for (length, expected) in [
            ("0", false),
            ("1023", false),
            ("1024", true),
            ("8388608", true),
            ("8388609", false),
            ("x", false),
            ("99999999999999999999", false),
        ] {
            check(200, &[("content-length", length)], expected);
        }
        let (head, ()) = Response::builder().header(CONTENT_TYPE, "text/plain").body(()).unwrap().into_parts();
        assert!(!is_eligible(&head, &Body::from("short")));
        assert!(is_eligible(&head, &Body::from("x".repeat(MIN_BYTES))));
        let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>("x".repeat(MIN_BYTES))]);
        assert!(!is_eligible(&head, &Body::from_stream(pieces)));
    }

    fn check(status: u16, fields: &[(&str, &str)], expected: bool) {
        let builder =
            fields.iter().fold(Response::builder().status(status), |builder, (name, value)| builder.header(*name, *value));
        let (mut head, ()) = builder.body(()).unwrap().into_parts();
        head.headers.entry(CONTENT_TYPE).or_insert("text/plain".parse().unwrap());
        assert_eq!(is_eligible(&head, &Body::from("x".repeat(MIN_BYTES))), expected, "{status} {fields:?}");
    }
}
