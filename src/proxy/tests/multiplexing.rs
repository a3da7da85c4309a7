//! HTTP/2 on either side.

use std::{convert::Infallible, sync::atomic::Ordering};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue};
use http_body_util::Full;
use hyper::{client::conn::http2, ext::Protocol as Extended};
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::*;

impl Front {
    async fn connect_http2(&self) -> http2::SendRequest<Body> {
        let stream = TcpStream::connect(self.address).await.expect("the front accepts");
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.expect("a connection");
        tokio::spawn(connection);
        // With an answer come the settings, which say that websockets may be opened.
        let refused = sender.send_request(asked("TRACE", "/", "")).await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        sender
    }
}

fn target_http2(program: &Program) -> Target {
    Target { protocol: Protocol::Http2, ..target_at(program.address) }
}

fn asked(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let uri = format!("http://localhost:4747{path}");
    Request::builder().method(method).uri(uri).version(Version::HTTP_2).body(body.into()).expect("a request")
}

/// A body with a trailer.
fn summed(text: &'static str) -> Body {
    let trailers: HeaderMap = [(http::HeaderName::from_static("x-sum"), HeaderValue::from_static("7"))].into_iter().collect();
    Body::new(Full::new(Bytes::from(text)).with_trailers(async { Some(Ok::<_, Infallible>(trailers)) }))
}

#[tokio::test]
async fn a_program_of_http2_gets_all_requests_over_one_connection() {
    let program = Program::of_http2().await;
    let front = Front::start().await;
    front.serve_at(target_http2(&program), 1);
    let paths: Vec<String> = (0..20).map(|number| format!("/{number}")).collect();
    let mut answers = JoinSet::new();
    for path in paths {
        let mut connection = front.connect().await;
        answers.spawn(async move {
            let answer = text(connection.send_request(request("GET", &path, "")).await.expect("an answer")).await;
            assert_eq!(answer, (StatusCode::OK, format!("GET http://localhost{path}\n")), "the browser's name is the authority");
        });
    }
    answers.join_all().await;
    assert_eq!(program.seen.connections.load(Ordering::Relaxed), 1);
    let fields = program.seen.fields.lock().expect("no panic").clone();
    for absent in ["host", "connection", "transfer-encoding"] {
        assert!(!fields.contains_key(absent), "{absent}");
    }
    assert!(fields["via"].to_str().expect("text").starts_with("1.1 everlit-"));
}

#[tokio::test]
async fn a_program_of_http2_that_comes_back_is_connected_to_again() {
    let program = Program::of_http2().await;
    let front = Front::start().await;
    front.serve_at(target_http2(&program), 1);
    assert_eq!(front.get("/").await.0, StatusCode::OK);
    program.stop().await;
    let other = Program::of_http2().await;
    front.serve_at(target_http2(&other), 2);
    assert_eq!(front.get("/").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_grpc_call_goes_over_http2_to_a_program_of_either() {
    let program = Program::of_http2().await;
    let front = Front::of_http2().await;
    front.serve_at(target_at(program.address), 1);
    let mut call = asked("POST", "/trailers", summed("hello"));
    for (name, value) in [("content-type", "application/grpc+proto"), ("te", "trailers")] {
        call.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let response = front.connect_http2().await.send_request(call).await.expect("an answer");
    let collected = response.into_body().collect().await.expect("a whole body");
    assert_eq!(collected.trailers().expect("trailers")["x-sum"], "7");
    assert_eq!(collected.to_bytes(), "hello");
    let fields = program.seen.fields.lock().expect("no panic").clone();
    assert_eq!(
        (&fields["te"], &fields["content-type"]),
        (&"trailers".parse().unwrap(), &"application/grpc+proto".parse().unwrap())
    );
}

#[tokio::test]
async fn trailers_pass_from_http2_to_http1_and_back() {
    let program = Program::start().await;
    let front = Front::of_http2().await;
    front.serve(&program, 1);
    let mut request = asked("POST", "/trailers", summed("hello"));
    for (name, value) in [("te", "trailers"), ("trailer", "x-sum")] {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let response = front.connect_http2().await.send_request(request).await.expect("an answer");
    let collected = response.into_body().collect().await.expect("a whole body");
    assert_eq!(collected.trailers().expect("trailers")["x-sum"], "7");
    assert_eq!(program.seen.fields.lock().expect("no panic")["connection"], "te");
}

#[tokio::test]
async fn a_browser_of_http2_that_leaves_one_answer_cancels_it_at_the_program() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let program = if protocol == Protocol::Http2 { Program::of_http2().await } else { Program::start().await };
        let front = Front::of_http2().await;
        let target = Target { protocol, ..target_at(program.address) };
        let backend = front.serve_at(target, 1);
        let mut sender = front.connect_http2().await;
        let mut body = sender.send_request(asked("GET", "/endless", "")).await.expect("an answer").into_body();
        assert_eq!(body.frame().await.expect("a piece").expect("no error").data_ref().expect("data"), "begin");
        drop(body);
        timeout(PATIENCE, program.seen.left.notified()).await.expect("the program hears of it");
        let answer = sender.send_request(asked("GET", "/", "")).await.expect("an answer on the same connection");
        assert_eq!(text(answer).await.0, StatusCode::OK);
        assert_eq!(backend.in_flight(), 0);
    }
}

#[tokio::test]
async fn a_websocket_over_http2_passes_both_ways() {
    let (address, _tasks) = upgrading::websockets().await;
    let front = Front::of_http2().await;
    let backend = front.serve_at(target_at(address), 1);
    let own = format!("http://{}", front.address);
    for (origin, status) in [(own.as_str(), 200), ("http://evil.example", 403)] {
        let mut request = asked("CONNECT", "/socket", "");
        *request.uri_mut() = format!("http://{}/socket", front.address).parse().expect("a URI");
        request.extensions_mut().insert(Extended::from_static("websocket"));
        request.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("13"));
        request.headers_mut().insert("origin", origin.parse().expect("text"));
        let mut sender = front.connect_http2().await;
        let mut response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), status);
        if status != 200 {
            continue;
        }
        for absent in ["sec-websocket-accept", "upgrade", "connection"] {
            assert!(!response.headers().contains_key(absent), "{absent}");
        }
        let upgraded = hyper::upgrade::on(&mut response).await.expect("a stream");
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await;
        for length in [0, 125, 126, 70_000] {
            let message = Message::binary(vec![7; length]);
            socket.send(message.clone()).await.expect("sent");
            assert_eq!(socket.next().await.expect("a message").expect("no error"), message);
        }
        socket.send(Message::text("end")).await.expect("sent");
        let end = timeout(PATIENCE, async { while let Some(Ok(_)) = socket.next().await {} });
        end.await.expect("the browser's side ends with the program's");
    }
    assert_eq!(backend.drain(PATIENCE).await, 0);
}

#[tokio::test]
async fn a_page_in_place_of_a_websocket_is_no_success_over_http2() {
    let program = Program::start().await;
    let front = Front::of_http2().await;
    front.serve(&program, 1);
    let mut request = asked("CONNECT", "/", "");
    request.extensions_mut().insert(Extended::from_static("websocket"));
    let mut sender = front.connect_http2().await;
    assert_eq!(sender.send_request(request).await.expect("an answer").status(), StatusCode::BAD_GATEWAY);
}
