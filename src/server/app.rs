//! The app listener's service: who answers, and what every request passes before.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
};
use http::{HeaderMap, HeaderValue, Method, header, uri::Authority};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{ServiceBuilder, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};

use super::{
    accept::Connection,
    cors::{Cors, Grant},
    encode::{Encodable, EncodeLayer},
    hint::CorsHint,
    hosts::{Hosts, Named},
    open,
    origin::{is_foreign_load, is_foreign_write},
    reply::{head, refuse, refuse_method, rescue},
};
use crate::{
    config::Config,
    editor::Editors,
    generation::Standing,
    proxy::{Peer, Upstream},
    reload::{
        self, Again, Hub, Token,
        hot::{self, Destination},
        inject::{Inject, InjectLayer},
    },
    site::{Answer, Site},
    telemetry::Notices,
    traffic::{FaultLayer, Recorder},
};

/// Where our own routes begin; nothing below is ever the project's.
const OWN: &str = "/__everlit/";

/// A service that takes a request and never fails.
type Route = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// What the request path reads. Cheap to clone; made anew when the configuration changes.
#[derive(Clone)]
pub struct Rooms {
    /// What Everlit answers itself.
    pub site: Option<Site>,
    /// Where everything else goes.
    pub upstream: Option<Upstream>,
    /// Who listens.
    pub hub: Hub,
    /// What is kept.
    pub recorder: Recorder,
    /// Which generation answers.
    pub standing: watch::Receiver<Standing>,
    /// The way to the person's editor.
    pub editors: Editors,
    /// The way to the console.
    pub notices: Notices,
    /// Opens the control listener; one that strays in here goes no further.
    pub control_token: Token,
    /// The sockets' tasks.
    pub sockets: TaskTracker,
    /// Ends the sockets.
    pub stop: CancellationToken,
}

/// The service of the app listener: what is outside comes first.
///
/// Own routes are inside the host check only: they are not recorded, broken or injected.
#[must_use]
pub fn app_service(config: &Config, rooms: &Rooms) -> Route {
    let grant = Grant::new(&config.cors);
    let inject = if config.live.inject { Inject::On } else { Inject::Off };
    let project = Project { rooms: rooms.clone(), grant: grant.clone(), inject };
    let bare = Route::new(service_fn(move |request| project.clone().answer(request)));
    let project = ServiceBuilder::new()
        .layer(CorsHint::new(&grant, rooms.notices.clone())) // outside of cors: it looks at what that answered
        .option_layer(Cors::new(&grant)) // preflights end here; error and fault answers need the headers as well
        .layer(rooms.recorder.layer()) // keeps what the browser received, faults included
        .layer(FaultLayer::new(&config.faults)) // to the recorder a fault looks like a slow or broken network
        .layer(EncodeLayer) // outside of inject, which needs plain HTML; inside of the recorder, which keeps what went out
        .layer(InjectLayer::new(rooms.standing.clone(), inject).keeping(rooms.hub.shelf())) // innermost: sees plain HTML from site and app alike
        .service(bare.clone());
    let own = Own { rooms: rooms.clone() };
    let project = BoxCloneSyncService::new(project.map_response(|response: Response<_>| response.map(Body::new)));
    let hosts = Arc::new(Hosts::new(&config.server.hosts));
    let checked = service_fn(move |request| route(Arc::clone(&hosts), own.clone(), bare.clone(), project.clone(), request));
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http()) // every request gets a span and a duration, refused ones too
        .layer(CatchPanicLayer::new()) // a panic ends one request
        .service(checked);
    BoxCloneSyncService::new(service.map_response(|response: Response<_>| response.map(Body::new)))
}

/// DNS rebinding: the name is checked before anything reads or answers. What we ask ourselves of an open page goes to the bare
/// project: it is compared with what that answered before.
async fn route(
    hosts: Arc<Hosts>,
    own: Own,
    bare: Route,
    project: Route,
    mut request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    let connection = connection(&request);
    let authority = match hosts.check(request.uri(), request.headers(), connection.local) {
        Ok(authority) => authority,
        Err(stranger) => return Ok(refuse(request.headers(), stranger.status(), stranger)),
    };
    if request.uri().path().starts_with(OWN) {
        return Ok(own.answer(request, &authority).await);
    }
    request.extensions_mut().insert(Named(authority));
    if request.extensions().get::<Again>().is_some() { bare.oneshot(request).await } else { project.oneshot(request).await }
}

fn connection(request: &Request<Body>) -> Connection {
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
    request.extensions().get().copied().unwrap_or(Connection { local: nowhere, remote: nowhere })
}

/// `/__everlit/`: the client runtime, the reload socket, and its overlay's order to open an editor.
#[derive(Clone)]
struct Own {
    rooms: Rooms,
}

impl Own {
    async fn answer(&self, request: Request<Body>, host: &Authority) -> Response<Body> {
        let headers = head(&request);
        if is_foreign_load(request.headers()) {
            return refuse(&headers, StatusCode::FORBIDDEN, "pages of another site may not load this");
        }
        match (request.method(), &request.uri().path()[OWN.len()..]) {
            (&Method::GET | &Method::HEAD, "client.js") => self.rooms.hub.client_script(),
            (&Method::GET | &Method::HEAD, "hot.js") => reload::hot_script(),
            (&Method::GET, "ws") => self.socket(request, &headers),
            (&Method::POST, "open") => {
                let remote = connection(&request).remote;
                open::reported(&self.rooms.editors, self.rooms.hub.token(), host, remote, request).await
            }
            (_, "open") => {
                let mut response = refuse(&headers, StatusCode::METHOD_NOT_ALLOWED, "this address takes POST only");
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
                response
            }
            (_, "client.js" | "hot.js" | "ws") => {
                let mut response = refuse(&headers, StatusCode::METHOD_NOT_ALLOWED, "this address takes GET only");
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                response
            }
            _ => refuse(&headers, StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    fn socket(&self, request: Request<Body>, headers: &HeaderMap) -> Response<Body> {
        match self.rooms.hub.accept(request, self.rooms.stop.clone()) {
            Ok((response, life)) => {
                self.rooms.sockets.spawn(life);
                response
            }
            Err(refusal) => refuse(headers, refusal.status(), refusal),
        }
    }
}

/// The project itself: the site first, then the program.
#[derive(Clone)]
struct Project {
    rooms: Rooms,
    grant: Grant,
    inject: Inject,
}

impl Project {
    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let headers = head(&request);
        if [Method::TRACE, Method::CONNECT].contains(request.method()) {
            return Ok(refuse_method(&headers));
        }
        let Some(Named(host)) = request.extensions().get::<Named>().cloned() else {
            return Ok(refuse(&headers, StatusCode::BAD_REQUEST, "the request names no server"));
        };
        let foreign = is_foreign_write(request.method(), request.headers(), &host, &self.grant);
        let site = self.rooms.site.as_ref().filter(|_| !foreign);
        let Some(site) = site else { return Ok(self.forward(request, host, foreign).await) };
        let foreign_load = is_foreign_load(request.headers());
        let (parts, body) = request.into_parts();
        let is_hot = self.inject == Inject::On && Destination::of(&parts) == Destination::Script;
        match site.answer(Request::from_parts(parts, body)).await {
            Answer::Done(_) if foreign_load => {
                Ok(refuse(&headers, StatusCode::FORBIDDEN, "pages of another site may not load this"))
            }
            Answer::Done(response) if is_hot => Ok(ours(hot::prepare(response).await)),
            Answer::Done(response) => Ok(ours(response)),
            Answer::NotMine(request) => Ok(self.forward(request, host, false).await),
        }
    }

    async fn forward(&self, mut request: Request<Body>, host: Authority, foreign: bool) -> Response<Body> {
        let headers = head(&request);
        self.keep_token(request.headers_mut());
        let Some(upstream) = &self.rooms.upstream else {
            return match &self.rooms.site {
                Some(site) if !foreign => ours(site.missing(&request.into_parts().0).await),
                _ if foreign => refuse(
                    &headers,
                    StatusCode::FORBIDDEN,
                    "pages of another origin may not write this; see `[cors]` in everlit.toml",
                ),
                _ => refuse(&headers, StatusCode::NOT_FOUND, "there is nothing here"),
            };
        };
        let remote = connection(&request).remote;
        let peer = Peer { remote, scheme: http::uri::Scheme::HTTP, host };
        upstream.forward(request, peer).await.unwrap_or_else(|error| rescue(&headers, &error))
    }
}

/// Marks what the site answered, so that it may be encoded; what the app answered stays as it came.
fn ours(mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Encodable);
    response
}

impl Project {
    /// R21: a tool that asks the wrong port must not tell the program the control token.
    fn keep_token(&self, headers: &mut HeaderMap) {
        let names_it = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains(self.rooms.control_token.reveal()));
        if headers.get_all(header::AUTHORIZATION).iter().any(names_it) {
            headers.remove(header::AUTHORIZATION);
        }
    }
}
