//! One connection, from its first byte to its last.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use axum::body::Body;
use http::{Method, Request, Response, StatusCode, uri::Scheme};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, runtime::Handle, time::timeout};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt, service_fn};

use super::{
    accept::{HEADER_BYTES, HEADER_LIMIT},
    door::Door,
    early::Early,
    http2::{self, Streams, as_http1},
    opening::{self, Protocol},
    reply::refuse,
    wire::{Rewound, Wire},
};
use crate::{config::MOST_HEADERS, tls};

/// Most headers of a request where many are allowed; fewer that are too many all the same are refused further in, with words (R25).
const HEADERS: usize = MOST_HEADERS;

/// How long a client may take to say what it speaks, the handshake of TLS included (R25).
const OPENING_LIMIT: Duration = HEADER_LIMIT;

/// Both ends of the connection a request came by, and what lies between; stands in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Our end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// What lies between.
    pub transport: Transport,
}

/// What a request is carried by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Nothing but TCP, as asked.
    Plain,
    /// TLS.
    Tls,
    /// Nothing but TCP, where TLS is spoken: it is sent there.
    Unencrypted,
}

impl Transport {
    /// The scheme of the URLs it is asked by.
    #[must_use]
    pub fn scheme(self) -> Scheme {
        match self {
            Self::Plain | Self::Unencrypted => Scheme::HTTP,
            Self::Tls => Scheme::HTTPS,
        }
    }

    /// The port that a URL of that scheme means when it names none.
    pub(super) fn standard_port(self) -> u16 {
        match self {
            Self::Plain | Self::Unencrypted => 80,
            Self::Tls => 443,
        }
    }
}

/// A connection whose protocol is known.
struct Opened {
    wire: Wire,
    protocol: Protocol,
    transport: Transport,
}

/// Answers the requests of one connection, until its end or `stop`. Many at once on it are answered by `common`, whose threads share
/// them: in a lane, all of them would be made before the first is sent.
pub(super) async fn converse<S>(
    stream: TcpStream,
    remote: SocketAddr,
    door: Door,
    service: S,
    common: Handle,
    stop: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let Ok(local) = stream.local_addr() else { return };
    let opening = timeout(OPENING_LIMIT, open(stream, &door));
    let opened = match stop.run_until_cancelled(opening).await {
        Some(Ok(Ok(Some(opened)))) => opened,
        Some(Ok(Err(error))) => return tracing::debug!(%error, %remote, "connection not opened"),
        _ => return,
    };
    let local = door.known_port.map_or(local, |port| SocketAddr::new(local.ip(), port));
    let connection = Connection { local, remote, transport: opened.transport };
    let ended = match opened.protocol {
        Protocol::Http2 => speak_http2(opened.wire, connection, service, common, stop).await,
        Protocol::Http1 | Protocol::Tls => {
            speak_http1(opened.wire, connection, service, door.room.is_for_many_headers(), stop).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %remote, "connection ended");
    }
}

/// Finds out what is spoken, through TLS where that is; `None` when nothing is.
async fn open(mut stream: TcpStream, door: &Door) -> io::Result<Option<Opened>> {
    let local = stream.local_addr()?;
    let Some((protocol, ahead)) = opening::read(&mut stream).await? else { return Ok(None) };
    let stream = Rewound::new(ahead, stream);
    Ok(Some(match (protocol, &door.tls) {
        (Protocol::Tls, Some(tls)) => {
            let stream = tls.accept(stream, local.ip()).await?;
            let protocol = if tls::speaks_http2(&stream) { Protocol::Http2 } else { Protocol::Http1 };
            Opened { wire: Wire::Encrypted(Box::new(stream)), protocol, transport: Transport::Tls }
        }
        (protocol, Some(_)) => Opened { wire: Wire::Plain(stream), protocol, transport: Transport::Unencrypted },
        (protocol, None) => {
            if protocol == Protocol::Tls {
                door.tell_tls_is_off(local.port());
            }
            Opened { wire: Wire::Plain(stream), protocol, transport: Transport::Plain }
        }
    }))
}

async fn speak_http1<S>(
    wire: Wire,
    connection: Connection,
    service: S,
    many_headers: bool,
    stop: CancellationToken,
) -> hyper::Result<()>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let wire = Early::new(wire);
    let (interim, unread) = (wire.interim(), wire.unread());
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = arrived(request.map(|body| unread.watch(body)), connection);
        request.extensions_mut().insert(interim.clone());
        service.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT).max_buf_size(HEADER_BYTES);
    if many_headers {
        builder.max_headers(HEADERS);
    }
    let conversation = builder.serve_connection(TokioIo::new(wire), TowerToHyperService::new(service)).with_upgrades();
    let mut conversation = pin!(conversation);
    tokio::select! {
        ended = conversation.as_mut() => ended,
        () = stop.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    }
}

async fn speak_http2<S>(
    wire: Wire,
    connection: Connection,
    service: S,
    common: Handle,
    stop: CancellationToken,
) -> hyper::Result<()>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let wire = http2::Early::new(wire);
    let outbox = wire.outbox();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let service = service.clone();
        let stream = http2::unmark(request.headers_mut());
        // What is a websocket has nothing to preload.
        if let Some(stream) = stream
            && request.method() != Method::CONNECT
        {
            request.extensions_mut().insert(outbox.interim(stream));
        }
        async move {
            if request.headers().len() > HEADERS {
                let too_many = format!("there are more than {HEADERS} headers, which is all that `[limits] headers` can allow");
                return Ok(refuse(request.headers(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, too_many));
            }
            as_http1(&mut request);
            service.oneshot(arrived(request.map(Body::new), connection)).await
        }
    });
    let end = CancellationToken::new();
    let streams = Streams::until(end.clone(), common);
    let _with_the_connection = end.drop_guard();
    let conversation = http2::builder(streams).serve_connection(TokioIo::new(wire), TowerToHyperService::new(service));
    let mut conversation = pin!(conversation);
    tokio::select! {
        ended = conversation.as_mut() => ended,
        () = stop.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    }
}

/// A request as the rest of the server gets it.
fn arrived(mut request: Request<Body>, connection: Connection) -> Request<Body> {
    request.extensions_mut().insert(connection);
    request.extensions_mut().insert(connection.transport.scheme());
    request
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        task::JoinSet,
    };

    use super::*;
    use crate::{
        server::{Room, serve},
        telemetry::Notices,
    };

    /// What a request on a connection says of it, over HTTP/1.1.
    async fn described(door: impl FnOnce(Door) -> Door) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = service_fn(async |request: Request<Body>| {
            let connection: &Connection = request.extensions().get().unwrap();
            Ok(Response::new(Body::from(format!("{} {:?}", connection.local.port(), connection.transport))))
        });
        let stop = CancellationToken::new();
        let notices = Notices::channel().0;
        let door = door(Door::new(None, Room::new(notices.clone()), notices));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(vec![listener], door, service, stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        stop.cancel();
        tasks.join_all().await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.replace(&address.port().to_string(), "its own")
    }

    #[tokio::test]
    async fn a_listener_may_be_known_by_another_port() {
        assert_eq!(described(|door| door).await, "its own Plain");
        assert_eq!(described(|door| door.known_as(4747)).await, "4747 Plain");
    }
}
