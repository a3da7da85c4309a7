//! What outlives a run that was killed together with its keepers is known again, and ended; strangers are not.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, kill_process};

use crate::harness::{BUILD, SOON, Signal, TestProject, TestServer, get, require};

/// A program that leaves its port to a daemon of its own; with `bare` one without a word of its environment.
fn project(port: u16, bare: bool) -> TestProject {
    require("python3");
    let daemon = r#"
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"from {os.getpid()}".encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;
    let app = r#"
import os, subprocess, sys, time
env = {} if sys.argv[2] == "bare" else None
if os.fork() == 0:
    os.setsid()
    subprocess.Popen([sys.executable, "daemon.py", sys.argv[1]], env=env)
    os._exit(0)
time.sleep(600)
"#;
    let how = if bare { "bare" } else { "marked" };
    TestProject::from_text(&format!(
        "-- everlit.toml --\n[app]\nrun = \"exec python3 app.py {port} {how}\"\nport = {port}\nwatch = [\"app.py\"]\n\
         -- app.py --\n{app}\n-- daemon.py --\n{daemon}\n"
    ))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// Kills the server and its keepers so that none can end what it kept.
fn kill_with_keepers(server: &mut TestServer) {
    server.signal(Signal::STOP);
    for (pid, command) in server.processes().alive() {
        if command.contains("--everlit-keeper") {
            kill(pid);
        }
    }
    server.kill();
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid.cast_signed()).expect("a pid"), Signal::KILL).expect("the process runs");
}

/// The daemon's process, asked on its own port.
async fn daemon(port: u16) -> u32 {
    let text = get(&format!("http://127.0.0.1:{port}/")).await.text();
    text.strip_prefix("from ").and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("the daemon answers, not {text:?}"))
}

#[tokio::test]
async fn what_an_earlier_run_left_is_ended_and_named() {
    let port = free_port();
    let project = project(port, false);
    let mut first = TestServer::start_app(project.path(), &[]);
    let left = daemon(port).await;
    kill_with_keepers(&mut first);
    assert_eq!(daemon(port).await, left, "nobody is there to end it");

    let mut second = TestServer::start_with(project.path(), &["--port", "0"], &[]);
    second.rewind();
    let told = second.wait_for("orphans", SOON, |event| event.to_string().contains("had left behind"));
    let text = told["text"].as_str().expect("a text");
    assert!(text.contains(&format!("{left} (")) && text.contains(&format!("daemon.py {port}")), "{text}");
    second.wait_event("generation", BUILD);
    assert_ne!(daemon(port).await, left);
    first.processes().wait_gone(SOON).expect("nothing of the first run is left");
}

#[tokio::test]
async fn what_cleared_its_environment_is_ended_with_its_group() {
    assert!(group().is_some(), "this test needs the second version of control groups, writable for this user");
    let port = free_port();
    let project = project(port, true);
    let mut first = TestServer::start_app(project.path(), &[]);
    let left = daemon(port).await;
    kill_with_keepers(&mut first);
    assert_eq!(daemon(port).await, left, "nobody is there to end it");
    let mut second = TestServer::start_app(project.path(), &[]);
    let next = daemon(port).await;
    assert_ne!(next, left);

    // A keeper that is killed alone: the mark leads to all but the daemon, and the end of the session to that.
    let keeper =
        second.processes().alive().into_iter().find(|(_, command)| command.contains("--everlit-keeper")).expect("a keeper");
    kill(keeper.0);
    second.wait_event("app_exited", SOON);
    second.signal(Signal::TERM);
    second.wait_end(SOON);
    wait_gone(next);
}

/// The folder of the control group that this process is in.
fn group() -> Option<PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"))?;
    let folder = Path::new(mount.split(' ').nth(1)?).join(group);
    rustix::fs::access(&folder, rustix::fs::Access::WRITE_OK).ok().map(|()| folder)
}

fn wait_gone(pid: u32) {
    let deadline = Instant::now() + SOON;
    while std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| !words.is_empty()) {
        assert!(Instant::now() < deadline, "process {pid} is still there");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A server that is none of our business.
struct Stranger(Child);

impl Stranger {
    fn on(port: u16, folder: &Path) -> Self {
        let mut command = Command::new(require("python3"));
        command.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]).current_dir(folder);
        let stranger = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("python starts"));
        let deadline = Instant::now() + SOON;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the stranger does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        stranger
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stranger_on_the_port_is_named_and_left_alone() {
    let port = free_port();
    let project = TestProject::from_text(&format!(
        "-- everlit.toml --\n[app]\nrun = \"exec python3 -m http.server --bind 127.0.0.1 {port}\"\nport = {port}\nwatch = [\"x\"]\n"
    ));
    let mut stranger = Stranger::on(port, project.path());
    let mut server = TestServer::start_with(project.path(), &["--port", "0"], &[]);
    let failed = server.wait_event("build_failed", BUILD);
    let help = failed["report"]["help"].as_str().expect("a text");
    assert!(help.contains(&format!("port {port} is held by process {} (", stranger.0.id())), "{failed}");
    assert_eq!(stranger.0.try_wait().expect("it can be asked"), None, "it still runs");
    drop(stranger);
    server.wait_event("generation", BUILD);
}

#[test]
fn a_second_run_on_a_project_hears_of_the_first() {
    let project = TestProject::from_text("-- index.html --\n<p>Hello</p>\n");
    let first = TestServer::start(project.path());
    let mut second = TestServer::start(project.path());
    second.rewind();
    let warning = second.wait_event("warning", SOON)["text"].to_string();
    assert!(warning.contains(&first.url) && warning.contains(&format!("process {}", first.pid())), "{warning}");
    drop(first);
    drop(second);
    let mut third = TestServer::start(project.path());
    third.signal(Signal::TERM);
    third.wait_end(SOON);
    assert!(!third.transcript().contains("already"), "{}", third.transcript());
}

#[test]
fn a_run_that_lives_is_left_alone() {
    require("node");
    let project = TestProject::from_example("hello-node");
    let first = TestServer::start_app(project.path(), &[]);
    let before = first.processes().alive();
    let second = TestServer::start_app(project.path(), &[]);
    assert_eq!(first.processes().alive(), before, "{}", second.transcript());
}

/// Numbers are given again within moments where there are few of them.
#[test]
fn a_process_that_gets_the_number_of_one_of_ours_is_never_signalled() {
    let project = TestProject::from_text("-- index.html --\n<p>Hello</p>\n");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/pid_reuse.py");
    let output = Command::new(require("unshare"))
        .args(["--pid", "--fork", "--mount", "--mount-proc", "--kill-child"])
        .arg(require("python3"))
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_everlit"))
        .arg(project.path())
        .output()
        .expect("unshare starts");
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{}", said.concat());
}

/// How often a server is killed and started again.
const KILLS: usize = 100;

/// How long what a killed server kept may live on.
const KEEPER_LIMIT: Duration = Duration::from_secs(5);

#[test]
fn killed_a_hundred_times_it_starts_again_at_once() {
    require("python3");
    let project = TestProject::from_text(
        "-- everlit.toml --\n[app]\nrun = \"exec python3 -S app.py\"\nwatch = [\"app.py\"]\n-- app.py --\nimport os, socket\n\
         server = socket.create_server((\"127.0.0.1\", int(os.environ[\"PORT\"])))\nwhile True:\n    client, _ = server.accept()\n    \
         client.recv(1024)\n    client.sendall(b\"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n\")\n    client.close()\n",
    );
    let port = free_port().to_string();
    let mut before: Option<(TestServer, Instant)> = None;
    for _ in 0..KILLS {
        let mut server = TestServer::start_with(project.path(), &["--strict-port", "--port", &port], &[]);
        server.wait_event("generation", BUILD);
        if let Some((killed, at)) = before.take() {
            let left = KEEPER_LIMIT.saturating_sub(at.elapsed());
            killed.processes().wait_gone(left).unwrap_or_else(|left| panic!("{left}\n{}", killed.transcript()));
        }
        server.kill();
        before = Some((server, Instant::now()));
    }
}
