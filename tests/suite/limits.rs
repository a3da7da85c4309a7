//! Bounds that the file moves: what is above them is refused in words, and what is below passes.

use http::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Connection, EchoServer, Http2, ReloadSocket, SOON, TestProject, TestServer, get, require, send};

const DATA: &str = "-- data/posts.json --\n[]\n";

fn start(toml: &str) -> (TestProject, TestServer) {
    let project = TestProject::from_text(&format!("{DATA}-- everlit.toml --\n{toml}"));
    let server = TestServer::start(project.path());
    (project, server)
}

/// A `Cookie` of so many bytes.
fn cookie(bytes: usize) -> String {
    format!("a={}", "x".repeat(bytes - 2))
}

#[tokio::test]
async fn heads_that_are_too_large_are_told_why_and_what_to_do() {
    let (_project, server) = start("");
    let json = ("accept", "application/json");
    let long = get(&server.at(&format!("/{}", "x".repeat(17 * 1024)))).await;
    assert_eq!(long.status, StatusCode::URI_TOO_LONG);
    assert!(long.text().contains("[limits] uri"), "{}", long.text());

    let cookies = cookie(70 * 1024);
    let refused = send(Method::GET, &server.url, &[json, ("cookie", &cookies)], "").await;
    assert_eq!(refused.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert!(refused.text().contains("71680 of them cookies"), "{}", refused.text());

    let names: Vec<String> = (0..150).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let refused = send(Method::GET, &server.url, &many, "").await;
    assert_eq!(refused.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(refused.text().contains("[limits] headers"), "{}", refused.text());

    let (_project, server) = start("[limits]\nuri = \"20KiB\"\nheader_bytes = \"100KiB\"\nheaders = 200\n");
    let long = get(&server.at(&format!("/{}", "x".repeat(17 * 1024)))).await;
    assert_eq!(long.status, StatusCode::NOT_FOUND, "it is short enough to be looked for");
    let accepted = [&[("cookie", cookies.as_str())], &many[..]].concat();
    assert_eq!(send(Method::GET, &server.at("/api/posts"), &accepted, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_file_says() {
    let (_project, server) = start("[limits]\nbody = \"1KiB\"\n");
    let json = [("content-type", "application/json")];
    let post = async |bytes: usize| {
        send(Method::POST, &server.at("/api/posts"), &json, format!("{{\"a\":\"{}\"}}", "x".repeat(bytes))).await
    };
    assert_eq!(post(1000).await.status, StatusCode::CREATED);
    let refused = post(1100).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(refused.text().contains("longer than 1024 bytes") && refused.text().contains("[limits] body"), "{}", refused.text());
}

#[tokio::test]
async fn nobody_waits_longer_than_the_file_says() {
    let upstream = EchoServer::start("upstream").await;
    let (_project, server) = start(&format!("upstream = \"{}\"\n[limits]\nanswer = \"300ms\"\n", upstream.url));
    let silent = get(&server.at("/silent")).await;
    assert_eq!(silent.status, StatusCode::GATEWAY_TIMEOUT, "{}", silent.text());
    assert!(silent.text().contains("0.3 s; `[limits] answer` in everlit.toml"), "{}", silent.text());

    let (_project, server) = start("[app]\nrun = \"sleep 600\"\nwatch = []\n[limits]\nwait = \"300ms\"\n");
    let waited = get(&server.at("/x")).await;
    assert_eq!((waited.status, waited.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"), "{}", waited.text());
    assert!(waited.text().contains("`[limits] wait` in everlit.toml"), "{}", waited.text());
}

/// A request whose body arrives as the test wants it.
struct Upload(TcpStream);

impl Upload {
    /// Sends the head of a POST with a body of so many bytes.
    async fn begin(server: &TestServer, path: &str, bytes: usize) -> Self {
        let mut stream = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nContent-Length: {bytes}\r\n\
             Accept: application/json\r\nConnection: close\r\n\r\n",
            server.port()
        );
        stream.write_all(head.as_bytes()).await.expect("it is open");
        Self(stream)
    }

    async fn send(&mut self, piece: &str) {
        self.0.write_all(piece.as_bytes()).await.expect("it is open");
    }

    /// The answer, once the server has closed the connection.
    async fn answer(mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.expect("an answer, and an end in good order");
        answer
    }
}

#[tokio::test]
async fn an_upload_that_stands_still_is_ended_and_nothing_else() {
    let other = EchoServer::start("other").await;
    let (project, server) =
        start(&format!("[limits]\nbody_timeout = \"500ms\"\n[[proxy]]\npath = \"/other\"\nto = \"{}\"\n", other.url));
    let mut kept = Connection::open(&server.url.parse().expect("a URL")).await.expect("the server accepts");
    let mut to_other = Upload::begin(&server, "/other", 20).await;
    to_other.send("0123456789").await;
    let mut stands = Upload::begin(&server, "/api/posts", 20).await;
    stands.send("{\"title\":").await;
    assert_eq!(kept.get("/api/posts").await.expect("others are answered").text().trim(), "[]");

    let refused = stands.answer().await;
    assert!(refused.starts_with("HTTP/1.1 408 "), "{refused}");
    assert!(refused.contains("application/problem+json") && refused.contains("`[limits] body_timeout`"), "{refused}");
    to_other.send("abcdefghij").await;
    let passed = to_other.answer().await;
    assert!(passed.starts_with("HTTP/1.1 200 ") && passed.contains("0123456789abcdefghij"), "it has no such bound: {passed}");
    let json = [("content-type", "application/json")];
    let created = kept.send(Method::POST, "/api/posts", &json, "{\"title\":\"a\"}").await.expect("the connection is kept");
    assert_eq!(created.status, StatusCode::CREATED);
    assert_eq!(project.read("data/posts.json").matches("title").count(), 1, "what stood still left nothing");
}

#[tokio::test]
async fn a_stream_that_stands_still_is_ended_and_its_connection_goes_on() {
    let (_project, server) = start("[limits]\nbody_timeout = \"500ms\"\n");
    let client = Http2::open_plain(&server).await;
    let json = [("content-type", "application/json"), ("accept", "application/json")];
    let stands = client.send_endless(Method::POST, "/api/posts", &json, "{\"title\":");
    let (refused, other) = tokio::join!(stands, client.get("/api/posts"));
    let refused = refused.expect("an answer");
    assert_eq!((refused.status, other.text().trim()), (StatusCode::REQUEST_TIMEOUT, "[]"));
    assert!(refused.text().contains("`[limits] body_timeout`"), "{}", refused.text());
    assert_eq!(client.get("/api/posts").await.text().trim(), "[]", "the connection is kept, and nothing was left");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_above_the_bound_wait_and_the_bound_moves() {
    let limits = |connections: usize| format!("[limits]\nconnections = {connections}\n");
    let (project, mut server) = start(&limits(10));
    let url = server.url.parse().expect("a URL");
    let mut open = Vec::new();
    for _ in 0..10 {
        let mut connection = Connection::open(&url).await.expect("the server accepts");
        assert_eq!(connection.get("/api/posts").await.expect("an answer").status, StatusCode::OK);
        open.push(connection);
    }
    let waiting = tokio::spawn({
        let url = server.at("/api/posts");
        async move { get(&url).await.status }
    });
    let is_told = |text: &str| text.contains("10 connections are open") && text.contains("`[limits] connections`");
    server.wait_for("the bound", SOON, |event| event["text"].as_str().is_some_and(is_told));
    project.save("everlit.toml", &limits(20));
    assert_eq!(waiting.await.expect("no panic"), StatusCode::OK);
    for connection in &mut open {
        assert_eq!(connection.get("/api/posts").await.expect("none was closed for it").status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_system_gives_no_more_connections_the_terminal_says_so() {
    require("unshare");
    let project = TestProject::from_text(DATA);
    let mut server = TestServer::start_limited(project.path(), "ulimit -n 128");
    let mut open = Vec::new();
    for _ in 0..128 {
        open.push(TcpStream::connect(("localhost", server.port())).await.expect("the kernel accepts"));
    }
    let is_told = |text: &str| text.contains("no more files") && text.contains("`ulimit -n`");
    server.wait_for("the system's bound", SOON, |event| event["text"].as_str().is_some_and(is_told));
    drop(open);
    assert_eq!(get(&server.at("/api/posts")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_above_the_bound_are_told_the_key() {
    let (_project, server) = start("[limits]\nsockets = 1\n");
    let first = ReloadSocket::open(&server).await;
    let address = server.at(&ReloadSocket::path(&server).await);
    let handshake = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let refused = send(Method::GET, &address, &handshake, "").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.text().contains("`[limits] sockets`"), "{}", refused.text());
    drop(first);
}

#[tokio::test]
async fn so_many_requests_wait_as_the_file_says() {
    let app = "[app]\nrun = \"sleep 600\"\nwatch = []\n";
    let (_project, server) = start(&format!("{app}[limits]\nwait = \"2s\"\nwaiting = 1\n"));
    let url = server.at("/x");
    let answers = futures_util::future::join_all((0..5).map(|_| get(&url))).await;
    let crowded = answers.iter().find(|answer| answer.text().contains("too many requests"));
    let crowded = crowded.expect("there is room for one");
    assert_eq!((crowded.status, crowded.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert!(crowded.text().contains("`[limits] waiting` in everlit.toml"), "{}", crowded.text());
    assert!(answers.iter().any(|answer| answer.text().contains("`[limits] wait` in")), "one waits as long as it may");
}

/// What is answered to these bytes, all of which can be sent first.
async fn answer_to(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
    stream.write_all(bytes).await.expect("all of it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer, and an end in good order");
    answer
}

/// As clients do that read nothing before they have sent it all.
#[tokio::test]
async fn whoever_sends_all_of_a_body_that_is_refused_hears_why() {
    let (_project, server) = start("");
    let length = 32 << 20;
    let head = format!(
        "POST /api/posts HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n",
        server.port()
    );
    let sent = [head.into_bytes(), vec![b' '; length]].concat();
    for _ in 0..5 {
        let answer = answer_to(&server, &sent).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("[limits] body"), "{answer}");
    }
}

#[tokio::test]
async fn heads_that_the_parser_does_not_take_are_told_why() {
    let (_project, server) = start("");
    let head = |target: &str, rest: &str| format!("GET /{target} HTTP/1.1\r\nHost: localhost\r\n{rest}\r\n");
    let many = |count: usize| -> String { (0..count).map(|number| format!("X-{number}: 1\r\n")).collect() };
    let check = async |bytes: String, status: u16, words: &str| {
        let answer = answer_to(&server, bytes.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(words), "{status}: {answer}");
    };
    check(head("", &many(100)), 431, "`[limits] headers` does, which can be 400").await;
    check(head("", &many(401)), 431, "`[limits] headers` does, which can be 400").await;
    check(head("", &format!("Cookie: {}\r\n", cookie(300 * 1024))), 431, "262144 bytes").await;
    check(head("", &format!("Cookie: {}\r\n", cookie(16 * 1024 * 1024))), 431, "left its cookies").await;
    check(head(&"x".repeat(70_000), ""), 414, "`[limits] uri`").await;
    check("this is no HTTP\r\n\r\n".to_owned(), 400, "no request of HTTP/1.1").await;
}
