//! What passes through, and how.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, timeout},
};

use super::*;

#[tokio::test]
async fn a_request_arrives_as_sent_and_signed() {
    let program = Program::start().await;
    let (front, _) = Front::before(&program).await;
    let mut asked = request("POST", "/a%2f..//b?q=%20", "hello");
    for (name, value) in [("connection", "x-hop"), ("x-hop", "1"), ("te", "deflate"), ("proxy", "evil"), ("x-real-ip", "6.6.6.6")]
    {
        asked.headers_mut().insert(name, value.parse().expect("a value"));
    }
    let response = front.ask(asked).await;
    assert_eq!(response.headers()["generation"], "1");
    assert_eq!(text(response).await, (StatusCode::OK, "POST /a%2f..//b?q=%20\nhello".to_owned()));
    let fields = program.seen.fields.lock().expect("no panic").clone();
    for absent in ["x-hop", "te", "proxy", "x-real-ip", "transfer-encoding", "connection"] {
        assert!(!fields.contains_key(absent), "{absent}");
    }
    assert_eq!(fields["content-length"], "5");
    assert_eq!(fields["host"], "localhost");
    assert_eq!(fields["x-forwarded-for"], "127.0.0.1");
    assert_eq!(program.seen.target.lock().expect("no panic").as_str(), "/a%2f..//b?q=%20");
}

#[tokio::test]
async fn a_target_may_want_its_own_name_as_host() {
    let program = Program::start().await;
    let front = Front::start().await;
    front.serve_at(Target { host: HostPolicy::Rewrite, ..target_at(program.address) }, 1);
    front.get("/").await;
    let fields = program.seen.fields.lock().expect("no panic").clone();
    assert_eq!(fields["host"], program.address.to_string().as_str());
    assert_eq!(fields["x-forwarded-host"], "localhost");
}

#[tokio::test]
async fn a_response_arrives_without_what_is_the_connections() {
    let program = Program::start().await;
    let (front, _) = Front::before(&program).await;
    let response = front.ask(request("GET", "/fields", "")).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    for absent in ["connection", "x-hop", "keep-alive", "strict-transport-security"] {
        assert!(!response.headers().contains_key(absent), "{absent}");
    }
    assert_eq!(response.headers()["location"], "http://evil.example/");
    assert_eq!(response.headers()["x-kept"], "1");
    assert!(response.headers()["via"].to_str().expect("text").starts_with("1.1 everlit-"));
}

#[tokio::test]
async fn a_response_streams() {
    let program = Program::start().await;
    let (front, backend) = Front::before(&program).await;
    let mut body = front.ask(request("GET", "/parts", "")).await.into_body();
    let begun = Instant::now();
    let mut arrived = Vec::new();
    while let Some(frame) = body.frame().await {
        arrived.push((frame.expect("a piece").into_data().expect("data"), begun.elapsed()));
        assert_eq!(backend.in_flight(), usize::from(arrived.len() < 3), "counted until the end");
    }
    assert_eq!(
        arrived.iter().map(|(piece, _)| piece.as_ref()).collect::<Vec<_>>(),
        [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
    );
    assert!(arrived[2].1 >= Duration::from_millis(50) && arrived[0].1 < arrived[2].1, "{arrived:?}");
}

#[tokio::test]
async fn an_upload_streams() {
    let program = Program::start().await;
    let (front, _) = Front::before(&program).await;
    let (sender, mut receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let body = Body::from_stream(stream::poll_fn(move |cx| receiver.poll_recv(cx)));
    let mut connection = front.connect().await;
    let answer =
        tokio::spawn(
            async move { text(connection.send_request(request("POST", "/upload", body)).await.expect("an answer")).await },
        );
    sender.send(Ok(Bytes::from("first"))).await.expect("wanted");
    timeout(PATIENCE, program.seen.upload.notified()).await.expect("the first piece arrives before the last is sent");
    sender.send(Ok(Bytes::from("last"))).await.expect("wanted");
    drop(sender);
    assert_eq!(answer.await.expect("no panic"), (StatusCode::OK, "9".to_owned()));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_to() {
    let program = Program::start().await;
    let (front, backend) = Front::before(&program).await;
    let mut body = front.ask(request("GET", "/cut", "")).await.into_body();
    assert_eq!(body.frame().await.expect("a piece").expect("no error").data_ref().expect("data"), "begin");
    program.seen.cut.notify_one();
    assert!(body.collect().await.is_err());
    assert_eq!(backend.drain(PATIENCE).await, 0);
}

#[tokio::test]
async fn a_browser_that_leaves_frees_its_request() {
    let program = Program::start().await;
    let (front, backend) = Front::before(&program).await;
    let mut stream = TcpStream::connect(front.address).await.expect("accepted");
    stream.write_all(b"GET /silent HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    while backend.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    assert_eq!(backend.drain(PATIENCE).await, 0);
}

#[tokio::test]
async fn a_silent_program_is_given_up() {
    let program = Program::start().await;
    let front = Front::start().await;
    let backend = front.serve_at(Target { answer: Duration::from_millis(50), ..target_at(program.address) }, 1);
    assert_eq!(front.get("/silent").await.0, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(front.get("/").await.0, StatusCode::OK);
    assert_eq!(backend.in_flight(), 0);
}

#[tokio::test]
async fn a_moving_upload_is_not_silence() {
    let program = Program::start().await;
    let front = Front::start().await;
    front.serve_at(Target { answer: Duration::from_millis(200), ..target_at(program.address) }, 1);
    let pieces = futures_util::StreamExt::then(stream::iter(0..8), async |_| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok::<_, std::io::Error>(Bytes::from("x"))
    });
    let response = front.ask(request("POST", "/upload", Body::from_stream(Box::pin(pieces)))).await;
    assert_eq!(text(response).await, (StatusCode::OK, "8".to_owned()));
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_gateway() {
    for (answer, detail) in [
        (
            "HELLO\r\n\r\n",
            "the program's answer is not valid HTTP/1.1; one that speaks HTTP/2 alone needs `http2 = true` in everlit.toml",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            "the program switched protocols without being asked to",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let front = Front::start().await;
        front.slot.replace(State::Serving(backend_at(listener.local_addr().expect("bound"), 1)));
        let program = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.read(&mut [0; 1024]).await;
            stream.write_all(answer.as_bytes()).await
        });
        assert_eq!(front.get("/").await, (StatusCode::BAD_GATEWAY, detail.to_owned()));
        program.await.expect("no panic").expect("sent");
    }
}

#[tokio::test]
async fn a_request_that_comes_back_is_a_loop() {
    let front = Front::start().await;
    front.slot.replace(State::Serving(backend_at(front.address, 1)));
    assert_eq!(front.get("/").await.0, StatusCode::LOOP_DETECTED);
}

#[tokio::test]
async fn a_request_for_another_server_goes_to_ours() {
    let program = Program::start().await;
    let (front, _) = Front::before(&program).await;
    let request = Request::get("http://evil.example:9/x").header("host", "localhost").body(Body::empty()).expect("a request");
    assert_eq!(text(front.ask(request).await).await, (StatusCode::OK, "GET /x\n".to_owned()));
}
