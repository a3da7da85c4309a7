//! The control listener's service: for the person at this machine and their tools, not for pages.
//!
//! Every request needs the run's control token as `Authorization: Bearer`, which no page of the project ever sees. It answers
//! the last exchanges, and takes the orders to reload and to open a file in an editor.

use std::convert::Infallible;

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderName, HeaderValue};
use serde::{Serialize, de::IgnoredAny};
use tokio::sync::mpsc;
use tower::{ServiceExt, util::BoxCloneSyncService};

use super::{
    accept::Connection,
    cors::Grant,
    hosts::Hosts,
    open::{self, bearer},
    origin::is_foreign_write,
    reply::refuse,
};
use crate::{
    editor::Editors,
    reload::Token,
    traffic::{Exchange, Recorder},
};

/// Largest body, in bytes: the orders are a few words of JSON.
const BODY: usize = 64 * 1024;

/// Headers of every answer.
const SEAL: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// What the control listener reads and moves.
#[derive(Clone, Debug)]
pub struct ControlRooms {
    /// What is asked for.
    pub recorder: Recorder,
    /// Who may ask.
    pub token: Token,
    /// Where the order to reload goes.
    pub reload: mpsc::Sender<()>,
    /// Where the order to open a file goes.
    pub editors: Editors,
}

/// The service of the control listener.
#[must_use]
pub fn control_service(rooms: ControlRooms) -> BoxCloneSyncService<http::Request<Body>, Response, Infallible> {
    let router = Router::new()
        .route("/api/exchanges", get(exchanges))
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
    let host = match Hosts::default().check(request.uri(), request.headers(), connection.local) {
        Ok(host) => host,
        Err(stranger) => return refuse(request.headers(), stranger.status(), stranger),
    };
    if is_foreign_write(request.method(), request.headers(), &host, &Grant::nobody()) {
        return refuse(request.headers(), StatusCode::FORBIDDEN, "pages of another origin may not do this");
    }
    if !bearer(request.headers()).is_some_and(|token| rooms.token.matches(token)) {
        let mut response = refuse(request.headers(), StatusCode::UNAUTHORIZED, "the control token is missing or of another run");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    next.run(request).await
}

/// R19: what this listener answers is never kept, framed, sniffed or told about, refusals included.
async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in SEAL {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

async fn exchanges(State(rooms): State<ControlRooms>) -> Json<Vec<WireExchange>> {
    Json(rooms.recorder.exchanges().into_iter().map(WireExchange::from).collect())
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

/// An [`Exchange`] as it goes over the wire.
#[derive(Serialize)]
struct WireExchange {
    id: u64,
    began: String,
    method: String,
    path: String,
    status: u16,
    generation: u64,
    took_us: u64,
}

impl From<Exchange> for WireExchange {
    fn from(exchange: Exchange) -> Self {
        Self {
            id: exchange.id,
            began: jiff::Timestamp::try_from(exchange.began).map(|at| at.to_string()).unwrap_or_default(),
            method: exchange.method.to_string(),
            path: exchange.path,
            status: exchange.status.as_u16(),
            generation: exchange.generation.0,
            took_us: u64::try_from(exchange.took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
