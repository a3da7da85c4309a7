//! The names that a certificate of ours may stand for. Pure, but for the machine's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::telemetry::Notices;

/// Top-level names that lead to nobody else: reserved for this machine, this network, or for tests (RFC 6761, 6762, 8375, and
/// `internal`, which ICANN keeps for private use), and `lan`, which routers give.
pub(super) const LOCAL: [&str; 6] = ["localhost", "local", "test", "internal", "home.arpa", "lan"];

/// Addresses that lead to nobody else: loopback, private, link-local, and those of carriers' and overlay networks.
pub(super) const NETWORKS: [(IpAddr, u8); 9] = [
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(100, 64, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// The most names of `*.localhost` that have a certificate at a time; the oldest makes room.
pub(super) const KEPT: usize = 64;

/// The longest name there is (RFC 1035 §2.3.4).
const LONGEST: usize = 253;

/// Whom a project is known as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// This machine, where it has a name that can be one on a network.
    machine: Option<String>,
    /// Those that the configuration adds.
    hosts: Vec<String>,
}

impl Names {
    pub(super) fn new(machine: Option<String>, hosts: &[String]) -> Self {
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { machine: machine.map(|name| name.to_ascii_lowercase()).filter(|name| is_name(name)), hosts }
    }

    /// Those without the machine's own name.
    pub(super) fn without_machine(&self) -> Self {
        Self { machine: None, hosts: self.hosts.clone() }
    }

    /// The names of the certificate that most browsers get.
    pub(super) fn general(&self) -> Vec<String> {
        let mut names = vec!["localhost".to_owned()];
        if let Some(machine) = &self.machine {
            names.push(machine.clone());
            if !machine.contains('.') {
                names.push(format!("{machine}.local"));
            }
        }
        names.extend(self.hosts.iter().filter(|host| is_local(host)).cloned());
        names.sort();
        names.dedup();
        names
    }

    /// Whether a name gets a certificate of its own: browsers take none for `*.localhost` as a whole.
    pub(super) fn has_its_own(name: &str) -> bool {
        name.ends_with(".localhost") && is_name(name)
    }

    /// Says which of the configured names our certificate cannot stand for.
    pub(super) fn tell_foreign(&self, notices: &Notices) {
        for host in self.hosts.iter().filter(|host| !is_local(host) && host.parse::<IpAddr>().is_err()) {
            notices.warn(format!(
                "our certificate does not stand for {host}: the authority behind it may vouch for local names only, such as those \
                 below .test and .localhost; give a certificate of your own by `tls_cert` and `tls_key`"
            ));
        }
    }
}

/// Whether a name is one that leads to nobody else.
fn is_local(name: &str) -> bool {
    is_name(name) && LOCAL.iter().any(|top| name.strip_suffix(top).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Whether an address is one that leads to nobody else.
pub(super) fn is_local_address(address: IpAddr) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    NETWORKS.iter().any(|(network, length)| {
        let ((network, width), (address, other)) = (bits(*network), bits(address));
        width == other && (network ^ address).leading_zeros() >= u32::from(*length)
    })
}

/// Whether a text can be a host's name (RFC 1123 §2.1), in lower case.
pub(super) fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= LONGEST && text.split('.').all(is_label) && text.parse::<IpAddr>().is_err()
}

/// What this machine calls itself.
pub(super) fn machine() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_general_names() {
        let check = |machine: Option<&str>, hosts: &[&str], expected: &[&str]| {
            let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
            assert_eq!(Names::new(machine.map(str::to_owned), &hosts).general(), expected, "{machine:?} {hosts:?}");
        };
        check(None, &[], &["localhost"]);
        check(Some("Desk"), &[], &["desk", "desk.local", "localhost"]);
        check(Some("desk.lan"), &[], &["desk.lan", "localhost"]);
        check(Some("my_desk"), &[], &["localhost"]);
        check(Some("localhost"), &[], &["localhost", "localhost.local"]);
        check(None, &["Shop.Test", "example.com", "localhost", "10.0.0.1"], &["localhost", "shop.test"]);
    }

    #[test]
    fn only_names_below_localhost_have_their_own() {
        for name in ["shop.localhost", "a.b.localhost"] {
            assert!(Names::has_its_own(name), "{name}");
        }
        for name in
            ["localhost", ".localhost", "a..localhost", "evillocalhost", "*.localhost", "shop.localhost.evil", "-a.localhost"]
        {
            assert!(!Names::has_its_own(name), "{name}");
        }
    }

    #[test]
    fn local_addresses() {
        let check = |address: &str, expected| assert_eq!(is_local_address(address.parse().unwrap()), expected, "{address}");
        for address in
            ["127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.20", "169.254.1.1", "100.64.0.1"]
        {
            check(address, true);
        }
        for address in ["::1", "fd00::1", "fe80::1"] {
            check(address, true);
        }
        for address in ["8.8.8.8", "172.32.0.1", "192.169.0.1", "::2", "2001:db8::1", "0.0.0.0", "::"] {
            check(address, false);
        }
    }
}
