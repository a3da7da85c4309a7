//! A client of the reload socket. As long as it names no page it is told of everything.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::{SOON, TestServer, get};

/// An open reload socket, past its `hello`.
pub(crate) struct ReloadSocket {
    stream: WebSocketStream<TcpStream>,
    /// The first message.
    pub(crate) hello: Value,
}

impl ReloadSocket {
    /// Opens the socket with the token that stands in the client script.
    pub(crate) async fn open(server: &TestServer) -> Self {
        let script = get(&server.at("/__everlit/client.js")).await.text();
        let token = token_of(&script).unwrap_or_else(|| panic!("no token in the client script:\n{script}"));
        let url = format!("ws://localhost:{}/__everlit/ws?token={token}", server.port());
        let tcp = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
        let (stream, _) = client_async(url, tcp).await.expect("the socket opens");
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

fn token_of(script: &str) -> Option<&str> {
    script.split_once("const token = \"")?.1.split('"').next()
}
