//! Names by which the program knows itself, replaced by the name by which the browser knows us.
//!
//! A program that builds absolute addresses from its own port sends the browser past us: redirects to it are led back, and
//! cookies that are meant for its name are ours. Everything else of a field's value stays as it is, byte for byte.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderValue, Uri,
    header::{CONTENT_LOCATION, Entry, HeaderName, LINK, LOCATION, REFRESH, SET_COOKIE},
    uri::{Authority, Scheme},
};

use super::Peer;

/// Fields in which addresses are.
const ADDRESSES: [HeaderName; 4] = [LOCATION, CONTENT_LOCATION, REFRESH, LINK];

/// Gives the fields of a response from `base` the names that are right for `peer`.
pub(super) fn rewrite(headers: &mut HeaderMap, base: &Uri, peer: &Peer) {
    for name in ADDRESSES {
        if headers.contains_key(&name) {
            replace(headers, &name, |value| readdress(value, base, peer));
        }
    }
    if headers.contains_key(SET_COOKIE) {
        replace(headers, &SET_COOKIE, |value| rebake(value, base, peer));
    }
}

fn replace(headers: &mut HeaderMap, name: &HeaderName, change: impl Fn(&str) -> Option<String>) {
    let Entry::Occupied(mut values) = headers.entry(name) else { return };
    for value in values.iter_mut() {
        if let Some(changed) = std::str::from_utf8(value.as_bytes()).ok().and_then(&change)
            && let Ok(changed) = HeaderValue::try_from(changed)
        {
            *value = changed;
        }
    }
}

/// The value with each origin in it that is the program's replaced by ours; `None` when there is none.
fn readdress(value: &str, base: &Uri, peer: &Peer) -> Option<String> {
    let mut changed = String::new();
    let mut done = 0;
    for (start, _) in value.match_indices("://") {
        let Some(scheme) = scheme_before(&value[done..start]) else { continue };
        let begin = start - scheme.as_str().len();
        let rest = &value[start + 3..];
        let length = rest.find(['/', '?', '#', '>', '"', ';', ',', ' ']).unwrap_or(rest.len());
        if is_first_address(&value[..begin]) && is_the_programs(&scheme, &rest[..length], base, peer) {
            changed.push_str(&value[done..begin]);
            changed.push_str(&format!("{}://{}", peer.scheme, peer.host));
            done = start + 3 + length;
        }
    }
    (done > 0).then(|| changed + &value[done..])
}

/// The scheme that text ends with.
fn scheme_before(text: &str) -> Option<Scheme> {
    let ends = |scheme: &str| {
        text.len() >= scheme.len() && text.as_bytes()[text.len() - scheme.len()..].eq_ignore_ascii_case(scheme.as_bytes())
    };
    match () {
        () if ends("https") => Some(Scheme::HTTPS),
        () if ends("http") => Some(Scheme::HTTP),
        () => None,
    }
}

/// Whether an address begins here: at the start, in angle brackets or after `url=`; not in the query of another one.
fn is_first_address(before: &str) -> bool {
    let before = before.trim_end_matches(['"', '\'', ' ']);
    before.is_empty() || before.ends_with('<') || before.to_ascii_lowercase().ends_with("url=")
}

/// Whether an origin is where the program listens, or our own with the wrong scheme.
fn is_the_programs(scheme: &Scheme, authority: &str, base: &Uri, peer: &Peer) -> bool {
    let (Ok(authority), Some(at)) = (authority.parse::<Authority>(), base.authority()) else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    if authority == peer.host {
        return *scheme != peer.scheme;
    }
    let base_scheme = base.scheme().unwrap_or(&Scheme::HTTP);
    port(scheme, &authority) == port(base_scheme, at) && is_same_machine(authority.host(), at.host())
}

pub(super) fn port(scheme: &Scheme, authority: &Authority) -> u16 {
    authority.port_u16().unwrap_or(if *scheme == Scheme::HTTPS { 443 } else { 80 })
}

/// Whether two names are of one host: the same, or both of this machine.
fn is_same_machine(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || is_local(one) && is_local(other)
}

/// Whether a host name is this machine's, to it alone.
pub(super) fn is_local(host: &str) -> bool {
    let name = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let ends = |suffix: &str| {
        name.len() >= suffix.len() && name.as_bytes()[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
    };
    name.eq_ignore_ascii_case("localhost")
        || ends(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// A cookie as we may set it: for the browser's name for us alone, where it names the program's, and without `Secure` where the
/// program has TLS and we have not. `None` when it can stay.
fn rebake(cookie: &str, base: &Uri, peer: &Peer) -> Option<String> {
    let loses_tls = base.scheme() == Some(&Scheme::HTTPS) && peer.scheme == Scheme::HTTP && !has_prefix(cookie);
    let stays = |attribute: &&str| {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let (name, value) = (name.trim(), value.trim());
        let is_domain = name.eq_ignore_ascii_case("domain") && is_the_programs_domain(value, base, peer);
        // Browsers take `SameSite=None` with `Secure` only.
        let is_secure =
            name.eq_ignore_ascii_case("secure") || name.eq_ignore_ascii_case("samesite") && value.eq_ignore_ascii_case("none");
        !(is_domain || loses_tls && is_secure)
    };
    let (pair, attributes) = cookie.split_once(';')?;
    let kept: Vec<&str> = attributes.split(';').filter(stays).collect();
    let is_changed = kept.len() < attributes.split(';').count();
    is_changed.then(|| [&[pair], &kept[..]].concat().join(";"))
}

/// Whether a cookie's name promises `Secure`.
fn has_prefix(cookie: &str) -> bool {
    let name = cookie.trim_start().to_ascii_lowercase();
    name.starts_with("__host-") || name.starts_with("__secure-")
}

/// Whether a `Domain` is a name of the program that the browser does not know us by. One with a port is never valid.
fn is_the_programs_domain(domain: &str, base: &Uri, peer: &Peer) -> bool {
    let Ok(authority) = domain.trim_start_matches('.').parse::<Authority>() else { return false };
    let host = authority.host();
    let names_us = authority.port().is_none() && host.eq_ignore_ascii_case(peer.host.host());
    !names_us && base.host().is_some_and(|own| is_same_machine(host, own) || is_local(host) && is_local(peer.host.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(scheme: Scheme) -> Peer {
        Peer { remote: "127.0.0.1:5".parse().expect("address"), scheme, host: Authority::from_static("phone.test:4747") }
    }

    fn check_address(base: &'static str, scheme: Scheme, value: &str, expected: &str) {
        let changed = readdress(value, &Uri::from_static(base), &peer(scheme));
        assert_eq!(changed.as_deref().unwrap_or(value), expected, "{value:?} from {base}");
    }

    #[test]
    fn addresses_of_the_program_become_ours() {
        let base = "http://127.0.0.1:3000";
        for (value, expected) in [
            ("http://127.0.0.1:3000/a?b#c", "http://phone.test:4747/a?b#c"),
            ("http://localhost:3000", "http://phone.test:4747"),
            ("HTTP://LocalHost:3000/", "http://phone.test:4747/"),
            ("http://[::1]:3000/x", "http://phone.test:4747/x"),
            ("http://0.0.0.0:3000/x", "http://phone.test:4747/x"),
            ("http://localhost:3000?next=http://localhost:3000/", "http://phone.test:4747?next=http://localhost:3000/"),
            ("0; url=http://localhost:3000/x", "0; url=http://phone.test:4747/x"),
            ("0;URL='http://localhost:3000/x'", "0;URL='http://phone.test:4747/x'"),
            (
                "<http://localhost:3000/1>; rel=next, <http://localhost:3000/9>; rel=last",
                "<http://phone.test:4747/1>; rel=next, <http://phone.test:4747/9>; rel=last",
            ),
            ("https://phone.test:4747/x", "http://phone.test:4747/x"),
            ("/x", "/x"),
            ("", ""),
            ("//localhost:3000/x", "//localhost:3000/x"),
            ("http://localhost:3001/", "http://localhost:3001/"),
            ("http://localhost/", "http://localhost/"),
            ("http://evil.example:3000/", "http://evil.example:3000/"),
            ("http://localhost:3000@evil.example/", "http://localhost:3000@evil.example/"),
            ("http://user@localhost:3000/", "http://user@localhost:3000/"),
            ("/login?next=http://localhost:3000/", "/login?next=http://localhost:3000/"),
            ("ftp://localhost:3000/", "ftp://localhost:3000/"),
            ("http://phone.test:4747/x", "http://phone.test:4747/x"),
        ] {
            check_address(base, Scheme::HTTP, value, expected);
        }
        check_address(base, Scheme::HTTPS, "http://localhost:3000/x", "https://phone.test:4747/x");
        check_address(base, Scheme::HTTPS, "http://phone.test:4747/x", "https://phone.test:4747/x");
        check_address("https://api.test", Scheme::HTTP, "https://api.test/x", "http://phone.test:4747/x");
        check_address("https://api.test", Scheme::HTTP, "https://api.test:443/x", "http://phone.test:4747/x");
        check_address("https://api.test", Scheme::HTTP, "http://api.test/x", "http://api.test/x");
        check_address("https://api.test", Scheme::HTTP, "https://localhost/x", "https://localhost/x");
    }

    fn check_cookie(base: &'static str, host: &'static str, value: &str, expected: &str) {
        let peer = Peer { host: Authority::from_static(host), ..peer(Scheme::HTTP) };
        let changed = rebake(value, &Uri::from_static(base), &peer);
        assert_eq!(changed.as_deref().unwrap_or(value), expected, "{value:?} from {base} at {host}");
    }

    #[test]
    fn cookies_of_the_program_become_ours() {
        let base = "http://127.0.0.1:3000";
        for (value, expected) in [
            ("a=1; Domain=127.0.0.1; Path=/", "a=1; Path=/"),
            ("a=1; Domain=localhost:3000", "a=1"),
            ("a=1;domain=.localhost;HttpOnly", "a=1;HttpOnly"),
            ("a=1; Domain=phone.test; Path=/", "a=1; Domain=phone.test; Path=/"),
            ("a=1; Domain=example.com", "a=1; Domain=example.com"),
            ("a=Domain=localhost; Path=/", "a=Domain=localhost; Path=/"),
            ("a=1", "a=1"),
            ("a=1; Secure; SameSite=None", "a=1; Secure; SameSite=None"),
        ] {
            check_cookie(base, "phone.test:4747", value, expected);
        }
        check_cookie(base, "localhost:4747", "a=1; Domain=localhost", "a=1; Domain=localhost");
        check_cookie(base, "localhost:4747", "a=1; Domain=127.0.0.1", "a=1");
        let remote = "https://api.test";
        check_cookie(remote, "localhost:4747", "a=1; Domain=api.test; Secure; SameSite=None; Path=/", "a=1; Path=/");
        check_cookie(remote, "localhost:4747", "a=1; Secure; SameSite=Lax", "a=1; SameSite=Lax");
        check_cookie(remote, "localhost:4747", "__Host-a=1; Secure; Path=/", "__Host-a=1; Secure; Path=/");
        check_cookie(remote, "localhost:4747", "a=1; Domain=test", "a=1; Domain=test");
    }

    #[test]
    fn names_of_this_machine() {
        for (host, local) in [
            ("localhost", true),
            ("LocalHost.", true),
            ("shop.localhost", true),
            ("127.0.0.2", true),
            ("0.0.0.0", true),
            ("[::1]", true),
            ("192.168.0.7", false),
            ("localhost.example", false),
            ("notlocalhost", false),
        ] {
            assert_eq!(is_local(host), local, "{host}");
        }
    }
}
