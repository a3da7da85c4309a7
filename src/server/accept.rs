//! The accept loop: one task per connection, with the deadlines that hyper leaves to us.

use std::{
    convert::Infallible,
    io,
    net::{self, SocketAddr},
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::{converse::converse, door::Door, lanes::Lanes};
use crate::{config::MOST_HEADER_BYTES, failpoint, joined::joined};

/// How long a request's head may take to arrive (R25).
pub(super) const HEADER_LIMIT: Duration = Duration::from_secs(10);

/// Largest request head, in bytes. What is below and too large all the same is refused further in, with words (R25).
pub(super) const HEADER_BYTES: usize = MOST_HEADER_BYTES;

/// The pause after the system refused a connection, for lack of descriptors most likely.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// How long requests may take to finish once the server stops.
pub const DRAIN_LIMIT: Duration = Duration::from_millis(1500);

/// Accepts connections until told to stop, then lets requests finish for [`DRAIN_LIMIT`].
pub async fn serve<S>(listeners: Vec<TcpListener>, door: Door, service: S, stop: CancellationToken)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let mut loops = JoinSet::new();
    for listener in listeners {
        loops.spawn(accept(listener, door.clone(), service.clone(), stop.clone()));
    }
    while loops.join_next().await.and_then(joined).is_some() {}
}

async fn accept<S>(listener: TcpListener, door: Door, service: S, stop: CancellationToken)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let mut connections = JoinSet::new();
    let common = Handle::current();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = next(&listener) => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                failpoint::pass("accept");
                // Not before: one that waits for nobody would take a place.
                let Some(place) = stop.run_until_cancelled(door.room.enter()).await else { break };
                let (door, service, stop) = (door.clone(), service.clone(), stop.clone());
                let lane = door.lanes.as_ref().and_then(Lanes::enter);
                let common = common.clone();
                let runtime = lane.as_ref().map_or_else(|| common.clone(), |lane| lane.runtime().clone());
                connections.spawn_on(
                    async move {
                        match TcpStream::from_std(stream) {
                            Ok(stream) => converse(stream, remote, door, service, common, stop).await,
                            Err(error) => tracing::warn!(%error, "cannot answer a connection"),
                        }
                        drop((place, lane));
                    },
                    &runtime,
                );
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                door.room.tell_refused(&error);
                sleep(REFUSED_PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ = timeout(DRAIN_LIMIT, async { while connections.join_next().await.is_some() {} }).await;
}

/// The next connection, which no runtime has yet.
async fn next(listener: &TcpListener) -> io::Result<(net::TcpStream, SocketAddr)> {
    let (stream, remote) = listener.accept().await?;
    // Without it Nagle's algorithm and delayed acknowledgements make 44 ms of every second answer.
    stream.set_nodelay(true)?;
    Ok((stream.into_std()?, remote))
}
