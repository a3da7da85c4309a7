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

use std::{pin::pin, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Backend, Peer, ProxyError, State, Upstream,
    gate::Entry,
    limits::Limits,
    request::Outbound,
    response,
    rewrite::rewrite,
    transport::{Connections, Content, Failure},
    tunnel::{self, Speech},
};
use crate::telemetry::{Phase, Phases};

/// The pauses between attempts to connect grow from the first to the last of these: a refused attempt costs microseconds here.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How long a program that was asked whether it wants a body may say nothing, before it gets it: many do not know the question
/// (RFC 9110 §10.1.1). It is what curl waits.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

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
        let phases = Phases::of(request.extensions());
        let mut outbound = Outbound::new(request, &peer, &self.0.signature)?;
        let mut patience = Patience::new(self.0.limits);
        let mut over = Connections::Pooled;
        loop {
            let (backend, entry) = self.enter(&mut patience, &phases).await?;
            // Now, not when the answer comes: what the program reads for it may be changed in between.
            let generation = backend.generation();
            match phases.during(Phase::App, self.send(&backend, &outbound, over)).await {
                Ok(response) => {
                    let mut response = self.answer(response, &mut outbound, &backend, entry, &peer)?;
                    response.extensions_mut().insert(generation);
                    return Ok(response);
                }
                Err(Failure::Unsent) => {
                    debug_assert!(outbound.is_whole(), "what was not sent came back");
                    drop(entry);
                    Box::pin(phases.during(Phase::Queue, self.wait_to_reconnect(&backend, &mut patience)))
                        .await
                        .map_err(|error| backend.explain(error))?;
                }
                Err(Failure::Unanswered(_)) if over == Connections::Pooled && outbound.is_repeatable() => {
                    over = Connections::New;
                }
                Err(Failure::Unanswered(error)) => return Err(backend.explain(ProxyError::Unanswered(error))),
                Err(Failure::Final(error)) => return Err(backend.explain(error)),
            }
        }
    }

    /// Waits until a program lets the request in.
    async fn enter(&self, patience: &mut Patience, phases: &Phases) -> Result<(Arc<Backend>, Entry), ProxyError> {
        loop {
            match self.look() {
                Look::Admitted(backend, entry) => return Ok((backend, entry)),
                Look::Down(error) => return Err(error),
                Look::Wait => Box::pin(phases.during(Phase::Queue, self.park(patience))).await?,
            }
        }
    }

    fn look(&self) -> Look {
        match &*self.0.states.borrow() {
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
        let _ticket = self.0.parking.take().ok_or(ProxyError::Crowded)?;
        let mut states = self.0.states.clone();
        let decided = timeout_at(patience.deadline(), states.wait_for(State::is_decided)).await.map(|state| state.is_ok());
        match decided {
            Ok(true) => patience.start_over(),
            Ok(false) => return Err(ProxyError::Stopping),
            Err(_) => return Err(self.waited_in_vain()),
        }
        Ok(())
    }

    fn waited_in_vain(&self) -> ProxyError {
        let why = match &*self.0.states.borrow() {
            State::Waiting { why } => why.clone(),
            State::Serving(_) | State::Down(_) => "the next program".to_owned(),
        };
        let error = ProxyError::Waited { why, limit: self.0.limits.park };
        match &*self.0.awaited.borrow() {
            Some(words) => words.explain(error),
            None => error,
        }
    }

    /// Waits until somebody else serves, or until it is worth trying the same program again.
    async fn wait_to_reconnect(&self, refused_by: &Arc<Backend>, patience: &mut Patience) -> Result<(), ProxyError> {
        let refused = || ProxyError::Refused { base: refused_by.base().clone() };
        let pause = patience.pause().ok_or_else(refused)?;
        let is_other = |state: &State| !matches!(state, State::Serving(backend) if Arc::ptr_eq(backend, refused_by));
        let mut states = self.0.states.clone();
        match timeout(pause, states.wait_for(is_other)).await.map(|state| state.is_ok()) {
            Ok(true) => patience.start_over(),
            Ok(false) => return Err(refused()),
            Err(_) => (),
        }
        Ok(())
    }

    /// Sends the request once and waits for the head of the answer; silence counts from the last piece of the body that the
    /// program took.
    async fn send(&self, backend: &Backend, outbound: &Outbound, over: Connections) -> Result<Response<Content>, Failure> {
        let mut response = pin!(backend.send(outbound, over));
        let limit = backend.target().answer;
        let mut deadline = Instant::now() + limit;
        if outbound.is_awaited() {
            match timeout(LEAVE_LIMIT, &mut response).await {
                Ok(answered) => return answered,
                Err(_) => outbound.permit(),
            }
        }
        loop {
            match timeout_at(deadline, &mut response).await {
                Ok(answered) => return answered,
                Err(_) => deadline = outbound.upload.as_ref().map_or(deadline, |upload| upload.moved() + limit),
            }
            if deadline <= Instant::now() {
                return Err(Failure::Final(ProxyError::Silent { limit }));
            }
        }
    }

    fn answer(
        &self,
        mut response: Response<Content>,
        outbound: &mut Outbound,
        backend: &Backend,
        entry: Entry,
        peer: &Peer,
    ) -> Result<Response<Body>, ProxyError> {
        let (version, status) = (response.version(), response.status());
        let mut relayed = if status == StatusCode::SWITCHING_PROTOCOLS {
            upgrade(response, outbound, backend, entry)?
        } else if status.is_success() && outbound.upgrade.as_ref().is_some_and(|wanted| wanted.key.is_some()) {
            // Over HTTP/2 every success opens the websocket.
            return Err(ProxyError::Unswitched);
        } else {
            go_on_sending(response.body_mut(), outbound, backend);
            response::relay(response, &outbound.method, entry)
        };
        let headers = relayed.headers_mut();
        self.0.signature.sign(headers, version);
        response::drop_transport_security(headers, peer.host.host());
        rewrite(headers, backend.base(), peer);
        Ok(relayed)
    }
}

/// Lets an upload go on while its answer is read: the browser may read it only once all is sent.
fn go_on_sending(content: &mut Content, outbound: &Outbound, backend: &Backend) {
    let Some(upload) = outbound.upload.clone().filter(|upload| !upload.is_over() && !upload.is_awaited()) else { return };
    if let Some(driving) = content.take_driving() {
        backend.run(async move {
            driving.run().await;
            upload.discard().await;
        });
    }
}

/// Lets the two connections be joined once the browser has got the response.
fn upgrade(
    mut response: Response<Content>,
    outbound: &mut Outbound,
    backend: &Backend,
    entry: Entry,
) -> Result<Response<Body>, ProxyError> {
    let wanted = outbound.upgrade.take().ok_or(ProxyError::Unasked)?;
    let app = hyper::upgrade::on(&mut response);
    let (head, mut content) = response.into_parts();
    let switched = response::switch(head.headers, &wanted).ok_or(ProxyError::Unasked)?;
    let speech = if wanted.is_websocket() { Speech::Websocket } else { Speech::Other };
    backend.run(tunnel::run(wanted.browser, app, content.take_driving(), speech, entry.into_stream()));
    Ok(switched)
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
