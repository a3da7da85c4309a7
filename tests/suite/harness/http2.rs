//! A client of HTTP/2, over TLS or with prior knowledge, whose one connection carries as many requests as are asked for.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2::{Builder, SendRequest},
    ext::Protocol,
    rt::{Read, Write},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

use super::{Answer, Home, TestServer};

/// How long an answer may take, its body included.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// A websocket that is one of a connection's streams.
pub(crate) type StreamSocket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// What is sent.
type Content = BoxBody<Bytes, Infallible>;

/// One connection.
pub(crate) struct Http2 {
    sender: SendRequest<Content>,
    base: String,
    /// Drives the connection; dropping it closes the connection.
    tasks: JoinSet<hyper::Result<()>>,
}

impl Http2 {
    /// Connects to a server that speaks TLS with the authority of a home.
    pub(crate) async fn open_tls(server: &TestServer, home: &Home) -> Self {
        let stream = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
        stream.set_nodelay(true).expect("a socket");
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(home.client(&["h2"])).connect(name, stream).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Self::over(TokioIo::new(stream), format!("https://localhost:{}", server.port())).await
    }

    /// Connects without TLS.
    pub(crate) async fn open_plain(server: &TestServer) -> Self {
        let stream = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
        Self::over(TokioIo::new(stream), format!("http://localhost:{}", server.port())).await
    }

    async fn over(stream: impl Read + Write + Unpin + Send + 'static, base: String) -> Self {
        let (sender, connection) = Builder::new(TokioExecutor::new()).handshake(stream).await.expect("HTTP/2 is spoken");
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        Self { sender, base, tasks }
    }

    /// The same connection, asked for by another origin.
    pub(crate) fn at(&self, base: &str) -> Http2 {
        Self { sender: self.sender.clone(), base: base.trim_end_matches('/').to_owned(), tasks: JoinSet::new() }
    }

    fn request(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> http::request::Builder {
        let uri: Uri = format!("{}{target}", self.base).parse().expect("a target");
        let request = Request::builder().method(method).uri(uri).header("user-agent", "tests");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    /// Sends a request; further ones need not wait for its answer.
    pub(crate) fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
    ) -> impl Future<Output = hyper::Result<Answer>> + Send + use<> {
        self.send_body(method, target, headers, Full::default().boxed())
    }

    /// Sends a request whose body begins so, and never ends.
    pub(crate) fn send_endless(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        begin: &'static str,
    ) -> impl Future<Output = hyper::Result<Answer>> + Send + use<> {
        let pieces = stream::iter([Ok(Frame::data(Bytes::from_static(begin.as_bytes())))]).chain(stream::pending());
        self.send_body(method, target, headers, BodyExt::boxed(StreamBody::new(pieces)))
    }

    fn send_body(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Content,
    ) -> impl Future<Output = hyper::Result<Answer>> + Send + use<> {
        let request = self.request(method, target, headers).body(body).expect("a request");
        let mut sender = self.sender.clone();
        async move {
            let exchange = async {
                sender.ready().await?;
                let (head, body) = sender.send_request(request).await?.into_parts();
                Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
            };
            timeout(ANSWER_LIMIT, exchange).await.expect("an answer in time")
        }
    }

    /// The answer to a GET.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, &[]).await.unwrap_or_else(|error| panic!("GET {target}: {error:?}"))
    }

    /// Asks for a websocket (RFC 8441 §5).
    pub(crate) async fn connect(&self, target: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
        let request = self.request(Method::CONNECT, target, headers);
        let request = request.extension(Protocol::from_static("websocket")).body(Full::default().boxed()).expect("a request");
        let mut sender = self.sender.clone();
        sender.ready().await.expect("an open connection");
        sender.send_request(request).await.unwrap_or_else(|error| panic!("CONNECT {target}: {error:?}"))
    }

    /// A websocket on a stream of this connection.
    pub(crate) async fn websocket(&self, target: &str, headers: &[(&str, &str)]) -> StreamSocket {
        let headers = [&[("sec-websocket-version", "13")], headers].concat();
        let response = self.connect(target, &headers).await;
        assert_eq!(response.status(), 200, "{:?}", response.headers());
        let upgraded = hyper::upgrade::on(response).await.expect("a stream of bytes");
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await
    }

    /// Waits until the server has closed the connection, in good order or not.
    pub(crate) async fn closed(&mut self) -> hyper::Result<()> {
        self.tasks.join_next().await.expect("one connection").expect("no panic")
    }
}
