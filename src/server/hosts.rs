//! Whether a request is for us: the answer to DNS rebinding. Pure.
//!
//! A page of a hostile name that resolves to 127.0.0.1 reaches this port with its own name in `Host`. So every request needs
//! exactly one well-formed `Host` (HTTP/2: `:authority`), and the name in it must be one of ours. No forwarded header counts.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode, Uri, header, uri::Authority};

use super::converse::Connection;
use crate::device::OtherPorts;

/// Names that are ours besides the loopback ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    configured: Vec<String>,
    /// Phones ask for them, and end up here.
    other_ports: OtherPorts,
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
    #[error(
        "in this network the server answers to its address and its .local name only, with their port, as the terminal prints them"
    )]
    Elsewhere,
}

impl Stranger {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NotOne | Self::Malformed | Self::Disagree => StatusCode::BAD_REQUEST,
            Self::Unknown | Self::Elsewhere => StatusCode::MISDIRECTED_REQUEST,
        }
    }
}

impl Hosts {
    pub(super) fn new(configured: &[String], other_ports: OtherPorts) -> Self {
        Self { configured: configured.iter().map(|name| name.to_ascii_lowercase()).collect(), other_ports }
    }

    /// The authority a request names, when it is ours.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap, connection: Connection) -> Result<Authority, Stranger> {
        let local = connection.local;
        let authority = authority(uri, headers)?;
        let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if self.configured.contains(&name) {
            return Ok(authority);
        }
        let port = authority.port_u16().unwrap_or_else(|| connection.transport.standard_port());
        let is_our_port = port == local.port() || local.ip().to_canonical().is_loopback() && self.other_ports.contains(port);
        if is_our_port && is_local(&name, local.ip()) { Ok(authority) } else { Err(Stranger::Unknown) }
    }
}

/// The authority of a request that came by the network: the address it came in by, or the name that the network knows us by.
pub(super) fn check_in_network(
    uri: &Uri,
    headers: &HeaderMap,
    connection: Connection,
    name: Option<&str>,
) -> Result<Authority, Stranger> {
    let authority = authority(uri, headers)?;
    let asked = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or_else(|| connection.transport.standard_port());
    let is_ours =
        asked.parse() == Ok(connection.local.ip().to_canonical()) || name.is_some_and(|name| asked.eq_ignore_ascii_case(name));
    if is_ours && port == connection.local.port() { Ok(authority) } else { Err(Stranger::Elsewhere) }
}

/// `localhost`, `*.localhost` (RFC 6761 §6.3), or the very address the connection came in by.
fn is_local(name: &str, local: IpAddr) -> bool {
    name == "localhost" || name.ends_with(".localhost") || name.parse() == Ok(local.to_canonical())
}

/// Whether a host, without its port, can be nothing but this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = host.trim_matches(['[', ']']).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
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
    let is_digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let port_is_valid = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_digits) && authority.port_u16().is_some();
    let name_is_valid = !host.is_empty() && !host.starts_with('.') && !host.contains("..") && (is_name(host) || is_v6(host));
    if name_is_valid && port_is_valid { Ok(authority) } else { Err(Stranger::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Transport;

    fn check(target: &str, hosts: &[&str], expected: Result<(), Stranger>) {
        check_at("127.0.0.1:4747", Transport::Plain, target, hosts, expected);
    }

    fn check_at(local: &str, transport: Transport, target: &str, hosts: &[&str], expected: Result<(), Stranger>) {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        let [local, remote] = [local, "127.0.0.1:50000"].map(|address| address.parse().unwrap());
        let connection = Connection { local, remote, transport };
        let found =
            Hosts::new(&["Shop.Test".into()], OtherPorts::from([4800])).check(&target.parse().unwrap(), &headers, connection);
        assert_eq!(found.map(|_| ()), expected, "{target} {hosts:?}");
    }

    #[test]
    fn each_refusal_has_its_status() {
        let refusals = [Stranger::NotOne, Stranger::Malformed, Stranger::Disagree, Stranger::Unknown, Stranger::Elsewhere];
        assert_eq!(refusals.map(|stranger| stranger.status().as_u16()), [400, 400, 400, 421, 421]);
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
    fn each_scheme_has_its_own_port() {
        for (local, transport, ours) in [
            ("127.0.0.1:80", Transport::Plain, true),
            ("127.0.0.1:443", Transport::Tls, true),
            ("127.0.0.1:443", Transport::Plain, false),
            ("127.0.0.1:80", Transport::Tls, false),
        ] {
            let expected = if ours { Ok(()) } else { Err(Stranger::Unknown) };
            check_at(local, transport, "/", &["localhost"], expected);
        }
        check_at("127.0.0.1:4747", Transport::Tls, "https://localhost:4747/", &["localhost:4747"], Ok(()));
        check_at("127.0.0.1:4747", Transport::Tls, "https://evil.example/", &["localhost:4747"], Err(Stranger::Disagree));
        check_at("127.0.0.1:4747", Transport::Tls, "https://evil.example:4747/", &[], Err(Stranger::Unknown));
    }

    #[test]
    fn a_port_by_which_a_phone_knows_us_is_ours_on_this_machine() {
        check("/", &["localhost:4800"], Ok(()));
        check("/", &["evil.example:4800"], Err(Stranger::Unknown));
        check("/", &["localhost:4801"], Err(Stranger::Unknown));
        check_at("192.168.1.2:4747", Transport::Plain, "/", &["192.168.1.2:4800"], Err(Stranger::Unknown));
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "evil.example:4747",
            "localhost.evil.example:4747",
            "localhost.:4747",
            "localhostx:4747",
            "evillocalhost:4747",
            "shop.localhost.evil.example:4747",
            "shop.localhost.:4747",
            "shop.localhost:4748",
            "shop.test.:4747",
            "shop.test.evil.example",
            "myshop.test",
            "127.0.0.1.nip.io:4747",
            "0.0.0.0:4747",
            "[::]:4747",
            "127.1:4747",
            "2130706433:4747",
            "127.0.0.2:4747",
            "[::ffff:127.0.0.1]:4747",
            "192.168.1.2:4747",
            "127.0.0.1:4748",
            "localhost:80",
            "localhost",
            "[::1]:4747",
            "xn--lcalhost-xyz:4747",
        ] {
            check("/", &[host], Err(Stranger::Unknown));
        }
    }

    #[test]
    fn in_the_network_there_are_two_names() {
        let check = |host: &str, name: Option<&str>, expected: bool| {
            let headers: HeaderMap = [(header::HOST, host.parse().unwrap())].into_iter().collect();
            let [local, remote] = ["192.168.1.20:4747", "192.168.1.30:50000"].map(|address| address.parse().unwrap());
            let connection = Connection { local, remote, transport: Transport::Plain };
            let found = check_in_network(&Uri::from_static("/"), &headers, connection, name);
            assert_eq!(found.is_ok(), expected, "{host} {name:?}");
        };
        check("192.168.1.20:4747", None, true);
        check("Shop.LOCAL:4747", Some("shop.local"), true);
        for host in [
            "shop.local:4747",
            "192.168.1.20",
            "192.168.1.20:80",
            "localhost:4747",
            "shop.localhost:4747",
            "127.0.0.1:4747",
            "shop.test:4747",
            "[::ffff:192.168.1.20]:4747",
            "evil.example:4747",
        ] {
            check(host, None, false);
        }
        check("shop.local:80", Some("shop.local"), false);
        check("blog.local:4747", Some("shop.local"), false);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in [
            "",
            "a@localhost:4747",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "localhost:+4747",
            "localhost:4747:4747",
            ".localhost:4747",
            "shop..localhost:4747",
            "..:4747",
            "[::1:4747",
            "[fe80::1%25eth0]:4747",
            "localhost%2e:4747",
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

    #[test]
    fn names_of_this_machine_alone_are_loopback() {
        for host in ["localhost", "shop.LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["192.168.1.7", "shop.test", "localhost.example", "[fe80::1]", "notlocalhost"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
