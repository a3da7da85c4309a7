//! The body of an answer that is cut out of a file: large reads, one at a time, as fast as they are taken.
//!
//! What the kernel has in memory is read at once, without a thread between; only what it has to fetch is waited for elsewhere. A
//! file that became shorter ends the body with an error, so that nobody takes what was sent for the whole.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

/// One read: long enough that calls cost nothing beside the bytes, short enough to stay in the processor's cache until it is sent.
const READ_BYTES: usize = 256 * 1024;

/// What comes next.
pub(super) enum Piece {
    /// These bytes.
    Text(Bytes),
    /// This part of the file.
    Span(Range<u64>),
}

/// Pieces one after the other.
pub(super) struct Stream {
    file: Arc<File>,
    pieces: VecDeque<Piece>,
    /// The last buffer that went out; it serves again once its bytes are sent.
    sent: Bytes,
    reading: Option<JoinHandle<io::Result<BytesMut>>>,
}

impl Stream {
    pub(super) fn new(file: File, pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self { file: Arc::new(file), pieces: pieces.into_iter().collect(), sent: Bytes::new(), reading: None }
    }

    /// What the kernel has in memory, or a thread that fetches it.
    fn read(&mut self, span: &Range<u64>) -> io::Result<Option<BytesMut>> {
        let length = usize::try_from(span.end - span.start).unwrap_or(READ_BYTES).min(READ_BYTES);
        let mut buffer = std::mem::take(&mut self.sent).try_into_mut().unwrap_or_else(|_| BytesMut::zeroed(length));
        buffer.resize(length, 0);
        if let Some(read) = read_now(&self.file, &mut buffer, span.start)? {
            buffer.truncate(read);
            return Ok(Some(buffer));
        }
        let (file, start) = (Arc::clone(&self.file), span.start);
        self.reading = Some(spawn_blocking(move || {
            let read = read_at(&file, &mut buffer, start)?;
            buffer.truncate(read);
            Ok(buffer)
        }));
        Ok(None)
    }

    /// Sends what was read of the first piece, and leaves the rest of it.
    fn send(&mut self, buffer: BytesMut) -> io::Result<Frame<Bytes>> {
        if buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent"));
        }
        let data = buffer.freeze();
        if let Some(Piece::Span(span)) = self.pieces.front_mut() {
            span.start += data.len() as u64;
            if span.is_empty() {
                self.pieces.pop_front();
            }
        }
        self.sent = data.clone();
        Ok(Frame::data(data))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, span: &Range<u64>) -> Poll<io::Result<BytesMut>> {
        if self.reading.is_none()
            && let Some(buffer) = self.read(span)?
        {
            return Poll::Ready(Ok(buffer));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(Ok(BytesMut::new())) };
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        Poll::Ready(read.map_err(io::Error::other)?)
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let span = match self.pieces.front_mut() {
            None => return Poll::Ready(None),
            Some(Piece::Text(text)) => {
                let text = std::mem::take(text);
                self.pieces.pop_front();
                return Poll::Ready(Some(Ok(Frame::data(text))));
            }
            Some(Piece::Span(span)) => span.clone(),
        };
        let read = ready!(self.poll_read(cx, &span));
        Poll::Ready(Some(read.and_then(|buffer| self.send(buffer))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(length(&self.pieces))
    }
}

/// The pieces of a file that is in memory, as one.
pub(super) fn cut(file: &Bytes, pieces: Vec<Piece>) -> Vec<u8> {
    let within = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(file.len());
    let bytes = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Span(span) => file.slice(within(span.start)..within(span.end)),
    };
    pieces.iter().map(bytes).collect::<Vec<_>>().concat()
}

/// How long pieces are together.
pub(super) fn length<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> u64 {
    let length = |piece: &Piece| match piece {
        Piece::Text(text) => text.len() as u64,
        Piece::Span(span) => span.end - span.start,
    };
    pieces.into_iter().map(length).sum()
}

/// What can be read without waiting for a disk; `None` when that is nothing, or when the file system cannot tell.
#[cfg(target_os = "linux")]
fn read_now(file: &File, buffer: &mut [u8], start: u64) -> io::Result<Option<usize>> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    match preadv2(file, &mut [io::IoSliceMut::new(buffer)], start, ReadWriteFlags::NOWAIT) {
        Ok(read) => Ok(Some(read)),
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn read_now(_: &File, _: &mut [u8], _: u64) -> io::Result<Option<usize>> {
    Ok(None)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, start)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, start)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::site::folder::Folder;

    #[tokio::test]
    async fn pieces_come_in_their_order() {
        let text: String = (0..200_000).map(|number| format!("{number} ")).collect();
        let folder = Folder::new(&[("a.txt", &text)]);
        let open = || File::open(folder.path("a.txt")).unwrap();
        let whole = Stream::new(open(), [Piece::Span(0..text.len() as u64)]);
        assert_eq!(whole.size_hint().exact(), Some(text.len() as u64));
        assert_eq!(whole.collect().await.unwrap().to_bytes(), text);
        let pieces = [Piece::Text("<".into()), Piece::Span(5..9), Piece::Text("|".into()), Piece::Span(700_000..700_003)];
        let parts = Stream::new(open(), pieces).collect().await.unwrap().to_bytes();
        assert_eq!(parts, format!("<{}|{}", &text[5..9], &text[700_000..700_003]));
    }

    /// A part that is still on its way is not written over by the next one.
    #[tokio::test]
    async fn parts_that_are_held_stay_as_they_are() {
        let text: String = (0..200_000).map(|number| format!("{number} ")).collect();
        let folder = Folder::new(&[("a.txt", &text)]);
        let mut body = Stream::new(File::open(folder.path("a.txt")).unwrap(), [Piece::Span(0..text.len() as u64)]);
        let mut held = Vec::new();
        while let Some(frame) = body.frame().await {
            held.push(frame.unwrap().into_data().unwrap());
        }
        assert!(held.len() > 1 && held.concat() == text.as_bytes());
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_is_an_error() {
        let folder = Folder::new(&[("a.txt", "12345")]);
        let body = Stream::new(File::open(folder.path("a.txt")).unwrap(), [Piece::Span(0..9)]);
        assert_eq!(body.collect().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
