//! By which of this machine's networks phones reach the server.

use std::{net::IpAddr, str::FromStr};

use super::value::{Invalid, switch};

/// The longest name of an interface that any system has, in bytes.
const LONGEST_INTERFACE: usize = 32;

/// By which of this machine's networks phones reach the server, once they are paired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lan {
    /// By none; written `false`.
    #[default]
    Off,
    /// By the one that leads out of here, or the only private one; written `true`.
    Any,
    /// By the one in which this machine has this address.
    Address(IpAddr),
    /// By the one behind the interface of this name.
    Interface(String),
}

impl FromStr for Lan {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Ok(is_on) = switch(text) {
            return Ok(if is_on { Self::Any } else { Self::Off });
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        match bare.parse() {
            Ok(address) if is_private(address) => Ok(Self::Address(address)),
            Ok(_) => {
                Err(Invalid::must("be an address of a private network, like 192.168.1.20: no other is listened on for phones"))
            }
            Err(_) if is_interface(text) => Ok(Self::Interface(text.to_owned())),
            Err(_) => Err(Invalid::must("be `true`, `false`, an address of this machine, or the name of a network interface")),
        }
    }
}

/// Whether an address is one that only the machines of a network know: private, of a carrier's or overlay network, or between two
/// machines alone (RFC 1918, 6598, 3927, 4193). A link-local one of IPv6 is left out: a browser cannot name its interface.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_link_local() || first == 100 && second & 0b1100_0000 == 64
        }
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

fn is_interface(text: &str) -> bool {
    (1..=LONGEST_INTERFACE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_named_by_its_address_or_interface() {
        let check = |text: &str, expected: Result<Lan, &str>| {
            assert_eq!(text.parse::<Lan>().map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{text}");
        };
        let address = |text: &str| Ok(Lan::Address(text.parse().unwrap()));
        check("true", Ok(Lan::Any));
        check("off", Ok(Lan::Off));
        check("192.168.1.20", address("192.168.1.20"));
        check("[fd00::1]", address("fd00::1"));
        check("wlp2s0", Ok(Lan::Interface("wlp2s0".into())));
        check("eth0.7@if3", Ok(Lan::Interface("eth0.7@if3".into())));
        let private = "must be an address of a private network, like 192.168.1.20: no other is listened on for phones";
        for other in ["0.0.0.0", "127.0.0.1", "8.8.8.8", "::", "fe80::1", "2001:db8::1"] {
            check(other, Err(private));
        }
        let any = "must be `true`, `false`, an address of this machine, or the name of a network interface";
        for other in ["", " ", "a b", "../x"] {
            check(other, Err(any));
        }
    }

    #[test]
    fn private_addresses() {
        let check = |address: &str, expected| assert_eq!(is_private(address.parse().unwrap()), expected, "{address}");
        for address in ["10.0.0.1", "172.31.255.1", "192.168.0.1", "100.64.0.1", "100.127.0.1", "169.254.1.1", "fd12::1"] {
            check(address, true);
        }
        for address in ["172.32.0.1", "100.128.0.1", "100.63.0.1", "127.0.0.1", "::1", "fe80::1", "2001:db8::1"] {
            check(address, false);
        }
    }
}
