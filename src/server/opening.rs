//! What a connection begins with: the first bytes say which protocol it speaks.
//!
//! They are read where the first read of a request would be made anyway, and put back in front of the rest (see [`Wire`]), so that
//! plain HTTP/1.1 costs no call more than without.
//!
//! [`Wire`]: super::wire::Wire

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The most that is read ahead: a request's head or a TLS hello fits, as a rule.
const AHEAD: usize = 4096;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The type of a TLS record that carries a handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 0x16;

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// TLS; what is inside is said by it.
    Tls,
    /// HTTP/2.
    Http2,
    /// HTTP/1.1, or what is no protocol at all: its parser says so.
    Http1,
}

/// Reads until the protocol is clear, and answers with what was read; `None` when the other side said nothing.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(Protocol, Bytes)>> {
    let mut bytes = BytesMut::with_capacity(AHEAD);
    loop {
        let is_over = stream.read_buf(&mut bytes).await? == 0;
        match protocol(&bytes) {
            Some(protocol) => return Ok(Some((protocol, bytes.freeze()))),
            None if bytes.is_empty() => return Ok(None),
            None if is_over => return Ok(Some((Protocol::Http1, bytes.freeze()))),
            None => (),
        }
    }
}

/// `None` as long as more bytes are needed.
fn protocol(bytes: &[u8]) -> Option<Protocol> {
    match bytes {
        [] => None,
        [HANDSHAKE, ..] => Some(Protocol::Tls),
        _ if bytes.starts_with(PREFACE) => Some(Protocol::Http2),
        _ if PREFACE.starts_with(bytes) => None,
        _ => Some(Protocol::Http1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let check = |bytes: &[u8], expected| assert_eq!(protocol(bytes), expected, "{}", bytes.escape_ascii());
        check(b"", None);
        check(b"\x16\x03\x01", Some(Protocol::Tls));
        check(b"\x15\x03\x01", Some(Protocol::Http1));
        check(b"P", None);
        check(b"PR", None);
        check(&PREFACE[..23], None);
        check(PREFACE, Some(Protocol::Http2));
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", Some(Protocol::Http2));
        check(b"PROPFIND", Some(Protocol::Http1));
        check(b"PRI * HTTP/1.1\r\n", Some(Protocol::Http1));
        check(b"GET", Some(Protocol::Http1));
        check(b"\0", Some(Protocol::Http1));
    }

    #[tokio::test]
    async fn what_was_read_is_kept() {
        let check = async |mut parts: &[u8], expected: Option<(Protocol, &[u8])>| {
            let found = read(&mut parts).await.unwrap();
            assert_eq!(found.as_ref().map(|(protocol, bytes)| (*protocol, bytes.as_ref())), expected);
        };
        check(b"", None).await;
        check(b"PRI", Some((Protocol::Http1, b"PRI"))).await;
        check(b"GET / HTTP/1.1\r\n\r\n", Some((Protocol::Http1, b"GET / HTTP/1.1\r\n\r\n"))).await;
    }
}
