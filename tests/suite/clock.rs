//! Time that stands still, jumps and lies: a suspended machine, a clock that is set, files from the future.

use std::{
    fs::{self, File},
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use http::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{ReloadSocket, SOON, TestProject, TestServer, require, send};

/// The library behind the program `faketime`. The loader fills in the folder of this machine.
const FAKE_CLOCK: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn site() -> TestProject {
    TestProject::from_text("-- index.html --\n<p>zero</p>\n-- style.css --\np {}\n")
}

/// Saves a file, and expects to hear of that and of nothing else.
async fn check_told(project: &TestProject, socket: &mut ReloadSocket, path: &str, text: &str) {
    project.save(path, text);
    assert_told(socket, path).await;
}

async fn assert_told(socket: &mut ReloadSocket, path: &str) {
    let message = socket.next(SOON).await;
    assert_eq!(message["cause"], json!([path]), "{message}");
}

/// A server whose clock differs from the system's by what stands in a file, as `+1d`.
fn start_with_clock(project: &TestProject, clock: &Path) -> TestServer {
    require("faketime");
    let clock = clock.to_str().expect("a plain path");
    let env = [
        ("LD_PRELOAD", FAKE_CLOCK),
        ("FAKETIME_TIMESTAMP_FILE", clock),
        ("FAKETIME_NO_CACHE", "1"),
        // No clock that is set moves this one.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    TestServer::start_with(project.path(), &["--port", "0"], &env)
}

/// The day in a `Date` field, as the server's clock has it.
async fn day(server: &TestServer) -> String {
    let answer = send(Method::GET, &server.at("/style.css"), &[], "").await;
    answer.header("date")[..16].to_owned()
}

#[tokio::test]
async fn a_clock_that_jumps_loses_no_save_and_makes_none() {
    let (project, clock) = (site(), tempfile::NamedTempFile::new().expect("a temporary file"));
    fs::write(clock.path(), "+0\n").expect("the clock is set");
    let server = start_with_clock(&project, clock.path());
    let mut socket = ReloadSocket::open(&server).await;
    let today = day(&server).await;
    check_told(&project, &mut socket, "style.css", "p { color: red }").await;
    for (jump, number) in [("+1d\n", 1), ("-1d\n", 2), ("+0\n", 3), ("+3600\n", 4), ("-20y\n", 5)] {
        let before = send(Method::GET, &server.at("/style.css"), &[], "").await;
        fs::write(clock.path(), jump).expect("the clock is set");
        // A thread that has just read the old time may bring it back for a moment.
        let began = Instant::now();
        while jump.ends_with("d\n") && day(&server).await == today {
            assert!(began.elapsed() < SOON, "the server's clock does not jump");
        }
        let tag = before.header("etag").to_owned();
        let again = send(Method::GET, &server.at("/style.css"), &[("if-none-match", &tag)], "").await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "what did not change is not sent anew after {jump}");
        check_told(&project, &mut socket, "style.css", &format!("p {{ order: {number} }}")).await;
        check_told(&project, &mut socket, "index.html", &format!("<p>{number}</p>")).await;
        let changed = send(Method::GET, &server.at("/style.css"), &[("if-none-match", &tag)], "").await;
        assert_eq!((changed.status, changed.text()), (StatusCode::OK, format!("p {{ order: {number} }}")), "after {jump}");
    }
}

#[tokio::test]
async fn a_file_from_the_future_is_told_once() {
    let project = site();
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    let style = project.path().join("style.css");
    let set = |moment| File::options().write(true).open(&style).and_then(|file| file.set_modified(moment)).expect("it is set");
    let future = SystemTime::now() + DAY * 365 * 70;
    set(future);
    check_told(&project, &mut socket, "index.html", "<p>nothing changed but a date</p>").await;
    let mut tag = String::new();
    for number in 0..3 {
        project.save("style.css", &format!("p {{ order: {number} }}"));
        set(future);
        assert_told(&mut socket, "style.css").await;
        let answer = send(Method::GET, &server.at("/style.css"), &[("if-none-match", &tag)], "").await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, format!("p {{ order: {number} }}")), "not by the date alone");
        answer.header("etag").clone_into(&mut tag);
    }
    check_told(&project, &mut socket, "index.html", "<p>and it is quiet</p>").await;
}

/// As a laptop does that is shut: nothing runs, while a disk in another machine goes on.
#[tokio::test]
async fn after_a_suspension_the_last_state_is_told_once_and_served() {
    let project = site();
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    server.suspend();
    for number in 0..20 {
        project.save("style.css", &format!("p {{ order: {number} }}"));
        thread::sleep(Duration::from_millis(100));
    }
    project.save("index.html", "<p>while it slept</p>");
    server.signal(Signal::CONT);
    let mut causes = Vec::new();
    while causes.len() < 2 {
        let message = socket.next(SOON).await;
        causes.extend(message["cause"].as_array().expect("files").iter().map(Value::to_string));
    }
    causes.sort();
    assert_eq!(causes, ["\"index.html\"", "\"style.css\""], "each once");
    assert_eq!(send(Method::GET, &server.at("/style.css"), &[], "").await.text(), "p { order: 19 }");
    check_told(&project, &mut socket, "style.css", "p { color: red }").await;
}
