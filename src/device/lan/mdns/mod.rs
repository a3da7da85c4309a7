//! `{project}.local`: a name of our own in the network, by multicast DNS (RFC 6762).
//!
//! [`serve`] first asks whether anybody has the name, takes another one until nobody has, says whose it is and answers whoever asks, until
//! it is told to stop; then it says goodbye. It is one socket and one task, bound to the multicast group in one network alone: no
//! unicast packet reaches it, and nothing of it is there without `--lan`.
//!
//! It announces no service and knows no other name: whoever does not know the name does not find it.

mod name;
mod owner;
mod packet;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket as StdSocket},
};

use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use name::name_of;
use owner::Owner;

/// Where everybody listens who speaks multicast DNS.
const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);

/// What packets of the protocol have had since its beginning (RFC 6762 §11).
const HOPS: u32 = 255;

/// Names tried; where all of them are taken, somebody plays a game.
const NAMES: u32 = 10;

/// Why there is no name.
#[derive(Debug, thiserror::Error)]
pub enum NoName {
    /// The network takes no such packets.
    #[error("this network takes no multicast: {0}")]
    Socket(#[from] io::Error),
    /// Somebody has each of them.
    #[error("other machines have all names up to {0}")]
    AllTaken(String),
}

/// What a project is called from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `shop.local`.
    pub name: String,
    /// What it would be called, had another machine not had that name.
    pub taken: Option<String>,
}

/// Has this machine known in its network by the name of a project, until `stop`. `tell` hears of the name, and of another one when
/// somebody claims it later.
///
/// # Errors
/// Why there is no name.
pub async fn serve(project: &str, address: Ipv4Addr, tell: impl Fn(Named), stop: CancellationToken) -> Result<(), NoName> {
    let socket = open(address)?;
    let mut taken = None;
    for number in 1..=NAMES {
        let name = name_of(project, number);
        let mut owner = Owner::new(&socket, &name, address);
        let Some(is_free) = stop.run_until_cancelled(owner.probe()).await else { return Ok(()) };
        if is_free? {
            tell(Named { name: name.clone(), taken: taken.take() });
            let Some(lost) = stop.run_until_cancelled(owner.keep()).await else {
                owner.leave().await;
                return Ok(());
            };
            lost?;
        }
        taken = Some(name);
    }
    Err(NoName::AllTaken(name_of(project, NAMES)))
}

/// A socket that hears the group in one network, beside those of other programs.
fn open(address: Ipv4Addr) -> io::Result<UdpSocket> {
    let fd = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    sockopt::set_socket_reuseport(&fd, true)?;
    bind(&fd, &SocketAddr::V4(GROUP))?;
    let socket = StdSocket::from(fd);
    socket.join_multicast_v4(GROUP.ip(), &address)?;
    socket.set_multicast_ttl_v4(HOPS)?;
    sockopt::set_ip_multicast_if(&socket, &address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}
