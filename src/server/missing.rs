//! A server that gave no answer: what the request path tells whoever waits for it.

use crate::{config::RoutePath, proxy::ProxyError};

/// A server that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which one.
    pub server: Server,
    /// Whether it is gone for sure: one that only closed a connection may not like the request.
    pub is_gone: bool,
}

/// A server that is no program of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// The one behind the site.
    Upstream,
    /// The one that the route of this path leads to.
    Route(RoutePath),
}

impl Missing {
    /// What an error says of the server it is about; `None` when that is there.
    pub(super) fn of(error: &ProxyError, server: impl FnOnce() -> Server) -> Option<Self> {
        let is_gone = matches!(error, ProxyError::Refused { .. });
        error.is_absence().then(|| Self { server: server(), is_gone })
    }
}
