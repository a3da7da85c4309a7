//! The accept loop: one task per connection, with the deadlines that hyper leaves to us.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt, service_fn};

/// Connections at once; more wait in the kernel's queue. It is above the sockets a hub takes and below common descriptor limits.
const CONNECTIONS: usize = 10_000;

/// How long a request's head may take to arrive (R25).
const HEADER_LIMIT: Duration = Duration::from_secs(10);

/// Largest request head, in bytes (R25).
const HEADER_BYTES: usize = 64 * 1024;

/// Most headers of a request (R25).
const HEADERS: usize = 100;

/// The pause after the system refused a connection, for lack of descriptors most likely.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// How long requests may take to finish once the server stops.
pub const DRAIN_LIMIT: Duration = Duration::from_millis(1500);

/// Both ends of the connection a request came by; stands in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Our end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

/// Accepts connections until told to stop, then lets requests finish for [`DRAIN_LIMIT`].
pub async fn serve<S>(listeners: Vec<TcpListener>, service: S, stop: CancellationToken)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut loops = JoinSet::new();
    for listener in listeners {
        loops.spawn(accept(listener, service.clone(), Arc::clone(&room), stop.clone()));
    }
    while loops.join_next().await.is_some() {}
}

async fn accept<S>(listener: TcpListener, service: S, room: Arc<Semaphore>, stop: CancellationToken)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = next(&listener, &room) => accepted,
        };
        match accepted {
            Ok((stream, remote, permit)) => {
                connections.spawn(converse(stream, remote, permit, service.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(REFUSED_PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ = timeout(DRAIN_LIMIT, async { while connections.join_next().await.is_some() {} }).await;
}

async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, remote) = listener.accept().await?;
    // Without it Nagle's algorithm and delayed acknowledgements make 44 ms of every second answer.
    stream.set_nodelay(true)?;
    Ok((stream, remote, permit))
}

async fn converse<S>(stream: TcpStream, remote: SocketAddr, _permit: OwnedSemaphorePermit, service: S, stop: CancellationToken)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let Ok(local) = stream.local_addr() else { return };
    let connection = Connection { local, remote };
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection);
        service.clone().oneshot(request)
    });
    let builder = builder();
    let conversation = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).with_upgrades();
    tokio::pin!(conversation);
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = stop.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %remote, "connection ended");
    }
}

/// HTTP/1.1 only: no browser speaks HTTP/2 without TLS.
fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT).max_buf_size(HEADER_BYTES).max_headers(HEADERS);
    builder
}
