//! The private networks that this machine is in, and which of them phones come by.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use crate::config::{Lan, is_private};

/// An address of the block for documentation (RFC 5737): the way there is the way out of here, and no packet is ever sent.
const OUT: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// A private network that this machine is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The interface it is behind.
    pub interface: String,
    /// The address that this machine has in it.
    pub address: IpAddr,
}

/// Why phones have no way in for now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absent {
    /// The system does not say which there are.
    #[error("the networks of this machine cannot be looked at: {0}")]
    Unknown(String),
    /// This machine is in no private network.
    #[error("this machine is in no private network; phones are let in as soon as it is in one")]
    Everywhere,
    /// It is in some, but not in the one that was asked for.
    #[error("this machine is not in the network that `lan` names, {wanted}; it is in {}", listed(.there))]
    Here {
        /// The address or interface that was asked for.
        wanted: String,
        /// The networks it is in.
        there: Vec<Network>,
    },
}

/// Words for networks: `192.168.1.20 (wlan0)`.
pub(crate) fn listed(networks: &[Network]) -> String {
    match networks {
        [] => "none".to_owned(),
        networks => networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.address, self.interface)
    }
}

/// The private networks that this machine is in now, those of IPv4 first.
///
/// # Errors
/// [`Absent::Unknown`].
pub(super) fn networks() -> Result<Vec<Network>, Absent> {
    let interfaces = if_addrs::get_if_addrs().map_err(|error| Absent::Unknown(error.to_string()))?;
    let private = interfaces.into_iter().filter(|found| is_private(found.ip()));
    let mut networks: Vec<_> = private.map(|found| Network { address: found.ip(), interface: found.name }).collect();
    networks.sort_by_key(|network| network.address.is_ipv6());
    Ok(networks)
}

/// The address by which this machine goes out of its networks; `None` when there is no way out.
pub(super) fn way_out() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(OUT).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// The network that phones come by. Of several the one that was taken before stays, when nothing says otherwise.
pub(super) fn choose(
    wanted: &Lan,
    networks: &[Network],
    way_out: Option<IpAddr>,
    before: Option<&Network>,
) -> Result<Network, Absent> {
    let found = match wanted {
        Lan::Off => None,
        Lan::Address(address) => networks.iter().find(|network| network.address == *address),
        Lan::Interface(name) => networks.iter().find(|network| network.interface == *name),
        Lan::Any => {
            let out = networks.iter().find(|network| Some(network.address) == way_out);
            out.or_else(|| networks.iter().find(|network| Some(*network) == before)).or(networks.first())
        }
    };
    found.cloned().ok_or_else(|| match wanted {
        Lan::Address(address) => Absent::Here { wanted: address.to_string(), there: networks.to_vec() },
        Lan::Interface(name) => Absent::Here { wanted: name.clone(), there: networks.to_vec() },
        Lan::Any | Lan::Off => Absent::Everywhere,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(interface: &str, address: &str) -> Network {
        Network { interface: interface.into(), address: address.parse().unwrap() }
    }

    #[test]
    fn the_way_out_is_taken_unless_another_is_asked_for() {
        let there = [network("docker0", "172.17.0.1"), network("wlan0", "192.168.1.20"), network("wlan0", "fd00::1")];
        let check = |wanted: Lan, way_out: Option<&str>, before: Option<&Network>, expected: &str| {
            let found = choose(&wanted, &there, way_out.map(|address| address.parse().unwrap()), before);
            let found = found.map_or_else(|absent| absent.to_string(), |network| network.to_string());
            assert_eq!(found, expected, "{wanted:?} {way_out:?}");
        };
        check(Lan::Any, Some("192.168.1.20"), None, "192.168.1.20 (wlan0)");
        check(Lan::Any, Some("203.0.113.5"), None, "172.17.0.1 (docker0)");
        check(Lan::Any, None, None, "172.17.0.1 (docker0)");
        check(Lan::Any, None, Some(&there[1]), "192.168.1.20 (wlan0)");
        check(Lan::Any, None, Some(&network("eth0", "10.0.0.1")), "172.17.0.1 (docker0)");
        check(Lan::Interface("docker0".into()), Some("192.168.1.20"), None, "172.17.0.1 (docker0)");
        check(Lan::Address("fd00::1".parse().unwrap()), None, None, "fd00::1 (wlan0)");
        let absent = "this machine is not in the network that `lan` names, eth9; it is in 172.17.0.1 (docker0), 192.168.1.20 (wlan0), \
                      fd00::1 (wlan0)";
        check(Lan::Interface("eth9".into()), None, None, absent);
        assert_eq!(choose(&Lan::Any, &[], None, None), Err(Absent::Everywhere));
    }
}
