//! Counts who is inside a backend, and closes it.
//!
//! [`Gate::enter`] and [`Gate::close`] are atomic to each other: whoever got an [`Entry`] was counted before the gate closed, and
//! [`Gate::quiet`] waits for them. Long-lived streams (events, websockets) are counted apart, since they would hold a drain for
//! ever: they are asked to end by [`Ends`] instead.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Who is inside.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    closed: bool,
    requests: usize,
    streams: usize,
}

/// When long-lived streams have to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// Event streams: as soon as the drain begins, their readers connect again by themselves.
    pub(super) events: CancellationToken,
    /// Upgraded connections: when the requests are through.
    pub(super) tunnels: CancellationToken,
}

/// The entrance of one backend.
#[derive(Debug, Default)]
pub(super) struct Gate {
    counts: watch::Sender<Counts>,
    ends: Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Stream,
}

/// One that is inside, until dropped.
#[derive(Debug)]
pub(super) struct Entry {
    gate: Arc<Gate>,
    kind: Kind,
}

impl Gate {
    /// Counts a request in, or `None` when the gate is closed.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Entry> {
        let mut open = false;
        // Nobody waits for a rise of the count, so nobody is woken.
        self.counts.send_if_modified(|counts| {
            open = !counts.closed;
            counts.requests += usize::from(open);
            false
        });
        open.then(|| Entry { gate: self.clone(), kind: Kind::Request })
    }

    /// Lets nobody in from now on.
    pub(super) fn close(&self) {
        self.counts.send_modify(|counts| counts.closed = true);
    }

    pub(super) fn is_open(&self) -> bool {
        !self.counts.borrow().closed
    }

    /// Requests inside.
    pub(super) fn requests(&self) -> usize {
        self.counts.borrow().requests
    }

    /// Requests and long-lived streams inside.
    pub(super) fn everyone(&self) -> usize {
        let counts = self.counts.borrow();
        counts.requests + counts.streams
    }

    /// Waits until no request is inside; only once closed.
    pub(super) async fn quiet(&self) {
        // The sender is `self`, so the channel cannot close meanwhile.
        let _ = self.counts.subscribe().wait_for(|counts| counts.requests == 0).await;
    }

    /// Waits until nobody at all is inside; only once closed.
    pub(super) async fn empty(&self) {
        let _ = self.counts.subscribe().wait_for(|counts| counts.requests + counts.streams == 0).await;
    }

    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }
}

impl Entry {
    /// From now on this one does not hold a drain.
    pub(super) fn into_stream(mut self) -> Self {
        if self.kind == Kind::Request {
            self.kind = Kind::Stream;
            self.gate.counts.send_if_modified(|counts| {
                counts.requests -= 1;
                counts.streams += 1;
                counts.closed
            });
        }
        self
    }

    pub(super) fn ends(&self) -> &Ends {
        self.gate.ends()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.gate.counts.send_if_modified(|counts| {
            match self.kind {
                Kind::Request => counts.requests -= 1,
                Kind::Stream => counts.streams -= 1,
            }
            counts.closed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_enters_a_closed_gate_and_those_inside_are_waited_for() {
        let gate = Arc::new(Gate::default());
        let inside = gate.enter().expect("open");
        gate.close();
        assert!(gate.enter().is_none());
        let quiet = tokio::spawn({
            let gate = gate.clone();
            async move { gate.quiet().await }
        });
        tokio::task::yield_now().await;
        assert!(!quiet.is_finished());
        drop(inside);
        quiet.await.expect("quiet");
    }

    #[tokio::test]
    async fn a_stream_does_not_hold_the_quiet_but_is_somebody() {
        let gate = Arc::new(Gate::default());
        let stream = gate.enter().expect("open").into_stream();
        gate.close();
        gate.quiet().await;
        assert_eq!((gate.requests(), gate.everyone()), (0, 1));
        drop(stream);
        gate.empty().await;
    }
}
