//! A generation that fails soon after it took over is rolled back, and a person can go back by hand.

use std::{
    net::TcpListener,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::harness::{BUILD, Chromium, ReloadSocket, SOON, TestProject, TestServer, get, require};

/// A program that crashes once there is a file `crash` when it says so, and whose ready path says what `fit` holds.
const PROGRAM: &str = r#"
-- app.py --
#!/usr/bin/env python3
import os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "version 1"
PORT = int(os.environ["PORT"])


class Handler(BaseHTTPRequestHandler):
    # An answer leaves whole or not at all: nobody could mend one that a crash cuts.
    wbufsize = -1

    def do_GET(self):
        fit = self.path != "/up" or "unfit" not in TEXT or not os.path.exists("answered")
        if self.path == "/up":
            open("answered", "w").close()
        text = f"<!doctype html><html><head><title>shop</title></head><body>{TEXT}, pid {os.getpid()}.</body></html>".encode()
        self.send_response(200 if fit else 500)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def crash():
    while not os.path.exists("crash"):
        time.sleep(0.01)
    os.remove("crash")
    print("no database", file=sys.stderr, flush=True)
    os._exit(3)


if "refuses" in TEXT:
    sys.exit("refused")
if "crashes" in TEXT:
    threading.Thread(target=crash, daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
"#;

/// The program is copied by its build.
const BUILT: &str = r#"
build = "mkdir -p .everlit/bin && cat app.py > .everlit/bin/app && chmod +x .everlit/bin/app"
run = ".everlit/bin/app"
watch = ["app.py"]
probation = "30s"
"#;

/// It runs from its sources.
const INTERPRETED: &str = "\nrun = \"python3 app.py\"\nwatch = [\"app.py\"]\nprobation = \"30s\"\n";

fn project(keys: &str) -> TestProject {
    require("python3");
    TestProject::from_text(&format!("{PROGRAM}-- everlit.toml --\n[app]{keys}"))
}

async fn body(server: &TestServer) -> String {
    get(&server.url).await.text()
}

async fn pid(server: &TestServer) -> String {
    let text = body(server).await;
    text.split_once("pid ").and_then(|(_, rest)| rest.split_once('.')).expect("a pid").0.to_owned()
}

/// Lets the version that crashes do so, once it has taken over.
async fn crash(project: &TestProject, server: &TestServer) {
    let crashes = async { while !body(server).await.contains("crashes") {} };
    timeout(BUILD, crashes).await.expect("it takes over");
    project.save("crash", "");
}

/// Asks until it is told to stop; answers what was no good answer.
async fn keep_asking(url: String, done: Arc<AtomicBool>) -> Vec<String> {
    let mut failures = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let answer = get(&url).await;
        if answer.status != 200 || !answer.text().contains("version") {
            failures.push(format!("{}: {}", answer.status, answer.text()));
        }
        sleep(Duration::from_millis(2)).await;
    }
    failures
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_on_probation_is_rolled_back_and_no_request_fails() {
    let project = project(BUILT);
    let mut server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    let done = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn(keep_asking(server.url.clone(), Arc::clone(&done)));
    project.edit("app.py", "version 1", "version 2 crashes");
    assert_eq!(socket.next_change(BUILD).await["type"], "reload", "the new one");
    crash(&project, &server).await;
    let exited = server.wait_event("app_exited", BUILD);
    assert_eq!(exited["report"]["title"], "the app exited with code 3");
    let back = server.wait_event("rolled_back", SOON);
    let title = back["report"]["title"].as_str().expect("a title");
    assert!(title.starts_with("rolled back to generation 1: generation 2 exited with code 3, "), "{title}");
    assert!(back["report"]["output"].as_str().expect("words").contains("no database"));

    assert_eq!(socket.next_change(SOON).await["type"], "reload", "one for the rollback");
    let failed = socket.next_change(SOON).await;
    assert_eq!((&failed["type"], &failed["report"]["kind"]), (&json!("failed"), &json!("rollback")));
    let page = get(&server.url).await;
    assert!(page.text().contains("version 1"), "{}", page.text());
    assert_eq!(page.header("everlit-generation"), "3; stale");
    let hello = ReloadSocket::open(&server).await.hello;
    assert_eq!((&hello["stale"], &hello["report"]["title"]), (&json!(true), &json!(title)));

    project.edit("app.py", "version 2 crashes", "version 3");
    assert_eq!(socket.next_change(BUILD).await["type"], "reload");
    done.store(true, Ordering::Relaxed);
    assert_eq!(asking.await.expect("it ends"), Vec::<String>::new());
    let page = get(&server.url).await;
    assert!(page.text().contains("version 3"), "{}", page.text());
    assert_eq!(page.header("everlit-generation"), "4");
}

#[tokio::test]
async fn an_interpreted_program_goes_back_to_the_process_before() {
    let project = project(INTERPRETED);
    let mut server = TestServer::start_app(project.path(), &[]);
    let before = pid(&server).await;
    project.edit("app.py", "version 1", "version 2 crashes");
    crash(&project, &server).await;
    server.wait_event("rolled_back", BUILD);
    assert_eq!(pid(&server).await, before);
    project.edit("app.py", "version 2 crashes", "version 3");
    server.wait_event("generation", BUILD);
    assert!(body(&server).await.contains("version 3"));
    assert!(get(&server.url).await.header("everlit-generation").parse::<u64>().is_ok(), "fresh");
}

#[tokio::test]
async fn a_ready_path_that_fails_on_probation_is_rolled_back() {
    let project = project(&format!("{BUILT}ready = \"/up\"\n"));
    let mut server = TestServer::start_app(project.path(), &[]);
    std::fs::remove_file(project.path().join("answered")).expect("it was asked");
    project.edit("app.py", "version 1", "version 2 unfit");
    let back = server.wait_event("rolled_back", BUILD);
    let title = back["report"]["title"].as_str().expect("a title");
    assert!(title.contains("generation 2 answers 500 on /up, "), "{title}");
    assert!(body(&server).await.contains("version 1"));
}

#[tokio::test]
async fn after_its_probation_a_crash_is_a_crash() {
    let project = project(&BUILT.replace("30s", "100ms"));
    let mut server = TestServer::start_app(project.path(), &[]);
    project.edit("app.py", "version 1", "version 2 crashes");
    server.wait_event("generation", BUILD);
    sleep(Duration::from_millis(300)).await;
    crash(&project, &server).await;
    let exited = server.wait_event("app_exited", BUILD);
    assert!(exited["retry_ms"].is_number(), "it is started again: {exited}");
    server.wait_event("generation", BUILD);
    assert!(body(&server).await.contains("version 2"));
}

#[tokio::test]
async fn a_signal_is_named_be_there_a_shell_or_not() {
    for run in ["\"python3 app.py\"", "[\"python3\", \"app.py\"]"] {
        let project = project(&format!("\nrun = {run}\nwatch = [\"app.py\"]\n"));
        let mut server = TestServer::start_app(project.path(), &[]);
        let victim = pid(&server).await.parse().ok().and_then(Pid::from_raw).expect("a process");
        kill_process(victim, Signal::SEGV).expect("it runs");
        let exited = server.wait_event("app_exited", BUILD);
        assert_eq!(exited["report"]["title"], "the app was ended by SIGSEGV (invalid memory access)", "{run}");
        server.wait_event("generation", BUILD);
    }
}

#[tokio::test]
async fn a_port_of_its_own_goes_back_to_the_one_before() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound").port();
    let project = project(BUILT);
    project.edit("app.py", "int(os.environ[\"PORT\"])", &port.to_string());
    let mut server = TestServer::start_app(project.path(), &[]);
    project.edit("app.py", "version 1", "version 2 refuses");
    let failed = server.wait_event("build_failed", BUILD);
    assert_eq!(failed["report"]["title"], "the app exited with code 1 before it was ready");
    let page = get(&server.url).await;
    assert!(page.text().contains("version 1"), "it was stopped to make room, and started again: {}", page.text());
    assert!(page.header("everlit-generation").ends_with("; stale"));
    // One that was rolled back itself is never gone back to.
    for (before, version) in [("version 2 refuses", "version 3 crashes"), ("version 3 crashes", "version 4 crashes")] {
        project.edit("app.py", before, version);
        crash(&project, &server).await;
        server.wait_event("rolled_back", BUILD);
        assert!(body(&server).await.contains("version 1"));
    }
}

#[tokio::test]
async fn an_undone_edit_after_a_rollback_is_fresh_without_a_restart() {
    let project = project(BUILT);
    let mut server = TestServer::start_app(project.path(), &[]);
    project.edit("everlit.toml", "watch = [\"app.py\"]", "watch = [\"app.py\"]\nartifact = \".everlit/bin/app\"");
    server.wait_event("generation", BUILD);
    project.edit("app.py", "version 1", "version 2 crashes");
    crash(&project, &server).await;
    server.wait_event("rolled_back", BUILD);
    let before = pid(&server).await;
    project.edit("app.py", "version 2 crashes", "version 1");
    server.wait_event("unchanged", BUILD);
    assert_eq!(pid(&server).await, before);
    assert!(get(&server.url).await.header("everlit-generation").parse::<u64>().is_ok(), "fresh");
}

#[test]
fn a_build_that_is_forced_is_no_generation_to_go_back_to() {
    let project = project(BUILT);
    run_on_terminal(project.path(), "roll_back_past_rebuilds");
}

#[test]
fn a_key_goes_back_and_forward_again() {
    let project = project(BUILT);
    run_on_terminal(project.path(), "roll_back");
}

/// `terminal.py` presses the keys.
fn run_on_terminal(project: &Path, how: &str) {
    let output = Command::new(require("python3"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/terminal.py"))
        .arg(env!("CARGO_BIN_EXE_everlit"))
        .arg(project)
        .arg(how)
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Whether the page's icon is the one with a dot, as an expression.
const HAS_DOT: &str = "[...document.querySelectorAll('link[rel~=icon]')].some(({ href }) => href.startsWith('data:image/png'))";

#[tokio::test]
async fn a_rollback_marks_the_page_in_every_place() {
    let project = project(BUILT);
    project.edit(
        "app.py",
        "<title>shop</title>",
        "<title>shop</title><link rel='icon' href='data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22/>'>",
    );
    let mut server = TestServer::start_app(project.path(), &[]);
    let chromium = Chromium::start().await;
    let page = chromium.open(&server.url).await;
    page.wait_until(&format!("document.title === 'shop' && !{HAS_DOT}"), SOON).await;
    let icon = page.evaluate("document.querySelector('link[rel~=icon]').outerHTML").await;
    project.edit("app.py", "version 1", "version 2 crashes");
    crash(&project, &server).await;
    server.wait_event("rolled_back", BUILD);
    page.wait_until("document.body.innerText.includes('version 1') && document.title !== 'shop'", SOON).await;
    page.wait_until(&format!("document.title.endsWith('shop') && {HAS_DOT}"), SOON).await;
    page.wait_until("Boolean(document.querySelector('everlit-overlay'))", SOON).await;
    page.press("Escape").await;
    let badge = "document.querySelector('everlit-badge')?.shadowRoot.textContent.includes('rolled back · stale') ?? false";
    page.wait_until(badge, SOON).await;
    project.edit("app.py", "version 2 crashes", "version 3");
    page.wait_until(&format!("document.body.innerText.includes('version 3') && document.title === 'shop' && !{HAS_DOT}"), SOON)
        .await;
    assert_eq!(page.evaluate("document.querySelector('link[rel~=icon]').outerHTML").await, icon);
}
