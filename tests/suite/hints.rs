//! What an app says before its answer, as curl and Chromium hear it.

use std::{process::Command, sync::Arc};

use bytes::Bytes;
use http::Response;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};

use crate::harness::{Chromium, Home, TestProject, TestServer, require};

const HINT: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\n\r\n";

/// An app that hints at a stylesheet before each page.
struct App {
    url: String,
    is_http2: bool,
    _tasks: JoinSet<()>,
}

impl App {
    async fn of_http1() -> Self {
        let asked = Arc::new(Notify::new());
        Self::start(move |stream| answer(stream, asked.clone())).await
    }

    async fn of_http2() -> Self {
        Self { is_http2: true, ..Self::start(answer_http2).await }
    }

    async fn start<F>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream));
            }
        });
        Self { url, is_http2: false, _tasks: tasks }
    }
}

async fn answer(mut stream: TcpStream, asked: Arc<Notify>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).expect("text");
    let (kind, body) = match head.split(' ').nth(1).expect("a target") {
        "/page" => {
            stream.write_all(HINT.as_bytes()).await.expect("sent");
            ("text/html", "<!doctype html><link rel=stylesheet href=/a.css><h1>one</h1>")
        }
        // Its answer is late: only what is asked for because of the hint brings it.
        "/late" => {
            stream.write_all(HINT.as_bytes()).await.expect("sent");
            asked.notified().await;
            ("text/html", "<!doctype html><link rel=stylesheet href=/a.css><h1>one</h1>")
        }
        "/a.css" => {
            asked.notify_one();
            ("text/css", "h1 { color: rgb(1, 2, 3) }")
        }
        _ => ("text/plain", "there"),
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// An app of HTTP/2 that does the same.
async fn answer_http2(stream: TcpStream) {
    let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let hint = Response::builder().status(103).header("link", "</a.css>; rel=preload; as=style").body(()).expect("a head");
        respond.send_informational(hint).expect("sent");
        let answer = Response::builder().header("content-type", "text/html").body(()).expect("a head");
        let mut body = respond.send_response(answer, false).expect("sent");
        body.send_data(Bytes::from_static(b"<!doctype html><h1>one</h1>"), true).expect("sent");
    }
}

/// Everlit with TLS before an app.
fn serve(home: &Home, app: &App) -> (TestServer, TestProject) {
    let protocol = if app.is_http2 { "http2 = true" } else { "" };
    let project =
        TestProject::from_text(&format!("-- everlit.toml --\n[[proxy]]\npath = \"/\"\nto = \"{}\"\n{protocol}\n", app.url));
    let env = home.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = TestServer::start_with(project.path(), &["--port", "0", "--tls"], &env);
    (server, project)
}

/// What curl gets: heads, and the page.
fn curl(home: &Home, args: &[&str]) -> Vec<String> {
    let curl = Command::new(require("curl"))
        .args(["--silent", "--show-error", "--include", "--max-time", "20", "--cacert"])
        .arg(home.authority())
        .args(args)
        .output()
        .expect("curl starts");
    String::from_utf8_lossy(&curl.stdout).split("\r\n\r\n").map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_hears_early_hints_over_and_from_both_versions_of_http() {
    for app in [App::of_http1().await, App::of_http2().await] {
        let home = Home::new();
        let (server, _project) = serve(&home, &app);
        for (flag, version) in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2")] {
            let heads = curl(&home, &[flag, &server.at("/page")]);
            assert!(heads[0].starts_with(&format!("{version} 103")), "{heads:?}");
            assert_eq!(heads[0].lines().skip(1).collect::<Vec<_>>(), ["link: </a.css>; rel=preload; as=style"], "{heads:?}");
            assert!(heads[1].starts_with(&format!("{version} 200")) && heads[2].contains("<h1>one</h1>"), "{heads:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_asks_for_what_is_hinted_at_before_the_page_is_there() {
    let (home, app) = (Home::new(), App::of_http1().await);
    let (server, _project) = serve(&home, &app);
    let trusted = home.everlit(&["trust", "--browsers"]);
    assert!(trusted.status.success(), "{}", String::from_utf8_lossy(&trusted.stderr));
    let browser = Chromium::start_at(&home).await;
    let page = browser.open(&server.at("/late")).await;
    // Had it waited for the page to ask for its stylesheet, both would wait for each other.
    assert_eq!(page.evaluate("getComputedStyle(document.querySelector('h1')).color").await, Value::from("rgb(1, 2, 3)"));
}
