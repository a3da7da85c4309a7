//! The signals that ask a process to end.
//!
//! Everlit and its keepers take the same four as an order. Whoever listens is no longer ended by them: the programs it starts
//! are, for a signal that is caught has its first meaning again after `exec`.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll},
};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for SIGINT, SIGTERM, SIGHUP and SIGQUIT.
#[derive(Debug)]
pub(crate) struct EndSignals([Signal; 4]);

impl EndSignals {
    /// Begins to listen. Must be called within a runtime that has its I/O enabled.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::quit())?,
        ]))
    }

    /// Waits for the next of them; several of one kind that came at once count as one. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let came = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if came { Poll::Ready(()) } else { Poll::Pending }
    }
}
