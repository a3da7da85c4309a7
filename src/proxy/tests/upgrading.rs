//! Websockets and other protocols through the proxy.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{Response, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message, client::IntoClientRequest, handshake::client::generate_key, protocol::frame::coding::CloseCode,
    },
};

use super::*;

/// A websocket server that sends each text back and ends a connection on `end`.
pub(super) async fn websockets() -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a handshake");
                while let Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) = socket.next().await {
                    if message == Message::text("end") || socket.send(message).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, tasks)
}

async fn open(front: &Front, origin: Option<&str>) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    let mut request = "ws://localhost/socket".into_client_request().expect("a request");
    request.headers_mut().insert("host", front.address.to_string().parse().expect("text"));
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().expect("text"));
    }
    let stream = TcpStream::connect(front.address).await.expect("accepted");
    client_async(request, stream).await.map(|(socket, _)| socket)
}

async fn front_of(address: SocketAddr) -> (Front, Arc<Backend>) {
    let front = Front::start().await;
    let backend = backend_at(address, 1);
    front.slot.replace(State::Serving(backend.clone()));
    (front, backend)
}

#[tokio::test]
async fn a_websocket_passes_both_ways() {
    let (address, _tasks) = websockets().await;
    let (front, backend) = front_of(address).await;
    let own = format!("http://{}", front.address);
    let mut socket = open(&front, Some(&own)).await.expect("a websocket");
    for length in [0, 1, 125, 126, 70_000] {
        let message = Message::binary(vec![7; length]);
        socket.send(message.clone()).await.expect("sent");
        assert_eq!(socket.next().await.expect("a message").expect("no error"), message);
    }
    assert_eq!(backend.in_flight(), 0, "it does not hold a drain");
}

#[tokio::test]
async fn a_websocket_is_told_when_its_program_is_replaced() {
    let (address, _tasks) = websockets().await;
    let (front, backend) = front_of(address).await;
    let mut socket = open(&front, None).await.expect("a websocket");
    socket.send(Message::text("hello")).await.expect("sent");
    assert_eq!(socket.next().await.expect("a message").expect("no error"), Message::text("hello"));
    let (left, message) = tokio::join!(backend.drain(PATIENCE), async {
        let message = socket.next().await.expect("a message").expect("no error");
        drop(socket);
        message
    });
    let Message::Close(Some(close)) = message else { panic!("{message:?}") };
    assert_eq!(close.code, CloseCode::Restart);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_websocket_closes_when_either_side_does() {
    let (address, _tasks) = websockets().await;
    let (front, backend) = front_of(address).await;
    let mut socket = open(&front, None).await.expect("a websocket");
    socket.send(Message::text("end")).await.expect("sent");
    let end = timeout(PATIENCE, socket.next()).await.expect("it ends");
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
    drop(open(&front, None).await.expect("a websocket"));
    while backend.streams() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_page_of_another_origin_opens_none() {
    let (address, _tasks) = websockets().await;
    let (front, _) = front_of(address).await;
    for origin in ["http://evil.example", "null"] {
        let error = open(&front, Some(origin)).await.map(|_| ()).expect_err("refused");
        assert!(matches!(&error, tungstenite::Error::Http(response) if response.status() == StatusCode::FORBIDDEN), "{error}");
    }
}

fn upgrade_request(protocol: &str) -> Request<Body> {
    let mut request = request("GET", "/upgrade", "");
    request.headers_mut().insert("connection", "Upgrade, HTTP2-Settings".parse().expect("text"));
    request.headers_mut().insert("upgrade", protocol.parse().expect("text"));
    request.headers_mut().insert("sec-websocket-key", generate_key().parse().expect("text"));
    request
}

async fn upgraded(front: &Front, protocol: &str) -> Response<hyper::body::Incoming> {
    front.ask(upgrade_request(protocol)).await
}

#[tokio::test]
async fn other_protocols_pass_as_well() {
    let program = Program::start().await;
    let (front, backend) = Front::before(&program).await;
    let response = upgraded(&front, "own/1").await;
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["upgrade"], "own/1");
    let mut stream = TokioIo::new(hyper::upgrade::on(response).await.expect("switched"));
    stream.write_all(b"ping").await.expect("sent");
    let mut echoed = [0; 4];
    stream.read_exact(&mut echoed).await.expect("echoed");
    assert_eq!(&echoed, b"ping");
    let drained = tokio::spawn(async move { backend.drain(Duration::ZERO).await });
    assert_eq!(stream.read(&mut echoed).await.expect("a clean end"), 0, "closed without a frame of ours");
    drop(stream);
    assert_eq!(drained.await.expect("no panic"), 0);
}

#[tokio::test]
async fn http2_is_not_switched_to() {
    let program = Program::start().await;
    let (front, _) = Front::before(&program).await;
    // The program switches all the same, without being asked to.
    assert_eq!(upgraded(&front, "h2c").await.status(), StatusCode::BAD_GATEWAY);
    let fields = program.seen.fields.lock().expect("no panic").clone();
    assert!(!fields.contains_key("upgrade") && !fields.contains_key("http2-settings"));
}

/// What a websocket's browser reads at the end, when `sent` went to it before.
async fn check_farewell(sent: &[u8], expected: &[u8]) {
    let program = Program::start().await;
    let (front, backend) = Front::before(&program).await;
    let mut stream = TokioIo::new(hyper::upgrade::on(upgraded(&front, "websocket").await).await.expect("switched"));
    stream.write_all(sent).await.expect("sent");
    let mut echoed = vec![0; sent.len()];
    stream.read_exact(&mut echoed).await.expect("echoed");
    let mut rest = Vec::new();
    tokio::join!(backend.drain(PATIENCE), async { stream.read_to_end(&mut rest).await.expect("a clean end") });
    assert_eq!(rest, expected, "after {sent:?}");
}

#[tokio::test]
async fn a_close_frame_never_stands_within_another_frame() {
    check_farewell(&[0x82, 1, 7], &[0x88, 2, 0x03, 0xf4]).await;
    check_farewell(&[0x82, 2, 7], &[]).await;
    check_farewell(&[0x82], &[]).await;
}
