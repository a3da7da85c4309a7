//! The body of an answer, and with it the connection it comes over.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    line::{Driving, Lease},
    receiving::Receiving,
};

/// The body of an answer. Whoever reads it drives its connection, which is kept when the body ends and closed when it is dropped
/// before.
pub(in crate::proxy) struct Content {
    body: Source,
    lease: Option<Lease>,
}

enum Source {
    Http1(Incoming),
    Http2(Receiving),
}

impl Content {
    pub(super) fn leased(body: Incoming, lease: Lease) -> Self {
        Self { body: Source::Http1(body), lease: Some(lease) }
    }

    /// A body whose connection needs nobody here.
    pub(super) fn detached(body: Incoming) -> Self {
        Self { body: Source::Http1(body), lease: None }
    }

    /// A body whose connection is that of others as well.
    pub(super) fn multiplexed(body: Receiving) -> Self {
        Self { body: Source::Http2(body), lease: None }
    }

    /// What has to be run from now on for this body to arrive, if it is not whoever reads it: something else is under way on the
    /// connection.
    pub(in crate::proxy) fn take_driving(&mut self) -> Option<Driving> {
        self.lease.take().map(Lease::into_driving)
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let mut polled = this.body.poll_frame(cx);
        if polled.is_pending()
            && let Some(lease) = &mut this.lease
        {
            // After the body was asked: the connection reads only what somebody wants.
            lease.drive(cx);
            polled = this.body.poll_frame(cx);
        }
        match &polled {
            Poll::Ready(None) => this.end(cx),
            Poll::Ready(Some(Ok(_))) if this.body.is_end_stream() => this.end(cx),
            Poll::Ready(Some(Err(_))) => this.lease = None,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => (),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Source::Http1(body) => body.size_hint(),
            Source::Http2(body) => body.size_hint(),
        }
    }
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self {
            Self::Http1(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Http2(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }
}

impl Content {
    fn end(&mut self, cx: &mut Context<'_>) {
        if let Some(lease) = self.lease.take() {
            lease.end(cx);
        }
    }
}
