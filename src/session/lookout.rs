//! Waits for servers that are not ours and not there: pages that could not be shown are shown once one answers.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderValue, Request, Response, Uri, header::HOST, uri::Authority, uri::Scheme};
use tokio::{task::JoinSet, time::sleep};

use super::Session;
use crate::{
    joined::joined,
    proxy::{Peer, ProxyError, Upstream},
    server::{Missing, Server},
    telemetry::{Notice, Notices},
};

/// The pause between two looks; each takes some time of its own, for a refused connection is tried again within it.
const PAUSE: Duration = Duration::from_millis(200);

/// The servers that are waited for.
#[derive(Default)]
pub(super) struct Lookout {
    looking: JoinSet<Back>,
    servers: Vec<Server>,
}

/// A server that answers.
#[derive(Debug)]
pub(super) struct Back {
    server: Server,
    address: Uri,
    /// Whether pages may show that it did not.
    was_missed: bool,
}

impl Lookout {
    /// Looks for a server, unless that is being done.
    fn look(&mut self, missing: Missing, upstream: Upstream, address: Uri, notices: Notices) {
        let Missing { server, is_gone } = missing;
        if self.servers.contains(&server) {
            return;
        }
        self.servers.push(server.clone());
        self.looking.spawn(async move {
            let was_missed = wait(&upstream, &address, &notices).await || is_gone;
            Back { server, address, was_missed }
        });
    }

    /// The next one that answers; for ever pending when none is looked for. Cancel-safe.
    pub(super) async fn next(&mut self) -> Back {
        loop {
            match self.looking.join_next().await {
                Some(back) => {
                    let Some(back) = joined(back) else { continue };
                    self.servers.retain(|server| *server != back.server);
                    return back;
                }
                None => std::future::pending().await,
            }
        }
    }
}

/// Returns once the server answers, and whether it did not at first.
async fn wait(upstream: &Upstream, address: &Uri, notices: &Notices) -> bool {
    let Err(error) = ask(upstream, address).await else { return false };
    notices.send(Notice::Info(format!("no answer from {address} yet ({error}); pages load anew once there is one")));
    loop {
        sleep(PAUSE).await;
        if ask(upstream, address).await.is_ok() {
            return true;
        }
    }
}

/// Asks for the first page. Any answer will do, and so does an error that somebody must have made.
async fn ask(upstream: &Upstream, address: &Uri) -> Result<Option<Response<Body>>, ProxyError> {
    let host = address.authority().cloned().unwrap_or(Authority::from_static("localhost"));
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from(address.path_and_query().cloned().unwrap_or(http::uri::PathAndQuery::from_static("/")));
    if let Ok(host) = HeaderValue::try_from(host.as_str()) {
        request.headers_mut().insert(HOST, host);
    }
    let peer = Peer { remote: ([127, 0, 0, 1], 0).into(), scheme: Scheme::HTTP, host };
    match upstream.forward(request, peer).await {
        Ok(response) => Ok(Some(response)),
        Err(error) if error.is_absence() => Err(error),
        Err(_) => Ok(None),
    }
}

impl Session {
    /// Looks once for each server that is not ours, so that one that is not there is said before a page asks for it.
    pub(super) fn look_for_servers(&mut self) {
        // Whoever is looked for may not be asked for any more.
        self.lookout = Lookout::default();
        let upstream = self.config.upstream.is_some().then_some(Server::Upstream);
        let routes = self.rooms.routes.iter().map(|route| Server::Route(route.path().clone()));
        for server in upstream.into_iter().chain(routes).collect::<Vec<_>>() {
            self.missed(Missing { server, is_gone: false });
        }
    }

    pub(super) fn missed(&mut self, missing: Missing) {
        let found = match &missing.server {
            Server::Upstream => self.rooms.upstream.clone().zip(self.config.upstream.clone()),
            Server::Route(path) => {
                let route = self.rooms.routes.iter().find(|route| route.path() == path);
                route.map(|route| (route.upstream().clone(), route.to().clone()))
            }
        };
        if let Some((upstream, address)) = found {
            self.lookout.look(missing, upstream, address, self.notices.clone());
        }
    }

    /// A server answers.
    pub(super) fn came_back(&mut self, back: &Back) {
        if back.was_missed {
            self.say(Notice::Info(format!("{} answers", back.address)));
            let generation = self.generations.next();
            self.reload_all(generation, &crate::build::Cause::none(), None);
        }
    }
}
