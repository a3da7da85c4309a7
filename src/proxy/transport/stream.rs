//! A connection's bytes, plain or encrypted.
//!
//! A program may answer an upload before its end and close: too large, not allowed. What is written then meets a connection that
//! is gone, while the answer still lies there to be read, and hyper gives up both with the first write that fails. So a write that
//! the program does not take is no error here: it is dropped, and reading says whether there is an answer.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// A connection to a program.
pub(super) struct Stream {
    link: Link,
    /// Whether the program takes nothing any more.
    is_deaf: bool,
}

enum Link {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self { link: Link::Plain(stream), is_deaf: false }
    }

    pub(super) fn encrypted(stream: TlsStream<TcpStream>) -> Self {
        Self { link: Link::Encrypted(Box::new(stream)), is_deaf: false }
    }

    /// Writes with `write`, unless nobody listens; `dropped` stands for what is dropped then.
    fn poll_unless_deaf<T>(&mut self, dropped: T, write: impl FnOnce(&mut Link) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if self.is_deaf {
            return Poll::Ready(Ok(dropped));
        }
        match ready!(write(&mut self.link)) {
            Err(error) if is_closed(&error) => {
                self.is_deaf = true;
                Poll::Ready(Ok(dropped))
            }
            written => Poll::Ready(written),
        }
    }
}

/// Whether an error says that the other side has closed.
fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.link {
            Link::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Link::Encrypted(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_unless_deaf(bytes.len(), |link| match link {
            Link::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Link::Encrypted(stream) => Pin::new(stream).poll_write(cx, bytes),
        })
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let all = slices.iter().map(|slice| slice.len()).sum();
        self.poll_unless_deaf(all, |link| match link {
            Link::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Link::Encrypted(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        })
    }

    fn is_write_vectored(&self) -> bool {
        match &self.link {
            Link::Plain(stream) => stream.is_write_vectored(),
            Link::Encrypted(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_unless_deaf((), |link| match link {
            Link::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Link::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        })
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_unless_deaf((), |link| match link {
            Link::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Link::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        })
    }
}
