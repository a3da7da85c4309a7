//! The connections to one program: made, used, kept for the next request, and closed with their backend.
//!
//! A request without a body and its connection are driven by one task, the one that answers the browser: no other task is woken
//! on the way, and a browser that leaves closes the connection by leaving. HTTP/2 has one connection for all requests.
//!
//! What came of a request is known exactly: it was not sent at all ([`Failure::Unsent`]), or it may have arrived.

mod content;
mod dial;
mod http2;
mod line;
mod pool;
mod receiving;
mod sending;
mod stream;
mod trust;

use std::sync::Arc;

use axum::BoxError;
use http::{Request, Response};

pub(super) use content::Content;
pub(super) use line::Driving;

use super::{
    ProxyError,
    body::Outgoing,
    target::{Protocol, Target},
};
use dial::Dial;
use http2::Channel;
use line::{Lease, Line};
use pool::Pool;

/// What a program's response head may take. Node writes at most 16 KiB by default, Go 1 MiB, which nobody needs.
pub(super) const HEAD_LIMIT: usize = 128 * 1024;

/// The most headers of it over HTTP/1.1: hyper's own figure, named for the words. So many are parsed on the stack, where they cost nothing.
pub(super) const MOST_HEADERS: usize = 100;

/// Which connections a request may go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connections {
    /// Kept-alive ones, as a rule.
    Pooled,
    /// Only a new one: after a kept-alive one broke, the next in the pool may be broken too.
    New,
}

/// How sending failed.
pub(super) enum Failure {
    /// Not one byte was sent.
    Unsent,
    /// It may have arrived.
    Unanswered(BoxError),
    /// There is nothing to repeat.
    Final(ProxyError),
}

/// The connections to one program.
pub(super) struct Transport {
    dial: Dial,
    pool: Arc<Pool>,
    channel: Channel,
}

impl Transport {
    /// No connection is made yet.
    pub(super) fn new(target: &Target) -> Self {
        Self { dial: Dial::new(target), pool: Arc::default(), channel: Channel::default() }
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &self,
        request: Request<Outgoing>,
        protocol: Protocol,
        over: Connections,
    ) -> Result<Response<Content>, Failure> {
        match protocol {
            Protocol::Http1 => self.send_alone(request, over).await,
            // What is rare has a box of its own: every request has room for the longest wait.
            Protocol::Http2 => Box::pin(self.channel.send(&self.dial, request)).await,
        }
    }

    async fn connect(&self) -> Result<Box<Line>, Failure> {
        Line::over(self.dial.connect(Protocol::Http1).await?).await
    }

    /// Over a connection that is this request's until its answer ends.
    async fn send_alone(&self, request: Request<Outgoing>, over: Connections) -> Result<Response<Content>, Failure> {
        let kept = if over == Connections::Pooled { self.pool.take().await } else { None };
        let line = match kept {
            Some(line) => line,
            None => Box::pin(self.connect()).await?,
        };
        Lease::new(line, self.pool.clone()).send(request).await
    }
}

impl Failure {
    /// What an error means after the request was handed to a connection.
    fn after(error: hyper::Error) -> Self {
        if error.is_parse_too_large() {
            Self::Final(ProxyError::Excessive(error))
        } else if error.is_parse() {
            Self::Final(ProxyError::Malformed(error))
        } else if error.is_user() {
            Self::Final(ProxyError::Upload(error))
        } else {
            Self::Unanswered(error.into())
        }
    }
}
