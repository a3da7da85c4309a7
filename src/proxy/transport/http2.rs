//! The one HTTP/2 connection to a program, over which all its requests go.
//!
//! It is the library's own interface, not that of the one above: that one does not say what comes before an answer.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Poll, ready},
};

use bytes::Bytes;
use h2::{
    RecvStream,
    client::{Builder, ResponseFuture, SendRequest},
};
use http::{Request, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::Body as _;
use tokio::sync::Semaphore;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{Content, Failure, HEAD_LIMIT, dial::Dial, receiving::Receiving, sending};
use crate::proxy::{Interim, Protocol, body::Outgoing};

/// What a program may send of one answer before the browser takes it: each answer of a page that nobody reads holds so much.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The same for all answers together.
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Bytes of a body that may wait on one stream for a program that reads slowly.
const SEND_BUFFER: usize = 1024 * 1024;

/// The connection to a program, made when it is first needed and again when it broke.
pub(super) struct Channel {
    sender: Mutex<Option<SendRequest<Bytes>>>,
    /// One of those who find no connection makes it.
    dialling: Semaphore,
    tasks: TaskTracker,
}

impl Default for Channel {
    fn default() -> Self {
        Self { sender: Mutex::default(), dialling: Semaphore::new(1), tasks: TaskTracker::new() }
    }
}

impl Channel {
    /// Sends a request, whose target is absolute, and waits for the head of its answer. What comes before goes to the [`Interim`]
    /// among its extensions.
    pub(super) async fn send(&self, dial: &Dial, request: Request<Outgoing>) -> Result<Response<Content>, Failure> {
        let mut sender = self.sender(dial).await?;
        let (mut head, body) = request.into_parts();
        let interim = head.extensions.remove::<Interim>();
        if let Some(length @ 1..) = body.size_hint().exact() {
            head.headers.insert(CONTENT_LENGTH, length.into());
        }
        let is_whole = body.is_end_stream();
        let sent = sender.send_request(Request::from_parts(head, ()), is_whole);
        let (mut answer, stream) = sent.map_err(|_| Failure::Unsent)?;
        // A browser that leaves now resets the stream; once the answer has begun, its body does.
        let sending = (!is_whole).then(|| AbortOnDropHandle::new(self.tasks.spawn(sending::run(body, stream))));
        let answered = head_of(&mut answer, interim.as_ref()).await;
        let answered = answered.map_err(|error| Failure::Unanswered(error.into()))?;
        sending.map(AbortOnDropHandle::detach);
        let (head, stream) = answered.into_parts();
        let body = Receiving::new(stream, &head.headers);
        Ok(Response::from_parts(head, Content::multiplexed(body)))
    }

    async fn sender(&self, dial: &Dial) -> Result<SendRequest<Bytes>, Failure> {
        if let Some(sender) = self.open().await {
            return Ok(sender);
        }
        let _permit = self.dialling.acquire().await;
        if let Some(sender) = self.open().await {
            return Ok(sender);
        }
        let stream = dial.connect(Protocol::Http2).await?;
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buffer_size(SEND_BUFFER)
            .max_header_list_size(HEAD_LIMIT as u32);
        let (sender, connection) = builder.handshake(stream).await.map_err(|_| Failure::Unsent)?;
        self.tasks.spawn(async move {
            // That it broke is told to every request on it.
            let _ = connection.await;
        });
        *self.kept() = Some(sender.clone());
        Ok(sender)
    }

    /// The connection, unless it broke or the program has said good-bye.
    async fn open(&self) -> Option<SendRequest<Bytes>> {
        let sender = self.kept().clone()?;
        sender.ready().await.ok()
    }

    fn kept(&self) -> MutexGuard<'_, Option<SendRequest<Bytes>>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The head of the answer. What comes before is told to `interim`, but for the leave to send a body, which nobody waits for.
async fn head_of(answer: &mut ResponseFuture, interim: Option<&Interim>) -> Result<Response<RecvStream>, h2::Error> {
    poll_fn(|cx| {
        // To ask for the answer first would be to leave out what is before it.
        while let Some(Ok(said)) = ready!(answer.poll_informational(cx)) {
            if let Some(interim) = interim.filter(|_| said.status() != StatusCode::CONTINUE) {
                interim.send(said.status(), said.headers());
            }
        }
        Poll::Ready(())
    })
    .await;
    Pin::new(answer).await
}
