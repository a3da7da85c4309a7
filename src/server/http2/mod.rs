//! HTTP/2 as browsers speak it over TLS, and programs without: its limits, its tasks, its requests in the form that the rest of
//! the server knows, and what is said before their answers.

mod arriving;
mod block;
mod early;
mod frame;
mod leaving;
mod outbox;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use hyper::{rt::Executor, server::conn::http2};
use hyper_util::rt::TokioTimer;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub(super) use self::{arriving::unmark, early::Early};
use super::accept::HEADER_BYTES;

/// Requests at once on one connection (R25). A page of a bundler that does not bundle has thousands of modules; browsers queue what is
/// above, and lose nothing.
const STREAMS: u32 = 1000;

/// Bytes of bodies that a client may send ahead of their being read, on one stream: an upload at the speed of loopback.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The same on all of a connection's streams together. It is what a connection can make us hold.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Bytes of an answer that may wait on one stream for a client that reads slowly; more stays where it comes from.
const SEND_BUFFER: usize = 32 * 1024;

/// Streams a client may open and take back before we have seen them; hyper's own figure, named because it is what "rapid reset"
/// (CVE-2023-44487) is stopped by.
const RESETS: usize = 20;

/// Streams that we ended because of what the client sent, before it has to connect anew.
const OWN_RESETS: usize = 100;

/// How often a silent client is asked whether it is there, and how long it may take to say so: a phone that lost its network is
/// let go within 60 s (R25).
const PING: Duration = Duration::from_secs(40);
const PONG: Duration = Duration::from_secs(20);

/// The builder of a connection whose tasks end with `streams`.
pub(super) fn builder(streams: Streams) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(HEADER_BYTES + arriving::MARK_BYTES).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .enable_connect_protocol(); // websockets (RFC 8441)
    builder
}

/// Runs one task per stream; none outlives its connection.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    end: CancellationToken,
    runtime: Handle,
}

impl Streams {
    /// Tasks of this runtime that end when `end` is cancelled.
    pub(super) fn until(end: CancellationToken, runtime: Handle) -> Self {
        Self { end, runtime }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        // The token is what a `JoinSet` would be: hyper hands tasks over one by one, and waits for none.
        self.runtime.spawn(self.end.clone().run_until_cancelled_owned(stream));
    }
}

/// Gives a request the form it would have over HTTP/1.1, which is what everything further in reads: a `Host`, and one `Cookie`.
/// Whether the name is ours, and agrees with a `Host` that was sent, is checked where it always is.
pub(super) fn as_http1<B>(request: &mut Request<B>) {
    let authority = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(authority) = authority
        && !request.headers().contains_key(header::HOST)
    {
        request.headers_mut().insert(header::HOST, authority);
    }
    join_cookies(request.headers_mut());
}

/// Browsers send each cookie in a field of its own, so that each compresses alone; together they are one again (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    const COOKIE: HeaderName = header::COOKIE;
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests;
