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
mod limits;
mod parking;
mod request;
mod response;
mod tunnel;
mod upgrade;

#[cfg(test)]
mod tests;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    net::SocketAddr,
    sync::Arc,
};

use http::uri::{Authority, Scheme};
use tokio::sync::watch;

pub use backend::Backend;
pub use error::{Problem, ProxyError};

use crate::{generation::Generation, report::Report};
use limits::Limits;
use parking::Parking;

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
}

/// The requests' end: cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstream {
    states: watch::Receiver<State>,
    parking: Arc<Parking>,
    pseudonym: Arc<str>,
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

/// The two ends of a proxy. Until the first [`Slot::replace`] requests wait.
#[must_use]
pub fn slot() -> (Slot, Upstream) {
    slot_within(Limits::default())
}

fn slot_within(limits: Limits) -> (Slot, Upstream) {
    let (sender, receiver) = watch::channel(State::Waiting { why: "the first start".to_owned() });
    let parking = Arc::new(Parking::new(limits.parked));
    let slot = Slot { states: sender, parking: parking.clone() };
    (slot, Upstream { states: receiver, parking, pseudonym: pseudonym(), limits })
}

/// The name by which we know our own `Via` again: another Everlit in front of or behind this one is no loop.
fn pseudonym() -> Arc<str> {
    format!("everlit-{:016x}", RandomState::new().build_hasher().finish()).into()
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
