//! What programs said before their answers, on its way to the client of one connection.
//!
//! A stream is told only while it is open here: its request has arrived, and neither the head of its answer nor a reset of either
//! side has passed. That is known from the frames themselves, to the one who writes them.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use super::{
    STREAMS, block,
    frame::{HEAD, Head, PAYLOAD, flag, kind},
};
use crate::proxy::Interim;

/// What waits on a connection at most, in bytes: early hints are a few links, for a page at a time. More is left out, as any of it
/// may be.
const ROOM: usize = 64 * 1024;

/// Settings of a client (RFC 9113 §6.5.2), each two bytes before its value of four.
const HEADER_TABLE_SIZE: u16 = 0x1;
const MAX_HEADER_LIST_SIZE: u16 = 0x6;
const SETTING: usize = 6;

/// What `HEADER_TABLE_SIZE` is until it is said.
const TABLE: u32 = 4096;

/// What waits on one connection. Clones are the same.
#[derive(Clone, Default)]
pub(in crate::server) struct Outbox(Arc<Mutex<State>>);

struct State {
    /// Streams that may be told.
    open: HashSet<u32>,
    /// Frames and the streams they are for, the oldest first.
    waiting: VecDeque<(u32, Bytes)>,
    /// Bytes of all that waits.
    size: usize,
    /// Bytes that a head may count.
    most: usize,
    table: u32,
    /// Whether no more frames of ours may be written.
    is_shut: bool,
    /// Wakes the connection's task.
    writer: Option<Waker>,
}

impl Default for State {
    fn default() -> Self {
        let (open, waiting) = (HashSet::new(), VecDeque::new());
        Self { open, waiting, size: 0, most: usize::MAX, table: TABLE, is_shut: false, writer: None }
    }
}

impl Outbox {
    /// The way to the client for what comes before the answer on a stream.
    pub(in crate::server) fn interim(&self, stream: u32) -> Interim {
        let outbox = self.clone();
        Interim::new(move |status, headers| outbox.add(stream, status, headers))
    }

    /// A request has arrived.
    pub(super) fn open(&self, stream: u32) {
        let mut state = self.state();
        // The library refuses what is above; so nothing can be said there.
        if state.open.len() < STREAMS as usize {
            state.open.insert(stream);
        }
    }

    /// Its answer has begun, or it was reset.
    pub(super) fn close(&self, stream: u32) {
        self.state().open.remove(&stream);
    }

    /// Follows the payload of a client's `SETTINGS`.
    pub(super) fn heed(&self, settings: &[u8]) {
        let mut state = self.state();
        for setting in settings.chunks_exact(SETTING) {
            let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
            match u16::from_be_bytes([setting[0], setting[1]]) {
                MAX_HEADER_LIST_SIZE => state.most = value as usize,
                HEADER_TABLE_SIZE => state.resize_table(value),
                _ => (),
            }
        }
    }

    /// The frame to write next; without one, the task of `cx` is woken once there is.
    pub(super) fn next(&self, cx: &Context<'_>) -> Option<Bytes> {
        let mut state = self.state();
        while let Some((stream, frame)) = state.waiting.pop_front() {
            state.size -= frame.len();
            if !state.is_shut && state.open.contains(&stream) {
                return Some(frame);
            }
        }
        state.writer = Some(cx.waker().clone());
        None
    }

    fn add(&self, stream: u32, status: StatusCode, headers: &HeaderMap) {
        let frame = head(stream, status, headers);
        let mut state = self.state();
        let is_small = frame.len() <= HEAD + PAYLOAD && block::size(headers) <= state.most;
        if is_small && state.size + frame.len() <= ROOM && state.open.contains(&stream) {
            state.size += frame.len();
            state.waiting.push_back((stream, frame));
            let writer = state.writer.take();
            drop(state);
            if let Some(writer) = writer {
                writer.wake();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// After a client has made the table of HPACK smaller, the next block must begin with the new size (RFC 7541 §4.2). To say
    /// that is the library's, whose block may be a later one: such clients are told nothing. Browsers only make it larger.
    fn resize_table(&mut self, size: u32) {
        self.is_shut |= size < self.table;
        self.table = size;
    }
}

/// A frame that has the whole head.
fn head(stream: u32, status: StatusCode, headers: &HeaderMap) -> Bytes {
    let block = block::interim(status, headers);
    let head = Head { length: block.len(), kind: kind::HEADERS, flags: flag::END_HEADERS, stream };
    let mut frame = BytesMut::with_capacity(HEAD + block.len());
    frame.extend_from_slice(&head.write());
    frame.extend_from_slice(&block);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn links(length: usize) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("link", HeaderValue::try_from("x".repeat(length)).expect("a value"));
        headers
    }

    /// How many frames would be written.
    fn count(outbox: &Outbox) -> usize {
        std::iter::from_fn(|| outbox.next(&Context::from_waker(Waker::noop()))).count()
    }

    fn check(before: impl FnOnce(&Outbox), headers: &HeaderMap, after: impl FnOnce(&Outbox), expected: usize) {
        let outbox = Outbox::default();
        outbox.open(1);
        before(&outbox);
        outbox.interim(1).send(StatusCode::EARLY_HINTS, headers);
        after(&outbox);
        assert_eq!(count(&outbox), expected);
    }

    #[test]
    fn only_open_streams_are_told() {
        let nothing = |_: &Outbox| ();
        check(nothing, &links(1), nothing, 1);
        check(|outbox| outbox.close(1), &links(1), nothing, 0);
        check(nothing, &links(1), |outbox| outbox.close(1), 0);
        check(nothing, &links(1), |outbox| outbox.close(3), 1);
    }

    #[test]
    fn the_clients_settings_and_the_room_are_kept_to() {
        let nothing = |_: &Outbox| ();
        let most = |bytes: u8| move |outbox: &Outbox| outbox.heed(&[0, 5, 0, 0, 0x40, 0, 0, 6, 0, 0, 0, bytes]);
        let counted = block::size(&links(1)) as u8;
        check(most(counted), &links(1), nothing, 1);
        check(most(counted - 1), &links(1), nothing, 0);
        check(nothing, &links(PAYLOAD), nothing, 0);
        let outbox = Outbox::default();
        outbox.open(1);
        (0..10).for_each(|_| outbox.interim(1).send(StatusCode::EARLY_HINTS, &links(16_000)));
        assert_eq!(count(&outbox), 4);
        outbox.interim(1).send(StatusCode::EARLY_HINTS, &links(16_000));
        assert_eq!(count(&outbox), 1, "there is room again");
    }

    #[test]
    fn a_client_that_makes_its_table_smaller_is_told_nothing() {
        let table = |bytes: u32| {
            let [a, b, c, d] = bytes.to_be_bytes();
            move |outbox: &Outbox| outbox.heed(&[0, 1, a, b, c, d])
        };
        let nothing = |_: &Outbox| ();
        check(table(65_536), &links(1), nothing, 1);
        check(table(4096), &links(1), nothing, 1);
        check(table(4095), &links(1), nothing, 0);
        check(nothing, &links(1), table(0), 0);
        let smaller_again = |outbox: &Outbox| {
            table(65_536)(outbox);
            table(5000)(outbox);
        };
        check(smaller_again, &links(1), nothing, 0);
    }
}
