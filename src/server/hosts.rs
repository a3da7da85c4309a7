//! Whether a request is for us: the answer to DNS rebinding. Pure.
//!
//! A page of a hostile name that resolves to 127.0.0.1 reaches this port with its own name in `Host`. So every request needs
//! exactly one well-formed `Host` (HTTP/2: `:authority`), and the name in it must be one of ours. No forwarded header counts.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, StatusCode, Uri, header, uri::Authority};

/// Names that are ours besides the loopback ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    configured: Vec<String>,
}

/// The authority that was checked; stands in a request's extensions for those further in.
#[derive(Clone, Debug)]
pub(super) struct Named(pub(super) Authority);

/// A request that is not for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    #[error("a request needs exactly one Host")]
    NotOne,
    #[error("the Host is not well-formed")]
    Malformed,
    #[error("the Host and the request target name different servers")]
    Disagree,
    #[error("this server does not answer to that name; add it to `hosts` in everlit.toml if it should")]
    Unknown,
}

impl Stranger {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NotOne | Self::Malformed | Self::Disagree => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::MISDIRECTED_REQUEST,
        }
    }
}

impl Hosts {
    pub(super) fn new(configured: &[String]) -> Self {
        Self { configured: configured.iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// The authority a request names, when it is ours. `local` is our end of the connection.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap, local: SocketAddr) -> Result<Authority, Stranger> {
        let authority = authority(uri, headers)?;
        let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if self.configured.contains(&name) {
            return Ok(authority);
        }
        let port = authority.port_u16().unwrap_or(80);
        if port == local.port() && is_local(&name, local.ip()) { Ok(authority) } else { Err(Stranger::Unknown) }
    }
}

/// `localhost`, `*.localhost` (RFC 6761 §6.3), or the very address the connection came in by.
fn is_local(name: &str, local: IpAddr) -> bool {
    name == "localhost" || name.ends_with(".localhost") || name.parse() == Ok(local.to_canonical())
}

fn authority(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Stranger> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(parse(host.as_bytes())?),
        (None, None) => None,
        _ => return Err(Stranger::NotOne),
    };
    match (uri.authority(), named) {
        (Some(target), Some(host)) if !target.as_str().eq_ignore_ascii_case(host.as_str()) => Err(Stranger::Disagree),
        (Some(target), _) => parse(target.as_str().as_bytes()),
        (None, Some(host)) => Ok(host),
        (None, None) => Err(Stranger::NotOne),
    }
}

/// A host and an optional port, nothing else. `Authority` itself would take userinfo, and characters no name has.
fn parse(text: &[u8]) -> Result<Authority, Stranger> {
    let authority = Authority::try_from(text).map_err(|_| Stranger::Malformed)?;
    let host = authority.host();
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_v6 = |name: &str| {
        name.strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let rest = authority.as_str().strip_prefix(host).ok_or(Stranger::Malformed)?;
    let port_is_valid = rest.is_empty() || (rest.len() > 1 && authority.port_u16().is_some());
    let name_is_valid = !host.is_empty() && !host.starts_with('.') && !host.contains("..") && (is_name(host) || is_v6(host));
    if name_is_valid && port_is_valid { Ok(authority) } else { Err(Stranger::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, hosts: &[&str], expected: Result<(), Stranger>) {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        let found =
            Hosts::new(&["Shop.Test".into()]).check(&target.parse().unwrap(), &headers, "127.0.0.1:4747".parse().unwrap());
        assert_eq!(found.map(|_| ()), expected, "{target} {hosts:?}");
    }

    #[test]
    fn our_names_are_ours() {
        for host in ["localhost:4747", "LOCALHOST:4747", "127.0.0.1:4747", "shop.localhost:4747", "shop.test", "shop.test:9"] {
            check("/", &[host], Ok(()));
        }
        check("http://localhost:4747/", &["localhost:4747"], Ok(()));
        check("http://localhost:4747/", &[], Ok(()));
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "evil.example:4747",
            "localhost.evil.example:4747",
            "evillocalhost:4747",
            "127.0.0.1.nip.io:4747",
            "0.0.0.0:4747",
            "[::]:4747",
            "127.1:4747",
            "192.168.1.2:4747",
            "localhost:80",
            "localhost",
            "[::1]:4747",
            "xn--lcalhost-xyz:4747",
        ] {
            check("/", &[host], Err(Stranger::Unknown));
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in [
            "",
            "a@localhost:4747",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "..:4747",
            "[::1:4747",
            "a b",
            "a/b",
            "<script>",
        ] {
            check("/", &[host], Err(Stranger::Malformed));
        }
        check("/", &[], Err(Stranger::NotOne));
        check("/", &["localhost:4747", "localhost:4747"], Err(Stranger::NotOne));
        check("http://evil.example/", &["localhost:4747"], Err(Stranger::Disagree));
    }
}
