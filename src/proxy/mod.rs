//! Sends a request or websocket to the program that answers now, and streams the answer back.
//!
//! [`slot`] gives two ends. The session keeps the [`Slot`] and says who answers ([`State`]); requests hold the cheap
//! [`Upstream`] and call [`Upstream::forward`]. A request is counted in at its [`Backend`] before the backend can be closed, or
//! it reads the state again: none ever reaches a program that is being stopped. While nothing serves, requests wait, bounded
//! in number and time.
//!
//! This module starts, watches and stops no program, renders no page (an error is plain data, [`ProxyError::problem`]), and
//! never takes the address of the program from a request.

mod backend;
mod body;
mod error;
mod forward;
mod frames;
mod gate;
mod headers;
mod interim;
mod limits;
mod parking;
mod request;
mod response;
mod rewrite;
mod target;
mod transport;
mod tunnel;
mod upgrade;
mod via;
mod words;

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::uri::{Authority, Scheme};
use tokio::sync::watch;

pub use backend::Backend;
pub use error::{Bound, Problem, ProxyError};
pub(crate) use headers::remove_hop_by_hop;
pub use interim::Interim;
pub use target::{HostPolicy, Protocol, Target, Trust};
pub use upgrade::{Welcome, is_websocket_connect};

use crate::{generation::Generation, report::Report};
use limits::Limits;
use parking::Parking;
use via::Signature;
use words::Words;

/// Who answers requests.
#[derive(Clone, Debug)]
pub enum State {
    /// Nobody yet; requests wait.
    Waiting {
        /// What they wait for, for the page of those that waited in vain: `the first build`.
        why: String,
    },
    /// This program.
    Serving(Arc<Backend>),
    /// Nobody, and waiting would be in vain: requests are answered with the report at once.
    Down(Arc<Report>),
}

impl State {
    /// Whether a request that waits should look again.
    fn is_decided(&self) -> bool {
        match self {
            Self::Waiting { .. } => false,
            Self::Serving(backend) => backend.is_open(),
            Self::Down(_) => true,
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }
}

/// The session's end: says who answers.
#[derive(Debug)]
pub struct Slot {
    states: watch::Sender<State>,
    parking: Arc<Parking>,
    awaited: watch::Sender<Option<Words>>,
}

/// The requests' end: cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstream(Arc<Shared>);

/// What requests read.
#[derive(Debug)]
struct Shared {
    states: watch::Receiver<State>,
    parking: Arc<Parking>,
    /// What the program says that is waited for.
    awaited: watch::Receiver<Option<Words>>,
    signature: Signature,
    limits: Limits,
}

/// Who sent a request, and under which name they know us.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The other end of the connection.
    pub remote: SocketAddr,
    /// The scheme of the listener that took the request.
    pub scheme: Scheme,
    /// The request's `Host` or `:authority`, already checked.
    pub host: Authority,
}

/// The two ends of a proxy. Until the first [`Slot::replace`] requests wait, for so long and so many at most.
#[must_use]
pub fn slot(wait: Duration, waiting: usize) -> (Slot, Upstream) {
    slot_within(Limits { park: wait, parked: waiting, ..Limits::default() })
}

fn slot_within(limits: Limits) -> (Slot, Upstream) {
    let (sender, receiver) = watch::channel(State::Waiting { why: "the first start".to_owned() });
    let parking = Arc::new(Parking::new(limits.parked));
    let (awaiting, awaited) = watch::channel(None);
    let slot = Slot { states: sender, parking: parking.clone(), awaited: awaiting };
    (slot, Upstream(Arc::new(Shared { states: receiver, parking, awaited, signature: Signature::new(), limits })))
}

impl Slot {
    /// Says who answers from now on, wakes the requests that wait, and returns what was said before.
    pub fn replace(&self, state: State) -> State {
        let replaced = self.states.send_replace(state);
        if !replaced.is_waiting() {
            self.parking.forget();
        }
        replaced
    }

    /// Takes the last lines of a program that starts from here, for those who wait for it in vain.
    pub fn listen_to(&self, last_words: impl Fn() -> String + Send + Sync + 'static) {
        self.awaited.send_replace(Some(Words::new(last_words)));
    }

    /// Gives the program that serves the number of a generation in which it is unchanged and something else is new.
    pub fn renumber(&self, generation: Generation) {
        if let State::Serving(backend) = &*self.states.borrow() {
            backend.renumber(generation);
        }
    }

    /// How many requests have had to wait since something last served: the same just before and just after the
    /// [`Slot::replace`] that ends the waiting.
    #[must_use]
    pub fn waited(&self) -> u64 {
        self.parking.waited()
    }
}
