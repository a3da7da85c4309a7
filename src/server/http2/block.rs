//! Field blocks that neither side has to remember anything of.
//!
//! HPACK compresses by what was sent before, in a table that both sides keep alike. Our fields are put among the library's, which
//! knows nothing of them, so each is a literal that leaves the table as it is (RFC 7541 §6.2.2), and is as long as it reads.

use bytes::{BufMut, BytesMut};
use http::{HeaderMap, StatusCode};

/// `:status` in the static table (RFC 7541 appendix A), not to be put into the other.
const STATUS: u8 = 8;

/// What a field counts beside its letters (RFC 9113 §6.5.2).
const FIELD: usize = 32;

/// The block of a head without an answer.
pub(super) fn interim(status: StatusCode, headers: &HeaderMap) -> BytesMut {
    let mut block = BytesMut::with_capacity(size(headers));
    block.put_u8(STATUS);
    text(status.as_str().as_bytes(), &mut block);
    for (name, value) in headers {
        field(name.as_str().as_bytes(), value.as_bytes(), &mut block);
    }
    block
}

/// What the head counts where a client bounds it, in bytes (`SETTINGS_MAX_HEADER_LIST_SIZE`).
pub(super) fn size(headers: &HeaderMap) -> usize {
    let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD).sum();
    fields + ":status".len() + "103".len() + FIELD
}

/// Appends a field, whose name is in lower case.
pub(super) fn field(name: &[u8], value: &[u8], block: &mut BytesMut) {
    block.put_u8(0);
    text(name, block);
    text(value, block);
}

/// Appends a string as it is, after its length (RFC 7541 §5.2).
fn text(text: &[u8], block: &mut BytesMut) {
    const PREFIX: usize = 0x7f;
    if text.len() < PREFIX {
        block.put_u8(text.len() as u8);
    } else {
        block.put_u8(PREFIX as u8);
        let mut rest = text.len() - PREFIX;
        while rest >= 0x80 {
            block.put_u8((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        block.put_u8(rest as u8);
    }
    block.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn fields_are_literals() {
        let mut headers = HeaderMap::new();
        headers.insert("link", HeaderValue::from_static("</a>"));
        assert_eq!(interim(StatusCode::EARLY_HINTS, &headers), &b"\x08\x03103\x00\x04link\x04</a>"[..]);
        assert_eq!(size(&headers), 42 + 40);
    }

    #[test]
    fn lengths_have_as_many_bytes_as_they_need() {
        // The last is the example of RFC 7541 appendix C.1.2, with a longer prefix.
        for (length, expected) in [
            (0, &[0][..]),
            (126, &[126]),
            (127, &[0x7f, 0]),
            (254, &[0x7f, 0x7f]),
            (255, &[0x7f, 0x80, 1]),
            (1337, &[0x7f, 0xba, 9]),
        ] {
            let mut block = BytesMut::new();
            text(&vec![b'x'; length], &mut block);
            assert_eq!(&block[..block.len() - length], expected, "{length}");
        }
    }
}
