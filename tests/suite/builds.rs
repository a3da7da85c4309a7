//! Builds of one step and of several: what runs, what is left out, what a newer save does to it, and what it leaves.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::harness::{BUILD, Random, ReloadSocket, SOON, TestProject, TestServer, get, names, require};

/// How soon a build that is not wanted any more must be gone.
const CANCEL_LIMIT: Duration = Duration::from_secs(1);

/// A program that answers with its process id and what is in `served/`. It is made by copying it.
const PROGRAM: &str = r#"
-- app.py --
#!/usr/bin/env python3
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = ["version 1", f"pid {os.getpid()}", f"argv {__file__}"]
        for name in sorted(os.listdir("served")):
            parts.append(f"{name}={open(os.path.join('served', name)).read().strip()}")
        text = "\n".join(parts).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
-- served/none --
-
"#;

/// The step that makes the program.
const BUILD_KEYS: &str = r#"
build = "mkdir -p .everlit/bin && cat app.py > .everlit/bin/app && chmod +x .everlit/bin/app"
run = ".everlit/bin/app"
watch = ["app.py"]
"#;

fn project(steps: &str) -> TestProject {
    require("python3");
    let toml = format!("-- everlit.toml --\nwatch.ignore = [\"made/**\", \"served/**\"]\n[app]{BUILD_KEYS}{steps}\n");
    TestProject::from_text(&format!("{PROGRAM}{toml}"))
}

/// The value of a line of the answer.
async fn answered(server: &TestServer, name: &str) -> String {
    let text = get(&server.url).await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name:?} in {text}")).to_owned()
}

fn is_step(event: &Value, kind: &str, step: &str) -> bool {
    event["event"] == kind && event["step"] == step
}

fn wait_step(server: &mut TestServer, kind: &str, step: &str) -> Value {
    server.wait_for(&format!("{kind} {step}"), BUILD, |event| is_step(event, kind, step))
}

/// The names of the steps that began, in their order.
fn begun(server: &TestServer) -> Vec<String> {
    let steps = server.events().into_iter().filter(|event| event["event"] == "building");
    steps.map(|event| event["step"].as_str().expect("a name").to_owned()).collect()
}

/// Waits until a file in the project is there.
const UNTIL: &str = "until [ -e";

#[tokio::test]
async fn independent_steps_run_beside_one_another_and_others_behind() {
    // Each of the first two waits for the other, so that one behind the other they would never end.
    let project = project(&format!(
        r#"
[[app.step]]
name = "one"
command = "mkdir -p made; touch made/one; {UNTIL} made/two ]; do sleep 0.02; done; cp one.txt served/one"
watch = ["one.txt"]
outputs = ["served/one"]
[[app.step]]
name = "two"
command = "mkdir -p made; touch made/two; {UNTIL} made/one ]; do sleep 0.02; done; cp two.txt served/two"
watch = ["two.txt"]
outputs = ["served/two"]
[[app.step]]
name = "three"
command = "cat served/one served/two | tr '\\n' ' ' > served/three"
after = ["one", "two"]
watch = ["served/one", "served/two"]
outputs = ["served/three"]
"#
    ));
    project.save("one.txt", "1\n");
    project.save("two.txt", "2\n");
    let mut server = TestServer::start_app(project.path(), &[]);
    assert_eq!(answered(&server, "three=").await, "1 2");

    // A save runs those who read the file, and those who read what comes of it.
    let pid = answered(&server, "pid ").await;
    let before = begun(&server).len();
    project.save("two.txt", "two\n");
    wait_step(&mut server, "built", "three");
    assert_eq!(begun(&server)[before..], ["two", "three"]);
    assert_eq!(answered(&server, "three=").await, "1 two");
    assert_eq!(answered(&server, "pid ").await, pid, "no source of the program changed");
}

#[tokio::test]
async fn what_is_written_as_before_runs_no_other_step() {
    let project = project(
        r#"
[[app.step]]
name = "words"
command = "tr -d ' ' < words.txt > served/words"
watch = ["words.txt"]
outputs = ["served/words"]
[[app.step]]
name = "upper"
command = "tr a-z A-Z < served/words > served/upper"
watch = ["served/words"]
"#,
    );
    project.save("words.txt", "a b\n");
    let mut server = TestServer::start_app(project.path(), &[]);
    assert_eq!(answered(&server, "upper=").await, "AB");
    let before = begun(&server).len();
    project.save("words.txt", "a  b\n");
    wait_step(&mut server, "built", "words");
    project.save("words.txt", "c\n");
    wait_step(&mut server, "built", "upper");
    assert_eq!(begun(&server)[before..][..3], ["words", "words", "upper"]);
    assert_eq!(answered(&server, "upper=").await, "C");
}

#[tokio::test]
async fn a_stylesheet_that_a_step_makes_is_swapped_in_place() {
    let project = project(
        r#"
[[app.step]]
name = "css"
command = "sed s/COLOUR/teal/ web.css > static/site.css"
watch = ["web.css"]
outputs = ["static/site.css"]
"#,
    );
    project.save("web.css", "h1 { color: COLOUR }\n");
    project.save("static/other.css", "");
    let mut server = TestServer::start_app(project.path(), &[]);
    let pid = answered(&server, "pid ").await;
    let mut socket = ReloadSocket::open(&server).await;
    project.save("web.css", "h2 { color: COLOUR }\n");
    wait_step(&mut server, "built", "css");
    loop {
        let message = socket.next_change(SOON).await;
        assert_ne!(message["type"], "reload", "{message}");
        if message["type"] == "styles" && message["paths"].as_array().is_some_and(|paths| paths.contains(&json!("/site.css"))) {
            break;
        }
    }
    assert!(get(&server.at("/site.css")).await.text().contains("h2 { color: teal }"));
    assert_eq!(answered(&server, "pid ").await, pid);
}

#[tokio::test]
async fn a_site_without_a_program_has_steps() {
    let project = TestProject::from_text(
        "-- index.html --\n<!doctype html><p>Hello\n-- web.css --\np { color: teal }\n-- everlit.toml --\n[[app.step]]\nname = \"css\"\n\
         command = \"mkdir -p made && grep teal web.css > made/site.css\"\nwatch = [\"web.css\"]\noutputs = [\"made/*\"]\n",
    );
    let mut server = TestServer::start(project.path());
    wait_built(&mut server);
    assert!(get(&server.at("/made/site.css")).await.text().contains("teal"));
    project.save("web.css", "p { color: red }\n");
    assert_eq!(server.wait_event("build_failed", SOON)["report"]["title"], "mkdir failed");
    assert!(get(&server.url).await.header("everlit-generation").ends_with("; stale"));
    let mut socket = ReloadSocket::open(&server).await;
    project.save("web.css", "b { color: teal }\n");
    wait_built(&mut server);
    while socket.next_change(SOON).await["type"] != "ok" {}
    assert!(get(&server.at("/made/site.css")).await.text().contains("b { color: teal }"));
    assert!(!get(&server.url).await.header("everlit-generation").contains("stale"));
}

fn wait_built(server: &mut TestServer) {
    server.wait_event("built", BUILD);
}

#[tokio::test]
async fn a_newer_save_ends_all_that_run_and_loses_nothing() {
    let step = |name: &str| {
        format!(
            "[[app.step]]\nname = \"{name}\"\nwatch = [\"{name}.txt\"]\noutputs = [\"served/{name}\"]\n\
             command = \"cp {name}.txt served/{name}; while [ -e made/hold ]; do sleep 0.02; done\"\n"
        )
    };
    let project = project(&format!("\n{}{}", step("one"), step("two")));
    project.save("one.txt", "1\n");
    project.save("two.txt", "1\n");
    let mut server = TestServer::start_app(project.path(), &[]);
    project.save("made/hold", "");
    let before = begun(&server).len();
    project.save("one.txt", "2\n");
    wait_step(&mut server, "building", "one");
    // It concerns nothing that runs.
    project.save("two.txt", "2\n");
    wait_step(&mut server, "building", "two");
    assert_eq!(begun(&server)[before..], ["one", "two"]);
    let began = std::time::Instant::now();
    project.save("one.txt", "3\n");
    wait_step(&mut server, "building", "one");
    assert!(began.elapsed() < CANCEL_LIMIT * 4, "after {:?}", began.elapsed());
    wait_step(&mut server, "building", "two");
    let alive = server.processes().alive();
    let copies = alive.iter().filter(|(_, command)| command.contains("keeper") && command.contains(" cp ")).count();
    assert!(copies <= 2, "nothing of the build that was cancelled is left: {alive:?}");
    fs::remove_file(project.path().join("made/hold")).expect("it is there");
    wait_step(&mut server, "built", "two");
    project.edit("app.py", "version 1", "version 2");
    server.wait_event("generation", BUILD);
    assert_eq!((answered(&server, "one=").await, answered(&server, "two=").await), ("3".into(), "2".into()));
}

#[tokio::test]
async fn no_save_of_many_is_lost() {
    let step = |name: &str| {
        format!(
            "[[app.step]]\nname = \"{name}\"\nwatch = [\"{name}.txt\"]\noutputs = [\"served/{name}\"]\n\
             command = \"text=$(cat {name}.txt); sleep 0.1; echo $text > served/{name}\"\n"
        )
    };
    let both = "[[app.step]]\nname = \"both\"\nwatch = [\"served/one\", \"served/two\"]\noutputs = [\"served/both\"]\n\
                command = \"cat served/one served/two | tr '\\\\n' ' ' > served/both\"\n";
    let project = project(&format!("\n{}{}{both}", step("one"), step("two")));
    project.save("one.txt", "0\n");
    project.save("two.txt", "0\n");
    let server = TestServer::start_app(project.path(), &[]);
    let mut random = Random::seeded();
    for save in 1..=40 {
        project.save(if random.of(0..2) == 0 { "one.txt" } else { "two.txt" }, &format!("{save}\n"));
        tokio::time::sleep(Duration::from_millis(random.of(0..150))).await;
    }
    let expected = format!("{} {}", project.read("one.txt").trim(), project.read("two.txt").trim());
    let deadline = std::time::Instant::now() + SOON;
    while answered(&server, "both=").await != expected {
        assert!(std::time::Instant::now() < deadline, "{expected} is not built\n{}", server.transcript());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn steps_that_fail_are_told_together_and_run_again() {
    let step = |name: &str| {
        format!(
            "[[app.step]]\nname = \"{name}\"\nwatch = [\"{name}.txt\"]\noutputs = [\"served/{name}\"]\n\
             command = \"grep good {name}.txt > served/{name}\"\n"
        )
    };
    let project = project(&format!("\n{}{}", step("one"), step("two")));
    project.save("one.txt", "bad\n");
    project.save("two.txt", "bad\n");
    let mut server = TestServer::start_with(project.path(), &["--port", "0"], &[]);
    let failed = server.wait_event("build_failed", BUILD);
    assert_eq!(failed["report"]["title"], "grep good and grep good failed");
    project.save("one.txt", "good\n");
    let failed = server.wait_event("build_failed", BUILD);
    assert_eq!(failed["report"]["title"], "grep good failed", "the other one is not forgotten");
    project.save("two.txt", "good\n");
    server.wait_event("generation", BUILD);
    assert_eq!(answered(&server, "two=").await, "good");
}

/// Files that differ between the branches.
const BRANCH_FILES: usize = 600;

/// Builds that a checkout may cost, however slow the machine: it is one unless git stands still for longer than a save takes.
const CHECKOUT_BUILDS: usize = 3;

#[tokio::test]
async fn a_checkout_of_another_branch_is_one_build() {
    let git = require("git");
    let project = project("");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(&git);
        let status = command
            .current_dir(project.path())
            .args(["-c", "user.name=A", "-c", "user.email=a@example.test"])
            .args(args)
            .status();
        assert!(status.expect("git starts").success(), "{args:?}");
    };
    project.edit("everlit.toml", "watch = [\"app.py\"]", "watch = [\"app.py\", \"code/**\"]");
    project.save(".gitignore", ".everlit/\n__pycache__/\n");
    let write = |word: &str| {
        (0..BRANCH_FILES)
            .for_each(|number| project.save(&format!("code/{}/{number}.txt", number % 20), &format!("{word} {number}\n")));
    };
    write("first");
    run(&["init", "--quiet", "--initial-branch", "first"]);
    run(&["add", "."]);
    run(&["commit", "--quiet", "--message", "first"]);
    run(&["switch", "--quiet", "--create", "second"]);
    write("second");
    project.edit("app.py", "version 1", "version 2");
    run(&["commit", "--quiet", "--all", "--message", "second"]);
    run(&["switch", "--quiet", "first"]);
    let mut server = TestServer::start_app(project.path(), &[]);
    for (branch, version) in [("second", "version 2"), ("first", "version 1")] {
        let before = server.events().iter().filter(|event| event["event"] == "building").count();
        run(&["switch", "--quiet", branch]);
        server.wait_event("generation", BUILD);
        let deadline = std::time::Instant::now() + BUILD;
        while !get(&server.url).await.text().contains(version) {
            assert!(std::time::Instant::now() < deadline, "{version} is not served\n{}", server.transcript());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let builds = server.events().iter().filter(|event| event["event"] == "building").count() - before;
        assert!((1..=CHECKOUT_BUILDS).contains(&builds), "{builds} builds\n{}", server.transcript());
    }
}

#[test]
fn a_step_that_does_not_end_is_told_of() {
    let project = TestProject::from_text(
        "-- index.html --\n<p>Hello\n-- everlit.toml --\n[[app.step]]\nname = \"css\"\nwatch = [\"a.css\"]\n\
         command = [\"sh\", \"-c\", \"sleep 600\", \"--watch\"]\n",
    );
    let mut server = TestServer::start(project.path());
    let warning = server.wait_event("warning", SOON * 2);
    assert!(warning["text"].as_str().is_some_and(|text| text.contains("leave out `--watch`")), "{warning}");
    let still = server.wait_event("still_building", SOON);
    assert!(still["took_ms"].as_f64().is_some_and(|took| took >= 10_000.0), "{still}");
}

#[tokio::test]
async fn every_generation_runs_a_copy_of_its_own() {
    let project = project("");
    // What an earlier session left that was killed.
    project.save(".everlit/generations/1/9/app", "old");
    let mut server = TestServer::start_app(project.path(), &[]);
    let generations = project.path().join(".everlit/generations");
    assert!(!generations.join("1").exists(), "it is removed");
    let home = generations.join(server.pid().to_string());
    assert!(answered(&server, "argv ").await.contains("/.everlit/generations/"));
    for version in 2..8 {
        project.edit("app.py", &format!("version {}", version - 1), &format!("version {version}"));
        server.wait_event("generation", BUILD);
        assert!(get(&server.url).await.text().contains(&format!("version {version}")));
    }
    let deadline = std::time::Instant::now() + SOON;
    while names(&home).len() > 3 {
        assert!(std::time::Instant::now() < deadline, "{:?}", names(&home));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(server);
    assert!(names(&generations).is_empty(), "{:?}", names(&generations));
}

/// Answers with its process id.
const GO: &str = r#"
-- go.mod --
module example.test/app

go 1.21
-- main.go --
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "version 1\npid %d\n", os.Getpid())
	})
	http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)
}
-- main_test.go --
package main
-- everlit.toml --
[app]
build = "go build -o made . && mkdir -p bin && cat made > bin/app && chmod +x bin/app"
run = "bin/app"
watch = ["*.go", "*.txt"]
"#;

#[tokio::test]
async fn a_go_program_that_is_the_same_runs_on_and_is_never_written_into() {
    require("go");
    let project = TestProject::from_text(GO);
    let mut server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    let pid = answered(&server, "pid ").await;
    project.save("main_test.go", "package main\n\n// Tests will be here.\n");
    let unchanged = server.wait_event("unchanged", BUILD);
    assert_eq!(unchanged["cause"], json!(["main_test.go"]));
    assert_eq!(answered(&server, "pid ").await, pid, "it runs on");
    assert_eq!(socket.next_change(SOON).await["type"], "ok", "nobody loads anything anew");

    // The linker writes in place, which the kernel refuses for a file that runs.
    project.edit("main.go", "version 1", "version 2");
    server.wait_event("generation", BUILD);
    assert_eq!(socket.next_change(SOON).await["type"], "reload");
    assert!(get(&server.url).await.text().contains("version 2"));

    // What the program may read itself starts it anew, though it is the same.
    let pid = answered(&server, "pid ").await;
    project.save("words.txt", "read at the start\n");
    server.wait_event("generation", BUILD);
    assert_ne!(answered(&server, "pid ").await, pid);
    assert!(running_program(&pid).is_none_or(|path| path.starts_with(project.path().join(".everlit"))));
}

#[tokio::test]
async fn a_program_that_needs_what_lies_beside_it_is_told_how() {
    let project = project("");
    project.save(".everlit/bin/words.txt", "beside\n");
    project.edit("app.py", "import os\n", "import os\nopen(os.path.join(os.path.dirname(__file__), 'words.txt'))\n");
    let mut server = TestServer::start_with(project.path(), &["--port", "0"], &[]);
    let failed = server.wait_event("build_failed", BUILD);
    assert!(failed["report"]["help"].as_str().is_some_and(|help| help.contains("`artifact = false`")), "{failed}");
    project.edit("everlit.toml", "[app]\n", "[app]\nartifact = false\n");
    server.wait_event("generation", BUILD);
    assert!(answered(&server, "argv ").await.ends_with(".everlit/bin/app"));
}

/// The file that a process runs.
fn running_program(pid: &str) -> Option<std::path::PathBuf> {
    fs::read_link(Path::new("/proc").join(pid).join("exe")).ok()
}
