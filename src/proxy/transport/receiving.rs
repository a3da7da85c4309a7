//! The body of an answer of a program of HTTP/2.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Error, Reason, RecvStream};
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};

/// A body that the program sends as fast as it is read. Dropping it before its end resets the stream.
pub(super) struct Receiving {
    stream: RecvStream,
    /// Bytes that have not been read, where the head says how many there are.
    left: Option<u64>,
    /// Whether nothing but trailers is left.
    is_read: bool,
}

impl Receiving {
    pub(super) fn new(stream: RecvStream, headers: &HeaderMap) -> Self {
        let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let left = said.or(stream.is_end_stream().then_some(0));
        Self { stream, left, is_read: false }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let data = ready!(self.stream.poll_data(cx));
        if let Some(Ok(data)) = &data {
            self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
            // Fails on a stream that has ended, which needs no more room.
            let _ = self.stream.flow_control().release_capacity(data.len());
        }
        Poll::Ready(data)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Error>> {
        if !self.is_read {
            if let Some(data) = ready!(self.poll_data(cx)?) {
                return Poll::Ready(Ok(Some(Frame::data(data))));
            }
            self.is_read = true;
        }
        self.stream.poll_trailers(cx).map_ok(|trailers| trailers.map(Frame::trailers))
    }
}

impl Body for Receiving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match ready!(self.poll_next(cx)) {
            // It answered without having read all of the request, and is done (RFC 9113 §8.1).
            Err(error) if error.reason() == Some(Reason::NO_ERROR) => Poll::Ready(None),
            frame => Poll::Ready(frame.transpose()),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
