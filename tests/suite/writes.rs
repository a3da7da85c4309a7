//! Writes through the API: what they tell, how clients keep out of each other's way, and the modes in which no file changes.

use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Connection, ReloadSocket, SOON, Signal, TestProject, TestServer, get, send};

const PROJECT: &str = r#"
-- static/site.css --
h1 { color: black }
-- templates/posts/index.html --
<!doctype html><html><head></head><body>{% for post in items %}<p>{{ post.text }}</p>{% endfor %}</body></html>
-- data/posts.json --
[
  { "id": 1, "text": "first" },
  { "id": 2, "text": "second" }
]
"#;

const MERGE: &str = "application/merge-patch+json";

/// Target, method, content type, body, and the id that it concerns.
const WRITES: [(&str, Method, &str, &str, &str); 4] = [
    ("/api/posts", Method::POST, "application/json", r#"{ "text": "third" }"#, "3"),
    ("/api/posts/1", Method::PUT, "application/json", r#"{ "text": "replaced" }"#, "1"),
    ("/api/posts/1", Method::PATCH, MERGE, r#"{ "text": "patched" }"#, "1"),
    ("/api/posts/2", Method::DELETE, "application/json", "", "2"),
];

#[tokio::test]
async fn own_writes_are_told_as_data_and_never_as_a_reload() {
    let project = TestProject::from_text(PROJECT);
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    for (target, method, content_type, body, id) in WRITES {
        let answer = send(method.clone(), &server.at(target), &[("content-type", content_type)], body).await;
        assert!(answer.status.is_success(), "{method} {target}: {} {}", answer.status, answer.text());
        let message = socket.next(SOON).await;
        let told = (&message["type"], &message["resource"], &message["ids"]);
        assert_eq!(told, (&json!("data"), &json!("posts"), &json!([id])), "{method} {target}: {message}");
    }
    project.edit("static/site.css", "black", "navy");
    let message = socket.next(SOON).await;
    assert_eq!(message["type"], "styles", "the next message is about the next change by hand: {message}");
    assert_eq!(message["cause"], json!(["static/site.css"]), "and about nothing else");
}

#[tokio::test]
async fn an_ephemeral_session_writes_nothing() {
    let project = TestProject::from_text(PROJECT);
    let (text, names) = (project.read("data/posts.json"), project.names("data"));
    let mut server = TestServer::start_with(project.path(), &["--port", "0", "--ephemeral"], &[]);
    for (target, method, content_type, body, _) in WRITES {
        let answer = send(method.clone(), &server.at(target), &[("content-type", content_type)], body).await;
        assert!(answer.status.is_success(), "{method} {target}: {} {}", answer.status, answer.text());
        assert_eq!((project.read("data/posts.json"), project.names("data")), (text.clone(), names.clone()), "{method} {target}");
    }
    let expected = json!([{ "id": 1, "text": "patched" }, { "id": 3, "text": "third" }]);
    assert_eq!(get(&server.at("/api/posts")).await.json(), expected, "it is served all the same");
    server.signal(Signal::TERM);
    server.wait_end(SOON);
    assert_eq!((project.read("data/posts.json"), project.names("data")), (text, names), "the end writes nothing either");
}

#[tokio::test]
async fn a_read_only_session_refuses_writes() {
    let project = TestProject::from_text(PROJECT);
    let (text, names) = (project.read("data/posts.json"), project.names("data"));
    let server = TestServer::start_with(project.path(), &["--port", "0", "--read-only"], &[]);
    let before = get(&server.at("/api/posts")).await.text();
    for (target, method, content_type, body, _) in WRITES {
        let answer = send(method.clone(), &server.at(target), &[("content-type", content_type)], body).await;
        assert_eq!(answer.status, 405, "{method} {target}: {}", answer.text());
        check_allow(answer.header("allow"));
        let options = send(Method::OPTIONS, &server.at(target), &[], "").await;
        assert!(options.status.is_success(), "{target}: {}", options.status);
        check_allow(options.header("allow"));
    }
    assert_eq!(get(&server.at("/api/posts")).await.text(), before);
    assert_eq!((project.read("data/posts.json"), project.names("data")), (text, names));
}

/// What may be done with a resource that is only read.
fn check_allow(allow: &str) {
    let mut methods: Vec<&str> = allow.split(',').map(str::trim).collect();
    methods.sort_unstable();
    assert_eq!(methods, ["GET", "HEAD", "OPTIONS"], "{allow}");
}

const COUNTERS: usize = 6;
const COUNTS: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_makes_lost_updates_impossible() {
    let project = TestProject::from_text("-- data/counters.json --\n[{ \"id\": 1, \"count\": 0 }]\n");
    let server = TestServer::start(project.path());
    let url: Uri = server.url.parse().expect("a valid URL");
    let mut counting = JoinSet::new();
    for _ in 0..COUNTERS {
        counting.spawn(count(url.clone()));
    }
    let refused: u64 = counting.join_all().await.into_iter().sum();
    assert!(refused > 0, "the clients never met, so that nothing was tested");
    let expected = json!([{ "id": 1, "count": COUNTERS as u64 * COUNTS }]);
    assert_eq!(serde_json::from_str::<Value>(&project.read("data/counters.json")).expect("JSON"), expected);
    assert_eq!(get(&server.at("/api/counters")).await.json(), expected);
}

/// Adds one, over and over, to what it read just before; returns how often that had changed meanwhile.
async fn count(url: Uri) -> u64 {
    let mut connection = Connection::open(&url).await.expect("the server accepts");
    let (mut counted, mut refused) = (0, 0);
    while counted < COUNTS {
        let read = connection.get("/api/counters/1").await.expect("an answer");
        let etag = read.header("etag").to_owned();
        assert!(etag.starts_with('"'), "a strong etag: {etag}");
        let body = json!({ "count": read.json()["count"].as_u64().expect("a number") + 1 }).to_string();
        let headers = [("content-type", MERGE), ("if-match", etag.as_str())];
        match connection.send(Method::PATCH, "/api/counters/1", &headers, body).await.expect("an answer") {
            answer if answer.status.is_success() => counted += 1,
            answer if answer.status == StatusCode::PRECONDITION_FAILED => refused += 1,
            answer => panic!("{} {}", answer.status, answer.text()),
        }
    }
    refused
}
