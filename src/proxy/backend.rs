//! One program that answers: where it is, its connections, and who is inside.
//!
//! The pool belongs to the backend and dies with it, so that no request meets a connection to a program that is gone. A
//! backend is closed once, by [`Backend::drain`], and never opened again.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Request, Uri, uri::PathAndQuery};
use hyper_util::{
    client::legacy::{Client, ResponseFuture, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;
use tokio_util::{sync::DropGuard, task::TaskTracker};

use super::{
    body::Outgoing,
    gate::{Entry, Gate},
    request::locate,
};
use crate::generation::Generation;

/// A connection on this machine is made in microseconds, one to a container in milliseconds.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Shorter than the shortest keep-alive that common programs have (gunicorn: 2 s), so that it is we who close an idle connection
/// and a POST never crosses the program's close.
const IDLE_LIMIT: Duration = Duration::from_millis(1500);

/// What a program's response head may take. Node writes at most 16 KiB by default, Go 1 MiB, which nobody needs.
const HEAD_LIMIT: usize = 128 * 1024;

/// How long upgraded connections may take to say good-bye once they are asked to.
const FAREWELL_LIMIT: Duration = Duration::from_millis(250);

type HttpClient = Client<HttpConnector, Outgoing>;

/// Which connections a request may go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connections {
    /// Kept-alive ones, as a rule.
    Pooled,
    /// Only a new one: after a kept-alive one broke, the next in the pool may be broken too.
    New,
}

/// One program that answers requests, of one generation.
pub struct Backend {
    base: Uri,
    generation: AtomicU64,
    pooled: HttpClient,
    unpooled: HttpClient,
    gate: Arc<Gate>,
    tunnels: TaskTracker,
    _ends: [DropGuard; 2],
}

impl Backend {
    /// A program that listens at `base` (`http://127.0.0.1:PORT`; a path is ignored). No connection is made yet. Dropping the
    /// last handle ends the event streams and websockets that still run through it.
    #[must_use]
    pub fn new(base: Uri, generation: Generation) -> Arc<Self> {
        let gate = Arc::new(Gate::default());
        let ends = [gate.ends().events.clone().drop_guard(), gate.ends().tunnels.clone().drop_guard()];
        Arc::new(Self {
            base,
            generation: AtomicU64::new(generation.0),
            pooled: client(usize::MAX),
            unpooled: client(0),
            gate,
            tunnels: TaskTracker::new(),
            _ends: ends,
        })
    }

    /// The generation whose answers it gives.
    #[must_use]
    pub fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::Relaxed))
    }

    /// Gives it the number of a generation in which the program is unchanged and something else is new.
    pub fn renumber(&self, generation: Generation) {
        self.generation.store(generation.0, Ordering::Relaxed);
    }

    /// How many requests are inside: sent and not yet answered to the last byte. Event streams and upgraded connections are
    /// not among them.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.gate.requests()
    }

    /// Closes the gate, ends event streams, waits until no request is inside or `limit` is over, then asks upgraded connections
    /// to close. Returns how many requests and streams were left.
    ///
    /// To be called after [`Slot::replace`](super::Slot::replace), so that requests that find the gate closed find another
    /// backend, too.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.gate.close();
        self.gate.ends().events.cancel();
        // Over the limit or not: the rest is the same, and the count tells.
        let _ = timeout(limit, self.gate.quiet()).await;
        self.gate.ends().tunnels.cancel();
        let _ = timeout(FAREWELL_LIMIT, self.gate.empty()).await;
        self.gate.everyone()
    }

    pub(super) fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    /// Counts a request in; `None` once [`Backend::drain`] began.
    pub(super) fn enter(&self) -> Option<Entry> {
        self.gate.enter()
    }

    /// Sends a request whose target is `path`; the authority is always ours.
    pub(super) fn send(&self, mut request: Request<Outgoing>, path: &PathAndQuery, over: Connections) -> ResponseFuture {
        *request.uri_mut() = locate(&self.base, path);
        match over {
            Connections::Pooled => self.pooled.request(request),
            Connections::New => self.unpooled.request(request),
        }
    }

    /// Runs an upgraded connection; it ends by itself, or when the backend drains.
    pub(super) fn run_tunnel(&self, tunnel: impl Future<Output = ()> + Send + 'static) {
        self.tunnels.spawn(tunnel);
    }

    /// Event streams and upgraded connections inside.
    #[cfg(test)]
    pub(super) fn streams(&self) -> usize {
        self.gate.everyone() - self.gate.requests()
    }

    pub(super) fn base(&self) -> &Uri {
        &self.base
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (base, generation) = (&self.base, self.generation());
        write!(f, "Backend({base}, generation {generation}, {} in flight)", self.in_flight())
    }
}

fn client(idle_connections: usize) -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_LIMIT));
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_LIMIT)
        .pool_max_idle_per_host(idle_connections)
        .http1_max_buf_size(HEAD_LIMIT)
        .build(connector)
}
