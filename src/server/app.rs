//! The app listener's service: who answers, and what every request passes before.

use std::{
    convert::Infallible,
    net::SocketAddr,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, header, uri::Authority};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::trace::TraceLayer;
use tracing::level_filters::LevelFilter;

use super::{
    converse::{Connection, Transport},
    cors::{Cors, Grant},
    encode::{Encodable, EncodeLayer},
    excess,
    hint::CorsHint,
    hosts::{Hosts, Named},
    lan::{self, Admitted, LanRooms},
    memo::{Mark, Memo, Words},
    missing::{Missing, Server},
    names::Stray,
    open,
    origin::{is_foreign_load, is_foreign_write},
    quiet::{Quiet, Workers},
    reply::{describe_server, head, redirect_to_tls, refuse, refuse_method, rescue, rescue_by},
    routes::{Failure, Routes},
    timing::{Cache, Stopwatch},
};
use crate::{
    config::{Config, HeadLimits},
    device::OtherPorts,
    editor::Editors,
    failpoint,
    generation::Standing,
    proxy::{Peer, ProxyError, Upstream, is_websocket_connect},
    reload::{
        self, Again, Hub, OWN, Token,
        hot::{self, Destination},
        inject::{Inject, InjectLayer},
    },
    router::{Answer, Respond, Router, at_once, later},
    site::{self, Forms, Proof, Site},
    telemetry::Notices,
    traffic::{FaultLayer, Recorder},
};

/// What the request path reads. Cheap to clone; made anew when the configuration changes.
#[derive(Clone)]
pub struct Rooms {
    /// What Everlit answers itself.
    pub site: Option<Site>,
    /// What goes to other servers, by path.
    pub routes: Routes,
    /// Where everything else goes.
    pub upstream: Option<Upstream>,
    /// Who hears of servers that do not answer.
    pub missing: mpsc::Sender<Missing>,
    /// Who listens.
    pub hub: Hub,
    /// What is kept.
    pub recorder: Recorder,
    /// Which generation answers.
    pub standing: watch::Receiver<Standing>,
    /// The way to the person's editor.
    pub editors: Editors,
    /// The ports by which phones know us.
    pub other_ports: OtherPorts,
    /// The service workers that are the project's.
    pub workers: Workers,
    /// What is known of phones in the network; `None` where they have no way in.
    pub lan: Option<LanRooms>,
    /// The way to the console.
    pub notices: Notices,
    /// Opens the control listener; one that strays in here goes no further.
    pub control_token: Token,
    /// The sockets' tasks.
    pub sockets: TaskTracker,
    /// Where they run: beside the loop that tells them, for a message to wait for no other thread.
    pub runtime: Handle,
    /// Ends the sockets.
    pub stop: CancellationToken,
}

/// The service of the app listener: what is outside comes first.
///
/// Own routes are inside the host check only: they are not recorded, broken or injected.
#[must_use]
pub fn app_service(config: &Config, rooms: &Rooms) -> Router {
    let (rooms, grant) = (Arc::new(rooms.clone()), Grant::new(&config.cors));
    let inject = if config.live.inject { Inject::On } else { Inject::Off };
    let except = config.live.inject_except.iter().map(String::as_str);
    let injection = InjectLayer::new(rooms.standing.clone(), inject).except(except);
    let (head, name) = (config.limits.head, config.project.clone());
    let bare = Arc::new(Project { rooms: Arc::clone(&rooms), grant: grant.clone(), inject, head, name });
    let project = Arc::clone(&bare);
    let project = ServiceBuilder::new()
        .layer(CorsHint::new(&grant, rooms.notices.clone())) // outside of cors: it looks at what that answered
        .option_layer(Cors::new(&grant)) // preflights end here; error and fault answers need the headers as well
        .layer(rooms.recorder.layer()) // keeps what the browser received, faults included
        .option_layer(FaultLayer::new(&config.faults)) // to the recorder a fault looks like a slow or broken network
        .layer(EncodeLayer) // outside of inject, which needs plain HTML; inside of the recorder, which keeps what went out
        .layer(injection.with_hub(&rooms.hub)) // sees plain HTML from site and app alike
        .layer(Quiet::new(config, rooms.workers.clone(), rooms.notices.clone())) // innermost: what the project answered itself shows only there
        .service(service_fn(move |request| Arc::clone(&project).answer(request)));
    // What a fault is drawn for is another answer each time, and what an origin is granted depends on who asks.
    let memo = (config.faults.is_empty() && grant.is_empty()).then(Memo::default);
    let (hosts, timing) = (Hosts::new(&config.server.hosts, rooms.other_ports.clone()), config.live.timing);
    let front = Arc::new(Front { hosts, own: Own { rooms }, memo, bare, project, timing });
    if LevelFilter::current() == LevelFilter::OFF { front.into() } else { traced(front) }
}

/// Every request gets a span and a duration, refused ones too, for whoever reads them.
fn traced(front: Arc<impl Respond + 'static>) -> Router {
    let front = service_fn(move |request| Arc::clone(&front).respond(request));
    let traced = ServiceBuilder::new().layer(TraceLayer::new_for_http()).service(front);
    Router::new(traced.map_response(|response: Response<_>| response.map(Body::new)))
}

/// What every request passes before the project.
struct Front<S> {
    hosts: Hosts,
    own: Own,
    /// `None` where the layers do more than can be remembered.
    memo: Option<Memo>,
    /// The project without its layers.
    bare: Arc<Project>,
    project: S,
    /// Whether answers say what their time went to.
    timing: bool,
}

/// What is to be done about a request that was looked at.
enum Course {
    /// Nothing: this is the answer.
    Answered(Response<Body>),
    /// It is for us.
    Own(Request<Body>, Authority),
    /// We ask ourselves for a page that is open somewhere: it is compared with what the bare project answered before.
    Bare(Request<Body>),
    /// The project answers it.
    Made(Request<Body>),
    /// The project answers it, and under this mark the answer is remembered.
    Noted(Request<Body>, Words, Mark),
}

impl<S> Respond for Front<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    /// A panic ends one request.
    fn respond(self: Arc<Self>, request: Request<Body>) -> Answer {
        let mut stopwatch = Stopwatch::start();
        let course = panic::catch_unwind(AssertUnwindSafe(|| self.look(request, &mut stopwatch)));
        match course.unwrap_or_else(|_| Course::Answered(mistaken())) {
            Course::Answered(response) => at_once(self.timed(response, &stopwatch)),
            course => later(self.follow(course, stopwatch)),
        }
    }
}

impl<S> Front<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    /// DNS rebinding: the name is checked before anything reads or answers.
    fn look(&self, mut request: Request<Body>, stopwatch: &mut Stopwatch) -> Course {
        let connection = connection(&request);
        failpoint::pass("request");
        let admitted = request.extensions().get::<Admitted>().cloned();
        let checked =
            admitted.map_or_else(|| self.hosts.check(request.uri(), request.headers(), connection), |Admitted(host)| Ok(host));
        let authority = match checked {
            Ok(authority) => authority,
            Err(stranger) => return Course::Answered(refuse(request.headers(), stranger.status(), stranger)),
        };
        if connection.transport == Transport::Unencrypted {
            return Course::Answered(redirect_to_tls(&authority, request.uri()));
        }
        if request.uri().path().starts_with(OWN) {
            return Course::Own(request, authority);
        }
        request.extensions_mut().insert(Named(authority));
        if request.extensions().get::<Again>().is_some() {
            return Course::Bare(request);
        }
        match (&self.memo, &self.bare.rooms.site) {
            (Some(memo), Some(site)) => self.recall(memo, site, request, stopwatch),
            _ => Course::Made(request),
        }
    }

    /// The answer as it was given before, where there is one.
    fn recall(&self, memo: &Memo, site: &Site, request: Request<Body>, stopwatch: &mut Stopwatch) -> Course {
        let host = request.extensions().get::<Named>();
        let is_stray = host.is_some_and(|Named(host)| Stray::of(&request, host, &self.bare.name).is_some());
        let Some(words) = Words::of(&request).filter(|_| !is_stray) else { return Course::Made(request) };
        let Rooms { recorder, standing, .. } = &*self.bare.rooms;
        let mark = Mark::of(standing);
        match memo.recall(&words, &request, site, mark) {
            Some(answer) => {
                stopwatch.note(Cache::Hit);
                Course::Answered(recorder.note(&request, stopwatch.began(), answer))
            }
            None => Course::Noted(request, words, mark),
        }
    }

    async fn follow(self: Arc<Self>, course: Course, mut stopwatch: Stopwatch) -> Result<Response<Body>, Infallible> {
        let answer = AssertUnwindSafe(self.take(course, &mut stopwatch)).catch_unwind().await;
        Ok(self.timed(answer.unwrap_or_else(|_| mistaken()), &stopwatch))
    }

    async fn take(&self, course: Course, stopwatch: &mut Stopwatch) -> Response<Body> {
        match course {
            Course::Answered(response) => response,
            Course::Own(request, authority) => Box::pin(self.own.answer(request, &authority)).await,
            Course::Bare(request) => {
                let Ok(response) = Box::pin(Arc::clone(&self.bare).answer(request)).await;
                response
            }
            Course::Made(request) => self.made(request, stopwatch).await,
            Course::Noted(request, words, mark) => {
                let response = self.made(request, stopwatch).await;
                Box::pin(self.noted(words, mark, response, stopwatch)).await
            }
        }
    }

    /// The answer of the project, through all layers.
    async fn made(&self, mut request: Request<Body>, stopwatch: &mut Stopwatch) -> Response<Body> {
        stopwatch.follow(&mut request);
        let Ok(response) = self.project.clone().oneshot(request).await;
        response
    }

    /// Remembers an answer, if nothing has changed while it was made.
    async fn noted(&self, words: Words, mark: Mark, mut response: Response<Body>, stopwatch: &mut Stopwatch) -> Response<Body> {
        if response.extensions().get::<Proof>().is_some() {
            stopwatch.note(Cache::Miss);
            if self.timing {
                Stopwatch::keep_place(&mut response);
            }
        }
        let memo = self.memo.as_ref().filter(|_| Mark::of(&self.bare.rooms.standing) == mark);
        match memo {
            Some(memo) => memo.note(words, mark, response).await,
            None => response,
        }
    }

    fn timed(&self, mut response: Response<Body>, stopwatch: &Stopwatch) -> Response<Body> {
        if self.timing {
            stopwatch.mark(&mut response);
        }
        response
    }
}

/// For a request with which something went wrong here.
fn mistaken() -> Response<Body> {
    let detail = "everlit made a mistake with this request; what it was stands in the terminal";
    refuse(&HeaderMap::new(), StatusCode::INTERNAL_SERVER_ERROR, detail)
}

pub(super) fn connection(request: &Request<Body>) -> Connection {
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
    request.extensions().get().copied().unwrap_or(Connection { local: nowhere, remote: nowhere, transport: Transport::Plain })
}

/// `/__everlit/`: the client runtime, the reload socket, and its overlay's order to open an editor.
struct Own {
    rooms: Arc<Rooms>,
}

impl Own {
    async fn answer(&self, request: Request<Body>, host: &Authority) -> Response<Body> {
        let headers = head(&request);
        if is_foreign_load(request.headers()) {
            return refuse(&headers, StatusCode::FORBIDDEN, "pages of another site may not load this");
        }
        // Phones in the network never come here: this is what the person at this machine shows them.
        if let Some(lan) = self.rooms.lan.as_ref().filter(|_| lan::is_shown_here(&request)) {
            return lan.shown_here(&request, host, connection(&request).remote.ip());
        }
        match (request.method(), &request.uri().path()[OWN.len()..]) {
            (&Method::GET | &Method::HEAD, "client.js") => self.rooms.hub.client_script(),
            (&Method::GET | &Method::HEAD, "hot.js") => reload::hot_script(),
            (&Method::GET | &Method::CONNECT, "ws") => self.socket(request, host, &headers),
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

    fn socket(&self, request: Request<Body>, host: &Authority, headers: &HeaderMap) -> Response<Body> {
        let scheme = connection(&request).transport.scheme();
        match self.rooms.hub.accept(request, &scheme, host, self.rooms.stop.clone()) {
            Ok((response, life)) => {
                self.rooms.sockets.spawn_on(life, &self.rooms.runtime);
                response
            }
            Err(refusal) => refuse(headers, refusal.status(), refusal),
        }
    }
}

/// The project itself: the site first, then the program.
///
/// Its future is moved by every layer: what takes more than a file does has a box of its own.
struct Project {
    rooms: Arc<Rooms>,
    grant: Grant,
    inject: Inject,
    head: HeadLimits,
    /// The project's name.
    name: String,
}

impl Project {
    async fn answer(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let is_websocket = is_websocket_connect(&request);
        if [Method::TRACE, Method::CONNECT].contains(request.method()) && !is_websocket {
            return Ok(refuse_method(request.headers()));
        }
        if *request.method() == Method::OPTIONS && request.uri().path() == "*" {
            return Ok(describe_server());
        }
        // Here, and not for our own addresses: the page that says so needs its script, which is asked for with the same cookies.
        if let Err(excess) = excess::check(&request, self.head) {
            return Ok(refuse(request.headers(), excess.status(), excess));
        }
        let Some(Named(host)) = request.extensions().get::<Named>().cloned() else {
            return Ok(refuse(request.headers(), StatusCode::BAD_REQUEST, "the request names no server"));
        };
        if let Some(stray) = Stray::of(&request, &host, &self.name)
            && let Some(answer) = Box::pin(stray.lead(&self.name)).await
        {
            return Ok(answer);
        }
        let foreign = is_foreign_write(request.method(), request.headers(), &host, &self.grant);
        let begins_here = !is_websocket && self.rooms.routes.begin_at_site(request.uri().path());
        let site = self.rooms.site.as_ref().filter(|_| !foreign && begins_here);
        let Some(site) = site else { return Ok(Box::pin(self.forward(request, host, foreign)).await) };
        let foreign_load = is_foreign_load(request.headers()).then(|| head(&request));
        let is_hot = self.inject == Inject::On && Destination::of(&request) == Destination::Script;
        match (site.answer(request).await, foreign_load) {
            (site::Answer::Done(_), Some(headers)) => {
                Ok(refuse(&headers, StatusCode::FORBIDDEN, "pages of another site may not load this"))
            }
            (site::Answer::Done(response), None) if is_hot => Ok(ours(with_hot(response).await)),
            (site::Answer::Done(response), None) => Ok(ours(response)),
            (site::Answer::NotMine(request), _) => Ok(Box::pin(self.forward(request, host, false)).await),
        }
    }

    async fn forward(&self, mut request: Request<Body>, host: Authority, foreign: bool) -> Response<Body> {
        let headers = head(&request);
        self.keep_token(request.headers_mut());
        let Connection { remote, transport, .. } = connection(&request);
        let peer = Peer { remote, scheme: transport.scheme(), host };
        if let Some(route) = self.rooms.routes.find(request.uri().path()) {
            return match route.forward(request, peer, &self.grant).await {
                Ok(response) => response,
                Err(Failure::Refused(status, why)) => refuse(&headers, status, why),
                Err(Failure::Unanswered(error, by)) => {
                    self.report_missing(&error, || Server::Route(route.path().clone()));
                    rescue_by(&headers, &error, &by)
                }
            };
        }
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
        upstream.forward(request, peer).await.unwrap_or_else(|error| {
            self.report_missing(&error, || Server::Upstream);
            rescue(&headers, &error)
        })
    }

    /// Somebody waits for servers that are not there. One report of a burst is as good as all.
    fn report_missing(&self, error: &ProxyError, server: impl FnOnce() -> Server) {
        if let Some(missing) = Missing::of(error, server) {
            let _ = self.rooms.missing.try_send(missing);
        }
    }
}

/// Gives a module that asks for it its `import.meta.hot`. A file that does not ask is looked through once.
async fn with_hot(response: Response<Body>) -> Response<Body> {
    let forms = response.extensions().get::<Forms>().filter(|forms| forms.are_of(response.headers())).cloned();
    if forms.as_ref().is_some_and(Forms::is_no_module) {
        return response;
    }
    let prepared = Box::pin(hot::prepare(response)).await;
    if let Some(forms) = forms.filter(|forms| forms.are_of(prepared.headers())) {
        forms.note_no_module();
    }
    prepared
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight layers move it, and it was 70 KiB once: more than all else that a small file costs.
    #[test]
    fn what_every_request_moves_is_small() {
        fn size<A, F: Future>(_: impl FnOnce(A) -> F) -> usize {
            size_of::<F>()
        }
        let size = size(|(project, request): (Arc<Project>, Request<Body>)| project.answer(request));
        assert!(size < 8 * 1024, "{size} bytes");
    }
}
