//! The protocol itself: calls with answers, and events between them, as JSON over a websocket.
//!
//! It is not typed: what is not looked at may change with the next Chrome.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::Error;
use crate::device::untrusted::shown;

/// Read buffer; the default of 128 KiB is allocated at once.
const READ_BUFFER: usize = 16 * 1024;

/// How long the handshake and one answer may take: seconds, on a phone that has to wake its browser for it.
pub(super) const ANSWER: Duration = Duration::from_secs(15);

/// A connection to one tab.
pub(super) struct Wire {
    socket: WebSocketStream<TcpStream>,
    last: u64,
}

impl Wire {
    /// Attaches to what a path stands for. A message of more than `longest` bytes ends it.
    pub(super) async fn open(stream: TcpStream, path: &str, longest: usize) -> Result<Self, Error> {
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(longest))
            .max_frame_size(Some(longest));
        let shaking = client_async_with_config(format!("ws://localhost{path}"), stream, Some(limits));
        let (socket, _) = timeout(ANSWER, shaking).await.map_err(|_| Error::Late(ANSWER))??;
        Ok(Self { socket, last: 0 })
    }

    /// What a call came to. Events that come before that are of no interest.
    pub(super) async fn call(&mut self, method: &str, params: Value) -> Result<Value, Error> {
        let answered = async {
            let id = self.ask(method, params).await?;
            loop {
                let mut message = self.next().await?;
                if message["id"] == id {
                    return match message["error"]["message"].as_str() {
                        Some(why) => Err(Error::Refused(shown(why))),
                        None => Ok(message["result"].take()),
                    };
                }
            }
        };
        timeout(ANSWER, answered).await.map_err(|_| Error::Late(ANSWER))?
    }

    /// Calls for what is answered by events; the answer itself is one of the next messages.
    pub(super) async fn send(&mut self, method: &str, params: Value) -> Result<(), Error> {
        timeout(ANSWER, self.ask(method, params)).await.map_err(|_| Error::Late(ANSWER))?.map(drop)
    }

    async fn ask(&mut self, method: &str, params: Value) -> Result<u64, Error> {
        self.last += 1;
        let call = json!({ "id": self.last, "method": method, "params": params }).to_string();
        self.socket.send(Message::text(call)).await?;
        Ok(self.last)
    }

    /// The next message. Dropping the wait loses nothing.
    pub(super) async fn next(&mut self) -> Result<Value, Error> {
        loop {
            match self.socket.next().await.ok_or(Error::Ended)?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(_) => return Err(Error::Ended),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => (),
            }
        }
    }
}
