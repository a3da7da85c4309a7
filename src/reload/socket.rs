//! `/__everlit/ws`: one browser's websocket.
//!
//! Most messages are the same for all. Of a change in the text of pages each socket makes its own, once its tab has said which
//! page it shows (see `verdict`).
//!
//! The upgrade is done here with tungstenite over hyper, so that its limits are ours: small buffers, small messages, a
//! bounded queue, and a browser that does not answer a ping is let go.

use std::{pin::pin, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Request, Response, StatusCode, Uri, header},
};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio::{sync::broadcast::error::RecvError, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message as Frame, Utf8Bytes,
        handshake::server::create_response,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    ear::{Ear, Said, Tab},
    hub::{Hub, Listener, Prepared, Told},
    message::Message,
    source::Visitor,
    update::Update,
    verdict::Verdict,
};
use crate::generation::Generation;

/// Largest message a browser may send (R25).
const MESSAGE: usize = 64 * 1024;

/// Bytes that may wait to be written (R25).
const WRITE_QUEUE: usize = 1024 * 1024;

/// Read buffer of a socket. tungstenite's default of 128 KiB is allocated for each one at once.
const READ_BUFFER: usize = 4096;

/// How often a browser is pinged; one that has not answered by the next ping is gone.
const PING: Duration = Duration::from_secs(30);

/// How long one message may take to leave. A phone that lost its network must not keep a task for ever.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// A handshake that was turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no websocket handshake.
    #[error("this address is for websockets; send an Upgrade")]
    NoHandshake,
    /// The token is missing or wrong.
    #[error("the token is missing or of another run; load the page anew")]
    Token,
    /// A page of another origin asks.
    #[error("pages of another origin may not listen")]
    Origin,
    /// There are too many sockets.
    #[error("too many pages are connected; close some")]
    Full,
}

impl Refusal {
    /// The status it is answered with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::NoHandshake => StatusCode::BAD_REQUEST,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Hub {
    /// Answers a handshake; the second value is the socket's life, for the caller to run.
    ///
    /// # Errors
    /// Why the handshake is turned down. Nothing is upgraded then.
    pub fn accept(
        &self,
        request: Request<Body>,
        stop: CancellationToken,
    ) -> Result<(Response<Body>, impl Future<Output = ()> + Send + use<>), Refusal> {
        check_origin(request.headers())?;
        if !token_in(request.uri()).is_some_and(|token| self.token().matches(token)) {
            return Err(Refusal::Token);
        }
        let response = handshake(&request).ok_or(Refusal::NoHandshake)?;
        let listener = self.listen().ok_or(Refusal::Full)?;
        let visitor = Visitor::of(request.headers(), request.extensions());
        let upgrade = hyper::upgrade::on(request);
        let life = async move {
            let Ok(upgraded) = upgrade.await else { return };
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits())).await;
            Socket { socket, listener, visitor, ear: Ear::new(), tab: None }.live(stop).await;
        };
        Ok((response, life))
    }
}

fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(MESSAGE))
        .max_frame_size(Some(MESSAGE))
        .max_write_buffer_size(WRITE_QUEUE)
}

fn handshake(request: &Request<Body>) -> Option<Response<Body>> {
    let mut bare = Request::builder().method(request.method()).uri(request.uri()).version(request.version()).body(()).ok()?;
    *bare.headers_mut() = request.headers().clone();
    create_response(&bare).ok().map(|response| response.map(|()| Body::empty()))
}

/// An `Origin` must be our own: its authority is the `Host` of the request, which was checked before. Programs send none.
fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| Refusal::Origin)?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).ok_or(Refusal::Origin)?;
    let authority = origin.strip_prefix("http://").ok_or(Refusal::Origin)?;
    if origins.next().is_none() && authority.eq_ignore_ascii_case(host) { Ok(()) } else { Err(Refusal::Origin) }
}

fn token_in(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// A connected browser.
struct Socket<S> {
    socket: WebSocketStream<S>,
    listener: Listener,
    visitor: Visitor,
    ear: Ear,
    /// The page it belongs to, once that has named itself.
    tab: Option<Tab>,
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Socket<S> {
    async fn live(mut self, stop: CancellationToken) {
        let code = self.talk(stop).await;
        let _ = timeout(SEND_LIMIT, self.socket.close(code.map(|code| CloseFrame { code, reason: "".into() }))).await;
    }

    /// Talks until one side ends it; answers with what to say in the close frame.
    async fn talk(&mut self, stop: CancellationToken) -> Option<CloseCode> {
        let hello = self.listener.hub().hello();
        self.say(Frame::Text(hello)).await?;
        let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
        let mut alive = true;
        // Once: waited for anew at each turn, a message to thousands of sockets has them all queue for one lock.
        let mut stopped = pin!(stop.cancelled());
        loop {
            tokio::select! {
                told = self.listener.told.recv() => match told {
                    Ok(Told::Text(text)) => self.say(Frame::Text(text)).await?,
                    Ok(Told::Update(prepared)) => self.update(&prepared).await?,
                    Err(RecvError::Lagged(_)) => return Some(CloseCode::Again),
                    Err(RecvError::Closed) => return Some(CloseCode::Away),
                },
                frame = self.socket.next() => {
                    alive = true;
                    match frame? {
                        Ok(frame) => self.hear(frame).await?,
                        Err(error) => return code_for(&error),
                    }
                }
                _ = ping.tick() => {
                    if !alive {
                        return Some(CloseCode::Policy);
                    }
                    alive = false;
                    self.say(Frame::Ping(bytes::Bytes::new())).await?;
                }
                () = &mut stopped => return Some(CloseCode::Away),
            }
        }
    }

    /// `None` when the browser takes nothing any more.
    async fn say(&mut self, frame: Frame) -> Option<()> {
        timeout(SEND_LIMIT, self.socket.send(frame)).await.ok()?.ok()
    }

    /// `None` when the browser closes the socket.
    async fn hear(&mut self, frame: Frame) -> Option<()> {
        let said = match frame {
            Frame::Text(text) => self.ear.hear(&text, self.listener.hub().notices()),
            Frame::Close(_) => return None,
            Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_) => None,
        };
        match said {
            Some(Said::Page(tab)) => self.meet(tab).await,
            Some(Said::Painted(generation)) => {
                self.listener.hub().painted(generation);
                Some(())
            }
            None => Some(()),
        }
    }

    /// A tab names the page it shows. When the text of pages has changed since, it is told what became of its own; whether
    /// anything else has, it knows from the hello.
    async fn meet(&mut self, tab: Tab) -> Option<()> {
        self.tab = Some(tab);
        self.listener.become_tab();
        let standing = self.listener.hub().standing();
        let shown = tab.generation;
        if shown == Generation::default() || shown >= standing.pages || shown < standing.program {
            return Some(());
        }
        let update = Update { generation: standing.generation, pages: true, ..Update::default() };
        let message = self.judge(tab, &update).await.unwrap_or_else(|| Message::ok(update.generation, &[]).text());
        self.say(Frame::Text(message)).await
    }

    /// A change: a socket without a page hears all of it, a page what concerns it.
    async fn update(&mut self, prepared: &Prepared) -> Option<()> {
        let text = match self.tab {
            None => Some(prepared.plain.clone()),
            Some(tab) => {
                let share = prepared.share(tab);
                let own = if share.update.pages { self.judge(tab, &share.update).await } else { None };
                own.or_else(|| share.files.clone())
            }
        };
        match text {
            Some(text) => self.say(Frame::Text(text)).await,
            None => Some(()),
        }
    }

    /// What a tab has to do about its own text; `None` when that is byte-equal.
    async fn judge(&mut self, tab: Tab, update: &Update) -> Option<Utf8Bytes> {
        let message = match self.listener.hub().judge(tab, &self.visitor).await {
            Verdict::Same => return None,
            Verdict::Changed(text) => {
                self.tab = Some(Tab { page: Some(text.page), generation: update.generation, ..tab });
                Message::patch(update, Some(text))
            }
            Verdict::Reload => Message::reload(update.generation, &update.cause),
        };
        Some(message.text())
    }
}

/// The close code for what a browser may not send (RFC 6455 §7.4.1); `None` when nobody is left to be told.
fn code_for(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(_) => Some(CloseCode::Size),
        Error::Protocol(_) => Some(CloseCode::Protocol),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origins: &[&str], host: &str, expected: Result<(), Refusal>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        for origin in origins {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        assert_eq!(check_origin(&headers), expected, "{origins:?}");
    }

    #[test]
    fn only_our_own_pages_listen() {
        check(&[], "localhost:4747", Ok(()));
        check(&["http://localhost:4747"], "localhost:4747", Ok(()));
        for evil in [
            "http://evil.example",
            "https://localhost:4747",
            "null",
            "http://localhost:4748",
            "file://",
            "http://localhost:4747.evil",
        ] {
            check(&[evil], "localhost:4747", Err(Refusal::Origin));
        }
        check(&["http://localhost:4747", "http://localhost:4747"], "localhost:4747", Err(Refusal::Origin));
    }
}
