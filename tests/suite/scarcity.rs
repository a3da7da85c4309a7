//! Machines that have no more to give: disks, homes, memory, processes. What cannot be done is said, and all else goes on.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use rustix::process::{Pid, kill_process};
use serde_json::json;

use crate::harness::{Answer, BUILD, ReloadSocket, SOON, Signal, TestProject, TestServer, get, require, send};

/// A program whose build copies it, as compilers write what they made.
const PROGRAM: &str = r#"
-- everlit.toml --
[app]
build = "mkdir -p .everlit/bin && cat app.py > .everlit/bin/app && chmod +x .everlit/bin/app"
run = ".everlit/bin/app"
watch = ["app.py"]
-- static/note.txt --
a note
-- app.py --
#!/usr/bin/env python3
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        text = b"version 1"
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn program() -> TestProject {
    require("python3");
    TestProject::from_text(PROGRAM)
}

/// Waits until the program answers so.
async fn wait_answer(server: &TestServer, expected: &str) {
    let deadline = Instant::now() + BUILD;
    loop {
        let answer = get(&server.url).await.text();
        if answer == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{answer:?} is served, not {expected:?}\n{}", server.transcript());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn wait_failure(server: &mut TestServer, words: &str) {
    let told = server.wait_event("build_failed", BUILD);
    assert!(told.to_string().contains(words), "{told} says {words:?}");
}

/// The folder for what is built lies on a disk of 1 MB.
#[tokio::test]
async fn a_build_on_a_full_disk_fails_and_the_last_program_answers() {
    require("mount");
    let project = program();
    let disk = "mkdir .everlit; mount -t tmpfs -o size=1m tmpfs .everlit";
    let mut server = TestServer::start_mounted(project.path(), disk);
    wait_answer(&server, "version 1").await;
    let place = project.path().join(".everlit/filler");
    let filler = server.root().join(place.strip_prefix("/").expect("absolute"));
    assert!(fs::write(&filler, vec![0; 2 << 20]).is_err(), "the disk is full");
    server.wait_event("generation", BUILD);
    // Longer: what is written over frees its own room.
    let small = project.read("app.py");
    project.save("app.py", &format!("{}# {}\n", small.replace("version 1", "version 2"), "x".repeat(256 * 1024)));
    wait_failure(&mut server, "No space left on device");
    let stale = get(&server.url).await;
    assert_eq!(stale.text(), "version 1");
    assert!(stale.header("everlit-generation").ends_with("; stale"), "{:?}", stale.headers);
    assert_eq!(get(&server.at("/note.txt")).await.text(), "a note\n");
    fs::remove_file(&filler).expect("the disk is emptied");
    project.save("app.py", &small.replace("version 1", "version 3"));
    wait_answer(&server, "version 3").await;
}

#[tokio::test]
async fn a_home_on_a_full_disk_costs_what_would_be_kept_there_alone() {
    require("mount");
    let project = TestProject::from_text("-- index.html --\n<p>Here</p>\n-- everlit.toml --\ntls = true\n");
    let disk = "mkdir .state; mount -t tmpfs -o size=4k tmpfs .state; export XDG_STATE_HOME=\"$PWD/.state\"; \
                head -c 100000 /dev/zero > .state/filler 2> .state/errors || true";
    let mut server = TestServer::start_mounted(project.path(), disk);
    server.rewind();
    let warned = server.wait_for("the disk", SOON, |event| event.to_string().contains("TLS cannot be spoken"));
    assert!(warned.to_string().contains("No space left on device"), "{warned}");
    assert!(get(&server.url).await.text().contains("<p>Here</p>"), "it is served all the same");
    let state = project.path().join(".state/everlit");
    let state = server.root().join(state.strip_prefix("/").expect("absolute"));
    let keys =
        fs::read_dir(&state).into_iter().flatten().flatten().filter(|entry| entry.metadata().is_ok_and(|file| file.len() > 0));
    assert_eq!(keys.count(), 0, "nothing half written is taken for a key");
}

#[tokio::test]
async fn a_log_that_takes_nothing_stops_nothing() {
    let project = TestProject::from_text("-- index.html --\n<p>one</p>\n");
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).expect("a free port");
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").expect("it is there"));
    let mut job = Command::new(env!("CARGO_BIN_EXE_everlit"))
        .arg("dev")
        .arg(project.path())
        .args(["--strict-port", "--port", &free.port().to_string(), "--log", "json"])
        .stdin(Stdio::null())
        .stdout(full())
        .stderr(full())
        .spawn()
        .expect("the binary starts");
    let url = format!("http://127.0.0.1:{}/", free.port());
    let deadline = Instant::now() + SOON;
    while tokio::net::TcpStream::connect(free).await.is_err() {
        assert!(Instant::now() < deadline, "it does not answer");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for text in ["<p>one</p>", "<p>two</p>", "<p>three</p>"] {
        project.save("index.html", text);
        assert!(get(&url).await.text().contains(text));
    }
    kill_process(Pid::from_child(&job), Signal::TERM).expect("it runs");
    assert_eq!(job.wait().expect("it can be waited for").code(), Some(0));
}

/// A user of its own, for whom processes are counted, who may read what the tests made.
const USER: &str = "set -- setpriv --reuid=54321 --regid=54321 --clear-groups --inh-caps=-all,+dac_override \
                    --ambient-caps=-all,+dac_override \"$@\"";

#[tokio::test]
async fn a_read_only_project_without_a_home_is_served_and_watched() {
    require("mount");
    require("setpriv");
    let project =
        TestProject::from_text("-- index.html --\n<p>one</p>\n-- data/posts.json --\n[]\n-- everlit.toml --\ntls = true\n");
    // Neither a variable nor the list of users names a home.
    let script = format!("mount --bind . .; mount -o remount,bind,ro .; {USER}; set -- env -i SUITE_MARK=\"$SUITE_MARK\" \"$@\"");
    let mut server = TestServer::start_mounted(project.path(), &script);
    server.rewind();
    server.wait_for("the missing home", SOON, |event| event.to_string().contains("TLS cannot be spoken"));
    assert!(get(&server.url).await.text().contains("<p>one</p>"), "it is served all the same");
    let refused = send(Method::POST, &server.at("/api/posts"), &[("content-type", "application/json")], "{}").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.text());
    let mut socket = ReloadSocket::open(&server).await;
    project.save("index.html", "<p>two</p>\n");
    assert_eq!(socket.next(SOON).await["cause"], json!(["index.html"]));
    assert!(get(&server.url).await.text().contains("<p>two</p>"));
}

/// Data that may be written: 448 MiB. A build for tests takes up to 350 of these, stacks of threads included; without bounds it would be
/// gigabytes.
const MEMORY: &str = "ulimit -d 458752";

#[tokio::test]
async fn what_needs_too_much_memory_is_refused_and_nothing_else() {
    let project = TestProject::from_text("-- index.html --\n<p>Here</p>\n-- data/posts.json --\n[]\n-- data/huge.json --\n[]\n");
    // More than is ever read of a file.
    fs::File::options()
        .write(true)
        .open(project.path().join("data/huge.json"))
        .and_then(|file| file.set_len(1 << 32))
        .expect("sparse");
    let server = TestServer::start_behind(project.path(), MEMORY);
    let huge = get(&server.at("/api/huge")).await;
    assert!(huge.status.is_server_error(), "{}", huge.status);
    let (json, text) = ([("content-type", "application/json")], "x".repeat(7 << 20));
    let body = bytes::Bytes::from(format!("{{\"text\":\"{text}\"}}"));
    // Two bytes each, which were a hundred in a tree.
    let many = bytes::Bytes::from(format!("{{\"many\":[{}1]}}", "1,".repeat(2 << 20)));
    let (url, cookies) = (server.at("/api/posts"), "x".repeat(200 << 10));
    let bodies = futures_util::future::join_all((0..160).map(|_| send(Method::POST, &url, &json, body.clone())));
    let fields = [("cookie", cookies.as_str())];
    let heads = futures_util::future::join_all((0..200).map(|_| send(Method::GET, &server.url, &fields, "")));
    let (bodies, heads) = tokio::join!(bodies, heads);
    let trees = futures_util::future::join_all((0..40).map(|_| send(Method::POST, &url, &json, many.clone()))).await;
    assert!(trees.iter().all(|answer| [413, 503].contains(&answer.status.as_u16())), "{:?}", trees.first().map(Answer::text));
    for answer in bodies {
        assert!([201, 413, 503, 507].contains(&answer.status.as_u16()), "{}: {}", answer.status, answer.text());
    }
    assert!(heads.iter().all(|answer| answer.status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    assert!(get(&server.url).await.text().contains("<p>Here</p>"), "the process goes on");
    project.save("index.html", "<p>There</p>\n");
    assert!(get(&server.url).await.text().contains("<p>There</p>"));
}

#[tokio::test]
async fn a_program_for_which_there_is_no_process_is_said_and_started_later() {
    require("setpriv");
    let project = program();
    project.edit("everlit.toml", "[app]\n", "[app]\nartifact = false\n");
    let mut server = TestServer::start_behind(project.path(), USER);
    server.wait_event("generation", BUILD);
    allow_processes(&server, 1);
    project.edit("app.py", "version 1", "version 2");
    wait_failure(&mut server, "ulimit -u");
    assert_eq!(get(&server.url).await.text(), "version 1", "the last good one answers");
    allow_processes(&server, 1000);
    project.edit("app.py", "version 2", "version 3");
    wait_answer(&server, "version 3").await;
}

/// How many processes and threads the server's user may have for it to start another. Who is not that user may not say so.
fn allow_processes(server: &TestServer, most: usize) {
    let mut command = Command::new(require("setpriv"));
    command.args(["--reuid=54321", "--regid=54321", "--clear-groups"]).arg(require("prlimit"));
    command.args(["--pid", &server.pid().to_string(), &format!("--nproc={most}:")]);
    assert!(command.status().expect("setpriv starts").success(), "{most} processes");
}
