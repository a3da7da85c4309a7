//! The request as the program gets it: built anew from the one that came, never copied blindly.
//!
//! Method, path and query, end-to-end fields and body are the browser's, byte for byte. Where it goes is ours alone; so is
//! what it says about where it came from. An [`Outbound`] can be sent again, as long as its body is untouched.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::body::Body;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, FORWARDED, HOST, HeaderName, TE,
        TRAILER, TRANSFER_ENCODING,
    },
    uri::{PathAndQuery, Scheme},
};
use http_body::Body as _;

use super::{
    Peer, ProxyError,
    body::{Outgoing, Unmeasured, Upload},
    headers::{is_named, remove_hop_by_hop, remove_ours, tokens},
    interim::Interim,
    rewrite::{port, rewrite},
    target::{HostPolicy, Protocol, Target},
    upgrade::{self, Wanted, Welcome},
    via::Signature,
};
use crate::field::SEC_FETCH_DEST;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A request ready to be sent, and sent again.
pub(super) struct Outbound {
    pub(super) method: Method,
    path: PathAndQuery,
    headers: HeaderMap,
    pub(super) upload: Option<Arc<Upload>>,
    pub(super) upgrade: Option<Wanted>,
    /// The way to the browser for what comes before the answer, and who it is.
    interim: Option<(Interim, Peer)>,
}

impl Outbound {
    /// Checks a request and rebuilds it.
    pub(super) fn new(mut request: Request<Body>, peer: &Peer, signature: &Signature) -> Result<Self, ProxyError> {
        let path = admit(&request, signature)?;
        let upgrade = upgrade::wanted(&mut request);
        if upgrade.is_some() && request.extensions().get::<Welcome>().is_none() {
            upgrade::check_origin(request.headers(), peer)?;
        }
        let (mut head, body) = request.into_parts();
        let interim = head.extensions.remove::<Interim>().filter(|_| head.version > Version::HTTP_10);
        let interim = interim.map(|interim| (interim, peer.clone()));
        let mut headers = head.headers;
        let upload = (!body.is_end_stream()).then(|| receive(body, &headers, head.version));
        frame(&mut headers, &head.method, upload.as_deref());
        let takes_trailers = upgrade.is_none() && takes_trailers(&headers, head.version);
        remove_hop_by_hop(&mut headers);
        remove_ours(&mut headers);
        introduce(&mut headers, peer);
        signature.sign(&mut headers, head.version);
        if takes_trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        if asks_for_document(&headers) {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let mut method = head.method;
        if let Some(wanted) = &upgrade {
            method = if wanted.key.is_some() { Method::GET } else { method };
            wanted.ask(&mut headers);
        }
        Ok(Self { method, path, headers, upload, upgrade, interim })
    }

    /// What is spoken with the program.
    pub(super) fn protocol(&self, target: &Target) -> Protocol {
        if self.upgrade.is_some() {
            return Protocol::Http1;
        }
        if is_grpc(&self.headers) { Protocol::Http2 } else { target.protocol }
    }

    /// The request, to be sent once. Its body comes back by itself if nobody reads from it.
    pub(super) fn attempt(&self, target: &Target, protocol: Protocol) -> Request<Outgoing> {
        let body = self.upload.as_ref().map_or_else(Outgoing::empty, Upload::outgoing);
        let is_unmeasured = body.size_hint().exact().is_none();
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = self.headers.clone();
        let headers = request.headers_mut();
        if let (HostPolicy::Rewrite, Some(host)) = (target.host, target.base.authority()) {
            set(headers, HOST, host.as_str().to_owned());
        }
        match protocol {
            Protocol::Http1 => {
                if headers.contains_key(TE) {
                    headers.insert(CONNECTION, HeaderValue::from_static("te"));
                }
                if is_unmeasured {
                    // Unless it is said, hyper takes it that a GET has no body.
                    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                }
                *request.uri_mut() = Uri::from(self.path.clone());
                self.attend(&mut request, &target.base);
            }
            Protocol::Http2 => {
                headers.remove(EXPECT);
                let host = headers.remove(HOST);
                *request.uri_mut() = locate(&target.base, host.as_ref(), &self.path);
                // Nobody waits for its leave to send the body: over HTTP/2 it stops what it does not want.
                self.permit();
                if let Some(interim) = self.interim(&target.base) {
                    request.extensions_mut().insert(interim);
                }
            }
        }
        request
    }

    /// Hears what the program says before its answer.
    fn attend(&self, request: &mut Request<Outgoing>, base: &Uri) {
        let awaited = self.upload.clone().filter(|upload| upload.is_awaited());
        let interim = self.interim(base);
        if awaited.is_none() && interim.is_none() {
            return;
        }
        hyper::ext::on_informational(request, move |said| match (said.status(), &awaited, &interim) {
            (StatusCode::CONTINUE, Some(upload), _) => upload.permit(),
            (StatusCode::CONTINUE, None, _) | (_, _, None) => (),
            (status, _, Some(interim)) => interim.send(status, said.headers()),
        });
    }

    /// The way to the browser from the program at `base`, whose addresses become ours on it.
    fn interim(&self, base: &Uri) -> Option<Interim> {
        let ((interim, peer), base) = (self.interim.clone()?, base.clone());
        Some(Interim::new(move |status, headers| {
            let mut headers = headers.clone();
            rewrite(&mut headers, &base, &peer);
            interim.send(status, &headers);
        }))
    }

    /// Whether the body is held until the program wants it.
    pub(super) fn is_awaited(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| upload.is_awaited())
    }

    /// Lets the body go.
    pub(super) fn permit(&self) {
        if let Some(upload) = &self.upload {
            upload.permit();
        }
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

/// The target at our program, for HTTP/2; `base` is absolute, as configuration checks.
fn locate(base: &Uri, host: Option<&HeaderValue>, path: &PathAndQuery) -> Uri {
    let mut parts = base.clone().into_parts();
    if let Some(host) = host.and_then(|host| host.as_bytes().try_into().ok()) {
        parts.authority = Some(host);
    }
    parts.path_and_query = Some(path.clone());
    Uri::from_parts(parts).unwrap_or_else(|_| base.clone())
}

/// The path, if the request is one that is forwarded at all.
fn admit(request: &Request<Body>, signature: &Signature) -> Result<PathAndQuery, ProxyError> {
    let is_connect = *request.method() == Method::CONNECT && !upgrade::is_websocket_connect(request);
    if is_connect || *request.method() == Method::TRACE {
        return Err(ProxyError::Method);
    }
    if signature.is_on(request.headers()) {
        return Err(ProxyError::Loop);
    }
    let path = request.uri().path_and_query().filter(|path| path.as_str().starts_with('/'));
    path.cloned().ok_or(ProxyError::Target)
}

/// Whether fields after the body are welcome. Over HTTP/1, who says so says that it is between the two of us as well (RFC 9110
/// §10.1.4); what somebody before us let through unread is worth nothing.
fn takes_trailers(headers: &HeaderMap, version: Version) -> bool {
    let is_meant = version == Version::HTTP_2 || is_named(headers, &CONNECTION, "te");
    is_meant && is_named(headers, &TE, "trailers")
}

/// The body, which waits for the program's leave where the browser does.
fn receive(body: Body, headers: &HeaderMap, version: Version) -> Arc<Upload> {
    let body = if headers.contains_key(TRAILER) { Body::new(Unmeasured(body)) } else { body };
    let is_expectant = version == Version::HTTP_11 && is_named(headers, &EXPECT, "100-continue");
    if is_expectant { Upload::on_demand(body) } else { Upload::new(body) }
}

/// Leaves the framing to the connection: it knows the body's length, or that it is unknown.
fn frame(headers: &mut HeaderMap, method: &Method, upload: Option<&Upload>) {
    let said_length = headers.remove(CONTENT_LENGTH).is_some();
    // A browser that does not wait for leave is told of none.
    if !upload.is_some_and(Upload::is_awaited) && is_named(headers, &EXPECT, "100-continue") {
        headers.remove(EXPECT);
    }
    if upload.is_none() && (said_length || matches!(*method, Method::POST | Method::PUT | Method::PATCH)) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// Says who asks, for which name and through whom.
fn introduce(headers: &mut HeaderMap, peer: &Peer) {
    let (host, scheme) = (&peer.host, &peer.scheme);
    let address = peer.remote.ip().to_canonical();
    let text = text(address);
    let proto = if *scheme == Scheme::HTTPS { "https" } else { "http" };
    let node = if address.is_ipv6() { format!("\"[{text}]\"").into() } else { text.clone() };
    set(headers, FORWARDED, ["for=", &node, ";host=\"", host.as_str(), "\";proto=", proto].concat());
    match text {
        Cow::Borrowed(text) => drop(headers.insert(X_FORWARDED_FOR, HeaderValue::from_static(text))),
        Cow::Owned(text) => set(headers, X_FORWARDED_FOR, text),
    }
    headers.insert(X_FORWARDED_PORT, port(scheme, host).into());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
    let name = headers.get(HOST).filter(|name| name.as_bytes() == host.as_str().as_bytes()).cloned();
    let Some(name) = name.or_else(|| HeaderValue::try_from(host.as_str()).ok()) else { return };
    if !headers.contains_key(HOST) {
        headers.insert(HOST, name.clone());
    }
    headers.insert(X_FORWARDED_HOST, name);
    if let Some(cookies) = crumbs(headers) {
        headers.insert(COOKIE, cookies);
    }
}

/// An address as text; nearly every request comes from this machine.
fn text(address: IpAddr) -> Cow<'static, str> {
    if address == IpAddr::V4(Ipv4Addr::LOCALHOST) { "127.0.0.1".into() } else { address.to_string().into() }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// HTTP/2 may split `Cookie` into several fields, HTTP/1.1 may not (RFC 9113 §8.2.3).
fn crumbs(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get_all(COOKIE).iter().nth(1)?;
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).ok()
}

/// Whether the answer is likely a page that gets our script, which is put in only where the body is not encoded.
fn asks_for_document(headers: &HeaderMap) -> bool {
    match headers.get(&SEC_FETCH_DEST) {
        Some(destination) => matches!(destination.as_bytes(), b"document" | b"iframe" | b"frame"),
        None => tokens(headers, &ACCEPT).any(|range| starts_with(range, "text/html")),
    }
}

/// Whether this is a gRPC call, which only HTTP/2 can carry; gRPC-Web is made for HTTP/1.1.
fn is_grpc(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|media_type| media_type.to_str().ok()).unwrap_or_default();
    let suffix = starts_with(media_type, "application/grpc").then(|| media_type["application/grpc".len()..].trim_start());
    suffix.is_some_and(|suffix| suffix.is_empty() || suffix.starts_with(['+', ';']))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.as_bytes().get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start.as_bytes()))
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
        Outbound::new(request.body(Body::empty()).expect("request"), &peer, &Signature::new())
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
                ("x-forwarded-port", Some("4747")),
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
        check("/", &[("expect", "something-else")], &[("expect", Some("something-else"))]);
        check("/", &[("connection", "Upgrade"), ("upgrade", "websocket")], &[("upgrade", None), ("connection", None)]);
        check("/", &[("te", "deflate, Trailers"), ("connection", "TE")], &[("te", Some("trailers"))]);
        check("/", &[("te", "trailers")], &[("te", None)]);
        check("/", &[("te", "deflate"), ("connection", "te")], &[("te", None)]);
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
            let target = Target::from(base.clone());
            assert_eq!(outbound.attempt(&target, Protocol::Http1).uri(), expected);
            let host = target.base.authority().expect("absolute").as_str().try_into().ok();
            assert_eq!(locate(&base, host.as_ref(), &outbound.path).to_string(), format!("http://127.0.0.1:3000{expected}"));
        }
    }

    #[test]
    fn what_is_not_for_the_program_is_refused() {
        let status = |builder| build(builder).map(|_| ()).expect_err("refused").problem().status.as_u16();
        assert_eq!(status(Request::builder().method("TRACE").uri("/")), 405);
        assert_eq!(status(Request::builder().method("CONNECT").uri("localhost:1")), 405);
        assert_eq!(status(Request::builder().method("GET").uri("*")), 400);
        assert!(build(Request::get("/").header("via", "1.1 everlit-other")).is_ok());
    }

    #[test]
    fn grpc_needs_http2_and_grpc_web_does_not() {
        for (media_type, protocol) in [
            ("application/grpc", Protocol::Http2),
            ("Application/gRPC+proto", Protocol::Http2),
            ("application/grpc; x=1", Protocol::Http2),
            ("application/grpc-web+proto", Protocol::Http1),
            ("application/json", Protocol::Http1),
        ] {
            let outbound = build(Request::post("/").header("content-type", media_type)).expect("forwarded");
            assert_eq!(outbound.protocol(&Target::from(Uri::from_static("http://a"))), protocol, "{media_type}");
        }
    }
}
