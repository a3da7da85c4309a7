//! The fan-out to browsers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{broadcast, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{message::Message, token::Token};
use crate::{generation::Standing, telemetry::Notices};

/// Messages a browser may be behind. One that is further behind is let go: it reconnects and compares.
const QUEUE: usize = 64;

/// Sockets at once. A developer has dozens of tabs; the rest is for load tests, and the bound for hostile pages.
const SOCKETS: usize = 8192;

/// Tells every connected browser; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    messages: broadcast::Sender<Utf8Bytes>,
    standing: watch::Receiver<Standing>,
    sockets: AtomicUsize,
    project: String,
    token: Token,
    notices: Notices,
}

/// One browser's end: its messages, and its place among the sockets.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) messages: broadcast::Receiver<Utf8Bytes>,
    hub: Hub,
}

impl Hub {
    /// A hub for a run of a project.
    #[must_use]
    pub fn new(project: &str, token: Token, standing: watch::Receiver<Standing>, notices: Notices) -> Self {
        let (messages, _) = broadcast::channel(QUEUE);
        let inner = Inner { messages, standing, sockets: AtomicUsize::new(0), project: project.to_owned(), token, notices };
        Self(Arc::new(inner))
    }

    /// Tells everybody; answers how many that are.
    pub fn send(&self, message: &Message) -> usize {
        match serde_json::to_string(message) {
            Ok(text) => self.0.messages.send(text.into()).unwrap_or(0),
            Err(_) => 0,
        }
    }

    /// A new browser's end; `None` when there are too many.
    pub(super) fn listen(&self) -> Option<Listener> {
        let place =
            self.0.sockets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < SOCKETS).then_some(open + 1));
        place.ok().map(|_| Listener { messages: self.0.messages.subscribe(), hub: self.clone() })
    }

    /// The first message of a socket. It must be made after [`Hub::listen`], or what changes in between is lost.
    pub(super) fn hello(&self) -> Utf8Bytes {
        let hello = Message::hello(&self.0.project, &self.0.standing.borrow());
        serde_json::to_string(&hello).unwrap_or_default().into()
    }

    pub(super) fn project(&self) -> &str {
        &self.0.project
    }

    pub(super) fn token(&self) -> &Token {
        &self.0.token
    }

    pub(super) fn notices(&self) -> &Notices {
        &self.0.notices
    }
}

impl Listener {
    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}
