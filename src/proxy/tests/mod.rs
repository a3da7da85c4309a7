//! The proxy between real sockets: a browser's connection in front, small programs behind.

mod encrypting;
mod hinting;
mod multiplexing;
mod pooling;
mod pressing;
mod program;
mod streaming;
mod swapping;
mod upgrading;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::{body::Incoming, client::conn::http1, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{Backend, HostPolicy, Peer, Protocol, Slot, State, Target, Trust, Upstream, limits::Limits, slot_within};
use crate::generation::Generation;
use program::Program;

/// Long enough never to be reached by a test that passes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A proxy with a listener in front of it; dropping it stops all.
struct Front {
    address: SocketAddr,
    slot: Slot,
    _tasks: JoinSet<()>,
}

impl Front {
    async fn start() -> Self {
        Self::within(Limits { park: PATIENCE, ..Limits::default() }).await
    }

    async fn within(limits: Limits) -> Self {
        Self::speaking(Version::HTTP_11, limits).await
    }

    /// A front that browsers reach over HTTP/2, without the TLS that they would insist on.
    async fn of_http2() -> Self {
        Self::speaking(Version::HTTP_2, Limits { park: PATIENCE, ..Limits::default() }).await
    }

    async fn speaking(version: Version, limits: Limits) -> Self {
        let (slot, upstream) = slot_within(limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, upstream, version));
        Self { address, slot, _tasks: tasks }
    }

    /// A front with one program behind it.
    async fn before(program: &Program) -> (Self, Arc<Backend>) {
        let front = Self::start().await;
        let backend = front.serve(program, 1);
        (front, backend)
    }

    fn serve(&self, program: &Program, generation: u64) -> Arc<Backend> {
        self.serve_at(target_at(program.address), generation)
    }

    fn serve_at(&self, target: Target, generation: u64) -> Arc<Backend> {
        let backend = Backend::new(target, Generation(generation));
        self.slot.replace(State::Serving(backend.clone()));
        backend
    }

    async fn connect(&self) -> http1::SendRequest<Body> {
        let stream = TcpStream::connect(self.address).await.expect("the front accepts");
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection.with_upgrades());
        sender
    }

    /// One request over a connection of its own.
    async fn ask(&self, request: Request<Body>) -> Response<Incoming> {
        self.connect().await.send_request(request).await.expect("an answer")
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        text(self.ask(request("GET", path, "")).await).await
    }
}

fn backend_at(address: SocketAddr, generation: u64) -> Arc<Backend> {
    Backend::new(target_at(address), Generation(generation))
}

fn target_at(address: SocketAddr) -> Target {
    let base = Uri::try_from(format!("http://{address}")).expect("an address");
    Target { answer: PATIENCE, ..Target::from(base) }
}

fn request(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder().method(method).uri(path).header("host", "localhost").body(body.into()).expect("a request")
}

async fn text(response: Response<Incoming>) -> (StatusCode, String) {
    let status = response.status();
    let body = response.into_body().collect().await.expect("a whole body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

async fn accept(listener: TcpListener, upstream: Upstream, version: Version) {
    let mut connections = JoinSet::new();
    while let Ok((stream, remote)) = listener.accept().await {
        let upstream = upstream.clone();
        connections.spawn(async move {
            let _ = stream.set_nodelay(true);
            let service = service_fn(move |request: Request<Incoming>| answer(upstream.clone(), request, remote));
            let stream = TokioIo::new(stream);
            let _ = match version {
                Version::HTTP_2 => {
                    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    builder.enable_connect_protocol().serve_connection(stream, service).await
                }
                _ => hyper::server::conn::http1::Builder::new().serve_connection(stream, service).with_upgrades().await,
            };
        });
    }
}

/// What the server does around the proxy: names the peer, turns a problem into a response.
async fn answer(
    upstream: Upstream,
    request: Request<Incoming>,
    remote: SocketAddr,
) -> Result<Response<Body>, hyper::http::Error> {
    let named = request.headers().get("host").map(|host| host.to_str().expect("text").parse().expect("an authority"));
    let host = named.or_else(|| request.uri().authority().cloned()).expect("a name");
    let peer = Peer { remote, scheme: http::uri::Scheme::HTTP, host };
    match upstream.forward(request.map(Body::new), peer).await {
        Ok(mut response) => {
            let generation = response.extensions().get::<Generation>().expect("marked").to_string();
            response.headers_mut().insert("generation", generation.try_into().expect("a number"));
            Ok(response)
        }
        Err(error) => Response::builder().status(error.problem().status).body(Body::from(error.problem().detail)),
    }
}
