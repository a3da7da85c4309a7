//! The request as the program gets it: built anew from the one that came, never copied blindly.
//!
//! Method, path and query, end-to-end fields and body are the browser's, byte for byte. Where it goes is ours alone; so is
//! what it says about where it came from. An [`Outbound`] can be sent again, as long as its body is untouched.

use std::{net::IpAddr, sync::Arc};

use axum::body::Body;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri, Version,
    header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, HeaderName, UPGRADE, VIA},
    uri::PathAndQuery,
};
use http_body::Body as _;

use super::{
    Peer, ProxyError,
    body::{Outgoing, Upload},
    headers::{remove_hop_by_hop, remove_ours, tokens},
    upgrade::{self, Wanted},
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// A request ready to be sent, and sent again.
pub(super) struct Outbound {
    pub(super) method: Method,
    pub(super) path: PathAndQuery,
    headers: HeaderMap,
    pub(super) upload: Option<Arc<Upload>>,
    pub(super) upgrade: Option<Wanted>,
}

impl Outbound {
    /// Checks a request and rebuilds it.
    pub(super) fn new(mut request: Request<Body>, peer: &Peer, pseudonym: &str) -> Result<Self, ProxyError> {
        let path = admit(&request, pseudonym)?;
        let upgrade = upgrade::wanted(&mut request);
        if upgrade.is_some() {
            upgrade::check_origin(request.headers(), peer)?;
        }
        let (head, body) = request.into_parts();
        let upload = (!body.is_end_stream()).then(|| Upload::new(body));
        let mut headers = head.headers;
        frame(&mut headers, &head.method, upload.is_some());
        remove_hop_by_hop(&mut headers);
        remove_ours(&mut headers);
        introduce(&mut headers, peer, head.version, pseudonym);
        if asks_for_document(&headers) {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some(wanted) = &upgrade {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, wanted.protocol.clone());
        }
        Ok(Self { method: head.method, path, headers, upload, upgrade })
    }

    /// The request, to be sent once. Its body comes back by itself if nobody reads from it.
    pub(super) fn attempt(&self) -> Request<Outgoing> {
        let body = self.upload.as_ref().map_or_else(Outgoing::empty, Upload::outgoing);
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Whether all that has to be sent is still here.
    pub(super) fn is_whole(&self) -> bool {
        self.upload.as_ref().is_none_or(|upload| upload.is_whole())
    }

    /// Whether sending it a second time, after the first arrived, changes nothing.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method.is_safe() && self.upload.is_none()
    }
}

/// The target at our program; `base` is absolute, as configuration checks.
pub(super) fn locate(base: &Uri, path: &PathAndQuery) -> Uri {
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(path.clone());
    Uri::from_parts(parts).unwrap_or_else(|_| base.clone())
}

/// The path, if the request is one that is forwarded at all.
fn admit(request: &Request<Body>, pseudonym: &str) -> Result<PathAndQuery, ProxyError> {
    if matches!(*request.method(), Method::TRACE | Method::CONNECT) {
        return Err(ProxyError::Method);
    }
    if tokens(request.headers(), VIA).any(|via| via.ends_with(pseudonym)) {
        return Err(ProxyError::Loop);
    }
    let path = request.uri().path_and_query().filter(|path| path.as_str().starts_with('/'));
    path.cloned().ok_or(ProxyError::Target)
}

/// Leaves the framing to the connection: it knows the body's length, or that it is unknown.
fn frame(headers: &mut HeaderMap, method: &Method, has_body: bool) {
    let said_length = headers.remove(CONTENT_LENGTH).is_some();
    // `100 (Continue)` is said by our own listener once the program's connection takes the body.
    headers.remove(EXPECT);
    if !has_body && (said_length || matches!(*method, Method::POST | Method::PUT | Method::PATCH)) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// Says who asks, for which name and through whom.
fn introduce(headers: &mut HeaderMap, peer: &Peer, version: Version, pseudonym: &str) {
    let host = peer.host.as_str();
    let address = peer.remote.ip().to_canonical();
    let scheme = &peer.scheme;
    set(headers, X_FORWARDED_FOR, &address.to_string());
    set(headers, X_FORWARDED_HOST, host);
    set(headers, X_FORWARDED_PROTO, scheme.as_str());
    set(headers, FORWARDED, &format!("for={};host=\"{host}\";proto={scheme}", node(address)));
    if !headers.contains_key(HOST) {
        set(headers, HOST, host);
    }
    if let Some(cookies) = crumbs(headers) {
        headers.insert(COOKIE, cookies);
    }
    append_via(headers, version, pseudonym);
}

/// Adds us to the proxies the message came through (RFC 9110 §7.6.3).
pub(super) fn append_via(headers: &mut HeaderMap, version: Version, pseudonym: &str) {
    let protocol = match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2.0",
        _ => "1.1",
    };
    if let Ok(via) = HeaderValue::try_from(format!("{protocol} {pseudonym}")) {
        headers.append(VIA, via);
    }
}

/// An address as RFC 7239 §6 writes it.
fn node(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// HTTP/2 may split `Cookie` into several fields, HTTP/1.1 may not (RFC 9113 §8.2.3).
fn crumbs(headers: &HeaderMap) -> Option<HeaderValue> {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return None;
    }
    HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).ok()
}

/// Whether the answer is likely a page that gets our script, which is put in only where the body is not encoded.
fn asks_for_document(headers: &HeaderMap) -> bool {
    match headers.get(SEC_FETCH_DEST) {
        Some(destination) => matches!(destination.as_bytes(), b"document" | b"iframe" | b"frame"),
        None => tokens(headers, ACCEPT).any(|range| range.to_ascii_lowercase().starts_with("text/html")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(request: http::request::Builder) -> Result<Outbound, ProxyError> {
        let peer = Peer {
            remote: "127.0.0.1:5".parse().expect("address"),
            scheme: http::uri::Scheme::HTTP,
            host: http::uri::Authority::from_static("localhost:4747"),
        };
        Outbound::new(request.body(Body::empty()).expect("request"), &peer, "everlit-me")
    }

    fn check(target: &str, fields: &[(&str, &str)], sent: &[(&str, Option<&str>)]) {
        let builder = fields.iter().fold(Request::get(target), |builder, (name, value)| builder.header(*name, *value));
        let outbound = build(builder).expect("forwarded");
        for (name, value) in sent {
            let got: Vec<_> = outbound.headers.get_all(*name).into_iter().map(|value| value.to_str().expect("text")).collect();
            assert_eq!(got, value.iter().copied().collect::<Vec<_>>(), "{name} of {fields:?}");
        }
    }

    #[test]
    fn fields_are_ours_or_passed_on() {
        check(
            "/",
            &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "https")],
            &[
                ("x-forwarded-for", Some("127.0.0.1")),
                ("x-forwarded-proto", Some("http")),
                ("x-forwarded-host", Some("localhost:4747")),
                ("forwarded", Some("for=127.0.0.1;host=\"localhost:4747\";proto=http")),
                ("host", Some("localhost:4747")),
                ("via", Some("1.1 everlit-me")),
            ],
        );
        check(
            "/",
            &[("host", "Other:1"), ("cookie", "a=1"), ("cookie", "b=2")],
            &[("host", Some("Other:1")), ("cookie", Some("a=1; b=2"))],
        );
        check("/", &[("sec-fetch-dest", "document"), ("accept-encoding", "br")], &[("accept-encoding", Some("identity"))]);
        check("/", &[("accept", "*/*, Text/HTML;q=0.9")], &[("accept-encoding", Some("identity"))]);
        check(
            "/",
            &[("sec-fetch-dest", "script"), ("accept", "text/html"), ("accept-encoding", "br")],
            &[("accept-encoding", Some("br"))],
        );
        check("/", &[("expect", "100-continue"), ("content-length", "0")], &[("expect", None), ("content-length", Some("0"))]);
        check("/", &[("connection", "Upgrade"), ("upgrade", "websocket")], &[("upgrade", None), ("connection", None)]);
    }

    #[test]
    fn the_path_is_passed_on_byte_for_byte_and_nothing_else_of_the_target() {
        let base = Uri::from_static("http://127.0.0.1:3000");
        for (target, expected) in [
            ("/a%2f..%2fb?q=%20&r", "/a%2f..%2fb?q=%20&r"),
            ("//127.0.0.1:9/x", "//127.0.0.1:9/x"),
            ("/up@127.0.0.1:9/", "/up@127.0.0.1:9/"),
            ("http://evil.example:9/x?y", "/x?y"),
            ("http://evil.example", "/"),
            ("/http://127.0.0.1:9/", "/http://127.0.0.1:9/"),
        ] {
            let outbound = build(Request::get(target)).expect("forwarded");
            assert_eq!(locate(&base, &outbound.path).to_string(), format!("http://127.0.0.1:3000{expected}"));
        }
    }

    #[test]
    fn what_is_not_for_the_program_is_refused() {
        let status = |builder| build(builder).map(|_| ()).expect_err("refused").problem().status.as_u16();
        assert_eq!(status(Request::builder().method("TRACE").uri("/")), 405);
        assert_eq!(status(Request::builder().method("CONNECT").uri("localhost:1")), 405);
        assert_eq!(status(Request::builder().method("OPTIONS").uri("*")), 400);
        assert_eq!(status(Request::get("/").header("via", "1.1 front, 1.1 everlit-me")), 508);
        assert!(build(Request::get("/").header("via", "1.1 everlit-other")).is_ok());
    }
}
