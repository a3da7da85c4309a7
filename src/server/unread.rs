//! The body of a request that nobody reads to its end, and the connection it came by: whoever closes it has to know.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

/// Whether the last body of a connection was left before its end. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// The body of the next request, which is noted when it is dropped before its end. What was left of the one before it is read by
    /// now, or there would be no next one.
    pub(super) fn watch(&self, body: Incoming) -> Body {
        self.0.store(false, Ordering::Relaxed);
        if body.is_end_stream() { Body::new(body) } else { Body::new(Watched { body, is_over: false, unread: self.clone() }) }
    }

    /// Whether anything is left.
    pub(super) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A body that says when it is left.
struct Watched {
    body: Incoming,
    is_over: bool,
    unread: Unread,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.is_over = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.is_over && !self.body.is_end_stream() {
            self.unread.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use http::{Request, Response};
    use hyper::{server::conn::http1, service::service_fn};
    use hyper_util::rt::TokioIo;
    use tokio::{
        io::{AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::super::early::{Early, LINGER};
    use super::*;

    /// How long a client that stays is heard at the end of a connection on which nobody reads a body.
    async fn heard(requests: &str) -> Duration {
        let (ours, mut theirs) = duplex(64 * 1024);
        theirs.write_all(requests.as_bytes()).await.expect("there is room");
        let early = Early::new(ours);
        let unread = early.unread();
        let leave = service_fn(move |request: Request<Incoming>| {
            drop(unread.watch(request.into_body()));
            async { Ok::<_, Infallible>(Response::new(Body::empty())) }
        });
        let began = Instant::now();
        http1::Builder::new().serve_connection(TokioIo::new(early), leave).await.expect("it ends in order");
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_heard_whose_body_was_left_for_good() {
        let last = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
        assert_eq!(heard(last).await, Duration::ZERO);
        assert_eq!(heard(&format!("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi{last}")).await, Duration::ZERO);
        assert!(heard("POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nhi").await >= LINGER);
    }
}
