//! The control listener's service: for the person at this machine and their tools, not for pages.
//!
//! Every request needs the run's control token as `Authorization: Bearer`, which no page of the project ever sees; a page of our own
//! gets it by an `invitation`, and its parts (`page`) hold nothing of the project. It answers the last exchanges, the pages that are open and a trace of what
//! was done, tells events as they happen, and takes the orders to reload, to repeat a request and to open a file in an editor.

mod curl;
mod events;
mod exchanges;
mod har;
mod invitation;
mod page;
mod pages;
mod replay;
mod rows;
mod trace;
mod wire;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderName, HeaderValue};
use serde::de::IgnoredAny;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{ServiceExt, util::BoxCloneSyncService};

use super::{
    converse::Connection,
    cors::Grant,
    hosts::Hosts,
    open::{self, bearer},
    origin::{Source, says, source},
    reply::refuse,
};
use crate::{
    editor::Editors,
    field::SEC_FETCH_SITE,
    reload::{Hub, Token},
    router::Router as Project,
    telemetry::{Notices, Timeline},
    traffic::Recorder,
};

pub use exchanges::App;
pub use invitation::ControlLinks;
pub(super) use invitation::is_another_user;

/// Largest body, in bytes: the orders are a few words of JSON.
const BODY: usize = 64 * 1024;

/// Where a page gets the token.
const SESSION: &str = "/api/session";

/// Where a page cannot say the token in a header.
const EVENTS: &str = "/api/events";

/// Headers of every answer.
pub(super) const SEAL: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// What the control listener reads and moves.
#[derive(Clone)]
pub struct ControlRooms {
    /// The name of the project.
    pub project: String,
    /// What the dev loop did.
    pub timeline: Timeline,
    /// What is asked for.
    pub recorder: Recorder,
    /// Knows which pages are open.
    pub hub: Hub,
    /// Who may ask.
    pub token: Token,
    /// Where the order to reload goes.
    pub reload: mpsc::Sender<()>,
    /// Where the order to open a file goes.
    pub editors: Editors,
    /// The codes that are traded for the token.
    pub invitations: ControlLinks,
    /// Where the project is served.
    pub app: App,
    /// Who answers there.
    pub router: watch::Receiver<Project>,
    /// What happens.
    pub notices: Notices,
    /// How many may still listen to that.
    pub seats: Arc<Semaphore>,
    /// Their tasks.
    pub sockets: TaskTracker,
    /// Where they run.
    pub runtime: Handle,
    /// Ends them.
    pub stop: CancellationToken,
}

impl ControlRooms {
    /// Room for all who listen to the events.
    #[must_use]
    pub fn seats() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(events::SOCKETS))
    }
}

/// The service of the control listener.
#[must_use]
pub fn control_service(rooms: ControlRooms) -> BoxCloneSyncService<http::Request<Body>, Response, Infallible> {
    let router = Router::new()
        .route("/", get(page::document))
        .route("/inspect.css", get(page::stylesheet))
        .route("/inspect.js", get(page::script))
        .route(SESSION, post(invitation::session))
        .route("/api/exchanges", get(exchanges::list))
        .route("/api/exchanges/har", get(exchanges::all_as_har))
        .route("/api/exchanges/{id}", get(exchanges::one))
        .route("/api/exchanges/{id}/body", get(exchanges::body))
        .route("/api/exchanges/{id}/curl", get(exchanges::as_curl))
        .route("/api/exchanges/{id}/har", get(exchanges::as_har))
        .route(EVENTS, get(events::events))
        .route("/api/replay", post(replay::replay))
        .route("/api/pages", get(async |State(rooms): State<ControlRooms>| Json(open_pages(&rooms))))
        .route("/api/trace", get(trace))
        .route("/api/reload", post(reload))
        .route("/api/open", post(async |State(rooms): State<ControlRooms>, request| open::named(&rooms.editors, request).await))
        .fallback(async |headers: HeaderMap| refuse(&headers, StatusCode::NOT_FOUND, "there is nothing here"))
        .layer(middleware::from_fn_with_state(rooms.clone(), guard))
        .layer(middleware::from_fn(seal)) // outside of the guard: refusals are sealed as well
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(rooms);
    BoxCloneSyncService::new(router.map_request(|request: http::Request<Body>| request))
}

/// Name, then token, before anything reads or answers; what it answers is never kept by a browser.
async fn guard(State(rooms): State<ControlRooms>, request: Request, next: Next) -> Response {
    let connection: Option<Connection> = request.extensions().get().copied();
    let Some(connection) = connection else { return StatusCode::BAD_REQUEST.into_response() };
    let host = match Hosts::default().check(request.uri(), request.headers(), connection) {
        Ok(host) => host,
        Err(stranger) => return refuse(request.headers(), stranger.status(), stranger),
    };
    let (headers, path) = (request.headers(), request.uri().path());
    let is_foreign = matches!(source(headers, &host, &Grant::nobody()), Source::Foreign(_));
    let is_elsewhere = headers.contains_key(&SEC_FETCH_SITE) && !says(headers, &SEC_FETCH_SITE, "same-origin");
    if is_foreign || is_elsewhere && !request.method().is_safe() {
        return refuse(headers, StatusCode::FORBIDDEN, "pages of another origin may not do this");
    }
    let given = bearer(headers).or_else(|| if path == EVENTS { events::token(headers) } else { None });
    let is_public = page::PATHS.contains(&path) || path == SESSION;
    if !is_public && !given.is_some_and(|token| rooms.token.matches(token)) {
        let mut response = refuse(request.headers(), StatusCode::UNAUTHORIZED, "the control token is missing or of another run");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    next.run(request).await
}

/// R19: what this listener answers is never kept, framed, sniffed or told about, refusals included.
async fn seal(request: Request, next: Next) -> Response {
    sealed(next.run(request).await)
}

pub(super) fn sealed(mut response: Response) -> Response {
    for (name, value) in SEAL {
        // A page says in a policy of its own what it needs.
        response.headers_mut().entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn open_pages(rooms: &ControlRooms) -> Vec<pages::WirePage> {
    rooms.hub.pages().into_iter().map(pages::WirePage::from).collect()
}

/// The trace of all that is kept, or of what ended within the `last_ms` that the query names.
async fn trace(State(rooms): State<ControlRooms>, headers: HeaderMap, uri: Uri) -> Response {
    let last = match uri.query().map(|query| query.strip_prefix("last_ms=").and_then(|last| last.parse().ok())) {
        None => None,
        Some(Some(last)) => Some(Duration::from_millis(last)),
        Some(None) => {
            return refuse(&headers, StatusCode::BAD_REQUEST, "the query may be `last_ms=` and a number of milliseconds");
        }
    };
    Json(trace::trace(&rooms.project, &rooms.timeline, &rooms.recorder, last)).into_response()
}

/// R17: a state change takes JSON, which no form of another page can send without being asked first.
async fn reload(
    State(rooms): State<ControlRooms>,
    headers: HeaderMap,
    body: Result<Json<IgnoredAny>, JsonRejection>,
) -> Response {
    if let Err(rejection) = body {
        return refuse(&headers, rejection.status(), rejection.body_text());
    }
    match rooms.reload.try_send(()) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(_) => refuse(&headers, StatusCode::SERVICE_UNAVAILABLE, "a reload is being asked for already"),
    }
}
