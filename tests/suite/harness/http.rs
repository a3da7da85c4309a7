//! A client whose connections are in the test's hands, so that nothing is hidden by a pool or a silent retry.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

/// How long an answer may take, its body included: a request may wait for a whole restart.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON, {error}: {}", self.text()))
    }

    /// A header, empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Why there is no complete answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nothing accepts.
    #[error("cannot connect: {0}")]
    Connect(#[from] io::Error),
    /// The answer broke off.
    #[error("no complete answer: {0}")]
    Broken(#[from] hyper::Error),
    /// No complete answer in time.
    #[error("no complete answer within {ANSWER_LIMIT:?}")]
    Slow,
}

/// The answer to a GET on a connection of its own; one that breaks off fails the test.
pub(crate) async fn get(url: &str) -> Answer {
    send(Method::GET, url, &[], "").await
}

/// The answer to a request on a connection of its own; one that breaks off fails the test.
pub(crate) async fn send(method: Method, url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let uri: Uri = url.parse().expect("a valid URL");
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let exchange = async { Connection::open(&uri).await?.send(method.clone(), target, headers, body).await };
    exchange.await.unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// One connection for one request after the other.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    /// Drives the connection; dropping it closes the connection.
    _tasks: JoinSet<hyper::Result<()>>,
}

impl Connection {
    /// Connects to the host and port of a URL.
    pub(crate) async fn open(uri: &Uri) -> Result<Self, Error> {
        let authority = uri.authority().expect("an absolute URL");
        let host = authority.host().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        Ok(Self { sender, authority: authority.to_string(), _tasks: tasks })
    }

    /// Sends a GET.
    pub(crate) async fn get(&mut self, target: &str) -> Result<Answer, Error> {
        self.send(Method::GET, target, &[], "").await
    }

    /// Whether the server said that the last answer was the last one on this connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, Error> {
        let mut request = Request::builder().method(method).uri(target).header(HOST, &self.authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("valid headers");
        timeout(ANSWER_LIMIT, self.exchange(request)).await.map_err(|_| Error::Slow)?
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
    }
}
