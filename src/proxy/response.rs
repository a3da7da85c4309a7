//! The response as the browser gets it: the program's, without what concerns only its connection.
//!
//! Bodies pass as they come. Redirects are the browser's to follow.

use axum::body::Body;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{
        CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, STRICT_TRANSPORT_SECURITY, TRAILER, TRANSFER_ENCODING,
        UPGRADE,
    },
};
use http_body::Body as _;
use hyper::ext::ReasonPhrase;

use super::{
    body::{Answer, Unmeasured},
    gate::Entry,
    headers::remove_hop_by_hop,
    rewrite::is_local,
    transport::Content,
    upgrade::Wanted,
};

/// Rebuilds a response with a body.
pub(super) fn relay(response: Response<Content>, method: &Method, entry: Entry) -> Response<Body> {
    let (mut head, content) = response.into_parts();
    frame(&mut head.headers, method, head.status, &content);
    remove_hop_by_hop(&mut head.headers);
    let body = if is_event_stream(&head.headers) { Answer::events(content, entry) } else { Answer::new(content, entry) };
    let body = if head.headers.contains_key(TRAILER) { Body::new(Unmeasured(body)) } else { Body::new(body) };
    let mut relayed = Response::new(body);
    *relayed.status_mut() = head.status;
    *relayed.headers_mut() = head.headers;
    if let Some(reason) = head.extensions.remove::<ReasonPhrase>() {
        relayed.extensions_mut().insert(reason);
    }
    relayed
}

/// Rebuilds the response that switches protocols; `None` when it switches to another protocol than was asked for. Over HTTP/2 it
/// is a plain success, and the handshake with the program is no business of the browser (RFC 8441 §5).
pub(super) fn switch(mut headers: HeaderMap, wanted: &Wanted) -> Option<Response<Body>> {
    if !wanted.is_met_by(&headers) {
        return None;
    }
    remove_hop_by_hop(&mut headers);
    let mut response = Response::new(Body::empty());
    if wanted.key.is_some() {
        headers.remove(SEC_WEBSOCKET_ACCEPT);
    } else {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, wanted.protocol.clone());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    }
    *response.headers_mut() = headers;
    Some(response)
}

/// Keeps from a browser what it would apply to every port of this machine, for months.
pub(super) fn drop_transport_security(headers: &mut HeaderMap, host: &str) {
    if headers.contains_key(STRICT_TRANSPORT_SECURITY) && is_local(host) {
        headers.remove(STRICT_TRANSPORT_SECURITY);
    }
}

/// Leaves the framing to the connection, except where the body's length is said without a body: HEAD and 304.
fn frame(headers: &mut HeaderMap, method: &Method, status: StatusCode, body: &Content) {
    let is_without_body = *method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    if headers.contains_key(TRANSFER_ENCODING) || !is_without_body {
        headers.remove(CONTENT_LENGTH);
    }
    if let (false, Some(length)) = (is_without_body || headers.contains_key(TRAILER), body.size_hint().exact())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_streams() {
        for (media_type, events) in
            [("text/event-stream", true), ("Text/Event-Stream; charset=utf-8", true), ("text/html", false), ("", false)]
        {
            let headers = [(CONTENT_TYPE, HeaderValue::from_static(media_type))].into_iter().collect();
            assert_eq!(is_event_stream(&headers), events, "{media_type}");
        }
    }
}
