//! Takes a port, on both loopback families at once.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener},
};

use tokio::net::TcpListener;

use crate::{config::ServerConfig, process::sockets};

/// Ports tried after the wanted one. Somebody who runs more servers than that wants to choose.
const ATTEMPTS: u16 = 100;

/// Tries to find a port that both families have free, when the system chooses.
const RANDOM_ATTEMPTS: u16 = 20;

/// Connections the kernel holds until we accept them; a browser with all its tabs comes nowhere near.
const BACKLOG: u32 = 1024;

/// Sockets that listen on one port.
#[derive(Debug)]
pub struct Bound {
    /// One per address family.
    pub listeners: Vec<TcpListener>,
    /// Their port.
    pub port: u16,
    /// Set when it is not the wanted one.
    pub moved: Option<Moved>,
}

/// The wanted port was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The wanted port.
    pub wanted: u16,
    /// Who holds it, where that can be seen: `process 4711 (node server.js)`.
    pub owner: Option<String>,
}

/// Why no port could be taken.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what the messages show")]
pub enum BindError {
    /// Somebody listens there.
    #[error("port {port} is taken{}; choose another with --port, or leave out --strict-port to take the next free one", by(.owner))]
    Taken { port: u16, owner: Option<String> },
    /// The port is reserved.
    #[error(
        "port {port} needs rights that this user does not have; choose one from 1024, or allow it once with \
         `sudo setcap cap_net_bind_service=+ep \"$(command -v everlit)\"`"
    )]
    Forbidden { port: u16 },
    /// The address is not one of this machine.
    #[error("this machine has no address {address}; `ip address` lists those it has")]
    NoAddress { address: IpAddr },
    /// Every port in reach is taken.
    #[error("no free port from {first} to {last}; choose one with --port")]
    NoneFree { first: u16, last: u16 },
    /// Something else.
    #[error("cannot listen on {address}: {source}")]
    Other { address: SocketAddr, source: io::Error },
}

fn by(owner: &Option<String>) -> String {
    owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default()
}

/// Takes the configured port, or the next free one where that is allowed.
///
/// # Errors
/// See [`BindError`].
pub fn bind(config: &ServerConfig) -> Result<Bound, BindError> {
    let addresses = addresses(config.host);
    if config.port == 0 {
        return random(&addresses);
    }
    let last = config.port.saturating_add(ATTEMPTS);
    for port in config.port..=last {
        match bind_all(&addresses, port) {
            Err(BindError::Taken { port, .. }) if config.strict_port => {
                return Err(BindError::Taken { port, owner: owner(port) });
            }
            Err(BindError::Taken { .. }) => (),
            Err(error) => return Err(error),
            Ok(listeners) => {
                let moved = (port != config.port).then(|| Moved { wanted: config.port, owner: owner(config.port) });
                return Ok(Bound { listeners, port, moved });
            }
        }
    }
    Err(BindError::NoneFree { first: config.port, last })
}

/// Takes any free port of 127.0.0.1 for the control listener, or of ::1 where that is all this machine has.
///
/// # Errors
/// See [`BindError`].
pub fn bind_control() -> Result<Bound, BindError> {
    let (listeners, _) = first_of(&[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])?;
    let port = port_of(&listeners);
    Ok(Bound { listeners, port, moved: None })
}

/// Takes a port of 127.0.0.1 for phones, one of those after the app listener's: a rule that a run left on a phone when it was killed
/// leads to the next one again.
///
/// # Errors
/// See [`BindError`].
pub fn bind_phones(app: u16) -> Result<Bound, BindError> {
    first_free(Ipv4Addr::LOCALHOST.into(), app.saturating_add(1))
}

/// Takes a port of an address in a private network, the app listener's or the next free one there.
///
/// # Errors
/// See [`BindError`].
pub fn bind_lan(address: IpAddr, app: u16) -> Result<Bound, BindError> {
    first_free(address, app)
}

fn first_free(address: IpAddr, first: u16) -> Result<Bound, BindError> {
    let last = first.saturating_add(ATTEMPTS);
    for port in first..=last {
        match bind_all(&[address], port) {
            Err(BindError::Taken { .. }) => (),
            Err(error) => return Err(error),
            Ok(listeners) => return Ok(Bound { listeners, port, moved: None }),
        }
    }
    Err(BindError::NoneFree { first, last })
}

fn addresses(host: Option<IpAddr>) -> Vec<IpAddr> {
    match host {
        Some(address) => vec![address],
        None => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
    }
}

fn random(addresses: &[IpAddr]) -> Result<Bound, BindError> {
    let mut last = BindError::NoneFree { first: 1024, last: u16::MAX };
    for _ in 0..RANDOM_ATTEMPTS {
        let (first, others) = first_of(addresses)?;
        let port = port_of(&first);
        match bind_others(others, port) {
            Ok(others) => return Ok(Bound { listeners: first.into_iter().chain(others).collect(), port, moved: None }),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn port_of(listeners: &[TcpListener]) -> u16 {
    listeners.first().and_then(|listener| listener.local_addr().ok()).map_or(0, |address| address.port())
}

/// A random port of the first address that this machine has, and the addresses after it.
fn first_of(addresses: &[IpAddr]) -> Result<(Vec<TcpListener>, &[IpAddr]), BindError> {
    let mut missing = None;
    for (place, address) in addresses.iter().enumerate() {
        match bind_all(&[*address], 0) {
            Ok(listeners) => return Ok((listeners, &addresses[place + 1..])),
            Err(error @ BindError::NoAddress { .. }) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or(BindError::NoneFree { first: 1024, last: u16::MAX }))
}

/// Like [`bind_all`], where it is no fault that the machine has none of them.
fn bind_others(addresses: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, BindError> {
    match bind_all(addresses, port) {
        Err(BindError::NoAddress { .. }) => Ok(Vec::new()),
        bound => bound,
    }
}

/// Binds every address of this machine's among them; a family that the machine does not have is left out, unless it is the
/// only one that was asked for.
fn bind_all(addresses: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::new();
    let mut missing = None;
    for &address in addresses {
        match listen(SocketAddr::new(address, port)) {
            Ok(listener) => listeners.push(listener),
            Err(error @ BindError::NoAddress { .. }) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    let bound = || -> io::Result<TcpListener> {
        let listener = StdListener::bind(address)?;
        rustix::net::listen(&listener, i32::try_from(BACKLOG).unwrap_or(i32::MAX))?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    bound().map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => BindError::Taken { port: address.port(), owner: None },
        ErrorKind::PermissionDenied => BindError::Forbidden { port: address.port() },
        ErrorKind::AddrNotAvailable | ErrorKind::Unsupported => BindError::NoAddress { address: address.ip() },
        _ if source.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) => {
            BindError::NoAddress { address: address.ip() }
        }
        _ => BindError::Other { address, source },
    })
}

fn owner(port: u16) -> Option<String> {
    sockets::owner(port).map(|owner| format!("process {} ({})", owner.pid, owner.command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Lan, TlsConfig};

    fn config(port: u16, strict_port: bool) -> ServerConfig {
        ServerConfig { port, strict_port, host: None, hosts: Vec::new(), lan: Lan::Off, tls: TlsConfig::Off }
    }

    #[tokio::test]
    async fn a_taken_port_is_left_to_its_owner() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let squatter = StdListener::bind(address).unwrap();
            let port = squatter.local_addr().unwrap().port();
            let bound = bind(&config(port, false)).unwrap();
            let moved = bound.moved.unwrap();
            assert_eq!(moved.wanted, port);
            assert!(bound.port > port, "{address}");
            assert!(moved.owner.unwrap().starts_with(&format!("process {} (", std::process::id())), "{address}");
            let error = bind(&config(port, true)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("port {port} is taken by process")), "{error}");
        }
    }

    #[tokio::test]
    async fn a_family_that_is_missing_is_left_out() {
        // No machine has an address of the block for documentation (RFC 3849), as some have none of IPv6 at all.
        let missing: IpAddr = "2001:db8::1".parse().unwrap();
        for addresses in [[Ipv4Addr::LOCALHOST.into(), missing], [missing, Ipv4Addr::LOCALHOST.into()]] {
            let bound = random(&addresses).unwrap();
            assert_eq!(bound.listeners.len(), 1, "{addresses:?}");
        }
        assert!(matches!(random(&[missing]), Err(BindError::NoAddress { .. })));
    }

    #[tokio::test]
    async fn nothing_but_loopback_is_listened_on_unasked() {
        let (app, control, phones) = (bind(&config(0, true)).unwrap(), bind_control().unwrap(), bind_phones(20_000).unwrap());
        for bound in [app, control, phones] {
            let addresses: Vec<_> = bound.listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
            assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
        }
    }

    #[tokio::test]
    async fn port_zero_is_one_port_on_both_families() {
        let bound = bind(&config(0, true)).unwrap();
        let ports: Vec<_> = bound.listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert_eq!(ports, [bound.port, bound.port]);
    }
}
