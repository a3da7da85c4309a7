//! One HTTP/1.1 connection, and its use by one request.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Context,
    thread::{self, ThreadId},
};

use http::{Request, Response, StatusCode};
use hyper::{
    body::{Body as _, Incoming},
    client::conn::http1::{Builder, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;

use super::{Content, Failure, HEAD_LIMIT, pool::Pool, stream::Stream};
use crate::proxy::body::Outgoing;

/// The type that hyper does not name.
type Upgradeable = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// What moves the bytes of a connection; ready when the connection has ended, or was handed over to an upgrade.
pub(in crate::proxy) struct Driving(Option<Upgradeable>);

/// One connection to the program.
pub(super) struct Line {
    sender: SendRequest<Outgoing>,
    driving: Driving,
    /// Whose thread is told when something arrives.
    home: ThreadId,
}

impl Line {
    pub(super) async fn over(stream: Stream) -> Result<Box<Self>, Failure> {
        let mut builder = Builder::new();
        // Old CGI programs still fold long fields; each fold becomes a blank (RFC 9112 §5.2).
        builder.max_buf_size(HEAD_LIMIT).allow_obsolete_multiline_headers_in_responses(true);
        let (sender, connection): (_, Connection<_, Outgoing>) =
            builder.handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Unsent)?;
        let driving = Driving(Some(Box::pin(connection.with_upgrades())));
        Ok(Box::new(Self { sender, driving, home: thread::current().id() }))
    }

    /// Lets the connection do what it can do now.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        self.driving.drive(cx);
    }

    /// Whether this thread made it, so that no other one has to pass on what arrives.
    pub(super) fn is_at_home(&self) -> bool {
        self.home == thread::current().id()
    }

    /// Whether all of the last exchange is over and the program has not closed.
    pub(super) fn is_idle(&self) -> bool {
        self.sender.is_ready()
    }
}

impl Driving {
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.0
            && driver.as_mut().poll(cx).is_ready()
        {
            self.0 = None;
        }
    }

    /// Goes on until the connection ends. An error says that it broke, which whoever reads from it is told as well.
    pub(in crate::proxy) async fn run(self) {
        if let Some(driver) = self.0 {
            let _ = driver.await;
        }
    }
}

/// A connection while one request has it. Dropping it closes the connection.
pub(super) struct Lease {
    line: Box<Line>,
    pool: Arc<Pool>,
}

impl Lease {
    pub(super) fn new(line: Box<Line>, pool: Arc<Pool>) -> Self {
        Self { line, pool }
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(mut self, request: Request<Outgoing>) -> Result<Response<Content>, Failure> {
        let answered = {
            let mut response = pin!(self.line.sender.try_send_request(request));
            let driving = &mut self.line.driving;
            poll_fn(|cx| {
                driving.drive(cx);
                response.as_mut().poll(cx)
            })
            .await
        };
        match answered {
            Ok(response) => Ok(self.hold(response)),
            Err(error) if error.message().is_some() => Err(Failure::Unsent),
            Err(error) => Err(Failure::after(error.into_error())),
        }
    }

    fn hold(self, response: Response<Incoming>) -> Response<Content> {
        let (head, body) = response.into_parts();
        let content = if body.is_end_stream() && head.status != StatusCode::SWITCHING_PROTOCOLS && self.line.is_idle() {
            self.give_back();
            Content::detached(body)
        } else {
            Content::leased(body, self)
        };
        Response::from_parts(head, content)
    }

    /// Lets the connection do what it can do now.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        self.line.drive(cx);
    }

    /// Keeps the connection for the next request, if all of this one is over.
    pub(super) fn end(mut self, cx: &mut Context<'_>) {
        if !self.line.is_idle() {
            self.line.drive(cx);
        }
        if self.line.is_idle() {
            self.give_back();
        }
    }

    /// Leaves the connection to another task; it is not kept.
    pub(super) fn into_driving(self) -> Driving {
        self.line.driving
    }

    fn give_back(self) {
        self.pool.put(self.line);
    }
}
