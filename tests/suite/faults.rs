//! Programs that crash, stall or are in the way, and terminals that stop listening: what is said, and that all goes on.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};

use crate::harness::{BUILD, ReloadSocket, SOON, Signal, TestProject, TestServer, get, require};

/// A program that answers its own number, or does what it is asked for.
const PROJECT: &str = r#"
-- everlit.toml --
[app]
run = "exec python3 app.py"
watch = ["app.py"]
-- static/note.txt --
from the site
-- app.py --
import os, signal, sys


def end():
    open("ended", "w").close()
    print("<script>alert('last words')</script>", file=sys.stderr, flush=True)
    os._exit(1)


if os.path.exists("ended"):
    end()
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/exit":
            end()
        if self.path.startswith("/signal/"):
            os.kill(os.getpid(), int(self.path.rsplit("/", 1)[1]))
        text = f"version 1 {os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn project() -> TestProject {
    require("python3");
    TestProject::from_text(PROJECT)
}

/// The program's process.
async fn pid(server: &TestServer) -> u32 {
    let text = get(&server.url).await.text();
    text.rsplit(' ').next().and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("the program answers, not {text:?}"))
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).expect("a pid"), signal).expect("the process runs");
}

/// How soon the page says what happened to the program.
const PAGE_LIMIT: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn a_program_that_ends_leaves_its_last_words_on_the_page() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    let began = Instant::now();
    assert_eq!(get(&server.at("/exit")).await.status, 502, "of the request itself nothing more is known");
    let page = get(&server.url).await;
    assert!(began.elapsed() < PAGE_LIMIT, "after {:?}", began.elapsed());
    let text = page.text();
    assert_eq!(page.status, 502, "{text}");
    assert!(text.contains("exited with code 1") && text.contains("last words"), "{text}");
    assert!(text.contains("&lt;script") && !text.contains("<script>alert("), "{text}");
    let mended = project.read("app.py").replace("if os.path.exists(\"ended\")", "if False").replace("version 1", "version 2");
    project.save("app.py", &mended);
    let is_reload_of = |message: &Value, file: &str| message["type"] == "reload" && message["cause"] == json!([file]);
    while !is_reload_of(&socket.next_change(BUILD).await, "app.py") {}
    assert!(get(&server.url).await.text().contains("version 2"), "serve first, tell second");
    // Another save behind it is what is told next.
    project.save("static/note.txt", "the end\n");
    let next = socket.next_change(BUILD).await;
    assert!(is_reload_of(&next, "static/note.txt"), "one save is one reload: {next}");
}

#[tokio::test]
async fn a_signal_is_called_by_its_name() {
    let project = project();
    let mut server = TestServer::start_app(project.path(), &[]);
    for (signal, name) in [(Signal::SEGV, "SIGSEGV (invalid memory access)"), (Signal::KILL, "SIGKILL (killed from outside")] {
        get(&server.at(&format!("/signal/{}", signal.as_raw()))).await;
        let exited = server.wait_event("app_exited", SOON);
        assert!(exited["report"]["title"].as_str().is_some_and(|title| title.contains(name)), "{exited}");
        server.wait_event("generation", BUILD);
        assert!(get(&server.url).await.text().contains("version 1"), "it is back");
    }
    let zombies: Vec<_> = server.processes().alive().into_iter().filter(|(pid, _)| state(*pid) == Some('Z')).collect();
    assert!(zombies.is_empty(), "{zombies:?}");
    assert!(children(server.pid()).iter().all(|pid| state(*pid) != Some('Z')), "all were reaped");
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs").flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

/// The third field of `/proc/PID/stat`.
fn state(pid: u32) -> Option<char> {
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()?.rsplit_once(") ")?.1.chars().next()
}

/// Starts in the first ten seconds: after pauses of 0.2, 0.4, 0.8, 1.6 and 3.2 seconds, and one more on a quick machine.
const STARTS: usize = 7;

/// Starts after which the pause is longer than it is looked at.
const MANY_STARTS: usize = 5;

/// How long the server is looked at in the pause after so many starts, and the processor time it may take then, in hundredths of a
/// second.
const PAUSE: (Duration, u64) = (Duration::from_millis(2500), 25);

#[test]
fn a_program_that_cannot_start_is_tried_in_growing_pauses() {
    let project = project();
    let works = project.read("app.py");
    project.save("app.py", "print('no luck')\nraise SystemExit(1)\n");
    let mut server = TestServer::start_with(project.path(), &["--port", "0"], &[]);
    let began = Instant::now();
    for _ in 0..MANY_STARTS {
        server.wait_event("build_failed", BUILD);
    }
    assert!(began.elapsed() > Duration::from_secs(3), "{MANY_STARTS} starts in {:?}", began.elapsed());
    let before = ticks(server.pid());
    thread::sleep(PAUSE.0);
    let used = ticks(server.pid()) - before;
    assert!(used <= PAUSE.1, "{used} hundredths of a second in a pause of {:?}", PAUSE.0);
    let starts = server.transcript().lines().filter(|line| line.contains("\"no luck\"")).count();
    assert!((MANY_STARTS..=STARTS).contains(&starts), "{starts} starts\n{}", server.transcript());
    // A save does not wait for the pause to be over, and ends the story: the next pause is short again.
    project.save("app.py", &works);
    server.wait_event("generation", BUILD);
}

/// The processor time of a process, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let fields: Vec<_> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[tokio::test]
async fn a_program_that_stalls_holds_up_its_own_requests_alone() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[]);
    let stalled = pid(&server).await;
    signal(stalled, Signal::STOP);
    let mut waiting = tokio::task::JoinSet::new();
    let url = server.url.clone();
    waiting.spawn(async move { get(&url).await });
    for _ in 0..20 {
        assert_eq!(get(&server.at("/note.txt")).await.text(), "from the site\n");
        assert_eq!(get(&server.at("/__everlit/client.js")).await.status, 200);
    }
    assert!(waiting.try_join_next().is_none(), "the program does not answer");
    signal(stalled, Signal::CONT);
    let answer = waiting.join_next().await.expect("a request").expect("an answer");
    assert!(answer.status == 200 && answer.text().ends_with(&format!("version 1 {stalled}")), "{}", answer.text());
}

#[tokio::test]
async fn a_program_that_opens_no_port_is_named_when_its_time_is_over() {
    let project = project();
    project.edit("everlit.toml", "exec python3 app.py\"", "exec sleep 600\"\nready_timeout = \"1s\"");
    let mut server = TestServer::start_with(project.path(), &["--port", "0"], &[]);
    let failed = server.wait_event("build_failed", BUILD);
    assert_eq!(failed["report"]["title"], "the app opened no port in 1 s");
    let page = get(&server.url).await;
    assert_eq!(page.status, 502);
    assert!(page.text().contains("the app opened no port in 1 s"), "{}", page.text());
    assert_eq!(get(&server.at("/note.txt")).await.text(), "from the site\n");
    project.edit("everlit.toml", "exec sleep 600", "exec python3 app.py");
    server.wait_event("generation", BUILD);
    assert!(get(&server.url).await.text().contains("version 1"));
}

/// What the program does where it is given no more memory: it says so, and ends.
const GREEDY: &str = "if self.path == \"/memory\":
            try:
                hoard = []
                while True:
                    hoard.append(bytearray(1 << 24))
            except MemoryError:
                end()
        if self.path == \"/exit\":";

/// Takes all memory it gets, and is started again; the words are those of its report.
async fn check_out_of_memory(before: &str, words: &str) {
    let project = project();
    project.edit("app.py", "if self.path == \"/exit\":", GREEDY);
    project.edit("app.py", "if os.path.exists(\"ended\"):", "if False:");
    project.edit("everlit.toml", "exec python3", &format!("{before}; exec python3"));
    let mut server = TestServer::start_app(project.path(), &[]);
    assert_eq!(get(&server.at("/memory")).await.status, 502, "of the request itself nothing more is known");
    let exited = server.wait_event("app_exited", SOON);
    assert!(exited["report"]["title"].as_str().is_some_and(|title| title.contains(words)), "{exited}");
    server.wait_event("generation", BUILD);
    assert!(get(&server.url).await.text().contains("version 1"), "it is back");
    assert!(children(server.pid()).iter().all(|pid| state(*pid) != Some('Z')), "all were reaped");
}

#[tokio::test]
async fn a_program_that_is_given_no_more_memory_is_started_again() {
    check_out_of_memory("ulimit -v 400000", "exited with code 1").await;
}

#[tokio::test]
async fn a_program_that_the_kernel_ends_for_lack_of_memory_is_told_so() {
    let group = MemoryGroup::new();
    check_out_of_memory(
        &format!("echo $$ > {}/cgroup.procs", group.0.display()),
        "ran out of memory: the kernel ended it by SIGKILL",
    )
    .await;
}

/// A control group with little memory, removed when dropped.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    fn new() -> Self {
        let name = format!("everlit-suite-{}", process::id());
        let of_first_version = Path::new("/sys/fs/cgroup/memory").join(&name);
        let of_second_version = Path::new("/sys/fs/cgroup").join(&name);
        let made = [(of_first_version, "memory.limit_in_bytes"), (of_second_version, "memory.max")]
            .into_iter()
            .find(|(folder, limit)| fs::create_dir(folder).and_then(|()| fs::write(folder.join(limit), "64M")).is_ok());
        Self(made.expect("this test needs control groups for memory, and to be root").0)
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// How soon a start that cannot be is over.
const REFUSAL_LIMIT: Duration = Duration::from_secs(5);

#[test]
fn a_port_that_is_taken_starts_nothing() {
    let project = project();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("a bound address").port().to_string();
    project.save("app.py", "open('started', 'w')\n");
    let began = Instant::now();
    let mut server = TestServer::spawn(project.path(), &["--strict-port", "--port", &port], &[]);
    assert_eq!(server.wait_end(SOON).code(), Some(1));
    assert!(began.elapsed() < REFUSAL_LIMIT, "after {:?}", began.elapsed());
    let said = server.transcript();
    for fact in [format!("port {port} is taken by process {} (", process::id()), "--port".to_owned()] {
        assert!(said.contains(&fact), "{said}");
    }
    assert!(!project.path().join("started").exists(), "the program was not started");
}

#[tokio::test]
async fn nobody_who_reads_along_is_needed() {
    let project = project();
    let mut job = Command::new(env!("CARGO_BIN_EXE_everlit"))
        .arg("dev")
        .arg(project.path())
        .args(["--port", "0", "--log", "json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // As `everlit dev | head -1`.
    let mut first = String::new();
    BufReader::new(job.stdout.take().expect("piped")).read_line(&mut first).expect("UTF-8");
    let ready: Value = serde_json::from_str(&first).expect("JSON");
    let url = ready["url"].as_str().expect("a url").to_owned();
    let mut text = String::new();
    for version in ["version 1", "version 2", "version 3"] {
        let deadline = Instant::now() + BUILD;
        while !text.contains(version) {
            assert!(Instant::now() < deadline, "{version} does not come: {text}");
            text = get(&url).await.text();
        }
        let next = format!("version {}", version[8..].parse::<u32>().expect("a number") + 1);
        project.edit("app.py", version, &next);
    }
    signal(job.id(), Signal::TERM);
    let output = job.wait_with_output().expect("it can be waited for");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[tokio::test]
async fn what_was_saved_while_it_was_stopped_is_one_reload() {
    let project = TestProject::from_text("-- static/index.html --\n<!doctype html><p>0</p>\n");
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    server.signal(Signal::STOP);
    wait_stopped(server.pid());
    for edit in 1..=20 {
        project.save("static/index.html", &format!("<!doctype html><p>{edit}</p>\n"));
        thread::sleep(Duration::from_millis(20));
    }
    server.signal(Signal::CONT);
    let first = socket.next_change(SOON).await;
    assert_eq!((&first["type"], &first["cause"]), (&json!("reload"), &json!(["static/index.html"])), "{first}");
    assert!(get(&server.url).await.text().contains("<p>20</p>"));
    project.save("static/other.css", "p { color: teal }\n");
    let next = socket.next_change(SOON).await;
    assert_eq!(next["cause"], json!(["static/other.css"]), "nothing stands between: {next}");
}

fn wait_stopped(pid: u32) {
    let deadline = Instant::now() + SOON;
    while state(pid) != Some('T') {
        assert!(Instant::now() < deadline, "process {pid} is not stopped");
        thread::yield_now();
    }
}
