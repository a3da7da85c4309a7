//! Where one websocket frame ends and the next begins (RFC 6455 §5.2), and nothing of what is in them.

/// The longest frame head: two bytes, eight of length, four of mask.
const HEAD_LIMIT: usize = 14;

/// Follows the bytes of one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD_LIMIT],
    filled: usize,
    payload_left: u64,
}

impl Frames {
    /// Takes note of bytes that were passed on.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.payload_left > 0 {
                let skipped = usize::try_from(self.payload_left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.payload_left -= skipped as u64;
                bytes = &bytes[skipped..];
            } else {
                self.push(first);
                bytes = rest;
            }
        }
    }

    /// Whether a frame of our own may be put in here.
    pub(super) fn at_boundary(&self) -> bool {
        self.filled == 0 && self.payload_left == 0
    }

    fn push(&mut self, byte: u8) {
        self.head[self.filled] = byte;
        self.filled += 1;
        if self.filled >= 2 && self.filled == head_length(self.head[1]) {
            self.payload_left = payload_length(&self.head);
            self.filled = 0;
        }
    }
}

/// How long a head is, by its second byte: mask bit and 7-bit length.
fn head_length(second: u8) -> usize {
    let length = match second & 0x7f {
        127 => 8,
        126 => 2,
        _ => 0,
    };
    2 + length + if second & 0x80 == 0 { 0 } else { 4 }
}

fn payload_length(head: &[u8; HEAD_LIMIT]) -> u64 {
    let [_, second, a, b, c, d, e, f, g, h, ..] = *head;
    match second & 0x7f {
        127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        126 => u64::from(u16::from_be_bytes([a, b])),
        short => u64::from(short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that the only boundaries of `frames`, fed byte by byte, are at their ends; and that one feed ends at a boundary.
    fn check(frames: &[Vec<u8>]) {
        let mut follower = Frames::default();
        for frame in frames {
            for (index, byte) in frame.iter().enumerate() {
                assert!(follower.at_boundary() == (index == 0), "byte {index} of {} ", frame.len());
                follower.advance(&[*byte]);
            }
            assert!(follower.at_boundary());
        }
        let mut whole = Frames::default();
        whole.advance(&frames.concat());
        assert!(whole.at_boundary());
    }

    fn frame(head: &[u8], payload: usize) -> Vec<u8> {
        [head, &vec![0x81; payload]].concat()
    }

    #[test]
    fn boundaries_are_where_frames_end() {
        check(&[frame(&[0x81, 5], 5), frame(&[0x88, 0], 0), frame(&[0x01, 125], 125)]);
        check(&[frame(&[0x82, 126, 1, 0], 256), frame(&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65536), frame(&[0x8a, 0], 0)]);
        check(&[frame(&[0x81, 0x85, 1, 2, 3, 4], 5), frame(&[0x81, 0xfe, 0, 200, 1, 2, 3, 4], 200)]);
    }
}
