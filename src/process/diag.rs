//! The kernel's list of listening TCP sockets, asked for over netlink (`man 7 sock_diag`).
//!
//! `/proc/net/tcp` has them as well, among all other sockets: after a load test the kernel writes and we read tens of thousands of closed
//! connections to find ten listeners, which takes a hundred milliseconds. Here it looks at the listeners alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::{
    io::{Errno, Result},
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with},
};

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;

/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;

/// `NLMSG_ERROR` and `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// `IPPROTO_TCP`.
const TCP: u8 = 6;

/// The state LISTEN, as a set of states.
const LISTEN: u32 = 1 << 10;

/// `AF_INET` and `AF_INET6`.
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// A header, and a request of version 2 with an address that matches all.
const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;

/// What the kernel fills at once; it never needs more.
const CHUNK: usize = 32 * 1024;

/// Each listener with its inode.
///
/// # Errors
/// When this kernel, or what we run in, has no such list.
pub(super) fn listeners() -> Result<Vec<(SocketAddr, u64)>> {
    let mut found = Vec::new();
    for family in [IPV4, IPV6] {
        dump(family, &mut found)?;
    }
    Ok(found)
}

fn dump(family: u8, found: &mut Vec<(SocketAddr, u64)>) -> Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
    send(&socket, &request(family), SendFlags::empty())?;
    let mut buffer = vec![0; CHUNK];
    loop {
        // The kernel answers before `send` returns, so there is never anything to wait for.
        let (length, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT)?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Err(Errno::IO);
        }
        while let Some((kind, body, next)) = message(rest) {
            match kind {
                DONE => return Ok(()),
                ERROR => return Err(Errno::NOTSUP),
                BY_FAMILY => found.extend(listener(body)),
                _ => (),
            }
            rest = next;
        }
    }
}

fn request(family: u8) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    let length = u32::try_from(REQUEST).unwrap_or_default();
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    bytes[HEADER..HEADER + 2].copy_from_slice(&[family, TCP]);
    bytes[HEADER + 4..HEADER + 8].copy_from_slice(&LISTEN.to_ne_bytes());
    bytes
}

/// The kind and body of the first message, and what follows it.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(u32::from_ne_bytes(array(bytes, 0)?)).ok()?;
    let kind = u16::from_ne_bytes(array(bytes, 4)?);
    let body = bytes.get(HEADER..length)?;
    Some((kind, body, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// An `inet_diag_msg`: the port at 4, the address at 8, both in the order of the network, and the inode at 68.
fn listener(body: &[u8]) -> Option<(SocketAddr, u64)> {
    let port = u16::from_be_bytes(array(body, 4)?);
    let address = match body.first()? {
        &IPV4 => IpAddr::from(Ipv4Addr::from(array::<4>(body, 8)?)),
        _ => IpAddr::from(Ipv6Addr::from(array::<16>(body, 8)?)),
    };
    Some((SocketAddr::new(address, port), u32::from_ne_bytes(array(body, 68)?).into()))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_apart() {
        let mut body = vec![0; 72];
        (body[0], body[5]) = (IPV4, 80);
        body[8..12].copy_from_slice(&[127, 0, 0, 1]);
        body[68..72].copy_from_slice(&4711_u32.to_ne_bytes());
        let mut bytes = request(IPV4)[..HEADER].to_vec();
        bytes[..4].copy_from_slice(&88_u32.to_ne_bytes());
        bytes.extend(&body);
        let (kind, found, rest) = message(&bytes).unwrap();
        assert_eq!((kind, found, rest), (BY_FAMILY, body.as_slice(), [].as_slice()));
        assert_eq!(listener(found), Some(("127.0.0.1:80".parse().unwrap(), 4711)));
        assert!(message(&bytes[..60]).is_none() && listener(&body[..70]).is_none(), "a part of one is none");
    }
}
