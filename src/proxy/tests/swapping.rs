//! No request fails because of a restart, and none is sent twice.

use std::time::Duration;

use axum::body::Body;
use futures_util::FutureExt;
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    time::{Instant, timeout},
};

use super::{program::Seen, *};
use crate::report::{Kind, Report};

/// Waits until `count` requests wait.
async fn until_waiting(slot: &Slot, count: u64) {
    while slot.waited() < count {
        tokio::task::yield_now().await;
    }
}

/// Waits until `count` requests came.
async fn until_seen(seen: &Seen, count: usize) {
    while seen.ids.lock().expect("no panic").len() < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_or_is_sent_twice_through_fifty_swaps() {
    const BROWSERS: usize = 200;
    const SWAPS: u64 = 50;
    /// How many requests each program gets at least.
    const REQUESTS: usize = 10;
    let seen: Arc<Seen> = Arc::default();
    let front = Arc::new(Front::start().await);
    let mut program = Program::seen_by(seen.clone()).await;
    let mut backend = front.serve(&program, 1);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut browsers = JoinSet::new();
    for browser in 0..BROWSERS {
        browsers.spawn(browse(front.clone(), browser, stopped.clone()));
    }
    for generation in 2..=SWAPS + 1 {
        let next = Program::seen_by(seen.clone()).await;
        let wanted = seen.ids.lock().expect("no panic").len() + REQUESTS;
        until_seen(&seen, wanted).await;
        let next_backend = front.serve(&next, generation);
        assert_eq!(backend.drain(PATIENCE).await, 0);
        std::mem::replace(&mut program, next).stop().await;
        backend = next_backend;
    }
    stop.send(true).expect("browsers are there");
    let sent: usize = browsers.join_all().await.into_iter().sum();
    let ids = seen.ids.lock().expect("no panic");
    assert_eq!(ids.len(), sent);
    assert!(ids.values().all(|&times| times == 1));
}

/// Sends one request after the other, half of them with a body, until told to stop; says how many.
async fn browse(front: Arc<Front>, browser: usize, stopped: tokio::sync::watch::Receiver<bool>) -> usize {
    let mut connection = front.connect().await;
    let mut count = 0;
    while !*stopped.borrow() {
        let (method, body) = if (browser + count).is_multiple_of(2) { ("POST", "hello") } else { ("GET", "") };
        let path = if count.is_multiple_of(3) { "/slow" } else { "/" };
        let mut request = request(method, path, body);
        request.headers_mut().insert("x-id", format!("{browser}-{count}").parse().expect("text"));
        let response = connection.send_request(request).await.expect("an answer");
        assert_eq!(text(response).await, (StatusCode::OK, format!("{method} {path}\n{body}")));
        count += 1;
    }
    count
}

#[tokio::test]
async fn requests_wait_for_the_first_program() {
    let front = Arc::new(Front::start().await);
    let mut browsers = JoinSet::new();
    for number in 0..10 {
        let front = front.clone();
        browsers.spawn(async move { text(front.ask(request("POST", "/", format!("body {number}"))).await).await });
    }
    until_waiting(&front.slot, 10).await;
    let program = Program::start().await;
    front.serve(&program, 1);
    assert_eq!(front.slot.waited(), 10, "known after the swap as well");
    for (status, body) in browsers.join_all().await {
        assert_eq!(status, StatusCode::OK);
        assert!(body.starts_with("POST /\nbody "), "{body}");
    }
    front.serve(&program, 2);
    assert_eq!(front.slot.waited(), 0);
}

#[tokio::test]
async fn waiting_ends() {
    let front = Front::within(Limits { park: Duration::from_millis(20), ..Limits::default() }).await;
    front.slot.replace(State::Waiting { why: "the build".into() });
    let (status, detail) = front.get("/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(detail.ends_with("for the build"), "{detail}");
}

#[tokio::test]
async fn only_so_many_wait() {
    let front = Arc::new(Front::within(Limits { parked: 1, ..Limits::default() }).await);
    let waiting = tokio::spawn({
        let front = front.clone();
        async move { front.get("/").await }
    });
    until_waiting(&front.slot, 1).await;
    assert_eq!(front.get("/").await.0, StatusCode::SERVICE_UNAVAILABLE);
    front.serve(&Program::start().await, 1);
    assert_ne!(waiting.await.expect("no panic").0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_program_that_is_down_is_told_of_at_once() {
    let front = Front::start().await;
    front.slot.replace(State::Down(Arc::new(Report {
        id: 1,
        kind: Kind::Crash,
        title: "the app exited with code 1".into(),
        command: String::new(),
        diagnostics: Vec::new(),
        output: "boom".into(),
        took: Duration::ZERO,
        help: String::new(),
    })));
    assert_eq!(front.get("/").await, (StatusCode::BAD_GATEWAY, "the app exited with code 1".to_owned()));
}

#[tokio::test]
async fn a_refused_request_is_sent_to_the_next_program_with_its_body() {
    let (slot, upstream) = slot_within(Limits::default());
    let gone = Program::start().await;
    let backend = backend_at(gone.address, 1);
    gone.stop().await;
    slot.replace(State::Serving(backend.clone()));
    let body = Body::from_stream(futures_util::stream::iter(["a", "b", "c"].map(Ok::<_, std::io::Error>)));
    let mut forwarded = Box::pin(upstream.forward(request("POST", "/", body), peer()));
    assert!((&mut forwarded).now_or_never().is_none());
    while backend.in_flight() > 0 {
        tokio::task::yield_now().await;
        assert!((&mut forwarded).now_or_never().is_none());
    }
    // It was in and is out again: refused. Now it waits for another.
    slot.replace(State::Waiting { why: "a restart".into() });
    assert!((&mut forwarded).now_or_never().is_none());
    assert_eq!(slot.waited(), 1);
    let program = Program::start().await;
    slot.replace(State::Serving(backend_at(program.address, 2)));
    let body = forwarded.await.expect("an answer").into_body().collect().await.expect("a whole body");
    assert_eq!(body.to_bytes(), "POST /\nabc");
}

fn peer() -> Peer {
    let remote = "127.0.0.1:5".parse().expect("an address");
    Peer { remote, scheme: http::uri::Scheme::HTTP, host: http::uri::Authority::from_static("localhost") }
}

#[tokio::test]
async fn a_server_that_comes_back_on_its_port_is_found_again() {
    let seen: Arc<Seen> = Arc::default();
    let program = Program::seen_by(seen.clone()).await;
    let (front, _) = Front::before(&program).await;
    let mut connection = front.connect().await;
    let address = program.address;
    text(connection.send_request(request("GET", "/", "")).await.expect("an answer")).await;
    program.stop().await;
    let asked =
        tokio::spawn(async move { text(connection.send_request(request("POST", "/", "again")).await.expect("an answer")).await });
    let _back = Program::at(address, seen).await;
    assert_eq!(asked.await.expect("no panic"), (StatusCode::OK, "POST /\nagain".to_owned()));
}

#[tokio::test]
async fn nothing_at_the_address_is_a_bad_gateway() {
    let front = Front::within(Limits { reconnect: Duration::from_millis(30), ..Limits::default() }).await;
    let gone = Program::start().await;
    front.slot.replace(State::Serving(backend_at(gone.address, 1)));
    gone.stop().await;
    assert_eq!(front.get("/").await.0, StatusCode::BAD_GATEWAY);
}

/// How often a program is asked that takes a request and closes without an answer, and what the browser gets.
async fn check_unanswered(method: &str, body: &str, times: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let front = Front::start().await;
    front.slot.replace(State::Serving(backend_at(listener.local_addr().expect("bound"), 1)));
    let asked = front.ask(request(method, "/", body.to_owned()));
    let mut count = 0;
    let closing = async {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let length = stream.read(&mut [0; 1024]).await.expect("a request");
            count += usize::from(length > 0);
        }
    };
    let response = tokio::select! {
        response = asked => response,
        () = closing => unreachable!("it never ends"),
    };
    assert_eq!((response.status(), count), (StatusCode::BAD_GATEWAY, times), "{method}");
}

#[tokio::test]
async fn only_what_is_safe_is_sent_again() {
    check_unanswered("GET", "", 2).await;
    check_unanswered("HEAD", "", 2).await;
    check_unanswered("POST", "hello", 1).await;
    check_unanswered("POST", "", 1).await;
    check_unanswered("DELETE", "", 1).await;
    check_unanswered("GET", "body", 1).await;
}

#[tokio::test]
async fn a_drain_waits_for_requests_and_lets_none_in() {
    let program = Program::start().await;
    let (front, backend) = Front::before(&program).await;
    let slow = tokio::spawn({
        let mut connection = front.connect().await;
        async move { text(connection.send_request(request("GET", "/slower", "")).await.expect("an answer")).await }
    });
    while backend.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    let next = Program::start().await;
    front.serve(&next, 2);
    assert_eq!(backend.drain(PATIENCE).await, 0);
    assert_eq!(slow.await.expect("no panic").0, StatusCode::OK);
    assert!(backend.enter().is_none());
    program.stop().await;
    assert_eq!(front.ask(request("GET", "/", "")).await.headers()["generation"], "2");
}

#[tokio::test]
async fn a_drain_has_a_limit() {
    let program = Program::start().await;
    let (front, backend) = Front::before(&program).await;
    let asked = front.get("/silent");
    let drained = async {
        while backend.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        backend.drain(Duration::from_millis(10)).await
    };
    tokio::select! {
        answer = asked => panic!("{answer:?}"),
        left = drained => assert_eq!(left, 1),
    }
}

#[tokio::test]
async fn event_streams_end_when_a_drain_begins() {
    let program = Program::start().await;
    let (front, backend) = Front::before(&program).await;
    let mut body = front.ask(request("GET", "/events", "")).await.into_body();
    body.frame().await.expect("an event").expect("no error");
    assert_eq!(backend.in_flight(), 0, "it does not hold a drain");
    let begun = Instant::now();
    let rest = tokio::spawn(async move { body.collect().await });
    assert_eq!(backend.drain(PATIENCE).await, 0);
    timeout(PATIENCE, rest).await.expect("it ends").expect("no panic").expect("it ends well");
    assert!(begun.elapsed() < PATIENCE / 2);
}
