//! What browsers and their DevTools ask for by themselves: answered where the project has nothing there, so that no console and no
//! list of requests shows a 404 that nobody asked for.
//!
//! The project is asked first, and what it has is its answer. In the same way a service worker of another project is sent away.
//!
//! Absent here: missing source maps. DevTools make no noise of their 404, and an empty map in its place would hide why no source is
//! shown.

mod worker;
mod workspace;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use tower::{Layer, Service};

pub use self::worker::Workers;
use self::{
    worker::Update,
    workspace::{Seat, Workspace},
};
use super::origin::says;
use crate::{
    after::{After, Finish},
    config::Config,
    field::SEC_FETCH_DEST,
    telemetry::Notices,
};

/// Where browsers look for the icon of a page that names none.
const ICON: &str = "/favicon.ico";

/// Answers what was asked for by nobody.
#[derive(Clone)]
pub(super) struct Quiet(Arc<Inner>);

struct Inner {
    /// `None` where it is switched off.
    workspace: Option<Workspace>,
    workers: Workers,
    notices: Notices,
}

/// What a browser asked for by itself.
pub(super) struct Asked {
    quiet: Quiet,
    what: What,
}

enum What {
    /// The icon of a page.
    Icon,
    /// The folder of the project, for a browser that sits there.
    Workspace(Seat),
    /// The script of a service worker that it has.
    Worker(Update),
}

impl Quiet {
    pub(super) fn new(config: &Config, workers: Workers, notices: Notices) -> Self {
        let workspace = config.live.workspace.then(|| Workspace::new(config));
        Self(Arc::new(Inner { workspace, workers, notices }))
    }

    fn asked(&self, request: &Request<Body>) -> Option<Asked> {
        let what = match request.uri().path() {
            _ if !matches!(*request.method(), Method::GET | Method::HEAD) => return None,
            ICON => wants_a_picture(request.headers()).then_some(What::Icon),
            workspace::PATH => self.0.workspace.is_some().then(|| Seat::of(request)).flatten().map(What::Workspace),
            _ => Update::of(request).map(What::Worker),
        }?;
        Some(Asked { quiet: self.clone(), what })
    }
}

impl Finish for Asked {
    fn finish(self, answer: Response<Body>) -> Response<Body> {
        let Inner { workspace, workers, notices } = &*self.quiet.0;
        match (self.what, workspace) {
            (What::Icon, _) if answer.status() == StatusCode::NOT_FOUND => no_icon(),
            (What::Workspace(seat), Some(workspace)) if !workspace::is_in(&answer) => workspace.answer(seat),
            (What::Worker(update), _) => workers.judge(update, answer, notices),
            _ => answer,
        }
    }
}

/// Whether a picture is loaded, by what browsers say: whoever opens the address in a tab, or asks from a shell, hears that it is missing.
fn wants_a_picture(headers: &HeaderMap) -> bool {
    let accepts = |value: &HeaderValue| value.as_bytes().starts_with(b"image/");
    says(headers, &SEC_FETCH_DEST, "image") || headers.get(header::ACCEPT).is_some_and(accepts)
}

/// Whether an answer is a page: a single-page application answers every address with its own.
fn is_page(answer: &Response<Body>) -> bool {
    let is_html = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.trim_start().starts_with("text/html"));
    answer.headers().get(header::CONTENT_TYPE).is_some_and(is_html)
}

/// No picture, which is no mistake either. Not to be kept: there may be one tomorrow, and the port may be another project's.
fn no_icon() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl<S> Layer<S> for Quiet {
    type Service = Quieted<S>;

    fn layer(&self, inner: S) -> Quieted<S> {
        Quieted { inner, quiet: self.clone() }
    }
}

/// The service of [`Quiet`].
#[derive(Clone)]
pub(super) struct Quieted<S> {
    inner: S,
    quiet: Quiet,
}

impl<S> Service<Request<Body>> for Quieted<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = After<S::Future, Asked>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let asked = self.quiet.asked(&request);
        After::new(self.inner.call(request), asked)
    }
}

#[cfg(test)]
mod tests;
