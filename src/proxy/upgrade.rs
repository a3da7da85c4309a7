//! Which protocol a request wants to switch to, and whether a page may ask for it.
//!
//! Over HTTP/1.1 it is asked for by `Upgrade`, over HTTP/2 by an extended `CONNECT` (RFC 8441). The program always gets the first.

use axum::body::Body;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{CONNECTION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE},
};
use hyper::{ext::Protocol, upgrade::OnUpgrade};
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

use super::{
    Peer, ProxyError,
    headers::{is_named, tokens},
    rewrite::port,
};

/// A switch of protocols that was asked for.
pub(super) struct Wanted {
    /// The browser's end of the connection, once the switch is made.
    pub(super) browser: OnUpgrade,
    /// The name as it was asked for.
    pub(super) protocol: HeaderValue,
    /// Ours for the program, where the browser's asks over HTTP/2 and gives none.
    pub(super) key: Option<String>,
}

impl Wanted {
    pub(super) fn is_websocket(&self) -> bool {
        self.protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
    }

    /// Asks the program.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, self.protocol.clone());
        if let Some(key) = self.key.as_ref().and_then(|key| HeaderValue::try_from(key).ok()) {
            headers.insert(SEC_WEBSOCKET_KEY, key);
        }
    }

    /// Whether the program switches to what was asked for, and has read the key that we made.
    pub(super) fn is_met_by(&self, headers: &HeaderMap) -> bool {
        let is_agreed = |name: &str| name.as_bytes().eq_ignore_ascii_case(self.protocol.as_bytes());
        let is_proved = |key: &String| {
            headers
                .get(SEC_WEBSOCKET_ACCEPT)
                .is_some_and(|accept| accept.as_bytes() == derive_accept_key(key.as_bytes()).as_bytes())
        };
        tokens(headers, &UPGRADE).any(is_agreed) && self.key.as_ref().is_none_or(is_proved)
    }
}

/// The one protocol that is asked for by `CONNECT`.
const WEBSOCKET: &str = "websocket";

/// Whether a request opens a websocket over HTTP/2 (RFC 8441 §4).
#[must_use]
pub fn is_websocket_connect<B>(request: &Request<B>) -> bool {
    *request.method() == Method::CONNECT
        && request.extensions().get::<Protocol>().is_some_and(|protocol| protocol.as_str() == WEBSOCKET)
}

/// The switch that a request asks for. HTTP/2 and TLS over the same connection are none of the program's business and are
/// left out; the request goes on without.
pub(super) fn wanted(request: &mut Request<Body>) -> Option<Wanted> {
    if is_websocket_connect(request) {
        let browser = request.extensions_mut().remove::<OnUpgrade>()?;
        return Some(Wanted { browser, protocol: HeaderValue::from_static(WEBSOCKET), key: Some(generate_key()) });
    }
    let headers = request.headers();
    if !is_named(headers, &CONNECTION, "upgrade") {
        return None;
    }
    let protocol = tokens(headers, &UPGRADE).find(|protocol| is_forwarded(protocol))?;
    let protocol = HeaderValue::try_from(protocol).ok()?;
    let browser = request.extensions_mut().remove::<OnUpgrade>()?;
    Some(Wanted { browser, protocol, key: None })
}

fn is_forwarded(protocol: &str) -> bool {
    let name = protocol.split('/').next().unwrap_or_default();
    !["h2c", "h2", "http", "tls"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Stands in the extensions of a request whose `Origin` was found to be allowed already, whoever it is.
#[derive(Clone, Copy, Debug)]
pub struct Welcome;

/// Websockets are not covered by the same-origin policy: any page can open one to any port, with the user's cookies. A page's
/// `Origin` must be the one the request was sent to; programs that are no browser send none.
pub(super) fn check_origin(headers: &HeaderMap, peer: &Peer) -> Result<(), ProxyError> {
    let mut origins = headers.get_all(ORIGIN).into_iter();
    match (origins.next(), origins.next()) {
        (None, _) => Ok(()),
        (Some(origin), None) if is_same_origin(origin, peer) => Ok(()),
        (Some(origin), _) => Err(ProxyError::CrossOrigin { origin: String::from_utf8_lossy(origin.as_bytes()).into_owned() }),
    }
}

fn is_same_origin(origin: &HeaderValue, peer: &Peer) -> bool {
    let Ok(origin) = Uri::try_from(origin.as_bytes()) else { return false };
    let (Some(scheme), Some(authority)) = (origin.scheme(), origin.authority()) else { return false };
    *scheme == peer.scheme
        && !authority.as_str().contains('@')
        && authority.host().eq_ignore_ascii_case(peer.host.host())
        && port(scheme, authority) == port(scheme, &peer.host)
}

#[cfg(test)]
mod tests {
    use http::uri::{Authority, Scheme};

    use super::*;

    fn check(host: &'static str, origins: &[&'static str], allowed: bool) {
        let peer =
            Peer { remote: "127.0.0.1:5".parse().expect("address"), scheme: Scheme::HTTP, host: Authority::from_static(host) };
        let headers = origins.iter().map(|origin| (ORIGIN, HeaderValue::from_static(origin))).collect();
        assert_eq!(check_origin(&headers, &peer).is_ok(), allowed, "{origins:?} at {host}");
    }

    #[test]
    fn only_the_same_origin_may_open_a_websocket() {
        check("localhost:4747", &[], true);
        check("localhost:4747", &["http://localhost:4747"], true);
        check("LOCALHOST:4747", &["http://localhost:4747"], true);
        check("localhost", &["http://localhost:80"], true);
        check("[::1]:4747", &["http://[::1]:4747"], true);
        check("localhost:4747", &["http://localhost:4748"], false);
        check("localhost:4747", &["http://127.0.0.1:4747"], false);
        check("localhost:4747", &["https://localhost:4747"], false);
        check("localhost:4747", &["http://evil.example"], false);
        check("localhost:4747", &["http://localhost.:4747"], false);
        check("localhost:4747", &["http://localhost:4747.evil.example"], false);
        check("localhost:4747", &["http://shop.localhost:4747"], false);
        check("localhost:4747", &["http://localhost"], false);
        check("localhost:4747", &["http://localhost:4747@evil.example"], false);
        check("localhost:4747", &["null"], false);
        check("localhost:4747", &[""], false);
        check("localhost:4747", &["http://localhost:4747", "http://evil.example"], false);
    }

    #[test]
    fn http2_and_tls_are_not_passed_on() {
        for (protocol, forwarded) in [("websocket", true), ("foo/2", true), ("h2c", false), ("H2C", false), ("TLS/1.2", false)] {
            assert_eq!(is_forwarded(protocol), forwarded, "{protocol}");
        }
    }
}
