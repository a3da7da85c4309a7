//! The head of a frame (RFC 9113 §4.1), read from bytes that come in pieces.

/// Bytes of a head.
pub(super) const HEAD: usize = 9;

/// The largest payload that every peer takes (RFC 9113 §4.2).
pub(super) const PAYLOAD: usize = 16_384;

/// What a frame is; of the types (RFC 9113 §6) those that are looked at here.
pub(super) mod kind {
    pub(in super::super) const HEADERS: u8 = 0x1;
    pub(in super::super) const RST_STREAM: u8 = 0x3;
    pub(in super::super) const SETTINGS: u8 = 0x4;
    pub(in super::super) const CONTINUATION: u8 = 0x9;
}

/// What else a frame says of itself.
pub(super) mod flag {
    pub(in super::super) const ACK: u8 = 0x1;
    pub(in super::super) const END_HEADERS: u8 = 0x4;
    pub(in super::super) const PADDED: u8 = 0x8;
}

/// A head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of the payload.
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Head {
    fn read([a, b, c, kind, flags, stream @ ..]: [u8; HEAD]) -> Self {
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        Self { length, kind, flags, stream: u32::from_be_bytes(stream) & 0x7fff_ffff }
    }

    /// The bytes that say the same.
    pub(super) fn write(self) -> [u8; HEAD] {
        let [_, a, b, c] = u32::try_from(self.length).unwrap_or(u32::MAX).to_be_bytes();
        let [d, e, f, g] = self.stream.to_be_bytes();
        [a, b, c, self.kind, self.flags, d, e, f, g]
    }

    /// Whether it has this flag.
    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The beginning of a head, until its end arrives.
#[derive(Debug, Default)]
pub(super) struct Begun {
    bytes: [u8; HEAD],
    length: usize,
}

impl Begun {
    /// Whether there is nothing of a head.
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Takes from `bytes` what is of the head; `None` while it is not whole.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Option<Head> {
        let (taken, rest) = bytes.split_at(bytes.len().min(HEAD - self.length));
        self.bytes[self.length..][..taken.len()].copy_from_slice(taken);
        self.length += taken.len();
        *bytes = rest;
        (self.length == HEAD).then(|| {
            self.length = 0;
            Head::read(self.bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_in_pieces_and_written_as_they_were() {
        let head = Head { length: 0x01_02_03, kind: kind::HEADERS, flags: flag::END_HEADERS, stream: 0x7fff_fffd };
        let bytes = [&head.write()[..], b"rest"].concat();
        for cut in 0..=HEAD {
            let (mut first, mut begun) = (&bytes[..cut], Begun::default());
            let found = begun.take(&mut first);
            assert_eq!((found.is_some(), first.len()), (cut == HEAD, 0), "{cut}");
            let mut second = &bytes[cut..];
            let found = found.or_else(|| begun.take(&mut second));
            assert_eq!((found, second, begun.is_empty()), (Some(head), &b"rest"[..], true), "{cut}");
        }
    }
}
