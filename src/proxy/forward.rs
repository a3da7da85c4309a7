//! One request's way: find who answers, enter, send, and do it again where that is safe.
//!
//! | what happened | what is done |
//! |---|---|
//! | nobody serves | wait for the next state |
//! | not one byte was sent (refused, or the connection closed before) | wait a little or for the next state, send again |
//! | sent, and closed without an answer | once more over a new connection, if safe and without body |
//! | anything else | an error |
//!
//! A request that may have reached a program is never sent to it twice, unless its method is safe.

use std::{error::Error as _, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Backend, Peer, ProxyError, State, Upstream,
    backend::Connections,
    gate::Entry,
    limits::Limits,
    request::Outbound,
    response,
    tunnel::{self, Speech},
};

/// The pauses between attempts to connect grow from the first to the last of these: a refused attempt costs microseconds here.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How sending failed.
enum Failure {
    /// Not one byte was sent.
    Unsent(Error),
    /// It may have arrived.
    Unanswered(Error),
    /// There is nothing to repeat.
    Final(ProxyError),
}

/// What a request sees when it looks who answers.
enum Look {
    Admitted(Arc<Backend>, Entry),
    Down(ProxyError),
    Wait,
}

impl Upstream {
    /// Sends a request to the program that answers and returns its response, marked with the program's
    /// [`Generation`](crate::generation::Generation) as an extension.
    ///
    /// The future may be dropped at any time. The response's body streams; an error in it must abort the connection.
    ///
    /// # Errors
    ///
    /// When there is no answer to give; [`ProxyError::problem`] says what to tell the browser.
    pub async fn forward(&self, request: Request<Body>, peer: Peer) -> Result<Response<Body>, ProxyError> {
        let mut outbound = Outbound::new(request, &peer, &self.pseudonym)?;
        let mut patience = Patience::new(self.limits);
        let mut over = Connections::Pooled;
        loop {
            let (backend, entry) = self.enter(&mut patience).await?;
            // Now, not when the answer comes: what the program reads for it may be changed in between.
            let generation = backend.generation();
            match self.send(&backend, &outbound, over).await {
                Ok(response) => {
                    let mut response = self.answer(response, &mut outbound, &backend, entry, &peer)?;
                    response.extensions_mut().insert(generation);
                    return Ok(response);
                }
                Err(Failure::Unsent(_)) if outbound.is_whole() => {
                    drop(entry);
                    self.wait_to_reconnect(&backend, &mut patience).await?;
                }
                Err(Failure::Unanswered(_)) if over == Connections::Pooled && outbound.is_repeatable() => {
                    over = Connections::New;
                }
                Err(Failure::Unsent(error) | Failure::Unanswered(error)) => return Err(ProxyError::Unanswered(error)),
                Err(Failure::Final(error)) => return Err(error),
            }
        }
    }

    /// Waits until a program lets the request in.
    async fn enter(&self, patience: &mut Patience) -> Result<(Arc<Backend>, Entry), ProxyError> {
        loop {
            match self.look() {
                Look::Admitted(backend, entry) => return Ok((backend, entry)),
                Look::Down(error) => return Err(error),
                Look::Wait => self.park(patience).await?,
            }
        }
    }

    fn look(&self) -> Look {
        match &*self.states.borrow() {
            State::Serving(backend) => match backend.enter() {
                Some(entry) => Look::Admitted(backend.clone(), entry),
                None => Look::Wait,
            },
            State::Down(report) => Look::Down(ProxyError::Down(report.clone())),
            State::Waiting { .. } => Look::Wait,
        }
    }

    /// Waits for a state to act on.
    async fn park(&self, patience: &mut Patience) -> Result<(), ProxyError> {
        let _ticket = self.parking.take().ok_or(ProxyError::Crowded)?;
        let mut states = self.states.clone();
        let decided = timeout_at(patience.deadline(), states.wait_for(State::is_decided)).await.map(|state| state.is_ok());
        match decided {
            Ok(true) => patience.start_over(),
            Ok(false) => return Err(ProxyError::Stopping),
            Err(_) => return Err(self.waited_in_vain()),
        }
        Ok(())
    }

    fn waited_in_vain(&self) -> ProxyError {
        let why = match &*self.states.borrow() {
            State::Waiting { why } => why.clone(),
            State::Serving(_) | State::Down(_) => "the next program".to_owned(),
        };
        ProxyError::Waited { why, limit: self.limits.park }
    }

    /// Waits until somebody else serves, or until it is worth trying the same program again.
    async fn wait_to_reconnect(&self, refused_by: &Arc<Backend>, patience: &mut Patience) -> Result<(), ProxyError> {
        let refused = || ProxyError::Refused { base: refused_by.base().clone() };
        let pause = patience.pause().ok_or_else(refused)?;
        let is_other = |state: &State| !matches!(state, State::Serving(backend) if Arc::ptr_eq(backend, refused_by));
        let mut states = self.states.clone();
        match timeout(pause, states.wait_for(is_other)).await.map(|state| state.is_ok()) {
            Ok(true) => patience.start_over(),
            Ok(false) => return Err(refused()),
            Err(_) => (),
        }
        Ok(())
    }

    /// Sends the request once and waits for the head of the answer; silence counts from the last piece of the body that the
    /// program took.
    async fn send(&self, backend: &Backend, outbound: &Outbound, over: Connections) -> Result<Response<Incoming>, Failure> {
        let mut response = backend.send(outbound.attempt(), &outbound.path, over);
        let limit = self.limits.answer;
        let mut deadline = Instant::now() + limit;
        loop {
            match timeout_at(deadline, &mut response).await {
                Ok(answered) => return answered.map_err(Failure::from),
                Err(_) => deadline = outbound.upload.as_ref().map_or(deadline, |upload| upload.moved() + limit),
            }
            if deadline <= Instant::now() {
                return Err(Failure::Final(ProxyError::Silent { limit }));
            }
        }
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        outbound: &mut Outbound,
        backend: &Backend,
        entry: Entry,
        peer: &Peer,
    ) -> Result<Response<Body>, ProxyError> {
        let version = response.version();
        let mut relayed = if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            upgrade(response, outbound, backend, entry)?
        } else {
            response::relay(response, &outbound.method, entry)
        };
        response::sign(relayed.headers_mut(), version, &self.pseudonym, peer.host.host());
        Ok(relayed)
    }
}

/// Lets the two connections be joined once the browser has got the response.
fn upgrade(
    mut response: Response<Incoming>,
    outbound: &mut Outbound,
    backend: &Backend,
    entry: Entry,
) -> Result<Response<Body>, ProxyError> {
    let wanted = outbound.upgrade.take().ok_or(ProxyError::Unasked)?;
    let app = hyper::upgrade::on(&mut response);
    let (head, _) = response.into_parts();
    let switched = response::switch(head.headers, &wanted.protocol).ok_or(ProxyError::Unasked)?;
    let speech = if wanted.is_websocket() { Speech::Websocket } else { Speech::Other };
    backend.run_tunnel(tunnel::run(wanted.browser, app, speech, entry.into_stream()));
    Ok(switched)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Some(cause) = error.source().and_then(|source| source.downcast_ref::<hyper::Error>()) else {
            return if error.is_connect() { Self::Unsent(error) } else { Self::Unanswered(error) };
        };
        // Canceled means that the connection closed while the request was still queued before it.
        if error.is_connect() || cause.is_canceled() {
            Self::Unsent(error)
        } else if cause.is_parse() {
            Self::Final(ProxyError::Malformed(error))
        } else if cause.is_user() {
            Self::Final(ProxyError::Upload(error))
        } else {
            Self::Unanswered(error)
        }
    }
}

/// What a request has left of its time.
struct Patience {
    limits: Limits,
    deadline: Option<Instant>,
    refused_since: Option<Instant>,
    pause: Duration,
}

impl Patience {
    fn new(limits: Limits) -> Self {
        Self { limits, deadline: None, refused_since: None, pause: FIRST_PAUSE }
    }

    /// When all waiting ends; it counts from the first wait.
    fn deadline(&mut self) -> Instant {
        *self.deadline.get_or_insert_with(|| Instant::now() + self.limits.park)
    }

    /// How long to wait before the next attempt to connect; `None` when the program refused for too long.
    fn pause(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let refused_since = *self.refused_since.get_or_insert(now);
        let end = self.deadline().min(refused_since + self.limits.reconnect);
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        (now < end).then_some(pause)
    }

    /// Another program is another chance, within the same deadline.
    fn start_over(&mut self) {
        self.refused_since = None;
        self.pause = FIRST_PAUSE;
    }
}
