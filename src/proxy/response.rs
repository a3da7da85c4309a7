//! The response as the browser gets it: the program's, without what concerns only its connection.
//!
//! Bodies pass as they come. Redirects are the browser's to follow.

use std::net::IpAddr;

use axum::body::Body;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, UPGRADE},
};
use http_body::Body as _;
use hyper::body::Incoming;

use super::{
    body::Answer,
    gate::Entry,
    headers::{remove_hop_by_hop, tokens},
    request::append_via,
};

/// Rebuilds a response with a body.
pub(super) fn relay(response: Response<Incoming>, method: &Method, entry: Entry) -> Response<Body> {
    let (mut head, incoming) = response.into_parts();
    frame(&mut head.headers, method, head.status, &incoming);
    remove_hop_by_hop(&mut head.headers);
    let body = if is_event_stream(&head.headers) { Answer::events(incoming, entry) } else { Answer::new(incoming, entry) };
    let mut relayed = Response::new(Body::new(body));
    *relayed.status_mut() = head.status;
    *relayed.headers_mut() = head.headers;
    relayed
}

/// Rebuilds the response that switches protocols; `None` when it switches to another protocol than was asked for.
pub(super) fn switch(mut headers: HeaderMap, protocol: &HeaderValue) -> Option<Response<Body>> {
    let is_agreed = |name: &str| name.as_bytes().eq_ignore_ascii_case(protocol.as_bytes());
    if !tokens(&headers, UPGRADE).any(is_agreed) {
        return None;
    }
    remove_hop_by_hop(&mut headers);
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol.clone());
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    Some(response)
}

/// What every relayed response gets.
pub(super) fn sign(headers: &mut HeaderMap, version: Version, pseudonym: &str, host: &str) {
    append_via(headers, version, pseudonym);
    // The browser would apply it to every port of this machine, for months.
    if is_local(host) {
        headers.remove(STRICT_TRANSPORT_SECURITY);
    }
}

/// Leaves the framing to the connection, except where the body's length is said without a body: HEAD and 304.
fn frame(headers: &mut HeaderMap, method: &Method, status: StatusCode, body: &Incoming) {
    let is_without_body = *method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    if headers.contains_key(TRANSFER_ENCODING) || !is_without_body {
        headers.remove(CONTENT_LENGTH);
    }
    if let (false, Some(length)) = (is_without_body, body.size_hint().exact())
        && !matches!(status, StatusCode::NO_CONTENT)
    {
        headers.insert(CONTENT_LENGTH, length.into());
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = media_type.split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// Whether a host name is this machine's.
fn is_local(host: &str) -> bool {
    let name = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        for (host, local) in [
            ("localhost", true),
            ("LocalHost.", true),
            ("shop.localhost", true),
            ("127.0.0.2", true),
            ("[::1]", true),
            ("192.168.0.7", false),
            ("localhost.example", false),
            ("notlocalhost", false),
        ] {
            assert_eq!(is_local(host), local, "{host}");
        }
    }

    #[test]
    fn event_streams() {
        for (media_type, events) in
            [("text/event-stream", true), ("Text/Event-Stream; charset=utf-8", true), ("text/html", false), ("", false)]
        {
            let headers = [(CONTENT_TYPE, HeaderValue::from_static(media_type))].into_iter().collect();
            assert_eq!(is_event_stream(&headers), events, "{media_type}");
        }
    }

    #[test]
    fn only_the_protocol_that_was_asked_for_is_switched_to() {
        let wanted = HeaderValue::from_static("websocket");
        for (answered, switched) in [("WebSocket", true), ("foo", false), ("", false)] {
            let headers = [(UPGRADE, HeaderValue::from_static(answered))].into_iter().collect();
            assert_eq!(switch(headers, &wanted).is_some(), switched, "{answered}");
        }
    }
}
