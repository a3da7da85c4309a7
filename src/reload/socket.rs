//! `/__everlit/ws`: one browser's websocket.
//!
//! Most messages are the same for all. Of a change in the text of pages each socket makes its own, once its tab has said which
//! page it shows (see `verdict`).
//!
//! The upgrade is done here with tungstenite over hyper, so that its limits are ours: small buffers, small messages, a
//! bounded queue, and a browser that does not answer a ping is let go.

use std::{pin::pin, time::Instant};

use axum::{
    body::Body,
    http::{
        HeaderMap, Method, Request, Response, StatusCode, Uri, header,
        uri::{Authority, Scheme},
    },
};
use futures_util::StreamExt;
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use tokio::sync::broadcast::error::RecvError;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message as Frame, Utf8Bytes,
        protocol::{Role, frame::coding::CloseCode},
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    browser::Browser,
    ear::{Ear, Said, Tab},
    hub::{Hub, Listener, Prepared, Told},
    message::Message,
    mirror::{self, Mirrored},
    source::Visitor,
    update::Update,
    verdict::Verdict,
};
use crate::{
    generation::Generation,
    telemetry::OpenPage,
    websocket::{PING, close, limits, say, switch},
};

/// Largest message a browser may send (R25).
const MESSAGE: usize = 64 * 1024;

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
    #[error("too many pages are connected; close some, or allow more by `[limits] sockets` in everlit.toml")]
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
    /// Answers a handshake to the server at `host`, which is one of its own names; the second value is the socket's life, for the caller
    /// to run.
    ///
    /// # Errors
    /// Why the handshake is turned down. Nothing is upgraded then.
    pub fn accept(
        &self,
        request: Request<Body>,
        scheme: &Scheme,
        host: &Authority,
        stop: CancellationToken,
    ) -> Result<(Response<Body>, impl Future<Output = ()> + Send + use<>), Refusal> {
        check_origin(request.headers(), scheme, host)?;
        if !token_in(request.uri()).is_some_and(|token| self.token().matches(token)) {
            return Err(Refusal::Token);
        }
        let response = handshake(&request).ok_or(Refusal::NoHandshake)?;
        let listener = self.listen().ok_or(Refusal::Full)?;
        let visitor = Visitor::of(host, request.headers(), request.extensions());
        let browser = Browser::of(request.headers());
        let upgrade = hyper::upgrade::on(request);
        let life = async move {
            let Ok(upgraded) = upgrade.await else { return };
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits(MESSAGE))).await;
            Socket { socket, listener, visitor, browser, ear: Ear::new(browser), tab: None, path: String::new(), pinged: None }
                .live(stop)
                .await;
        };
        Ok((response, life))
    }
}

/// Over HTTP/2 a socket is a stream, asked for by CONNECT (RFC 8441 §5); over HTTP/1.1 it is what the connection turns into.
fn handshake(request: &Request<Body>) -> Option<Response<Body>> {
    if request.method() == Method::CONNECT {
        let is_websocket = request.extensions().get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket");
        let is_known = request.headers().get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
        return (is_websocket && is_known).then(Response::default);
    }
    switch(request)
}

/// An `Origin` must be our own: its authority is the one of the request, which was checked before. Programs send none.
fn check_origin(headers: &HeaderMap, scheme: &Scheme, host: &Authority) -> Result<(), Refusal> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| Refusal::Origin)?;
    let authority = origin.strip_prefix(scheme.as_str()).and_then(|rest| rest.strip_prefix("://")).ok_or(Refusal::Origin)?;
    if origins.next().is_none() && authority.eq_ignore_ascii_case(host.as_str()) { Ok(()) } else { Err(Refusal::Origin) }
}

fn token_in(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// A connected browser.
struct Socket<S> {
    socket: WebSocketStream<S>,
    listener: Listener,
    visitor: Visitor,
    browser: Browser,
    ear: Ear,
    /// The page it belongs to, once that has named itself.
    tab: Option<Tab>,
    /// The path of that page.
    path: String,
    /// When a ping went out that is not answered yet.
    pinged: Option<Instant>,
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Socket<S> {
    async fn live(mut self, stop: CancellationToken) {
        let code = self.talk(stop).await;
        close(&mut self.socket, code).await;
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
                act = mirror::next(&mut self.listener.acts) => self.repeat(&act).await?,
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
                    self.ping().await?;
                }
                () = &mut stopped => return Some(CloseCode::Away),
            }
        }
    }

    /// `None` when the browser takes nothing any more.
    async fn say(&mut self, frame: Frame) -> Option<()> {
        say(&mut self.socket, frame).await
    }

    async fn ping(&mut self) -> Option<()> {
        self.pinged = Some(Instant::now());
        self.say(Frame::Ping(bytes::Bytes::new())).await
    }

    /// A ping is answered. An answer that nobody asked for says nothing.
    fn measure(&mut self) {
        if let Some(pinged) = self.pinged.take() {
            self.listener.change(|page| page.latency = Some(pinged.elapsed()));
        }
    }

    /// `None` when the browser closes the socket.
    async fn hear(&mut self, frame: Frame) -> Option<()> {
        let said = match frame {
            Frame::Text(text) => self.ear.hear(&text),
            Frame::Close(_) => return None,
            Frame::Pong(_) => {
                self.measure();
                None
            }
            Frame::Binary(_) | Frame::Ping(_) | Frame::Frame(_) => None,
        };
        match said {
            Some(Said::Page(tab, path)) => self.meet(tab, path).await,
            Some(Said::Painted(generation)) => {
                self.listener.hub().painted(generation);
                self.listener.change(|page| page.generation = generation);
                Some(())
            }
            Some(Said::Did(act)) => {
                self.listener.tell(&self.path, act);
                Some(())
            }
            Some(Said::Console(notices)) => {
                self.listener.hub().pass_on(notices, &self.visitor);
                Some(())
            }
            None => Some(()),
        }
    }

    /// A tab names the page it shows. When the text of pages has changed since, it is told what became of its own; whether
    /// anything else has, it knows from the hello.
    async fn meet(&mut self, tab: Tab, path: String) -> Option<()> {
        self.tab = Some(tab);
        self.path.clone_from(&path);
        let Browser { name: browser, device } = self.browser;
        let device = device.unwrap_or_default();
        if self.listener.enter(OpenPage { path, browser, device, generation: tab.generation, ..OpenPage::default() }) {
            self.ping().await?;
        }
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
                let Prepared { update, files, .. } = prepared;
                let own = if update.pages { self.judge(tab, update).await } else { None };
                own.or_else(|| files.clone())
            }
        };
        match text {
            Some(text) => self.say(Frame::Text(text)).await,
            None => {
                // Nothing of it concerns the page: it is of this generation as it is.
                let newest = prepared.update.generation;
                self.listener.change(|page| page.generation = newest);
                Some(())
            }
        }
    }

    /// Somebody did something in another page.
    async fn repeat(&mut self, act: &Mirrored) -> Option<()> {
        if self.listener.repeats(act, &self.path) { self.say(Frame::Text(act.text.clone())).await } else { Some(()) }
    }

    /// What a tab has to do about its own text; `None` when that is byte-equal.
    async fn judge(&mut self, tab: Tab, update: &Update) -> Option<Utf8Bytes> {
        let message = match self.listener.hub().judge(tab, &self.visitor).await {
            Verdict::Same => return None,
            Verdict::Changed(text) => {
                self.tab = Some(Tab { page: Some(text.page), generation: update.generation });
                Message::patch(update, Some(text))
            }
            Verdict::Reload => update.reload(),
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

    fn check(origins: &[&str], server: &str, expected: Result<(), Refusal>) {
        let server: Uri = server.parse().unwrap();
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        let found = check_origin(&headers, server.scheme().unwrap(), server.authority().unwrap());
        assert_eq!(found, expected, "{origins:?} at {server}");
    }

    #[test]
    fn only_our_own_pages_listen() {
        const PLAIN: &str = "http://localhost:4747/";
        const TLS: &str = "https://localhost:4747/";
        check(&[], PLAIN, Ok(()));
        check(&["http://localhost:4747"], PLAIN, Ok(()));
        check(&["https://localhost:4747"], TLS, Ok(()));
        check(&["http://localhost:4747"], TLS, Err(Refusal::Origin));
        for evil in [
            "http://evil.example",
            "https://localhost:4747",
            "null",
            "http://localhost:4748",
            "file://",
            "http://localhost:4747.evil",
            "http://localhost.:4747",
            "http://localhost",
            "http://localhost:4747/",
            "http://localhost:4747@evil.example",
            "http://shop.localhost:4747",
            "http://127.0.0.1:4747",
            "",
        ] {
            check(&[evil], PLAIN, Err(Refusal::Origin));
        }
        check(&["http://localhost:4747", "http://localhost:4747"], PLAIN, Err(Refusal::Origin));
    }
}
