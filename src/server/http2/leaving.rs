//! What the library sends: where its frames end, and which streams it has answered.

use super::{
    frame::{Begun, Head, flag, kind},
    outbox::Outbox,
};

/// Where in the library's frames we are.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    begun: Begun,
    /// Bytes of payload before the next head.
    passing: usize,
    /// Whether a block goes on in the next frame, before which no other may stand (RFC 9113 §6.10).
    is_in_block: bool,
}

impl Leaving {
    /// Whether a frame of ours may stand here.
    pub(super) fn is_between(&self) -> bool {
        self.begun.is_empty() && self.passing == 0 && !self.is_in_block
    }

    /// Follows bytes that were written.
    pub(super) fn pass(&mut self, mut bytes: &[u8], outbox: &Outbox) {
        while !bytes.is_empty() {
            if self.passing == 0 {
                let Some(head) = self.begun.take(&mut bytes) else { return };
                self.begin(head, outbox);
            } else {
                let passed = bytes.len().min(self.passing);
                self.passing -= passed;
                bytes = &bytes[passed..];
            }
        }
    }

    fn begin(&mut self, head: Head, outbox: &Outbox) {
        self.passing = head.length;
        match head.kind {
            kind::HEADERS => {
                self.is_in_block = !head.has(flag::END_HEADERS);
                outbox.close(head.stream);
            }
            kind::CONTINUATION => self.is_in_block = !head.has(flag::END_HEADERS),
            kind::RST_STREAM => outbox.close(head.stream),
            _ => (),
        }
    }
}
