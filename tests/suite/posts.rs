//! What changes something is done once: requests that are not idempotent, through restarts.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{Method, Uri};
use tokio::task::JoinSet;

use crate::harness::{BUILD, Connection, TestProject, TestServer, require};

const CLIENTS: usize = 8;
const RESTARTS: usize = 10;

/// Writes down every body it is sent, and answers with it.
const PROGRAM: &str = r#"
-- everlit.toml --
[app]
run = "python3 app.py"
watch = ["app.py"]
-- app.py --
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"ready")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        posts = os.open(os.environ["POSTS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(posts, body + b"\n")
        os.close(posts)
        self.answer(body)

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("127.0.0.1", LISTEN), Handler).serve_forever()
"#;

#[tokio::test(flavor = "multi_thread")]
async fn through_restarts_beside_each_other() {
    check("int(os.environ['PORT'])").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_restarts_in_turn_on_a_fixed_port() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port").port();
    check(&port.to_string()).await;
}

/// Each POST is answered, and reaches the program once.
async fn check(listen: &str) {
    require("python3");
    let project = TestProject::from_text(&PROGRAM.replace("LISTEN", listen));
    let posts = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut server = TestServer::start_app(project.path(), &[("POSTS", posts.path().to_str().expect("a plain path"))]);
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(keep_posting(server.url.parse().expect("a valid URL"), client, Arc::clone(&done)));
    }
    for restart in 0..RESTARTS {
        project.edit("app.py", &format!("VERSION = {restart}"), &format!("VERSION = {}", restart + 1));
        server.wait_event("generation", BUILD);
    }
    done.store(true, Ordering::Relaxed);
    let sent: usize = clients.join_all().await.into_iter().sum();

    let mut counts = BTreeMap::new();
    for post in fs::read_to_string(posts.path()).expect("posts").lines() {
        *counts.entry(post.to_owned()).or_insert(0) += 1;
    }
    let repeated: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    assert!(repeated.is_empty(), "sent more than once: {repeated:?}");
    assert_eq!(counts.len(), sent, "each was answered once it had been written down");
    assert!(sent > CLIENTS * RESTARTS, "they went on through all restarts");
}

/// One POST after the other on one connection, as far as it lasts; how many were answered.
async fn keep_posting(uri: Uri, client: usize, done: Arc<AtomicBool>) -> usize {
    let mut connection = Connection::open(&uri).await.expect("the server accepts");
    let mut number = 0;
    while !done.load(Ordering::Relaxed) {
        if connection.is_closed() {
            connection = Connection::open(&uri).await.expect("the server accepts");
        }
        let post = format!("{client}-{number}");
        let answer = connection.send(Method::POST, "/", &[], post.clone()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{post}: {error}"));
        assert_eq!((answer.status.as_u16(), answer.text()), (200, post));
        number += 1;
    }
    number
}
