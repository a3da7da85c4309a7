//! What programs and builds print, on its way to who reads along.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::harness::{BUILD, SOON, TestProject, TestServer, require};

/// Lines of the flood: far more than anybody reads.
const FLOOD: u64 = 1_000_000;

/// What a server may hold of them at most beside its own needs: the tree of them is some 20 MB.
const GROWTH_KB: u64 = 8 * 1024;

/// How long a debug build may take to read them on a busy machine.
const FLOOD_LIMIT: Duration = Duration::from_secs(120);

/// A page, once `prelude` has run.
fn app(prelude: &str, toml: &str) -> TestProject {
    require("python3");
    let project = TestProject::from_text(&format!(
        "-- everlit.toml --\n[app]\nbuild = \"echo building; echo note >&2\"\nrun = \"python3 -u app.py\"\nwatch = [\"app.py\"]\n{toml}\n"
    ));
    let serve = "import http.server, os, sys, time\n\nclass Handler(http.server.SimpleHTTPRequestHandler):\n    \
                 def log_message(self, *_):\n        pass\n\nserver = http.server.ThreadingHTTPServer((\"127.0.0.1\", \
                 int(os.environ[\"PORT\"])), Handler)\n";
    project.save("app.py", &format!("{serve}{prelude}\nserver.serve_forever()\n"));
    project
}

fn is_line(event: &Value, text: &str) -> bool {
    event["event"] == "app_output" && event["line"] == text
}

#[test]
fn each_line_says_whose_it_is_and_keeps_its_colours_alone() {
    let prelude = r#"
print("\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m")
print("10 %\r50 %\r100 %")
print("to stderr", file=sys.stderr)
"#;
    let project = app(prelude, "");
    let mut server = TestServer::start_app(project.path(), &[]);
    server.rewind();
    for (line, stream, source) in [
        ("building", "stdout", "build"),
        ("note", "stderr", "build"),
        ("\u{1b}[31mred\u{1b}[0m", "stdout", "app"),
        ("100 %", "stdout", "app"),
        ("to stderr", "stderr", "app"),
    ] {
        server.rewind();
        let event = server.wait_for(line, SOON, |event| is_line(event, line));
        assert_eq!((&event["stream"], &event["source"]), (&stream.into(), &source.into()), "{event}");
    }
}

#[test]
fn a_flood_of_lines_drowns_nobody() {
    let prelude = format!(
        "from threading import Thread\ndef flood():\n    while not os.path.exists(\"go\"):\n        time.sleep(0.01)\n    \
         sys.stdout = open(1, \"w\", buffering=65536)\n    for line in range({FLOOD}):\n        print(\"line\", line)\n    \
         print(\"the end\", flush=True)\n    time.sleep(1)\n    os._exit(3)\nThread(target=flood).start()"
    );
    let project = app(&prelude, "");
    let mut server = TestServer::start_app(project.path(), &[]);
    let before = peak_kb(server.pid());
    project.save("go", "");
    server.wait_for("the end", FLOOD_LIMIT, |event| is_line(event, "the end"));
    let exited = server.wait_event("app_exited", SOON);
    let output = exited["report"]["output"].as_str().expect("a text");
    assert!(output.ends_with(&format!("line {}\nthe end\n", FLOOD - 1)) && output.lines().count() > 50, "{output}");
    server.rewind();
    let (mut shown, mut left_out) = (0, 0);
    loop {
        let event = server.wait_for("any", SOON, |_| true);
        match event["event"].as_str().expect("a name") {
            "app_output" if event["line"].as_str().is_some_and(|line| line.starts_with("line ")) => shown += 1,
            "left_out" => left_out += event["lines"].as_u64().expect("a number"),
            "app_exited" => break,
            _ => (),
        }
    }
    assert_eq!(shown + left_out, FLOOD, "each line is shown or counted");
    assert!(shown < FLOOD / 10, "{shown} lines were shown");
    let growth = peak_kb(server.pid()).saturating_sub(before);
    assert!(growth < GROWTH_KB, "the server grew by {growth} kB");
}

/// The most memory that a process ever had.
fn peak_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

#[test]
fn a_program_may_have_a_terminal() {
    let prelude = r#"
import shutil, signal
print("terminal", sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty())
if sys.stdout.isatty():
    print("size", os.get_terminal_size(), os.tcgetpgrp(0) == os.getpgrp())
print("err", file=sys.stderr)
"#;
    for (toml, terminal) in [("pty = true", "True True True"), ("pty = false", "False False False")] {
        let project = app(prelude, toml);
        let mut server = TestServer::start_app(project.path(), &[]);
        server.rewind();
        let line = format!("terminal {terminal}");
        server.wait_for(&line, SOON, |event| is_line(event, &line));
        if terminal.starts_with("True") {
            let size = "size os.terminal_size(columns=80, lines=24) True";
            server.wait_for(size, SOON, |event| is_line(event, size));
            server.wait_for("err", SOON, |event| is_line(event, "err") && event["stream"] == "stdout");
            project.edit("app.py", "print(\"err\"", "print(\"again\"");
            server.wait_for("again", BUILD, |event| is_line(event, "again"));
            server.wait_event("generation", BUILD);
        }
    }
}

#[test]
fn a_terminal_ends_with_its_program_and_with_everlit() {
    let project = app(
        "print(\"up\")\nThread = __import__(\"threading\").Thread\nThread(target=lambda: (time.sleep(1), print(\"bye\"), os._exit(4))).start()",
        "pty = true",
    );
    let mut server = TestServer::start_app(project.path(), &[]);
    let exited = server.wait_event("app_exited", SOON);
    assert_eq!(exited["report"]["title"], "the app exited with code 4");
    assert!(exited["report"]["output"].as_str().is_some_and(|output| output.ends_with("up\nbye\n")), "{exited}");
    server.wait_event("generation", BUILD);
    server.kill();
    server.processes().wait_gone(SOON).expect("nothing is left");
}

/// A terminal whose size changes under everlit changes under its program, too.
#[test]
fn a_terminal_follows_the_size_of_ours() {
    let prelude = r#"
import signal
def say(*_):
    print("size", os.get_terminal_size().columns, os.get_terminal_size().lines)
signal.signal(signal.SIGWINCH, say)
say()
"#;
    let project = app(prelude, "pty = true");
    let script = r#"
import fcntl, os, pty, struct, sys, termios
def resize(columns, rows):
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
pid, ours = pty.fork()
if pid == 0:
    import time
    while os.get_terminal_size().columns != 100:
        time.sleep(0.01)
    os.execv(sys.argv[1], sys.argv[1:])
resize(100, 40)
said, steps = b"", [(b"size 90 40", (60, 20)), (b"size 50 20", None)]
for wanted, size in steps:
    while wanted not in said:
        said += os.read(ours, 4096)
    if size:
        resize(*size)
os.kill(pid, 15)
try:
    while os.read(ours, 4096):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
    let output = Command::new(require("python3"))
        .args(["-c", script, env!("CARGO_BIN_EXE_everlit"), "dev"])
        .arg(project.path())
        .args(["--port", "0"])
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What people see on a terminal: the marks, the colours, and a program that is told to use them.
#[test]
fn on_a_terminal_programs_are_asked_for_colours() {
    let project = app("print(\"force\", os.environ.get(\"FORCE_COLOR\"), os.environ.get(\"CLICOLOR_FORCE\"))", "");
    let seen = |colour: &str| {
        let everlit = env!("CARGO_BIN_EXE_everlit");
        let line = format!("{colour} {everlit} dev {} --port 0", project.path().display());
        let mut shell = Command::new(require("script"))
            .args(["-qefc", &line, "/dev/null"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script starts");
        let mut text = String::new();
        let mut lines = std::io::BufReader::new(shell.stdout.take().expect("piped"));
        while !text.contains("generation ") {
            assert!(std::io::BufRead::read_line(&mut lines, &mut text).expect("UTF-8") > 0, "ended: {text}");
        }
        shell.kill().expect("script runs");
        shell.wait().expect("script can be waited for");
        text
    };
    let text = seen("env -u NO_COLOR -u FORCE_COLOR -u CLICOLOR_FORCE");
    assert!(text.contains("\u{1b}[2m  app   │\u{1b}[0m force 1 1\u{1b}[0m"), "{text:?}");
    assert!(text.contains("\u{1b}[33m  build ┃\u{1b}[0m note"), "{text:?}");
    let text = seen("env -u FORCE_COLOR -u CLICOLOR_FORCE NO_COLOR=1");
    assert!(text.contains("  app   │ force None None\r\n") && text.contains("  build ┃ note\r\n"), "{text:?}");
}
