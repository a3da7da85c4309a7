//! Another server: it says who it is and what it was asked, and answers in the ways a test asks for by its path.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::Request,
    response::{Html, IntoResponse},
};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet, time::sleep};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

/// The largest body that is echoed.
const BODY: usize = 1024 * 1024;

/// A running server; dropping it ends it and its connections.
pub(crate) struct EchoServer {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// Told when a slow request has arrived.
    pub(crate) slow: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl EchoServer {
    /// Serves on a free port.
    pub(crate) async fn start(name: &'static str) -> Self {
        Self::start_at(name, 0).await
    }

    /// Serves on this port.
    pub(crate) async fn start_at(name: &'static str, port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("the port is free");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let slow = Arc::new(Notify::new());
        let arrived = Arc::clone(&slow);
        let router = Router::new().fallback(move |request| answer(name, Arc::clone(&arrived), request));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, slow, _tasks: tasks }
    }

    /// The host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

/// The last segment of the path says how.
async fn answer(name: &'static str, arrived: Arc<Notify>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    match path.rsplit('/').next().unwrap_or_default() {
        "page" => Html(format!("<!doctype html><html><body><h1>{name}</h1></body></html>")).into_response(),
        "redirect" => {
            (StatusCode::FOUND, [(header::LOCATION, "/login"), (header::SET_COOKIE, "a=1; Path=/login")]).into_response()
        }
        "silent" => {
            sleep(Duration::from_secs(3600)).await;
            StatusCode::NO_CONTENT.into_response()
        }
        "slow" => {
            arrived.notify_one();
            sleep(Duration::from_secs(1)).await;
            echo(name, request).await
        }
        "ws" => websocket(name, request),
        _ => echo(name, request).await,
    }
}

async fn echo(name: &str, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, BODY).await.expect("a whole body");
    let headers: Value = head.headers.iter().map(|(name, value)| (name.to_string(), json!(text(value)))).collect();
    Json(json!({
        "server": name,
        "method": head.method.as_str(),
        "target": head.uri.path_and_query().map(|target| target.as_str()),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    }))
    .into_response()
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// Says its name and sends back each message.
fn websocket(name: &'static str, mut request: Request) -> Response<Body> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(text).unwrap_or_default();
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(&mut request).await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let _ = socket.send(name.into()).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                return;
            }
        }
    });
    let headers: HeaderMap = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()).parse().expect("base64")),
    ]
    .into_iter()
    .collect();
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}
