//! A connection on which the browser can be told something before its answer: `103 (Early Hints)` and the like.
//!
//! hyper writes answers only. What the proxy tells the connection's [`Interim`] goes out where one message has ended and the
//! next has not begun: when hyper has flushed all that it has. That is before the head of the answer, for hyper takes one request
//! after the other. Where an earlier answer is still on its way, the hints come too late and are dropped, as any may be.
//!
//! What hyper answers by itself, to a head that its parser does not take, goes out with its reason (see `bare`). Such a client is
//! heard for a while longer, and so is one whose body nobody read to its end ([`Unread`]): a connection that is closed with something
//! unread takes along what is on its way to the other side.

use std::{
    fmt::Write as _,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{bare, unread::Unread};
use crate::proxy::Interim;

/// What waits for the browser at most, in bytes: early hints are a few links. More is left out, as any of it may be.
const ROOM: usize = 16 * 1024;

/// How long a client is heard whose head was not taken: on loopback the largest is through in milliseconds.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// What is read of it at once.
const PIECE: usize = 16 * 1024;

/// Heads that wait to be written. Clones are the same.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<BytesMut>>);

impl Waiting {
    /// The bytes to send next, between two messages.
    fn take(&self) -> Option<Bytes> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!waiting.is_empty()).then(|| waiting.split().freeze())
    }

    fn add(&self, status: StatusCode, headers: &HeaderMap) {
        let message = encode(status, headers);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + message.len() <= ROOM {
            waiting.extend_from_slice(&message);
        }
    }
}

fn encode(status: StatusCode, headers: &HeaderMap) -> BytesMut {
    let mut message = BytesMut::new();
    // Writing to memory cannot fail.
    let _ = write!(message, "HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    for (name, value) in headers {
        message.extend_from_slice(name.as_str().as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value.as_bytes());
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"\r\n");
    message
}

/// A connection, and what is to be said between its messages.
pub(super) struct Early<S> {
    stream: S,
    waiting: Waiting,
    /// What of it has not gone out yet.
    begun: Bytes,
    /// Whether all that was written is flushed, so that a message of ours may stand here.
    is_between: bool,
    /// How far the end of a connection is on which something is left unread.
    farewell: Farewell,
    unread: Unread,
}

#[derive(Debug)]
enum Farewell {
    /// Nothing is, as far as is known.
    None,
    /// It was answered.
    Due,
    /// The answer is complete; what still comes is left unread until then.
    Lingering(Pin<Box<Sleep>>),
}

impl<S> Early<S> {
    pub(super) fn new(stream: S) -> Self {
        let (waiting, begun, unread) = (Waiting::default(), Bytes::new(), Unread::default());
        Self { stream, waiting, begun, is_between: true, farewell: Farewell::None, unread }
    }

    /// Where a body is noted that is left before its end.
    pub(super) fn unread(&self) -> Unread {
        self.unread.clone()
    }

    /// The way to the browser at the other end.
    pub(super) fn interim(&self) -> Interim {
        let waiting = self.waiting.clone();
        Interim::new(move |status, headers| waiting.add(status, headers))
    }
}

impl<S: AsyncWrite + Unpin> Early<S> {
    /// Sends what is to be said first.
    fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while !self.begun.is_empty() {
                let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.begun))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.begun.advance(written);
            }
            match self.waiting.take() {
                Some(said) if self.is_between => self.begun = said,
                Some(_) => (),
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Early<S> {
    /// Takes an answer of hyper's own, to send it with its reason; `false` for any other, which is to be written as it is.
    fn reword(&mut self, bytes: &[u8]) -> bool {
        let worded = if std::mem::take(&mut self.is_between) { bare::worded(bytes) } else { None };
        let is_bare = worded.is_some();
        if let Some(worded) = worded {
            (self.begun, self.farewell) = (worded.into(), Farewell::Due);
        }
        is_bare
    }
}

impl<S: AsyncRead + Unpin> Early<S> {
    /// Reads what still comes, for so long at most.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Farewell::Lingering(end) = &mut self.farewell else { return Poll::Ready(()) };
        if end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut piece = [0; PIECE];
        loop {
            let mut buffer = ReadBuf::new(&mut piece);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => (),
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Early<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Early<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_say(cx))?;
        if self.reword(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_say(cx))?;
        if let [whole] = slices
            && self.reword(whole)
        {
            return Poll::Ready(Ok(whole.len()));
        }
        self.is_between = false;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_between = true;
        ready!(self.poll_say(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !matches!(self.farewell, Farewell::Lingering(_)) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        let is_due = matches!(self.farewell, Farewell::None) && self.unread.is_any();
        if is_due || matches!(self.farewell, Farewell::Due) {
            self.farewell = Farewell::Lingering(Box::pin(sleep(LINGER)));
        }
        self.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_said_early_stands_between_messages_only() {
        let (ours, mut theirs) = duplex(1024);
        let mut early = Early::new(ours);
        let interim = early.interim();
        let say = || interim.send(StatusCode::PROCESSING, &HeaderMap::new());
        say();
        early.write_all(b"an answer ").await.expect("written");
        say();
        early.write_all(b"goes on; ").await.expect("written");
        early.flush().await.expect("flushed");
        say();
        early.flush().await.expect("flushed");
        drop(early);
        let mut read = String::new();
        theirs.read_to_string(&mut read).await.expect("text");
        let said = "HTTP/1.1 102 Processing\r\n\r\n";
        assert_eq!(read, format!("{said}an answer goes on; {said}"));
    }

    #[test]
    fn heads_are_written_in_order_and_no_further_than_there_is_room() {
        let waiting = Waiting::default();
        assert_eq!(waiting.take(), None);
        let mut headers = HeaderMap::new();
        headers.insert("link", HeaderValue::from_static("</a.css>; rel=preload"));
        headers.append("link", HeaderValue::from_static("</b.js>; rel=preload"));
        waiting.add(StatusCode::EARLY_HINTS, &headers);
        waiting.add(StatusCode::PROCESSING, &HeaderMap::new());
        let expected = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nlink: </b.js>; rel=preload\r\n\r\n\
                        HTTP/1.1 102 Processing\r\n\r\n";
        assert_eq!(waiting.take().expect("bytes"), expected);
        headers.insert("link", HeaderValue::try_from("x".repeat(ROOM)).expect("a value"));
        waiting.add(StatusCode::EARLY_HINTS, &headers);
        assert_eq!(waiting.take(), None);
    }

    #[tokio::test]
    async fn what_hyper_answers_by_itself_gets_words_and_the_rest_is_heard() {
        let (ours, mut theirs) = duplex(64);
        let bare = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: Sun\r\n\r\n";
        let ends = tokio::spawn(async move {
            let mut early = Early::new(ours);
            early.write_all(bare).await.expect("written");
            early.flush().await.expect("flushed");
            early.shutdown().await.expect("closed");
        });
        let mut read = vec![0; 400];
        let mut length = 0;
        while !read[..length].ends_with(b"HTTP/1.1\n") {
            length += theirs.read(&mut read[length..]).await.expect("open");
        }
        theirs.write_all(&[b'x'; 1000]).await.expect("it is still heard");
        drop(theirs);
        ends.await.expect("no panic");
    }
}
