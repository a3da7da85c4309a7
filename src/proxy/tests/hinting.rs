//! What programs say before their answers.

use std::future::poll_fn;

use bytes::Bytes;
use futures_util::stream;
use h2::{Reason, server::SendResponse};
use http::{HeaderMap, uri};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, mpsc},
    time::timeout,
};

use super::*;
use crate::proxy::{Interim, ProxyError};

/// The next request that a program of HTTP/2 gets over a new connection, which goes on being driven.
async fn accept_one(listener: &TcpListener) -> SendResponse<Bytes> {
    let (stream, _) = listener.accept().await.expect("a connection");
    let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
    let (_, respond) = connection.accept().await.expect("a request").expect("no error");
    tokio::spawn(async move { while connection.accept().await.is_some() {} });
    respond
}

/// Sends a hint, and an answer once it was heard.
async fn hint(listener: TcpListener, protocol: Protocol, heard: Arc<Notify>) {
    let link = format!("<http://{}/a.css>; rel=preload", listener.local_addr().expect("bound"));
    if protocol == Protocol::Http2 {
        let mut respond = accept_one(&listener).await;
        let hint = Response::builder().status(103).header("link", &link).body(()).expect("a head");
        respond.send_informational(hint).expect("sent");
        heard.notified().await;
        respond.send_response(Response::new(()), true).expect("sent");
    } else {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        while stream.read_u8().await.expect("a request") != b'\n' {}
        stream.write_all(format!("HTTP/1.1 103 Early Hints\r\nLink: {link}\r\n\r\n").as_bytes()).await.expect("sent");
        heard.notified().await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("sent");
    }
}

/// Asks a program through the proxy, on behalf of a browser that can be told.
fn forward(
    target: Target,
    body: Body,
    interim: Interim,
) -> impl Future<Output = Result<Response<Body>, ProxyError>> + Send + 'static {
    let (slot, upstream) = slot_within(Limits { park: PATIENCE, ..Limits::default() });
    slot.replace(State::Serving(Backend::new(target, Generation(1))));
    let mut request = request("POST", "/", body);
    request.extensions_mut().insert(interim);
    let host = uri::Authority::from_static("localhost:4747");
    let peer = Peer { remote: "127.0.0.1:5".parse().expect("an address"), scheme: uri::Scheme::HTTP, host };
    async move {
        let _slot = slot;
        upstream.forward(request, peer).await
    }
}

async fn listen(protocol: Protocol) -> (TcpListener, Target) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = Target { protocol, ..target_at(listener.local_addr().expect("bound")) };
    (listener, target)
}

#[tokio::test]
async fn what_a_program_says_first_is_told_while_its_answer_is_awaited() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (listener, target) = listen(protocol).await;
        let (told, mut hears) = mpsc::unbounded_channel();
        let interim = Interim::new(move |status: StatusCode, headers: &HeaderMap| {
            told.send((status.as_u16(), headers["link"].clone())).expect("the test goes on");
        });
        let heard = Arc::new(Notify::new());
        tokio::spawn(hint(listener, protocol, heard.clone()));
        let answer = tokio::spawn(forward(target, Body::empty(), interim));
        let (status, link) = timeout(PATIENCE, hears.recv()).await.expect("in time").expect("a hint");
        assert_eq!((status, link.as_bytes()), (103, &b"<http://localhost:4747/a.css>; rel=preload"[..]), "{protocol:?}");
        heard.notify_one();
        assert_eq!(answer.await.expect("no panic").expect("an answer").status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_browser_that_leaves_before_the_answer_resets_its_stream() {
    let pending = || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    for body in [Body::empty(), pending()] {
        let (listener, target) = listen(Protocol::Http2).await;
        let asking = tokio::spawn(forward(target, body, Interim::new(|_, _| ())));
        let mut respond = accept_one(&listener).await;
        asking.abort();
        let reset = timeout(PATIENCE, poll_fn(|cx| respond.poll_reset(cx))).await.expect("in time");
        assert_eq!(reset.expect("a reset"), Reason::CANCEL);
    }
}

#[tokio::test]
async fn a_browser_that_breaks_off_its_upload_resets_its_stream() {
    let (listener, target) = listen(Protocol::Http2).await;
    let arrived = Arc::new(Notify::new());
    let breaks = arrived.clone();
    let broken = stream::once(async move {
        breaks.notified().await;
        Err::<Bytes, _>(std::io::Error::other("broken"))
    });
    let asking = tokio::spawn(forward(target, Body::from_stream(broken), Interim::new(|_, _| ())));
    let mut respond = accept_one(&listener).await;
    arrived.notify_one();
    let reset = timeout(PATIENCE, poll_fn(|cx| respond.poll_reset(cx))).await.expect("in time");
    assert_eq!(reset.expect("a reset"), Reason::CANCEL);
    assert!(asking.await.expect("no panic").is_err());
}

#[tokio::test]
async fn much_passes_to_and_from_a_program_of_http2() {
    const MUCH: usize = 8 * 1024 * 1024;
    let program = Program::of_http2().await;
    let target = Target { protocol: Protocol::Http2, ..target_at(program.address) };
    let pieces = (0..MUCH / 65_536).map(|number| Ok::<_, std::io::Error>(Bytes::from(vec![number as u8; 65_536])));
    for body in [Body::from_stream(stream::iter(pieces)), Body::from(vec![7; MUCH])] {
        let answer = forward(target.clone(), body, Interim::new(|_, _| ())).await.expect("an answer");
        let length = answer.headers()["content-length"].to_str().expect("text").parse::<usize>().expect("a number");
        let body = answer.into_body().collect().await.expect("a whole body").to_bytes();
        assert_eq!(body.len(), length);
        assert!(body.len() > MUCH && body.ends_with(&[body[body.len() - 1]; 65_536]));
    }
}
