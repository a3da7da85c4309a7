//! Bodies on their way through: streamed in both directions, never gathered.
//!
//! An [`Outgoing`] request body that nobody has read from returns to its [`Upload`] when it is dropped, so that a request whose
//! connection was refused can be sent again. An [`Incoming`](Answer) response body keeps its request counted until its end.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{gate::Entry, headers::is_trailer};

/// A request body at rest, and when it last moved.
pub(super) struct Upload {
    state: Mutex<Transit>,
}

struct Transit {
    body: Option<Body>,
    moved: Instant,
}

impl Upload {
    pub(super) fn new(body: Body) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(Transit { body: Some(body), moved: Instant::now() }) })
    }

    /// The body, on its way; an empty one if it was read from before.
    pub(super) fn outgoing(self: &Arc<Self>) -> Outgoing {
        let body = self.with(|transit| transit.body.take());
        Outgoing { body, home: Some(self.clone()), is_touched: false }
    }

    /// Whether the body is here and nobody has read from it.
    pub(super) fn is_whole(&self) -> bool {
        self.with(|transit| transit.body.is_some())
    }

    /// When the program last took a piece of it.
    pub(super) fn moved(&self) -> Instant {
        self.with(|transit| transit.moved)
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Transit) -> T) -> T {
        use_it(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A request body being sent.
pub(super) struct Outgoing {
    body: Option<Body>,
    home: Option<Arc<Upload>>,
    is_touched: bool,
}

impl Outgoing {
    pub(super) fn empty() -> Self {
        Self { body: None, home: None, is_touched: false }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_touched = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if let Some(home) = &self.home {
            home.with(|transit| transit.moved = Instant::now());
        }
        Poll::Ready(frame.map(|frame| frame.map(without_forbidden_trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let (Some(home), false) = (&self.home, self.is_touched) {
            let body = self.body.take();
            home.with(|transit| transit.body = body);
        }
    }
}

fn without_forbidden_trailers(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(trailers) => {
            let kept = trailers.iter().filter(|(name, _)| is_trailer(name)).map(|(name, value)| (name.clone(), value.clone()));
            Frame::trailers(kept.collect::<HeaderMap>())
        }
        Err(frame) => frame,
    }
}

/// A response body on its way to the browser; its request counts as in flight until it ends or is dropped.
pub(super) struct Answer {
    body: Incoming,
    entry: Option<Entry>,
    ended: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Answer {
    /// A body with an end.
    pub(super) fn new(body: Incoming, entry: Entry) -> Self {
        let entry = (!body.is_end_stream()).then_some(entry);
        Self { body, entry, ended: None }
    }

    /// An event stream, which ends when its backend begins to drain.
    pub(super) fn events(body: Incoming, entry: Entry) -> Self {
        let entry = entry.into_stream();
        let ended = entry.ends().events.clone().cancelled_owned();
        Self { body, entry: Some(entry), ended: Some(Box::pin(ended)) }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(ended) = &mut self.ended
            && ended.as_mut().poll(cx).is_ready()
        {
            self.entry = None;
            self.ended = None;
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.entry = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn an_untouched_body_comes_back_and_a_touched_one_does_not() {
        let upload = Upload::new(Body::from("hello"));
        drop(upload.outgoing());
        assert!(upload.is_whole());
        let mut outgoing = upload.outgoing();
        assert!(!upload.is_whole());
        let frame = outgoing.frame().await.expect("a frame").expect("no error");
        assert_eq!(frame.into_data().expect("data"), "hello");
        drop(outgoing);
        assert!(!upload.is_whole());
    }

    #[test]
    fn trailers_cannot_bring_in_what_the_head_may_not() {
        let fields = [("host", "evil"), ("authorization", "x"), ("x-forwarded-for", "6.6.6.6"), ("x-sum", "1")];
        let trailers = fields.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value")));
        let frame = without_forbidden_trailers(Frame::trailers(trailers.collect()));
        let kept = frame.into_trailers().expect("trailers");
        assert_eq!(kept.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["x-sum"]);
    }
}
