//! One command and its keeper: all of its output, its end, and what the system keeps of it.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use everlit::{
    config::CommandLine,
    process::{Exit, Launch, Process, Step},
};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{BUILD, MARK, Processes, Random, SOON, TestProject, TestServer, get, require};

/// From SIGTERM to SIGKILL. Longer than any of these tests takes, unless it is the grace that it is about.
const GRACE: Duration = Duration::from_secs(20);

/// How soon a build that is not wanted any more must be gone.
const CANCEL_LIMIT: Duration = Duration::from_secs(1);

const RESTARTS: usize = 50;

/// Descriptors of connections that happen to be open while they are counted; far fewer than one per restart.
const PASSING: usize = 10;

fn launch(command: &str, marked: &Processes) -> Launch {
    Launch {
        keeper: env!("CARGO_BIN_EXE_everlit").into(),
        command: CommandLine::Shell(command.to_owned()),
        dir: std::env::temp_dir(),
        env: vec![(MARK.into(), marked.mark().into())],
        pty: false,
        listen: None,
        grace: GRACE,
    }
}

async fn start(command: &str) -> (Process, Processes) {
    let marked = Processes::unique();
    (Process::start(&launch(command, &marked)).await.expect("sh starts"), marked)
}

/// What it writes until it ends, and how it ends.
async fn follow(process: &mut Process) -> (Vec<String>, Exit) {
    let mut lines = Vec::new();
    loop {
        match tokio::time::timeout(SOON, process.next()).await.expect("a step in time") {
            Step::Line(line) => lines.push(line.text),
            Step::Exited(exit) => return (lines, exit),
        }
    }
}

fn numbers(count: usize) -> Vec<String> {
    (1..=count).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn the_last_lines_of_a_command_are_not_lost() {
    for _ in 0..10 {
        let (mut process, _) = start("seq 1 12000; exit 3").await;
        let (lines, exit) = follow(&mut process).await;
        assert_eq!((lines.len(), exit), (12_000, Exit::Code(3)));
        assert_eq!(lines, numbers(12_000));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_reader_that_is_cancelled_again_and_again_misses_nothing() {
    let (mut process, _) = start("seq 1 3000; seq 3001 6000 >&2").await;
    let mut lines = Vec::new();
    loop {
        match tokio::time::timeout(Duration::ZERO, process.next()).await {
            Ok(Step::Line(line)) => lines.push(line.text),
            Ok(Step::Exited(exit)) => break assert_eq!(exit, Exit::Code(0)),
            Err(_) => tokio::task::yield_now().await,
        }
    }
    lines.sort_by_key(|line| line.parse::<usize>().expect("a number"));
    assert_eq!(lines, numbers(6_000));
}

#[tokio::test]
async fn what_a_command_leaves_running_does_not_hold_up_its_end() {
    let ignore = "trap '' TERM";
    for left in [format!("({ignore}; sleep 600) & exit 4"), format!("({ignore}; yes) & sleep 0.1; exit 4")] {
        let (mut process, marked) = start(&left).await;
        let began = Instant::now();
        assert_eq!(follow(&mut process).await.1, Exit::Code(4), "{left}");
        assert!(began.elapsed() < GRACE / 2, "{left}: {:?}", began.elapsed());
        // The grace goes on; a keeper that nobody waits for ends what is left once it is over.
        marked.kill();
    }
}

#[tokio::test]
async fn whoever_says_goodbye_is_asked_once_and_heard_to_the_end() {
    require("python3");
    const POLITE: &str = "exec python3 -c '
import signal, sys, time
def bye(*_):
    for i in range(1, 12001): print(i, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
print(\"ready\", flush=True)
while True: time.sleep(60)
'";
    // Again and again, for two signals in quick succession may pass for one: being asked twice, it would begin anew.
    for _ in 0..5 {
        let (mut process, marked) = start(POLITE).await;
        assert!(matches!(process.next().await, Step::Line(line) if line.text == "ready"));
        let mut lines = Vec::new();
        process.stop_with(|line| lines.push(line.text)).await;
        assert!(lines == numbers(12_000), "{} lines, the last one {:?}", lines.len(), lines.last());
        assert!(marked.alive().is_empty(), "{:?}", marked.alive());
    }
}

/// A shell with a child that has left its group and its session, both deaf to SIGTERM; it says so once it is.
const STUBBORN: &str = "trap '' TERM; setsid sh -c 'echo ready; sleep 600'; sleep 600";

#[tokio::test]
async fn a_keeper_that_is_killed_takes_its_tree_along() {
    // A program that never stops writing must not keep us from noticing.
    for talk in ["", "yes & "] {
        let (mut process, marked) = start(&format!("{talk}{STUBBORN}")).await;
        while !matches!(process.next().await, Step::Line(line) if line.text == "ready") {}
        let keeper = Pid::from_raw(process.root().cast_signed()).expect("a pid");
        kill_process(keeper, Signal::KILL).expect("the keeper runs");
        assert_eq!(follow(&mut process).await.1, Exit::Unknown);
        process.stop().await;
        marked.wait_gone(SOON).expect("nothing is left");
    }
}

#[tokio::test]
async fn a_keeper_that_is_killed_unnoticed_takes_its_tree_along() {
    let (mut process, marked) = start(STUBBORN).await;
    assert!(matches!(process.next().await, Step::Line(line) if line.text == "ready"));
    let keeper = Pid::from_raw(process.root().cast_signed()).expect("a pid");
    kill_process(keeper, Signal::KILL).expect("the keeper runs");
    process.stop().await;
    marked.wait_gone(SOON).expect("nothing is left");
}

#[tokio::test]
async fn a_signal_to_the_keeper_is_the_order_to_stop() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let (mut process, marked) = start("echo ready; sleep 600").await;
        assert!(matches!(process.next().await, Step::Line(line) if line.text == "ready"));
        let keeper = Pid::from_raw(process.root().cast_signed()).expect("a pid");
        kill_process(keeper, signal).expect("the keeper runs");
        assert_eq!(follow(&mut process).await.1, Exit::Signal(Signal::TERM.as_raw()), "{signal:?}");
        marked.wait_gone(SOON).expect("nothing is left");
    }
}

#[tokio::test]
async fn a_refusal_names_what_is_wrong() {
    let project = TestProject::from_text("-- file --\n");
    let check = async |dir: &Path, command: CommandLine, expected: &[&str]| {
        let launch = Launch { dir: dir.to_owned(), command, ..launch("", &Processes::unique()) };
        let error = Process::start(&launch).await.expect_err("it cannot start").to_string();
        assert!(expected.iter().all(|part| error.contains(part)), "{error:?} says {expected:?}");
    };
    let shell = || CommandLine::Shell("true".into());
    let missing = project.path().join("missing");
    check(&missing, shell(), &["`true`", "there is no folder", missing.to_str().expect("UTF-8")]).await;
    check(&project.path().join("file"), shell(), &["`true`", "/file", "Not a directory"]).await;
    let absent = |program: &str| CommandLine::Argv(vec![program.to_owned()]);
    check(project.path(), absent("no-such-program"), &["cannot find `no-such-program` on the PATH"]).await;
    check(project.path(), absent("./absent"), &["there is no `./absent`", project.path().to_str().expect("UTF-8")]).await;
}

#[test]
fn a_build_that_ignores_everything_is_cancelled_at_once() {
    let project = TestProject::from_text("-- app.py --\n1\n");
    let toml = "[app]\nbuild = \"trap '' TERM INT HUP; echo deaf; sleep 600\"\nrun = \"true\"\nwatch = [\"*.py\"]\n";
    project.save("everlit.toml", toml);
    let mut server = TestServer::start(project.path());
    for edit in 2..5 {
        let deaf = |event: &serde_json::Value| event["event"] == "app_output" && event["line"] == "deaf";
        server.wait_for("app_output", SOON, deaf);
        let began = Instant::now();
        project.save("app.py", &format!("{edit}\n"));
        server.wait_event("building", SOON);
        assert!(began.elapsed() < CANCEL_LIMIT, "after {:?}", began.elapsed());
    }
}

#[test]
fn restarts_leave_neither_descriptors_nor_zombies() {
    require("node");
    let project = TestProject::from_example("hello-node");
    let mut server = TestServer::start_app(project.path(), &[]);
    let pid = server.pid();
    let mut text = "Hello from Node".to_owned();
    let mut restart = |number: usize| {
        let next = format!("Hello from Node, edit {number}");
        project.edit("server.js", &text, &next);
        server.wait_event("generation", BUILD);
        text = next;
    };
    (0..3).for_each(&mut restart);
    let before = wait_settled(pid, usize::MAX);
    (3..3 + RESTARTS).for_each(restart);
    wait_settled(pid, before + PASSING);
}

/// A program that tells which save it was built from.
const NUMBERED: &str = r#"
-- go.mod --
module example.com/numbered

go 1.19
-- main.go --
package main

import (
	"fmt"
	"net/http"
	"os"
)

const NUMBER = "0"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "save "+NUMBER+".") })
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
"#;

/// Saves in random rhythm: before, while and after the ones before are built, started, and swapped to.
const SAVES: u64 = 60;

/// The longest pause between two of them, in milliseconds: about what a build and a start take.
const LONGEST_PAUSE: u64 = 900;

/// One save in so many does not compile.
const BROKEN_IN: u64 = 6;

#[tokio::test]
async fn saves_in_any_rhythm_end_in_the_last_source() {
    require("go");
    let project = TestProject::from_text(NUMBERED);
    let mut server = TestServer::start_app(project.path(), &[]);
    let (pid, source, mut random) = (server.pid(), project.read("main.go"), Random::seeded());
    let save = |number: u64, number_text: &str| {
        let text = source.replace("\"0\"", number_text);
        if number.is_multiple_of(2) { project.save("main.go", &text) } else { project.save_atomically("main.go", &text) }
    };
    save(1, "\"first\"");
    server.wait_event("generation", BUILD);
    let before = wait_settled(pid, usize::MAX);
    for number in 0..SAVES {
        let is_broken = random.of(0..BROKEN_IN) == 0;
        save(number, &if is_broken { format!("{number}broken") } else { format!("\"{number}\"") });
        tokio::time::sleep(Duration::from_millis(random.of(0..LONGEST_PAUSE))).await;
    }
    save(SAVES, "\"last\"");

    let deadline = Instant::now() + BUILD;
    let mut page = get(&server.url).await.text();
    while page != "save last." {
        assert!(Instant::now() < deadline, "{page:?} is served, not the last save\n{}", server.transcript());
        server.wait_event("generation", BUILD);
        page = get(&server.url).await.text();
    }
    wait_settled(pid, before + PASSING);
    let alive = server.processes().alive();
    assert_eq!(alive.len(), 3, "Everlit, the keeper and one program: {alive:?}");
    assert_eq!(get(&server.url).await.text(), "save last.", "nothing older came later");
}

/// Waits until a process has one child, zombies counted, and at most so many descriptors; answers how many.
fn wait_settled(pid: u32, descriptors: usize) -> usize {
    let deadline = Instant::now() + SOON;
    loop {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").count();
        let children = children(pid);
        if children.len() == 1 && open <= descriptors {
            return open;
        }
        assert!(Instant::now() < deadline, "{open} descriptors, of {descriptors}; children {children:?}");
        thread::yield_now();
    }
}

fn children(pid: u32) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs").flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}
