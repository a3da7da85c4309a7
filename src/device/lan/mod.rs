//! Makes the server reachable from phones in the same network: by which address and name, for whom, and the code that says so.
//!
//! [`find`] says by which network phones come; whoever listens there puts the [`Place`] on the [`Board`], and asks again in a while, since
//! networks change. [`Lan`] is what the request path reads: where the server is, and by [`Pairing`] who may come in. [`mdns`] gives it a
//! name. Nothing here listens for HTTP, and nothing of it is there without `--lan`.

mod code;
pub mod mdns;
mod network;
mod pairing;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use http::uri::Scheme;
use tokio::sync::watch;

pub use code::Code;
pub use network::{Absent, Network};
pub use pairing::{PENALTY, Pairing, Uninvited};

pub(crate) use network::listed;

use crate::config;

/// Where an invitation is taken.
pub const PAIR: &str = "/__everlit/pair";

/// The network that phones come by now, and the others they might; `before` is the one they came by until now.
///
/// # Errors
/// Why they come by none.
pub fn find(wanted: &config::Lan, before: Option<&Network>) -> Result<(Network, Vec<Network>), Absent> {
    let mut networks = network::networks()?;
    let found = network::choose(wanted, &networks, network::way_out(), before)?;
    networks.retain(|network| *network != found);
    Ok((found, networks))
}

/// Where phones reach the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `http`, or `https` where TLS is spoken.
    pub scheme: Scheme,
    /// The network they come by.
    pub network: Network,
    /// The port there.
    pub port: u16,
    /// The name it has there, once it has one: `shop.local`.
    pub name: Option<String>,
}

impl Place {
    /// `http://192.168.1.20:4747`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, SocketAddr::new(self.network.address, self.port))
    }

    /// `http://shop.local:4747`, once there is a name.
    #[must_use]
    pub fn named_origin(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("{}://{name}:{}", self.scheme, self.port))
    }

    /// Where the certificate is to be had by whoever does not trust it yet: over plain HTTP.
    #[must_use]
    pub fn certificate(&self) -> String {
        format!("http://{}/__everlit/ca", SocketAddr::new(self.network.address, self.port))
    }

    /// Whether it is the address by which a connection came in.
    #[must_use]
    pub fn is_at(&self, address: IpAddr) -> bool {
        self.network.address == address.to_canonical()
    }
}

/// Says where phones reach the server, as long as it lives.
#[derive(Clone, Debug)]
pub struct Board(Arc<watch::Sender<Option<Place>>>);

impl Board {
    /// They reach it here now, or nowhere.
    pub fn put(&self, place: Option<Place>) {
        self.0.send_replace(place);
    }

    /// The place has a name, or has it no more.
    pub fn rename(&self, name: Option<String>) {
        self.0.send_modify(|place| {
            if let Some(place) = place {
                place.name = name;
            }
        });
    }
}

/// What the request path knows of phones in the network. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lan {
    place: watch::Receiver<Option<Place>>,
    /// Who may come in.
    pub pairing: Pairing,
}

/// What one phone needs to come in.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Where it leads.
    pub place: Place,
    /// What lets one browser in; whoever sees it can come in.
    pub link: String,
    /// The same by the name, which outlives a change of the address.
    pub named_link: Option<String>,
}

impl Lan {
    /// Nobody is paired, and there is no place yet; the board is where it is put.
    #[must_use]
    pub fn new() -> (Self, Board) {
        let (sender, place) = watch::channel(None);
        (Self { place, pairing: Pairing::default() }, Board(Arc::new(sender)))
    }

    /// Where phones reach the server now.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.place.borrow().clone()
    }

    /// A new invitation; `None` while phones have no way in.
    #[must_use]
    pub fn invite(&self) -> Option<Invitation> {
        let place = self.place()?;
        let token = self.pairing.invite(Instant::now()).ok()?;
        let link = |origin: String| format!("{origin}{PAIR}?token={}", token.reveal());
        Some(Invitation { link: link(place.origin()), named_link: place.named_origin().map(link), place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str, name: Option<&str>) -> Place {
        let network = Network { interface: "wlan0".into(), address: address.parse().unwrap() };
        Place { scheme: Scheme::HTTPS, network, port: 4747, name: name.map(str::to_owned) }
    }

    #[test]
    fn an_invitation_leads_to_where_the_server_is_now() {
        let (lan, board) = Lan::new();
        assert!(lan.invite().is_none());
        board.put(Some(place("192.168.1.20", None)));
        let first = lan.invite().unwrap();
        assert!(first.link.starts_with("https://192.168.1.20:4747/__everlit/pair?token=") && first.named_link.is_none());
        board.put(Some(place("fd00::1", None)));
        board.rename(Some("shop.local".into()));
        let second = lan.invite().unwrap();
        assert!(second.link.starts_with("https://[fd00::1]:4747/__everlit/pair?token="), "{}", second.link);
        let token = second.link.split_once('=').unwrap().1;
        assert_eq!(second.named_link, Some(format!("https://shop.local:4747/__everlit/pair?token={token}")));
        assert_ne!(first.link.split_once('=').unwrap().1, token);
    }

    #[test]
    fn the_address_of_a_place_is_one_of_this_machine_s() {
        let place = place("192.168.1.20", None);
        assert!(place.is_at("192.168.1.20".parse().unwrap()) && place.is_at("::ffff:192.168.1.20".parse().unwrap()));
        assert!(!place.is_at("127.0.0.1".parse().unwrap()));
    }
}
