//! What all websockets that end here have in common: the answer to their handshake, and their bounds.

use std::time::Duration;

use axum::body::Body;
use futures_util::SinkExt;
use http::{Request, Response};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::server::create_response,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// How often the other side is asked whether it is there; one that has not answered by the next time is gone.
pub(crate) const PING: Duration = Duration::from_secs(30);

/// Bytes that may wait to be written (R25).
const WRITE_QUEUE: usize = 1024 * 1024;

/// Read buffer of a socket. tungstenite's default of 128 KiB is allocated for each one at once.
const READ_BUFFER: usize = 4096;

/// How long one message may take to leave. A phone that lost its network must not keep a task for ever.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// The answer that makes a websocket of an HTTP/1.1 connection (RFC 6455 §4.2.2), without extensions; `None` where the request asks for
/// none.
pub(crate) fn switch(request: &Request<Body>) -> Option<Response<Body>> {
    let mut bare = Request::builder().method(request.method()).uri(request.uri()).version(request.version()).body(()).ok()?;
    bare.headers_mut().clone_from(request.headers());
    create_response(&bare).ok().map(|response| response.map(|()| Body::empty()))
}

/// The bounds of a socket that reads messages of so many bytes.
pub(crate) fn limits(message: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(message))
        .max_frame_size(Some(message))
        .max_write_buffer_size(WRITE_QUEUE)
}

/// Sends a message; `None` when the other side takes nothing any more.
pub(crate) async fn say<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, message: Message) -> Option<()> {
    timeout(SEND_LIMIT, socket.send(message)).await.ok()?.ok()
}

/// Ends a socket, as far as the other side waits for it.
pub(crate) async fn close<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, code: Option<CloseCode>) {
    let _ = timeout(SEND_LIMIT, socket.close(code.map(|code| CloseFrame { code, reason: "".into() }))).await;
}
