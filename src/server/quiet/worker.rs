//! Service workers that another project left behind on this port: they answer for its pages until somebody unregisters them.
//!
//! A browser asks for the script of a worker that it has, on each visit, past that worker (Service Workers §8.5, Soft Update). Where
//! the project has no such script, the worker is none of its own, and is given one that unregisters itself. A script that the
//! project has answered in this run is its own also while a build has it missing. Absent here: workers that a page registers
//! anew. Its error, that there is no such script, is for its author.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};

use super::is_page;
use crate::{
    assets,
    field::{SEC_FETCH_SITE, SERVICE_WORKER},
    server::origin::says,
    telemetry::Notices,
};

/// Scripts that are remembered, and strangers that are told of: a project has one, or one for each of its parts.
const SCRIPTS: usize = 64;

/// The longest path of a script, in bytes; it is shown in the terminal.
const LONGEST: usize = 300;

/// The workers of a project, for as long as it is served. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Workers(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    own: HashSet<String>,
    strangers: HashSet<String>,
}

/// A request for the script of a worker that the browser has.
#[derive(Debug)]
pub(super) struct Update {
    /// The path of the script.
    path: String,
}

impl Update {
    /// `None` for every other request. A page that registers a worker is named by `Referer`; a browser that looks after one of its own
    /// accord names the script itself, or nobody.
    pub(super) fn of(request: &Request<Body>) -> Option<Self> {
        let headers = request.headers();
        let is_script = *request.method() == Method::GET && says(headers, &SERVICE_WORKER, "script");
        let path = request.uri().path();
        let is_ours = is_script && !says(headers, &SEC_FETCH_SITE, "cross-site") && path.len() <= LONGEST;
        (is_ours && is_by_the_browser(headers, request.uri())).then(|| Self { path: path.to_owned() })
    }
}

fn is_by_the_browser(headers: &HeaderMap, script: &Uri) -> bool {
    let Some(referer) = headers.get(header::REFERER) else { return true };
    let named = referer.to_str().ok().and_then(|referer| referer.parse::<Uri>().ok());
    named.is_some_and(|named| named.path_and_query() == script.path_and_query())
}

impl Workers {
    /// The project's answer, or the script that makes a stranger unregister itself.
    pub(super) fn judge(&self, update: Update, answer: Response<Body>, notices: &Notices) -> Response<Body> {
        let mut seen = self.seen();
        if answer.status().is_success() && !is_page(&answer) {
            if seen.own.len() < SCRIPTS {
                seen.own.insert(update.path);
            }
            return answer;
        }
        let is_missing = answer.status() == StatusCode::NOT_FOUND || answer.status().is_success();
        if !is_missing || seen.own.contains(&update.path) || seen.own.len() == SCRIPTS {
            return answer;
        }
        if seen.strangers.len() < SCRIPTS && seen.strangers.insert(update.path.clone()) {
            let Update { path } = update;
            notices.warn(format!("a service worker of another project ({path}) answered on this port; it is unregistered"));
        }
        farewell()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker may be responsible for more than the folder of its script where its project had said so: the update needs that word again.
fn farewell() -> Response<Body> {
    let script = assets::static_file("unregister.js").unwrap_or_default().into_owned();
    let mut response = Response::new(Body::from(script));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("service-worker-allowed"), "/"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
