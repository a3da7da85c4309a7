//! A connection on which clients of HTTP/2 can be told something before an answer: `103 (Early Hints)` and the like.
//!
//! The library beneath could send such heads, the one we use it through has no way to ask for them. So they are written here, as
//! frames between its own:
//!
//! ```text
//! client ─► frames ─► mark each request with its stream ─► library ─► service: an `Interim` for the stream
//! client ◄─ frames ◄─ put frames of ours between others  ◄─ library    │
//!                              └──────────── outbox ◄─────────────────┘
//! ```
//!
//! What is written for a stream stands before the head of its answer, and before a reset: both are seen as they pass. That no
//! frame of ours needs credit or changes what HPACK remembers is what makes it possible.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{arriving::Arriving, leaving::Leaving, outbox::Outbox};

/// A connection, and what is to be said between its frames.
pub(in crate::server) struct Early<S> {
    stream: S,
    outbox: Outbox,
    arriving: Arriving,
    /// What arrived and was not handed on yet.
    ahead: Bytes,
    leaving: Leaving,
    /// What has not gone out yet of a frame of ours.
    begun: Bytes,
}

impl<S> Early<S> {
    pub(in crate::server) fn new(stream: S) -> Self {
        let (arriving, leaving) = (Arriving::default(), Leaving::default());
        Self { stream, outbox: Outbox::default(), arriving, ahead: Bytes::new(), leaving, begun: Bytes::new() }
    }

    /// Where to put what is to be said.
    pub(in crate::server) fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Hands on what waits, as far as there is room.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead.split_to(count));
    }
}

impl<S: AsyncWrite + Unpin> Early<S> {
    /// Sends what is to be said, where it may stand.
    fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.leaving.is_between() {
            while !self.begun.is_empty() {
                let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.begun))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.begun.advance(written);
            }
            match self.outbox.next(cx) {
                Some(frame) => self.begun = frame,
                None => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Early<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        while this.ahead.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
            let arrived = &buffer.filled()[before..];
            if arrived.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let Some(passed) = this.arriving.pass(arrived, &this.outbox) else { return Poll::Ready(Ok(())) };
            // A frame whose head is not whole yet leaves nothing: then more is read.
            buffer.set_filled(before);
            this.ahead = passed;
        }
        this.hand_on(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Early<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_say(cx))?;
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))?;
        this.leaving.pass(&bytes[..written], &this.outbox);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_say(cx))?;
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, slices))?;
        let mut left = written;
        for slice in slices {
            let (passed, _) = slice.split_at(left.min(slice.len()));
            this.leaving.pass(passed, &this.outbox);
            left -= passed.len();
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_say(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::{
        super::frame::{Head, flag, kind},
        *,
    };

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        [&Head { length: payload.len(), kind, flags, stream }.write(), payload].concat()
    }

    /// A connection on which stream 1 was opened, and the other end.
    async fn asked() -> (Early<DuplexStream>, DuplexStream) {
        let (ours, mut theirs) = duplex(64 * 1024);
        let request = frame(kind::HEADERS, flag::END_HEADERS, 1, b"fields");
        theirs.write_all(&[&[0; 24], &request[..]].concat()).await.expect("written");
        let mut early = Early::new(ours);
        let mut read = [0; 64];
        let length = early.read(&mut read).await.expect("read");
        assert!(length > 24 + request.len(), "it is marked");
        (early, theirs)
    }

    /// What a client reads when the library writes these pieces, a hint comes before each, and all is flushed at the end.
    async fn check(pieces: &[&[u8]], expected: &[&[u8]]) {
        let (mut early, mut theirs) = asked().await;
        let interim = early.outbox().interim(1);
        for piece in pieces {
            interim.send(StatusCode::PROCESSING, &HeaderMap::new());
            early.write_all(piece).await.expect("written");
        }
        early.flush().await.expect("flushed");
        drop(early);
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.expect("read");
        assert_eq!(read, expected.concat(), "{pieces:?}");
    }

    #[tokio::test]
    async fn hints_stand_between_frames_and_before_the_answer() {
        let hint = &frame(kind::HEADERS, flag::END_HEADERS, 1, b"\x08\x03102")[..];
        let data = &frame(0, 0, 3, b"a piece")[..];
        let head = |stream| frame(kind::HEADERS, flag::END_HEADERS, stream, b"200");
        check(&[data, data], &[hint, data, hint, data]).await;
        let (begin, end) = data.split_at(12);
        check(&[begin, end, data], &[hint, begin, end, hint, hint, data]).await;
        let (begin, end) = data.split_at(3);
        check(&[begin, end], &[hint, begin, end, hint]).await;
        let begin = &frame(kind::HEADERS, 0, 3, b"20")[..];
        let end = &frame(kind::CONTINUATION, flag::END_HEADERS, 3, b"0")[..];
        check(&[begin, end, data], &[hint, begin, end, hint, hint, data]).await;
        check(&[&head(3), &head(1), data], &[hint, &head(3), hint, &head(1), data]).await;
        let reset = &frame(kind::RST_STREAM, 0, 1, &[0; 4])[..];
        check(&[reset, data], &[hint, reset, data]).await;
    }

    #[tokio::test]
    async fn a_client_that_left_is_told_nothing() {
        let (mut early, mut theirs) = asked().await;
        early.outbox().interim(1).send(StatusCode::PROCESSING, &HeaderMap::new());
        theirs.write_all(&frame(kind::RST_STREAM, 0, 1, &[0; 4])).await.expect("written");
        early.read_exact(&mut [0; 13]).await.expect("read");
        early.flush().await.expect("flushed");
        drop(early);
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.expect("read");
        assert_eq!(read, b"");
    }
}
