//! The real binary, started on a project, with the events it prints.

use std::{
    ffi::OsStr,
    fs::{self, DirEntry},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, kill_process};
use serde_json::Value;

use super::{BUILD, Processes, SOON, command::require, processes::MARK};

pub(crate) use rustix::process::Signal;

/// How long a server may take to end after it was asked to.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How often a wait for the process looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running `everlit dev --log json`.
///
/// Dropping it sends SIGTERM, ends what does not stop in time, and fails the test when anything was left.
pub(crate) struct TestServer {
    child: Child,
    output: Arc<Output>,
    processes: Processes,
    /// How many events the test has gone past.
    seen: usize,
    /// `http://localhost:PORT/`.
    pub(crate) url: String,
    /// Whether the end is checked by the test itself.
    ended: bool,
}

/// What the server printed so far.
#[derive(Default)]
struct Output {
    printed: Mutex<Printed>,
    more: Condvar,
}

#[derive(Default)]
struct Printed {
    events: Vec<Value>,
    stderr: String,
    closed: bool,
}

impl TestServer {
    /// Starts on a free port and waits until the first generation answers.
    pub(crate) fn start(project: &Path) -> Self {
        Self::start_with(project, &["--port", "0"], &[])
    }

    /// Starts with these arguments and variables and waits until it answers and watches.
    pub(crate) fn start_with<A: AsRef<OsStr>>(project: &Path, args: &[A], env: &[(&str, &str)]) -> Self {
        let mut server = Self::spawn(project, args, env);
        server.wait_ready();
        server.wait_watching();
        server
    }

    /// Starts and waits until it answers: it need not watch yet.
    pub(crate) fn start_answering(project: &Path) -> Self {
        let mut server = Self::spawn(project, &["--port", "0"], &[]);
        server.wait_ready();
        server
    }

    /// Starts in a mount namespace of its own, where `mounts`, a shell script, ran in the project's folder before.
    ///
    /// The files it sees are beneath [`Self::root`]; the mounts end with it.
    pub(crate) fn start_mounted(project: &Path, mounts: &str) -> Self {
        Self::start_apart(project, &["--mount"], mounts)
    }

    /// Starts as root of a user namespace of its own, where `script` ran before: limits it sets hold for this server alone.
    pub(crate) fn start_limited(project: &Path, script: &str) -> Self {
        Self::start_apart(project, &["--user", "--map-root-user"], script)
    }

    /// Starts in a network namespace of its own, where `script` ran before: it is reached by who is [inside](Self::inside).
    pub(crate) fn start_networked(project: &Path, script: &str) -> Self {
        Self::start_apart(project, &["--net"], script)
    }

    /// Starts in a shell where `script` ran before, which may put words before the command: `set -- nice "$@"`.
    pub(crate) fn start_behind(project: &Path, script: &str) -> Self {
        Self::start_apart(project, &[], script)
    }

    /// The beginning of a command that runs in the server's network namespace.
    pub(crate) fn inside(&self) -> Command {
        let mut command = Command::new(require("nsenter"));
        command.args(["--net", "--target", &self.pid().to_string()]);
        command
    }

    /// Starts by a command that runs what it is given in another place, and waits until it answers and watches.
    pub(crate) fn start_by(mut command: Command, project: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        command.arg(env!("CARGO_BIN_EXE_everlit"));
        let mut server = Self::spawn_command(command, project, args, env);
        server.wait_ready();
        server.wait_watching();
        server
    }

    fn start_apart(project: &Path, spaces: &[&str], script: &str) -> Self {
        let mut command = Command::new(require("unshare"));
        let script = format!("cd \"$1\"; shift; {script}; exec \"$@\"");
        command.args(spaces).args(["sh", "-ec", &script, "sh"]).arg(project).arg(env!("CARGO_BIN_EXE_everlit"));
        let mut server = Self::spawn_command(command, project, &["--port", "0"], &[]);
        server.wait_ready();
        server.wait_watching();
        server
    }

    /// Starts and waits until the app's first generation answers.
    pub(crate) fn start_app(project: &Path, env: &[(&str, &str)]) -> Self {
        let mut server = Self::start_with(project, &["--port", "0"], env);
        server.wait_event("generation", BUILD);
        server
    }

    /// Starts and waits for nothing.
    pub(crate) fn spawn<A: AsRef<OsStr>>(project: &Path, args: &[A], env: &[(&str, &str)]) -> Self {
        Self::spawn_command(Command::new(env!("CARGO_BIN_EXE_everlit")), project, args, env)
    }

    fn spawn_command<A: AsRef<OsStr>>(mut command: Command, project: &Path, args: &[A], env: &[(&str, &str)]) -> Self {
        let processes = Processes::unique();
        let mut child = command
            .arg("dev")
            .arg(project)
            .args(["--log", "json"])
            .args(args)
            .env(MARK, processes.mark())
            // Phones of the machine that runs this are left alone.
            .env("EVERLIT_ADB", "false")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let output = Arc::new(Output::default());
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let (events, errors) = (Arc::clone(&output), Arc::clone(&output));
        thread::spawn(move || {
            each_line(stdout, |line| events.event(line));
            events.close();
        });
        thread::spawn(move || each_line(stderr, |line| errors.error_line(line)));
        Self { child, output, processes, seen: 0, url: String::new(), ended: false }
    }

    /// Waits until it answers.
    pub(crate) fn wait_ready(&mut self) {
        let ready = self.wait_event("ready", SOON);
        self.url = ready["url"].as_str().expect("`ready` has a url").to_owned();
    }

    /// Waits until it watches, and goes past nothing.
    fn wait_watching(&mut self) {
        let before = self.seen;
        self.wait_event("watching", SOON);
        self.seen = before;
    }

    /// The port of [`Self::url`].
    pub(crate) fn port(&self) -> u16 {
        let authority = self.url.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches('/');
        authority.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the url has a port")
    }

    /// The URL of a path, which begins with a slash.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The root of the files it sees, where it runs in a mount namespace of its own.
    pub(crate) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.pid()))
    }

    /// What it started, itself included.
    pub(crate) fn processes(&self) -> &Processes {
        &self.processes
    }

    /// The next event of a name; those before it are gone past.
    pub(crate) fn wait_event(&mut self, name: &str, limit: Duration) -> Value {
        self.wait_for(name, limit, |event| event["event"] == name)
    }

    /// The next event that `wanted` accepts; those before it are gone past.
    pub(crate) fn wait_for(&mut self, what: &str, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + limit;
        let mut printed = self.output.printed.lock().expect("no reader panicked");
        loop {
            if let Some(at) = (self.seen..printed.events.len()).find(|at| wanted(&printed.events[*at])) {
                self.seen = at + 1;
                return printed.events[at].clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || printed.closed {
                panic!("no `{what}` event within {limit:?}\n{}", printed.transcript());
            }
            printed = self.output.more.wait_timeout(printed, left).expect("no reader panicked").0;
        }
    }

    /// Goes back to the first event.
    pub(crate) fn rewind(&mut self) {
        self.seen = 0;
    }

    /// Every event it printed so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.output.printed.lock().expect("no reader panicked").events.clone()
    }

    /// Everything it printed, for messages of failing tests.
    pub(crate) fn transcript(&self) -> String {
        self.output.printed.lock().expect("no reader panicked").transcript()
    }

    /// Stops every one of its threads until it is sent SIGCONT: the signal alone lets them run on for a moment.
    pub(crate) fn suspend(&self) {
        self.signal(Signal::STOP);
        let is_stopped = |thread: DirEntry| {
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        };
        let threads = || fs::read_dir(format!("/proc/{}/task", self.pid())).expect("its threads").flatten();
        while !threads().all(is_stopped) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends a signal to the server alone, as a closed IDE does.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the server runs");
    }

    /// Ends it at once, as a crash does, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.ended = true;
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the child can be waited for");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_end(&mut self, limit: Duration) -> ExitStatus {
        self.ended = true;
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {limit:?}\n{}", self.transcript());
            thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if !self.ended {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
        let gone = self.processes.wait_gone(STOP_LIMIT);
        self.processes.kill();
        let _ = self.child.wait();
        if let (Err(left), false) = (gone, thread::panicking()) {
            panic!("the server left something behind: {left}\n{}", self.transcript());
        }
    }
}

impl Output {
    fn event(&self, line: &str) {
        let event = serde_json::from_str(line).unwrap_or_else(|_| Value::String(format!("not JSON: {line}")));
        self.printed.lock().expect("no waiter panicked here").events.push(event);
        self.more.notify_all();
    }

    fn error_line(&self, line: &str) {
        let mut printed = self.printed.lock().expect("no waiter panicked here");
        printed.stderr.push_str(line);
        printed.stderr.push('\n');
    }

    fn close(&self) {
        self.printed.lock().expect("no waiter panicked here").closed = true;
        self.more.notify_all();
    }
}

impl Printed {
    fn transcript(&self) -> String {
        let events: Vec<String> = self.events.iter().map(Value::to_string).collect();
        format!("--- events\n{}\n--- stderr\n{}", events.join("\n"), self.stderr)
    }
}

/// Hands each line on until the pipe closes.
fn each_line(pipe: impl Read, mut take: impl FnMut(&str)) {
    let lines = BufReader::new(pipe).split(b'\n').map_while(Result::ok);
    lines.for_each(|line| take(&String::from_utf8_lossy(&line)));
}
