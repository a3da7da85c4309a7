//! The developer's program, as far as a proxy can tell.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
    task::JoinSet,
};

use crate::proxy::body::Unmeasured;

/// What the program saw, shared by all programs of a test.
#[derive(Default)]
pub(super) struct Seen {
    /// How often each `x-id` came.
    pub(super) ids: Mutex<HashMap<String, usize>>,
    /// The fields of the last request.
    pub(super) fields: Mutex<HeaderMap>,
    /// The target of the last request.
    pub(super) target: Mutex<String>,
    /// Told when an upload's first piece has come.
    pub(super) upload: Notify,
    /// Lets a body break off.
    pub(super) cut: Notify,
    /// Told when a body that never ends is no longer wanted.
    pub(super) left: Notify,
    /// How many connections were made over HTTP/2.
    pub(super) connections: AtomicUsize,
}

/// A listening program. Stopping it closes its connections at once, as the death of a process does.
pub(super) struct Program {
    pub(super) address: SocketAddr,
    pub(super) seen: Arc<Seen>,
    tasks: JoinSet<()>,
}

impl Program {
    pub(super) async fn start() -> Self {
        Self::seen_by(Arc::default()).await
    }

    pub(super) async fn seen_by(seen: Arc<Seen>) -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address"), seen).await
    }

    /// A program that speaks HTTP/2 alone, without TLS.
    pub(super) async fn of_http2() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (seen, mut tasks) = (Arc::<Seen>::default(), JoinSet::new());
        tasks.spawn(accept_http2(listener, seen.clone()));
        Self { address, seen, tasks }
    }

    pub(super) async fn at(address: SocketAddr, seen: Arc<Seen>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, seen.clone()));
        Self { address, seen, tasks }
    }

    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn accept(listener: TcpListener, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let seen = seen.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| answer(request, seen.clone()));
            let _ =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
        });
    }
}

async fn accept_http2(listener: TcpListener, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let seen = seen.clone();
        seen.connections.fetch_add(1, Ordering::Relaxed);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(request, seen.clone()));
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(mut request: Request<Incoming>, seen: Arc<Seen>) -> Result<Response<Body>, axum::Error> {
    if let Some(id) = request.headers().get("x-id") {
        *seen.ids.lock().expect("no panic").entry(id.to_str().expect("text").to_owned()).or_default() += 1;
    }
    *seen.fields.lock().expect("no panic") = request.headers().clone();
    *seen.target.lock().expect("no panic") = request.uri().to_string();
    Ok(match request.uri().path() {
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            echo(request).await?
        }
        // Slower than the farewell that follows the wait for requests.
        "/slower" => {
            tokio::time::sleep(Duration::from_millis(500)).await;
            echo(request).await?
        }
        "/parts" => parts("text/plain", 3),
        "/events" => parts("text/event-stream", usize::MAX),
        "/upload" => upload(request, &seen).await?,
        "/cut" => cut(seen),
        "/endless" => endless(seen),
        "/trailers" => trailers(request).await?,
        "/silent" => std::future::pending().await,
        "/fields" => fields(),
        "/upgrade" => upgrade(&mut request),
        _ => echo(request).await?,
    })
}

async fn echo(request: Request<Incoming>) -> Result<Response<Body>, axum::Error> {
    let line = format!("{} {}\n", request.method(), request.uri());
    let body = request.into_body().collect().await.map_err(axum::Error::new)?.to_bytes();
    Ok(Response::new(Body::from([line.into_bytes(), body.to_vec()].concat())))
}

/// `count` pieces, the first at once, each further one a little later; the last never if there are too many.
fn parts(media_type: &str, count: usize) -> Response<Body> {
    let pieces = stream::iter(0..count).then(async |number| {
        if number > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok::<_, std::io::Error>(Bytes::from(format!("data: {number}\n\n")))
    });
    Response::builder().header("content-type", media_type).body(Body::from_stream(Box::pin(pieces))).expect("a response")
}

/// Tells when the first piece is there, then reads the rest.
async fn upload(request: Request<Incoming>, seen: &Seen) -> Result<Response<Body>, axum::Error> {
    let mut body = request.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.map_err(axum::Error::new)?.data_ref().map_or(0, Bytes::len);
        seen.upload.notify_one();
    }
    Ok(Response::new(Body::from(length.to_string())))
}

/// A body that breaks off once the test says so.
fn cut(seen: Arc<Seen>) -> Response<Body> {
    let broken = stream::once(async move {
        seen.cut.notified().await;
        Err(std::io::Error::other("broken"))
    });
    Response::new(Body::from_stream(Box::pin(stream::iter([Ok(Bytes::from("begin"))]).chain(broken))))
}

/// A body of one piece and no end, which tells when it is dropped.
fn endless(seen: Arc<Seen>) -> Response<Body> {
    struct Told(Arc<Seen>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.left.notify_one();
        }
    }
    let told = Told(seen);
    let rest = stream::once(async move {
        let _told = told;
        std::future::pending::<Result<Bytes, std::io::Error>>().await
    });
    Response::new(Body::from_stream(Box::pin(stream::iter([Ok(Bytes::from("begin"))]).chain(rest))))
}

/// The request's body and trailers, sent back.
async fn trailers(request: Request<Incoming>) -> Result<Response<Body>, axum::Error> {
    let collected = request.into_body().collect().await.map_err(axum::Error::new)?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let body = Unmeasured(http_body_util::Full::new(collected.to_bytes())).with_trailers(Box::pin(async { Some(Ok(trailers)) }));
    Ok(Response::builder().header("trailer", "x-sum").body(Body::new(body)).expect("a response"))
}

fn fields() -> Response<Body> {
    Response::builder()
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("strict-transport-security", "max-age=31536000")
        .header("location", "http://evil.example/")
        .header("x-kept", "1")
        .status(302)
        .body(Body::from("fields"))
        .expect("a response")
}

/// Switches to whatever is asked for and sends back each byte.
fn upgrade(request: &mut Request<Incoming>) -> Response<Body> {
    let upgraded = hyper::upgrade::on(&mut *request);
    let protocol = request.headers().get("upgrade").cloned();
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgraded.await.expect("switched"));
        let mut buffer = [0; 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            if stream.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    });
    let response = Response::builder().status(101).header("connection", "upgrade");
    response
        .header("upgrade", protocol.unwrap_or_else(|| "unasked".parse().expect("text")))
        .body(Body::empty())
        .expect("a response")
}
