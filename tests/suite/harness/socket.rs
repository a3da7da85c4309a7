//! A client of the reload socket. As long as it names no page it is told of everything.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::header::{COOKIE, ORIGIN};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{SOON, TestServer, get};

/// An open reload socket, past its `hello`.
pub(crate) struct ReloadSocket<S = TcpStream> {
    stream: WebSocketStream<S>,
    /// The first message.
    pub(crate) hello: Value,
}

impl ReloadSocket {
    /// The path of the socket, with the token that stands in the client script.
    pub(crate) async fn path(server: &TestServer) -> String {
        path_of(&get(&server.at("/__everlit/client.js")).await.text())
    }

    /// Opens the socket.
    pub(crate) async fn open(server: &TestServer) -> Self {
        let script = get(&server.at("/__everlit/client.js")).await.text();
        let tcp = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
        Self::over(tcp, server.port(), &script).await
    }

    /// Opens the socket at an address such as `192.168.1.20:4747`, as a browser with this cookie does.
    pub(crate) async fn open_at(address: &str, path: &str, cookie: &str) -> Self {
        let mut request = format!("ws://{address}{path}").into_client_request().expect("a valid URL");
        request.headers_mut().insert(COOKIE, cookie.parse().expect("a cookie"));
        request.headers_mut().insert(ORIGIN, format!("http://{address}").parse().expect("an origin"));
        let tcp = TcpStream::connect(address).await.expect("the server accepts");
        let (stream, _) = client_async(request, tcp).await.expect("the socket opens");
        let mut socket = Self { stream, hello: Value::Null };
        socket.hello = socket.next(SOON).await;
        socket
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> ReloadSocket<S> {
    /// Opens the socket over a connection to a port that its client calls so, with the client script it got there.
    pub(crate) async fn over(connection: S, port: u16, script: &str) -> Self {
        let url = format!("ws://localhost:{port}{}", path_of(script));
        let (stream, _) = client_async(url, connection).await.expect("the socket opens");
        let mut socket = Self { stream, hello: Value::Null };
        socket.hello = socket.next(SOON).await;
        assert_eq!(socket.hello["type"], "hello", "the first message says where things stand");
        socket
    }

    /// The next message.
    pub(crate) async fn next(&mut self, limit: Duration) -> Value {
        loop {
            let frame = timeout(limit, self.stream.next()).await.unwrap_or_else(|_| panic!("no message within {limit:?}"));
            match frame.expect("the socket stays open").expect("the socket works") {
                Message::Text(text) => return serde_json::from_str(&text).expect("messages are JSON"),
                Message::Close(frame) => panic!("the socket was closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Says something.
    pub(crate) async fn say(&mut self, message: &Value) {
        self.stream.send(Message::text(message.to_string())).await.expect("the socket takes it");
    }

    /// The next message that is not about a build under way.
    pub(crate) async fn next_change(&mut self, limit: Duration) -> Value {
        loop {
            let message = self.next(limit).await;
            if message["type"] != "building" {
                return message;
            }
        }
    }
}

/// The path of the socket, with the token that stands in the client script.
fn path_of(script: &str) -> String {
    let token = token_of(script).unwrap_or_else(|| panic!("no token in the client script:\n{script}"));
    format!("/__everlit/ws?token={token}")
}

pub(crate) fn token_of(script: &str) -> Option<&str> {
    script.split_once("const token = \"")?.1.split('"').next()
}
