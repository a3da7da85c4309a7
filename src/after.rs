//! What a layer does with an answer once it is there, without a box for the wait.
//!
//! Every request passes every layer; a layer that only looks at the head of an answer says so with [`Finish`], and its future is
//! [`After`] the one below.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use http::Response;
use pin_project_lite::pin_project;

/// What is left to do with an answer.
pub trait Finish {
    /// The answer as it goes on.
    fn finish(self, response: Response<Body>) -> Response<Body>;
}

pin_project! {
    /// The answer of `F`, finished.
    #[must_use = "futures do nothing unless polled"]
    pub struct After<F, L> {
        #[pin]
        answer: F,
        left: Option<L>,
    }
}

impl<F, L> After<F, L> {
    /// `None` passes the answer on as it is.
    pub(crate) fn new(answer: F, left: Option<L>) -> Self {
        Self { answer, left }
    }
}

impl<F, L, E> Future for After<F, L>
where
    F: Future<Output = Result<Response<Body>, E>>,
    L: Finish,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(cx));
        let left = this.left.take();
        Poll::Ready(answer.map(|response| match left {
            Some(left) => left.finish(response),
            None => response,
        }))
    }
}
