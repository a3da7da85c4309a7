//! Which protocol a request wants to switch to, and whether a page may ask for it.

use axum::body::Body;
use http::{
    HeaderMap, HeaderValue, Request, Uri,
    header::{CONNECTION, ORIGIN, UPGRADE},
    uri::{Authority, Scheme},
};
use hyper::upgrade::OnUpgrade;

use super::{Peer, ProxyError, headers::tokens};

/// A switch of protocols that was asked for.
pub(super) struct Wanted {
    /// The browser's end of the connection, once the switch is made.
    pub(super) browser: OnUpgrade,
    /// The name as it was asked for.
    pub(super) protocol: HeaderValue,
}

impl Wanted {
    pub(super) fn is_websocket(&self) -> bool {
        self.protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
    }
}

/// The switch that a request asks for. HTTP/2 and TLS over the same connection are none of the program's business and are
/// left out; the request goes on without.
pub(super) fn wanted(request: &mut Request<Body>) -> Option<Wanted> {
    let headers = request.headers();
    if !tokens(headers, CONNECTION).any(|option| option.eq_ignore_ascii_case("upgrade")) {
        return None;
    }
    let protocol = tokens(headers, UPGRADE).find(|protocol| is_forwarded(protocol))?;
    let protocol = HeaderValue::try_from(protocol).ok()?;
    let browser = request.extensions_mut().remove::<OnUpgrade>()?;
    Some(Wanted { browser, protocol })
}

fn is_forwarded(protocol: &str) -> bool {
    let name = protocol.split('/').next().unwrap_or_default();
    !["h2c", "h2", "http", "tls"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

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

fn port(scheme: &Scheme, authority: &Authority) -> Option<u16> {
    let standard = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    match authority.port() {
        Some(port) => Some(port.as_u16()),
        None => Some(standard),
    }
}

#[cfg(test)]
mod tests {
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
