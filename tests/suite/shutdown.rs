//! Nothing outlives a session, however it ends.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use rustix::process::{Pid, kill_process};

use crate::harness::{ReloadSocket, SOON, Signal, TestProject, TestServer, require};

/// How long an end may take.
const LIMIT: Duration = Duration::from_secs(5);

/// How long it may take with streams open: half a second of farewell, and what a busy machine needs.
const POLITE_LIMIT: Duration = Duration::from_secs(4);

/// A program that sends events without end.
const STREAMING: &str = r#"
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if self.path == "/events" else "text/plain")
        self.send_header("Connection", "close")
        self.end_headers()
        number = 0
        while self.path == "/events":
            number += 1
            self.wfile.write(f"data: {number}\n\n".encode())
            time.sleep(0.2)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// What is put before the Python example: a grandchild that leaves the process group and the session and ignores SIGTERM,
/// and says so once it does.
const STUBBORN: &str = r#"
import subprocess, sys
subprocess.Popen([sys.executable, "-c", """
import os, signal, time
os.setsid()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("grandchild ready", flush=True)
time.sleep(600)
"""])
"#;

/// The same for the program itself.
const DEAF: &str = r#"
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
"#;

fn stubborn_project(prelude: &str) -> TestProject {
    require("python3");
    let project = TestProject::from_example("hello-python");
    project.save("app.py", &format!("{prelude}{}", project.read("app.py")));
    project
}

fn start(project: &TestProject) -> TestServer {
    let mut server = TestServer::start_app(project.path(), &[]);
    server.rewind();
    server.wait_for("app_output", SOON, |event| event["event"] == "app_output" && event.to_string().contains("grandchild ready"));
    server
}

fn assert_nothing_left(server: &TestServer) {
    server.processes().wait_gone(LIMIT).unwrap_or_else(|left| panic!("{left}\n{}", server.transcript()));
    let port = server.port();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "port {port} is closed");
}

#[test]
fn each_polite_signal_ends_the_whole_tree() {
    let project = stubborn_project(STUBBORN);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let mut server = start(&project);
        server.signal(signal);
        assert_eq!(server.wait_end(LIMIT).code(), Some(0), "{signal:?}\n{}", server.transcript());
        assert_nothing_left(&server);
        server.wait_event("stopped", SOON);
    }
}

#[test]
fn being_killed_ends_the_whole_tree() {
    let mut server = start(&stubborn_project(STUBBORN));
    server.signal(Signal::KILL);
    server.wait_end(LIMIT);
    assert_nothing_left(&server);
}

#[test]
fn a_second_interrupt_ends_what_ignores_the_first() {
    let mut server = start(&stubborn_project(&format!("{DEAF}{STUBBORN}")));
    server.signal(Signal::INT);
    server.signal(Signal::INT);
    assert_eq!(server.wait_end(LIMIT).code(), Some(0), "{}", server.transcript());
    assert_nothing_left(&server);
}

#[test]
fn a_keeper_that_is_ended_is_replaced_with_all_it_kept() {
    let project = stubborn_project(STUBBORN);
    let mut server = start(&project);
    for signal in [Signal::KILL, Signal::TERM] {
        let before = kept(&server);
        let (keeper, _) = before.iter().find(|(_, command)| command.contains("--everlit-keeper")).expect("a keeper");
        kill_process(Pid::from_raw(keeper.cast_signed()).expect("a pid"), signal).expect("the keeper runs");
        server.wait_event("app_exited", SOON);
        server.wait_event("generation", SOON);
        let replaced = |now: &[_]| now.len() == before.len() && !now.iter().any(|process| before.contains(process));
        let deadline = Instant::now() + LIMIT;
        while !replaced(&kept(&server)) {
            assert!(Instant::now() < deadline, "{signal:?}: {before:?} became {:?}", kept(&server));
        }
    }
    server.signal(Signal::TERM);
    server.wait_end(LIMIT);
    assert_nothing_left(&server);
}

/// What the server started, without the server.
fn kept(server: &TestServer) -> Vec<(u32, String)> {
    server.processes().alive().into_iter().filter(|(pid, _)| *pid != server.pid()).collect()
}

/// A page that is still being sent, and sockets of pages, keep nobody waiting.
#[tokio::test]
async fn open_streams_do_not_hold_up_the_end() {
    require("python3");
    let project =
        TestProject::from_text(&format!("-- everlit.toml --\n[app]\nrun = \"exec python3 app.py\"\n-- app.py --\n{STREAMING}"));
    let mut server = TestServer::start_app(project.path(), &[]);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the server accepts");
    write!(stream, "GET /events HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", server.port()).expect("the request is taken");
    let mut answer = String::new();
    let mut lines = BufReader::new(stream.try_clone().expect("a descriptor"));
    while !answer.contains("data: 1") {
        assert!(lines.read_line(&mut answer).expect("UTF-8") > 0, "the stream ended: {answer}");
    }
    let _socket = ReloadSocket::open(&server).await;
    let began = Instant::now();
    server.signal(Signal::INT);
    assert_eq!(server.wait_end(LIMIT).code(), Some(0), "{}", server.transcript());
    assert!(began.elapsed() < POLITE_LIMIT, "after {:?}", began.elapsed());
    assert_nothing_left(&server);
}

#[test]
fn a_build_under_way_is_ended_too() {
    let project = TestProject::from_text("-- app.py --\nprint('never')\n");
    let args = ["--port", "0", "--build", "sleep 600 & sleep 600", "--run", "true"];
    let mut server = TestServer::start_with(project.path(), &args, &[]);
    server.rewind();
    server.wait_event("building", SOON);
    server.signal(Signal::TERM);
    assert_eq!(server.wait_end(LIMIT).code(), Some(0), "{}", server.transcript());
    assert_nothing_left(&server);
}
