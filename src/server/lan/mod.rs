//! The gate in front of the project, for whoever comes by the network.
//!
//! A phone that brings an invitation gets a cookie, and is let through from then on; everybody else gets the reason why not, in the
//! page they look at, whatever they ask for and how. The authority's certificate alone is for all: it is what a phone has to trust first,
//! and no secret.
//!
//! The cookie goes no further than here: no program, page or recording sees it. The control listener is not behind this gate, for it
//! is not in the network at all.

mod certificate;
mod cookie;
mod invitation;

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, uri::Authority};
use tower::{Service, ServiceExt};

use super::{
    app::connection,
    control::SEAL,
    converse::{Connection, Transport},
    hosts::check_in_network,
    reply::{redirect_to_tls, refuse},
};
use crate::{
    device::lan::{Lan, PAIR, PENALTY, Place, Uninvited},
    field::SEC_PURPOSE,
    negotiate::{Prefers, Problem},
    reload::OWN,
    telemetry::{Notice, Notices},
    tls::Certificate,
};

use certificate::is_about_certificate;

/// Why a browser that brought nothing is not let in, and what to do.
const UNPAIRED: &str = "this browser is not paired with the development server here. Ask the person who runs it for a code (`p` in \
                        their terminal shows one) and scan it with this device. A pairing ends when the server does.";

/// The words for a browser that loads ahead of its user.
const AHEAD: &str = "a code is not taken by a preview; open its link";

/// The authority that the gate checked, among the extensions of a request that it let through.
#[derive(Clone, Debug)]
pub(super) struct Admitted(pub(super) Authority);

/// What the request path knows of phones in the network. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LanRooms {
    /// Where they come in, and who may.
    pub lan: Lan,
    /// What they have to trust; `None` where no certificate of ours is shown.
    pub certificate: Option<Arc<Certificate>>,
}

/// Lets paired browsers through.
#[derive(Debug)]
pub struct Gate {
    rooms: LanRooms,
    notices: Notices,
    is_told: AtomicBool,
}

impl Gate {
    /// A gate in which nobody was yet.
    #[must_use]
    pub fn new(rooms: LanRooms, notices: Notices) -> Self {
        Self { rooms, notices, is_told: AtomicBool::new(false) }
    }

    /// The answer of `project` to whoever is paired; to anybody else, why there is none.
    ///
    /// # Errors
    /// Never.
    pub async fn pass<S>(&self, request: Request<Body>, project: S) -> Result<Response<Body>, Infallible>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        match self.admit(request) {
            Ok(request) => project.oneshot(request).await,
            Err(refusal) => Ok(*refusal),
        }
    }

    /// The request as the project gets it, or the answer that ends it here.
    fn admit(&self, mut request: Request<Body>) -> Result<Request<Body>, Box<Response<Body>>> {
        let at = connection(&request);
        let place = self.rooms.lan.place().filter(|place| place.is_at(at.local.ip()));
        let name = place.as_ref().and_then(|place| place.name.as_deref());
        let host = check_in_network(request.uri(), request.headers(), at, name)
            .map_err(|stranger| sealed(refuse(request.headers(), stranger.status(), stranger)))?;
        if request.uri().path().strip_prefix(OWN).is_some_and(is_about_certificate) {
            return Err(sealed(certificate::answer(&request, &self.rooms)));
        }
        if at.transport == Transport::Unencrypted {
            return Err(sealed(redirect_to_tls(&host, request.uri())));
        }
        let is_paired = cookie::values(request.headers(), at.local.port()).any(|value| self.rooms.lan.pairing.knows(value));
        match (request.uri().path() == PAIR, is_paired) {
            (true, true) => Err(sealed(to_the_project(None))),
            (true, false) => Err(sealed(self.pair(&request, at))),
            (false, false) => Err(sealed(not_paired(&request, place.as_ref()))),
            (false, true) => {
                cookie::take_out(request.headers_mut());
                request.extensions_mut().insert(Admitted(host));
                Ok(request)
            }
        }
    }

    /// Takes an invitation.
    fn pair(&self, request: &Request<Body>, at: Connection) -> Response<Body> {
        let headers = request.headers();
        let Some(token) = invitation::token_in(request.uri()) else { return not_paired(request, None) };
        if request.method() != Method::GET {
            let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, AHEAD);
            return problem.header(header::ALLOW, HeaderValue::from_static("GET")).respond(headers, Prefers::Html);
        }
        if headers.contains_key(&SEC_PURPOSE) {
            return refuse(headers, StatusCode::FORBIDDEN, AHEAD);
        }
        let from = at.remote.ip().to_canonical();
        match self.rooms.lan.pairing.accept(token, from, Instant::now()) {
            Ok(browser) => {
                self.notices
                    .send(Notice::Device { name: from.to_string(), what: "paired; `p` shows a code for the next one".into() });
                to_the_project(cookie::given(&browser, at.local.port(), at.transport == Transport::Tls))
            }
            Err(why) => self.turn_away(headers, why, from),
        }
    }

    fn turn_away(&self, headers: &HeaderMap, why: Uninvited, from: IpAddr) -> Response<Body> {
        if why != Uninvited::TooMany {
            let advice = format!("{why}. Ask for a new one: `p` in the terminal of the server shows it");
            return refuse(headers, StatusCode::FORBIDDEN, advice);
        }
        if !self.is_told.swap(true, Ordering::Relaxed) {
            self.notices.warn(format!("{from} tried too many wrong codes: it has to wait a minute after each few"));
        }
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, why.to_string());
        problem.header(header::RETRY_AFTER, HeaderValue::from(PENALTY.as_secs())).respond(headers, Prefers::Html)
    }
}

/// Whether a request is for what this machine shows of it.
pub(super) fn is_shown_here(request: &Request<Body>) -> bool {
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    is_read && (path == PAIR || path.strip_prefix(OWN).is_some_and(is_about_certificate))
}

impl LanRooms {
    /// What the person at this machine sees of it, on loopback.
    pub(super) fn shown_here(&self, request: &Request<Body>, host: &Authority, remote: IpAddr) -> Response<Body> {
        *sealed(match request.uri().path() == PAIR {
            true => invitation::page(request, &self.lan, host, remote),
            false => certificate::answer(request, self),
        })
    }
}

fn not_paired(request: &Request<Body>, place: Option<&Place>) -> Response<Body> {
    let problem = Problem::new(StatusCode::FORBIDDEN, UNPAIRED);
    let problem = match place {
        Some(place) if place.scheme == http::uri::Scheme::HTTPS => problem.with("certificate", place.certificate()),
        _ => problem,
    };
    problem.respond(request.headers(), Prefers::Html)
}

/// The way on, without the token in the address.
fn to_the_project(cookie: Option<HeaderValue>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// What is answered here is never kept, framed, sniffed or told about.
fn sealed(mut response: Response<Body>) -> Box<Response<Body>> {
    for (name, value) in SEAL {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Box::new(response)
}

#[cfg(test)]
mod tests;
