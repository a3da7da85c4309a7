//! Which TCP ports processes listen on, read from `/proc`; empty where there is none.

use std::{
    collections::HashSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::mark::{command_line, processes};

/// A process that holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) pid: u32,
    /// Its command line; untrusted text.
    pub(crate) command: String,
}

/// The addresses these processes listen on, in the kernel's order.
pub(crate) fn listening(pids: &[u32]) -> Vec<SocketAddr> {
    let inodes: HashSet<u64> = pids.iter().flat_map(|&pid| socket_inodes(pid)).collect();
    if inodes.is_empty() {
        return Vec::new();
    }
    all_listening().into_iter().filter(|(_, inode)| inodes.contains(inode)).map(|(address, _)| address).collect()
}

/// Who listens on this port of the loopback or of all addresses, as far as we may know.
pub(crate) fn owner(port: u16) -> Option<Owner> {
    let holds = |address: &SocketAddr| address.port() == port && (address.ip().is_loopback() || address.ip().is_unspecified());
    let inodes: HashSet<u64> =
        all_listening().into_iter().filter(|(address, _)| holds(address)).map(|(_, inode)| inode).collect();
    let pid = processes().into_iter().find(|&pid| socket_inodes(pid).iter().any(|inode| inodes.contains(inode)))?;
    Some(Owner { pid, command: command_line(pid) })
}

fn socket_inodes(pid: u32) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| socket_inode(fs::read_link(entry.path()).ok()?.to_str()?)).collect()
}

/// `socket:[4711]`.
fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Every listener of the machine with its inode.
fn all_listening() -> Vec<(SocketAddr, u64)> {
    #[cfg(target_os = "linux")]
    if let Ok(listeners) = super::diag::listeners() {
        return listeners;
    }
    in_tables()
}

/// The same, where the kernel lists them only among all other sockets.
fn in_tables() -> Vec<(SocketAddr, u64)> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| table.lines().skip(1).filter_map(listener).collect::<Vec<_>>())
        .collect()
}

/// A line of `/proc/net/tcp`: `0: 0100007F:1F90 00000000:0000 0A … inode`; state 0A is LISTEN.
fn listener(line: &str) -> Option<(SocketAddr, u64)> {
    // Most lines are connections: they are left at the third field.
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    if fields.nth(1)? != "0A" {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let address = SocketAddr::new(address_in(address)?, u16::from_str_radix(port, 16).ok()?);
    Some((address, fields.nth(5)?.parse().ok()?))
}

/// The kernel prints addresses as 32-bit words in the machine's byte order.
fn address_in(hex: &str) -> Option<IpAddr> {
    let mut bytes = Vec::with_capacity(16);
    for word in hex.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    <[u8; 4]>::try_from(bytes.as_slice())
        .map(|v4| IpAddr::from(Ipv4Addr::from(v4)))
        .or_else(|_| <[u8; 16]>::try_from(bytes.as_slice()).map(|v6| IpAddr::from(Ipv6Addr::from(v6))))
        .ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn finds_our_own_listeners() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let address = listener.local_addr().unwrap();
            assert!(listening(&[std::process::id()]).contains(&address), "{address}");
            assert_eq!(owner(address.port()).unwrap().pid, std::process::id());
        }
    }

    #[test]
    fn the_kernels_list_and_its_tables_agree() {
        let listeners = ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"].map(|address| TcpListener::bind(address).unwrap());
        // Other tests come and go: only ours are looked for.
        let (listed, tables) = (super::super::diag::listeners().unwrap_or_else(|_| in_tables()), in_tables());
        for address in listeners.iter().map(|listener| listener.local_addr().unwrap()) {
            let inode = |found: &[(SocketAddr, u64)]| found.iter().find(|(known, _)| *known == address).map(|(_, inode)| *inode);
            assert!(inode(&listed).is_some(), "{address}");
            assert_eq!(inode(&listed), inode(&tables), "{address}");
        }
    }

    #[test]
    fn a_closed_port_has_no_owner() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert_eq!(owner(port), None);
    }
}
