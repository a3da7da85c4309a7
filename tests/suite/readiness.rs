//! When a program counts as ready, and how it comes to its port.

use std::time::{Duration, Instant};

use http::Method;

use crate::harness::{BUILD, Http2, ReloadSocket, SOON, TestProject, TestServer, get, require};

/// Takes the socket that it is handed, as systemd's programs do.
const TAKES_A_SOCKET: &str = r#"
-- everlit.toml --
[app]
run = "exec python3 app.py"
watch = ["app.py"]
listen_fds = true
-- app.py --
import os
import socket
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

VERSION = 1

assert os.environ["LISTEN_FDS"] == "1"
assert os.environ["LISTEN_PID"] == str(os.getpid())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"version {VERSION} on {self.server.socket.getsockname()[1] == int(os.environ['PORT'])}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


time.sleep(0.3)
server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
server.serve_forever()
"#;

#[tokio::test]
async fn a_program_may_be_handed_its_socket() {
    require("python3");
    let project = TestProject::from_text(TAKES_A_SOCKET);
    let mut server = TestServer::start_app(project.path(), &[]);
    assert_eq!(get(&server.url).await.text(), "version 1 on True");
    for version in 2..5 {
        project.edit("app.py", &format!("VERSION = {}", version - 1), &format!("VERSION = {version}"));
        server.wait_event("generation", BUILD);
        assert_eq!(get(&server.url).await.text(), format!("version {version} on True"));
    }
}

#[tokio::test]
async fn one_that_opens_its_port_itself_is_told_what_to_leave_out() {
    require("python3");
    let project = TestProject::from_text(
        "-- everlit.toml --\n[app]\nrun = \"python3 -m http.server --bind 127.0.0.1 {port}\"\nlisten_fds = true\n",
    );
    let mut server = TestServer::start(project.path());
    let failed = server.wait_event("build_failed", BUILD);
    assert!(failed["report"]["help"].as_str().is_some_and(|help| help.contains("leave `[app] listen_fds` out")), "{failed}");
}

/// Opens its port at once, and says that it is ready when a file is there.
const SAYS_SO: &str = r#"
-- everlit.toml --
[app]
run = "exec python3 -u app.py"
watch = ["app.py"]
ready_line = "^ready at \\d+$"
-- app.py --
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with open("asked", "a") as asked:
            asked.write(self.path + "\n")
        self.send_response(503)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"well")


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
threading.Thread(target=server.serve_forever).start()
print("not ready at 7")
while not os.path.exists("go-on"):
    time.sleep(0.01)
print("\x1b[32mready at 8\x1b[0m")
"#;

#[tokio::test]
async fn a_line_may_say_that_a_program_is_ready() {
    require("python3");
    let project = TestProject::from_text(SAYS_SO);
    let mut server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    server.wait_for("its first line", SOON, |event| event["line"] == "not ready at 7");
    project.save("go-on", "");
    server.wait_event("generation", SOON);
    assert_eq!(socket.next_change(SOON).await["type"], "reload");
    assert_eq!(get(&server.at("/page")).await.text(), "well", "it is not asked what it answers");
    assert_eq!(project.read("asked"), "/page\n");
}

#[tokio::test]
async fn a_line_that_does_not_come_is_named() {
    require("python3");
    let text = SAYS_SO.replace("ready_line", "ready_timeout = \"500ms\"\nready_line");
    let project = TestProject::from_text(&text);
    let began = Instant::now();
    let mut server = TestServer::start(project.path());
    let failed = server.wait_event("build_failed", BUILD);
    assert!(began.elapsed() > Duration::from_millis(500), "it waits");
    assert!(failed["report"]["help"].as_str().is_some_and(|help| help.contains(r"`^ready at \d+$`")), "{failed}");
}

/// Speaks HTTP/2 without TLS and nothing else. A path may say that it takes the request back.
const SPEAKS_HTTP2: &str = r#"
-- everlit.toml --
[app]
run = "exec node app.js"
watch = ["app.js"]
http2 = true
-- app.js --
const VERSION = 1;
const http2 = require("node:http2");
const server = http2.createServer();
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  const path = headers[":path"];
  if (process.env.CALLS_ONLY && headers["content-type"] !== "application/grpc") {
    return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  }
  const status = path === "/healthz" && process.env.IS_ILL ? 500 : 200;
  stream.respond({ ":status": status, "content-type": "text/plain", "grpc-status": "0" });
  stream.end(`version ${VERSION} at ${path}`);
});
server.listen(process.env.PORT, "127.0.0.1");
"#;

#[tokio::test]
async fn a_program_may_speak_http2_alone() {
    require("node");
    let project = TestProject::from_text(&SPEAKS_HTTP2.replace("http2 = true", "http2 = true\nready = \"/healthz\""));
    let mut server = TestServer::start_app(project.path(), &[]);
    assert_eq!(get(&server.at("/a?b")).await.text(), "version 1 at /a?b");
    project.edit("app.js", "VERSION = 1", "VERSION = 2");
    server.wait_event("generation", BUILD);
    assert_eq!(get(&server.at("/a")).await.text(), "version 2 at /a");
}

#[tokio::test]
async fn one_that_takes_calls_alone_is_ready_once_it_speaks() {
    require("node");
    let project = TestProject::from_text(SPEAKS_HTTP2);
    let server = TestServer::start_app(project.path(), &[("CALLS_ONLY", "1")]);
    let client = Http2::open_plain(&server).await;
    let call = client.send(Method::POST, "/shop.Cart/Add", &[("content-type", "application/grpc"), ("te", "trailers")]);
    let answer = call.await.expect("an answer");
    assert_eq!((answer.text().as_str(), answer.header("grpc-status")), ("version 1 at /shop.Cart/Add", "0"));
}

#[tokio::test]
async fn one_that_is_not_spoken_to_as_it_wants_is_told_the_key() {
    require("node");
    let limited = |text: &str| SPEAKS_HTTP2.replace("http2 = true", &format!("{text}\nready_timeout = \"4s\""));
    let project = TestProject::from_text(&limited(""));
    let mut server = TestServer::start(project.path());
    let failed = server.wait_event("build_failed", BUILD);
    assert!(failed["report"]["help"].as_str().is_some_and(|help| help.contains("say `[app] http2 = true`")), "{failed}");

    let project = TestProject::from_text(&limited("http2 = true\nready = \"/healthz\""));
    let mut server = TestServer::spawn(project.path(), &["--port", "0"], &[("IS_ILL", "1")]);
    let failed = server.wait_event("build_failed", BUILD);
    assert!(failed["report"]["title"].as_str().is_some_and(|title| title.contains("the app answers 500 on port")), "{failed}");
}
