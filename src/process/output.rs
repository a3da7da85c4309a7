//! The lines a command writes, from both of its streams, in the order they arrive.
//!
//! Nothing is read ahead of whoever takes the lines: the pipe fills up and slows the program down, as a terminal would.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    process::{ChildStderr, ChildStdout},
};

use super::terminal::Terminal;
use crate::plain::coloured;

/// Longest line kept whole; longer ones are cut into pieces of about this size, so that a program that never ends its line
/// cannot fill our memory.
const LINE_LIMIT: usize = 64 * 1024;

/// Bytes read at once: many lines of a compiler, and little beside the pipe's own 64 KiB.
const CHUNK: usize = 8 * 1024;

/// One line, without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its text: of controls only colours are kept, of a line that was drawn over its last state. Bytes that are no UTF-8 are
    /// replaced.
    pub text: String,
    /// Where it was written.
    pub stream: Stream,
}

/// One of a program's two output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Both streams of a command.
#[derive(Debug)]
pub(super) struct Output {
    out: Source<Out>,
    err: Source<ChildStderr>,
}

impl Output {
    pub(super) fn of_pipes(out: Option<ChildStdout>, err: Option<ChildStderr>) -> Self {
        Self { out: Source::new(out.map(Out::Pipe)), err: Source::new(err) }
    }

    /// A terminal does not tell one stream from the other.
    pub(super) fn of_terminal(terminal: Terminal) -> Self {
        Self { out: Source::new(Some(Out::Terminal(terminal))), err: Source::new(None) }
    }

    /// The next line; `None` when both streams have ended. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Line> {
        // Not biased: neither stream may starve the other.
        tokio::select! {
            Some(text) = self.out.next() => Some(Line { text, stream: Stream::Out }),
            Some(text) = self.err.next() => Some(Line { text, stream: Stream::Err }),
            else => None,
        }
    }
}

/// Where standard output goes.
#[derive(Debug)]
enum Out {
    Pipe(ChildStdout),
    Terminal(Terminal),
}

impl AsyncRead for Out {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Pipe(pipe) => Pin::new(pipe).poll_read(context, into),
            Self::Terminal(terminal) => Pin::new(terminal).poll_read(context, into),
        }
    }
}

/// One stream, and what was read of it beyond the last line that was taken.
#[derive(Debug)]
struct Source<R> {
    /// `None` once it has ended.
    from: Option<R>,
    pending: BytesMut,
}

impl<R: AsyncRead + Unpin> Source<R> {
    fn new(from: Option<R>) -> Self {
        Self { from, pending: BytesMut::new() }
    }

    /// The next line; `None` when the stream has ended. Cancel-safe.
    async fn next(&mut self) -> Option<String> {
        loop {
            let ended = self.from.is_none();
            if let Some(line) = take_line(&mut self.pending, ended) {
                return Some(coloured(&String::from_utf8_lossy(&line)));
            }
            self.pending.reserve(CHUNK);
            let read = self.from.as_mut()?.read_buf(&mut self.pending).await;
            if read.unwrap_or(0) == 0 {
                self.from = None;
            }
        }
    }
}

/// Takes the first complete line out of `pending`, or all of it when it is overlong or the stream has ended.
fn take_line(pending: &mut BytesMut, ended: bool) -> Option<BytesMut> {
    if let Some(end) = memchr::memchr(b'\n', pending) {
        let line = pending.split_to(end + 1);
        return Some(without_line_end(line));
    }
    let whole = !pending.is_empty() && (ended || pending.len() >= LINE_LIMIT);
    whole.then(|| pending.split())
}

fn without_line_end(mut line: BytesMut) -> BytesMut {
    line.truncate(line.len() - if line.ends_with(b"\r\n") { 2 } else { 1 });
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, ended: bool, expected: &[&str], left: &str) {
        let mut pending = BytesMut::from(text);
        let lines: Vec<_> = std::iter::from_fn(|| take_line(&mut pending, ended)).collect();
        assert_eq!(lines, expected, "{text:?}");
        assert_eq!(pending, left, "{text:?}");
    }

    #[test]
    fn cuts_lines() {
        check("a\nb\r\nc", false, &["a", "b"], "c");
        check("a\n\nb", true, &["a", "", "b"], "");
        check("\r\n\n", false, &["", ""], "");
        check("", true, &[], "");
    }

    #[test]
    fn cuts_a_line_that_never_ends() {
        let long = "x".repeat(LINE_LIMIT);
        check(&long, false, &[&long], "");
    }

    #[tokio::test]
    async fn hands_over_all_of_a_stream() {
        let text: String = (0..9_000).map(|number| format!("{number}\n")).collect();
        let mut source = Source::new(Some(text.as_bytes()));
        for number in 0..9_000 {
            assert_eq!(source.next().await, Some(number.to_string()));
        }
        assert_eq!(source.next().await, None);
    }
}
