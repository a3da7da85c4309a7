//! Bodies on their way through: streamed in both directions, never gathered.
//!
//! An [`Outgoing`] request body returns to its [`Upload`] when it is dropped: one that nobody has read from can be sent again, and
//! the rest of one that the program did not want is still there to be taken from the browser. The body of an [`Answer`] keeps its
//! request counted until its end.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use axum::{BoxError, body::Body};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{gate::Entry, headers::is_trailer, transport::Content};

/// How long a browser may take to send what nobody wants, so that it reads the answer that says so: browsers do not read before
/// they have sent, and a connection that is closed with something unread takes the answer with it.
const LINGER: Duration = Duration::from_secs(2);

/// A request body, and when it last moved.
pub(super) struct Upload {
    state: Mutex<Transit>,
}

struct Transit {
    body: Option<Body>,
    moved: Instant,
    progress: Progress,
    permission: Permission,
}

/// How much of a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Untouched,
    Begun,
    Over,
}

/// Whether the program wants a body.
enum Permission {
    Given,
    /// Not known yet; who waits for it.
    Awaited(Option<Waker>),
}

impl Upload {
    pub(super) fn new(body: Body) -> Arc<Self> {
        Self::with_permission(body, Permission::Given)
    }

    /// A body that is not read before [`Upload::permit`].
    pub(super) fn on_demand(body: Body) -> Arc<Self> {
        Self::with_permission(body, Permission::Awaited(None))
    }

    fn with_permission(body: Body, permission: Permission) -> Arc<Self> {
        let (moved, progress) = (Instant::now(), Progress::Untouched);
        Arc::new(Self { state: Mutex::new(Transit { body: Some(body), moved, progress, permission }) })
    }

    /// The program wants the body, or has not said in time that it does not.
    pub(super) fn permit(&self) {
        let permission = self.with(|transit| std::mem::replace(&mut transit.permission, Permission::Given));
        if let Permission::Awaited(Some(waiting)) = permission {
            waiting.wake();
        }
    }

    /// Whether it is not known yet that the program wants the body.
    pub(super) fn is_awaited(&self) -> bool {
        self.with(|transit| matches!(transit.permission, Permission::Awaited(_)))
    }

    /// Whether there is nothing left to send.
    pub(super) fn is_over(&self) -> bool {
        self.with(|transit| transit.progress == Progress::Over)
    }

    /// Takes the rest from the browser, for a while, once the connection to the program has given it back.
    pub(super) async fn discard(&self) {
        let Some(mut rest) = self.with(|transit| transit.body.take()) else { return };
        // In time or not: the answer has had its chance.
        let _ = timeout(LINGER, async { while let Some(Ok(_)) = rest.frame().await {} }).await;
    }

    /// The body, on its way; an empty one if it was read from before.
    pub(super) fn outgoing(self: &Arc<Self>) -> Outgoing {
        let body = self.with(|transit| if transit.progress == Progress::Untouched { transit.body.take() } else { None });
        Outgoing { body, home: Some(self.clone()) }
    }

    /// Whether the body is here and nobody has read from it.
    pub(super) fn is_whole(&self) -> bool {
        self.with(|transit| transit.body.is_some() && transit.progress == Progress::Untouched)
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
}

impl Outgoing {
    pub(super) fn empty() -> Self {
        Self { body: None, home: None }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body: Some(body), home: Some(home) } = &mut *self else { return Poll::Ready(None) };
        ready!(home.with(|transit| transit.poll_begin(cx)));
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        let is_over = !matches!(frame, Some(Ok(_))) || body.is_end_stream();
        home.with(|transit| {
            transit.moved = Instant::now();
            if is_over {
                transit.progress = Progress::Over;
            }
        });
        Poll::Ready(frame.map(|frame| frame.map(without_forbidden_trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Transit {
    /// Waits until the body is wanted.
    fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Permission::Awaited(waiting) = &mut self.permission {
            *waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.progress == Progress::Untouched {
            self.progress = Progress::Begun;
        }
        Poll::Ready(())
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            let body = self.body.take();
            home.with(|transit| transit.body = body);
        }
    }
}

/// A body whose length is not told, though it may be known: one of HTTP/1.1 that has a length has no trailers.
pub(super) struct Unmeasured<B>(pub(super) B);

impl<B: HttpBody + Unpin> HttpBody for Unmeasured<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
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
    body: Content,
    entry: Option<Entry>,
    ended: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Answer {
    /// A body with an end.
    pub(super) fn new(body: Content, entry: Entry) -> Self {
        let entry = (!body.is_end_stream()).then_some(entry);
        Self { body, entry, ended: None }
    }

    /// An event stream, which ends when its backend begins to drain.
    pub(super) fn events(body: Content, entry: Entry) -> Self {
        let entry = entry.into_stream();
        let ended = entry.ends().events.clone().cancelled_owned();
        Self { body, entry: Some(entry), ended: Some(Box::pin(ended)) }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
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
    use super::*;

    #[tokio::test]
    async fn an_untouched_body_can_be_sent_again_and_a_touched_one_cannot() {
        let upload = Upload::new(Body::from("hello"));
        drop(upload.outgoing());
        assert!(upload.is_whole());
        let mut outgoing = upload.outgoing();
        assert!(!upload.is_whole() && !upload.is_over());
        let frame = outgoing.frame().await.expect("a frame").expect("no error");
        assert_eq!(frame.into_data().expect("data"), "hello");
        drop(outgoing);
        assert!(!upload.is_whole() && upload.is_over());
    }

    #[tokio::test]
    async fn a_body_on_demand_is_not_read_before_it_is_wanted() {
        let upload = Upload::on_demand(Body::from("hello"));
        let mut outgoing = upload.outgoing();
        assert!(futures_util::FutureExt::now_or_never(outgoing.frame()).is_none());
        drop(outgoing);
        assert!(upload.is_whole() && upload.is_awaited());
        let mut outgoing = upload.outgoing();
        let reading = tokio::spawn(async move { outgoing.frame().await });
        tokio::task::yield_now().await;
        upload.permit();
        let frame = reading.await.expect("no panic").expect("a frame").expect("no error");
        assert_eq!(frame.into_data().expect("data"), "hello");
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
