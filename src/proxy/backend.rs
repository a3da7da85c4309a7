//! One program that answers: where it is, its connections, and who is inside.
//!
//! The connections belong to the backend and die with it, so that no request meets a connection to a program that is gone. A
//! backend is closed once, by [`Backend::drain`], and never opened again.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Response, Uri};
use tokio::time::timeout;
use tokio_util::{sync::DropGuard, task::TaskTracker};

use super::{
    ProxyError,
    gate::{Entry, Gate},
    request::Outbound,
    target::Target,
    transport::{Connections, Content, Failure, Transport},
    words::Words,
};
use crate::generation::Generation;

/// How long upgraded connections may take to say good-bye once they are asked to.
const FAREWELL_LIMIT: Duration = Duration::from_millis(250);

/// One program that answers requests, of one generation.
pub struct Backend {
    target: Target,
    generation: AtomicU64,
    transport: Transport,
    gate: Arc<Gate>,
    tasks: TaskTracker,
    words: Option<Words>,
    _ends: [DropGuard; 2],
}

impl Backend {
    /// A program that listens at `target`. No connection is made yet. Dropping the last handle ends the event streams and
    /// websockets that still run through it.
    #[must_use]
    pub fn new(target: impl Into<Target>, generation: Generation) -> Arc<Self> {
        Self::with(target.into(), generation, None)
    }

    /// The same for a program whose output is heard: where it gives no answer, its last lines are told.
    #[must_use]
    pub fn speaking(
        target: impl Into<Target>,
        generation: Generation,
        last_words: impl Fn() -> String + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::with(target.into(), generation, Some(Words::new(last_words)))
    }

    fn with(target: Target, generation: Generation, words: Option<Words>) -> Arc<Self> {
        let gate = Arc::new(Gate::default());
        let ends = [gate.ends().events.clone().drop_guard(), gate.ends().tunnels.clone().drop_guard()];
        Arc::new(Self {
            transport: Transport::new(&target),
            target,
            generation: AtomicU64::new(generation.0),
            gate,
            tasks: TaskTracker::new(),
            words,
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

    /// Sends a request once and waits for the head of its answer.
    pub(super) async fn send(&self, outbound: &Outbound, over: Connections) -> Result<Response<Content>, Failure> {
        let protocol = outbound.protocol(&self.target);
        self.transport.send(outbound.attempt(&self.target, protocol), protocol, over).await
    }

    /// Runs what goes on after the head of an answer, beside its body: an upgraded connection, which ends by itself or when the
    /// backend drains, or the rest of an upload.
    pub(super) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// An error of this program, with its last lines where it is the program's.
    pub(super) fn explain(&self, error: ProxyError) -> ProxyError {
        match &self.words {
            Some(words) => words.explain(error),
            None => error,
        }
    }

    /// Event streams and upgraded connections inside.
    #[cfg(test)]
    pub(super) fn streams(&self) -> usize {
        self.gate.everyone() - self.gate.requests()
    }

    pub(super) fn base(&self) -> &Uri {
        &self.target.base
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (base, generation) = (&self.target.base, self.generation());
        write!(f, "Backend({base}, generation {generation}, {} in flight)", self.in_flight())
    }
}
