//! What a client sends, with a mark on each request that says which stream it is of.
//!
//! The library hands requests over without the numbers of their streams, and nothing can be said on a stream whose number is not
//! known. So a field is added to each request's block, behind all of the client's, and is taken off again by [`unmark`]: it is
//! always the last of its name, whatever a client calls its own. Everything else passes as it came.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName};

use super::{
    block,
    frame::{Begun, HEAD, Head, PAYLOAD, flag, kind},
    outbox::Outbox,
};

/// The name of the mark.
const MARK: HeaderName = HeaderName::from_static("everlit-stream");

/// What the mark adds at most to the bytes of a request's head, as these are counted (RFC 9113 §6.5.2).
pub(super) const MARK_BYTES: usize = 64;

/// Bytes before a client's first frame (RFC 9113 §3.4).
const PREFACE: usize = 24;

/// Where in a client's frames we are.
#[derive(Debug)]
pub(super) struct Arriving {
    begun: Begun,
    /// Bytes that pass before the next head.
    passing: usize,
    /// What is put behind these.
    mark: Bytes,
    /// The payload of `SETTINGS`, until it is whole.
    settings: Option<Vec<u8>>,
    /// The newest stream.
    newest: u32,
    /// The stream whose request goes on in the next frame.
    unfinished: Option<u32>,
}

impl Default for Arriving {
    fn default() -> Self {
        let (begun, mark) = (Begun::default(), Bytes::new());
        Self { begun, passing: PREFACE, mark, settings: None, newest: 0, unfinished: None }
    }
}

impl Arriving {
    /// What to hand on for bytes that arrived; `None` for these themselves.
    pub(super) fn pass(&mut self, mut bytes: &[u8], outbox: &Outbox) -> Option<Bytes> {
        if bytes.len() < self.passing && self.settings.is_none() {
            self.passing -= bytes.len();
            return None;
        }
        let mut passed = BytesMut::with_capacity(bytes.len() + MARK_BYTES);
        while !bytes.is_empty() {
            if self.passing == 0 {
                let Some(head) = self.begun.take(&mut bytes) else { break };
                passed.extend_from_slice(&self.begin(head, outbox).write());
            } else {
                let (payload, rest) = bytes.split_at(bytes.len().min(self.passing));
                self.passing -= payload.len();
                passed.extend_from_slice(payload);
                if let Some(settings) = &mut self.settings {
                    settings.extend_from_slice(payload);
                }
                bytes = rest;
            }
            if self.passing == 0 {
                passed.extend_from_slice(&std::mem::take(&mut self.mark));
                if let Some(settings) = self.settings.take() {
                    outbox.heed(&settings);
                }
            }
        }
        Some(passed.freeze())
    }

    /// The head to hand on for one that arrived.
    fn begin(&mut self, mut head: Head, outbox: &Outbox) -> Head {
        self.passing = head.length;
        let request = self.request(head);
        match head.kind {
            kind::RST_STREAM => outbox.close(head.stream),
            kind::SETTINGS if !head.has(flag::ACK) => self.settings = Some(Vec::new()),
            _ if request && head.has(flag::END_HEADERS) => {
                outbox.open(head.stream);
                self.mark = mark(&mut head);
            }
            _ if request => self.unfinished = Some(head.stream),
            _ => (),
        }
        head
    }

    /// Whether a frame has fields of a request, not of the trailers of one.
    fn request(&mut self, head: Head) -> bool {
        let unfinished = self.unfinished.take();
        match head.kind {
            kind::HEADERS if head.stream > self.newest => {
                self.newest = head.stream;
                true
            }
            kind::CONTINUATION => unfinished == Some(head.stream),
            _ => false,
        }
    }
}

/// What stands behind the payload of the last frame of a block, and has the mark.
fn mark(head: &mut Head) -> Bytes {
    let mut field = BytesMut::with_capacity(HEAD + MARK_BYTES);
    block::field(MARK.as_str().as_bytes(), head.stream.to_string().as_bytes(), &mut field);
    let is_padded = head.kind == kind::HEADERS && head.has(flag::PADDED);
    if !is_padded && head.length + field.len() <= PAYLOAD {
        head.length += field.len();
        return field.freeze();
    }
    // There is no place in it: one of its own follows.
    head.flags &= !flag::END_HEADERS;
    let last = Head { length: field.len(), kind: kind::CONTINUATION, flags: flag::END_HEADERS, ..*head };
    [&last.write()[..], &field].concat().into()
}

/// Takes the mark off a request: the stream it came by.
pub(in crate::server) fn unmark(headers: &mut HeaderMap) -> Option<u32> {
    let stream = headers.get_all(MARK).iter().next_back()?.to_str().ok()?.parse().ok();
    headers.remove(MARK);
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with a payload.
    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        [&Head { length: payload.len(), kind, flags, stream }.write(), payload].concat()
    }

    fn check(frames: &[Vec<u8>], expected: &[Vec<u8>]) {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let (sent, expected) =
            ([std::slice::from_ref(&preface), frames].concat().concat(), [&[preface], expected].concat().concat());
        for size in [1, 2, 7, 9, 10, 33, 40_000] {
            let (mut arriving, outbox) = (Arriving::default(), Outbox::default());
            let passed =
                sent.chunks(size).flat_map(|bytes| arriving.pass(bytes, &outbox).unwrap_or(Bytes::copy_from_slice(bytes)));
            assert_eq!(passed.collect::<Vec<u8>>(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn requests_are_marked_and_nothing_else() {
        let mark = |stream: &str| [b"\x00\x0eeverlit-stream", &[stream.len() as u8][..], stream.as_bytes()].concat();
        let request = |stream, fields: &[u8]| frame(kind::HEADERS, flag::END_HEADERS, stream, fields);
        let settings = frame(kind::SETTINGS, 0, 0, &[0, 6, 0, 0, 0, 9]);
        let data = frame(0, 1, 1, &[7; 1000]);
        let trailers = request(1, b"sum");
        check(
            &[settings.clone(), request(1, b"abc"), data.clone(), trailers.clone(), request(123, b"")],
            &[settings, request(1, &[b"abc", &mark("1")[..]].concat()), data, trailers, request(123, &mark("123"))],
        );

        // In several frames, in one that is padded and in one that is full.
        let begin = frame(kind::HEADERS, 0, 1, b"abc");
        let end = |fields: &[u8]| frame(kind::CONTINUATION, flag::END_HEADERS, 1, fields);
        check(&[begin.clone(), end(b"def")], &[begin, end(&[b"def", &mark("1")[..]].concat())]);
        let padded = |flags| frame(kind::HEADERS, flag::PADDED | flags, 1, b"\x02abc\0\0");
        check(&[padded(flag::END_HEADERS)], &[padded(0), end(&mark("1"))]);
        let full = |flags| frame(kind::HEADERS, flags, 1, &[b'x'; PAYLOAD]);
        check(&[full(flag::END_HEADERS)], &[full(0), end(&mark("1"))]);
    }

    #[test]
    fn a_mark_is_ours_whatever_a_client_sends() {
        let check = |values: &[&str], expected| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(MARK, value.parse().expect("a value"));
            }
            assert_eq!((unmark(&mut headers), headers.len()), (expected, 0), "{values:?}");
        };
        check(&["5"], Some(5));
        check(&["7", "x", "5"], Some(5));
        check(&[], None);
    }
}
