//! From a mistake to the line in the editor: real compilers, real programs, a real browser, an editor that is a real process.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use http::Method;
use rustix::process::{Pid, kill_process, test_kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{BUILD, Chromium, Control, Page, SOON, Signal, TestProject, TestServer, get, require, send};

const PANEL: &str = "document.querySelector('everlit-overlay')?.shadowRoot";

/// Serves one page on the port it is given, with what the language brings along.
const GO: &str = r#"
-- go.mod --
module shop
go 1.20
-- main.go --
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Go</title><h1>", greeting(), "</h1>")
	})
	http.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) { go crash(nil) })
	http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)
}

func greeting() string {
	return "one"
}
-- crash.go --
package main

func crash(prices map[string]int) {
	prices["lamp"] = 3
}
"#;

const RUST: &str = r#"
-- Cargo.toml --
[package]
name = "shop"
version = "0.1.0"
edition = "2024"
[workspace]
-- src/main.rs --
use std::{env, io::{Read, Write}, net::TcpListener};

mod lamps;

fn main() {
    let listener = TcpListener::bind(format!("127.0.0.1:{}", env::var("PORT").unwrap())).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut head = [0; 4096];
        let count = stream.read(&mut head).unwrap();
        if head[..count].starts_with(b"GET /crash") {
            lamps::price(None);
        }
        let page = format!("<!doctype html><title>Rust</title><h1 style='margin: 3em; text-align: center'>{}</h1>", greeting());
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length:";
        write!(stream, "{head} {}\r\n\r\n{page}", page.len()).unwrap();
    }
}

fn greeting() -> String {
    let words = vec!["one"];
    words.concat()
}
-- src/lamps.rs --
pub fn price(lamp: Option<u32>) -> u32 {
    lamp.unwrap()
}
"#;

const TYPESCRIPT: &str = r#"
-- everlit.toml --
[app]
build = "BUILD"
run = "node out/server.js"
watch = ["src/**/*.ts"]
-- src/server.ts --
declare function require(name: string): any;
declare const process: { env: { PORT: string } };
import { greeting } from "./greeting";

const page = () => `<!doctype html><title>TypeScript</title><h1>${greeting()}</h1>`;
require("http").createServer((request: { url: string }, answer: any) => {
  if (request.url === "/crash") setTimeout(() => greeting().nothing.at(3));
  answer.setHeader("Content-Type", "text/html");
  answer.end(page());
}).listen(Number(process.env.PORT), "127.0.0.1");
-- src/greeting.ts --
export function greeting(): any {
  return "one";
}
"#;

const TSC: &str = "tsc --outDir out --target es2020 --module commonjs --pretty src/server.ts";

const ESBUILD: &str = "esbuild --bundle --platform=node --outfile=out/server.js src/server.ts";

const PYTHON: &str = r#"
-- app.py --
import os, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from lamps import greeting, price

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            self.server.failure = True
        page = f"<!doctype html><title>Python</title><h1>{greeting()}</h1>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

server = HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
server.failure = False
while not server.failure:
    server.handle_request()
price({})
-- lamps.py --
def greeting():
    return "one"

def price(lamps):
    return lamps["moth"]
"#;

/// A mistake that is made in a program, and what is known of it.
struct Mistake<'a> {
    file: &'a str,
    /// What is right, and what it is replaced by.
    edit: (&'a str, &'a str),
    place: &'a str,
    message: &'a str,
    /// What is underlined.
    token: &'a str,
}

/// Breaks a program that is shown in a browser, looks at what is said, and mends it.
async fn check(project: &TestProject, mistake: &Mistake<'_>) {
    let browser = Chromium::start().await;
    let server = TestServer::start_app(project.path(), &[]);
    let page = open(&browser, &server.url).await;
    page.wait_until("document.querySelector('h1').textContent === 'one'", SOON).await;

    let (right, wrong) = mistake.edit;
    let good = project.read(mistake.file);
    project.edit(mistake.file, right, wrong);
    page.wait_until(&format!("Boolean({PANEL})"), BUILD).await;
    assert_shown(&page, mistake).await;
    page.wait_until("document.title.startsWith('⚠')", SOON).await;
    picture(&page, mistake.file).await;
    // A tab that comes later is told as well, and what it shows is the last good page.
    let late = open(&browser, &server.url).await;
    late.wait_until(&format!("Boolean({PANEL})"), SOON).await;
    assert_shown(&late, mistake).await;
    assert_eq!(late.evaluate("document.querySelector('h1').textContent").await, "one");

    project.save(mistake.file, &good.replace("\"one\"", "\"two\""));
    for tab in [page, late] {
        tab.bring_to_front().await;
        tab.wait_until("document.querySelector('h1')?.textContent !== 'one'", BUILD).await;
        tab.wait_until("!document.querySelector('everlit-overlay') && !document.title.startsWith('⚠')", SOON).await;
    }
}

async fn open(browser: &Chromium, url: &str) -> Page {
    let page = browser.open(url).await;
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    page
}

/// Leaves pictures in `target/tmp` for the eye; the README has those of one of them.
async fn picture(page: &Page, file: &str) {
    let kind = file.rsplit('.').next().expect("an ending");
    for scheme in ["light", "dark"] {
        page.emulate(1000, 700, scheme).await;
        page.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broken-{kind}-{scheme}.png"))).await;
    }
}

async fn assert_shown(page: &Page, mistake: &Mistake<'_>) {
    let shown = format!(
        "(() => {{ const first = {PANEL}.querySelector('.diagnostic'); const text = (name) => first.querySelector(name)?.textContent;
            return [text('.place'), text('.message'), text('.marked .number'), text('.marked mark')] }})()"
    );
    let shown = page.evaluate(&shown).await;
    let line = mistake.place.split(':').nth(1).expect("a line");
    assert!(shown[1].as_str().is_some_and(|message| message.contains(mistake.message)), "{shown}");
    assert_eq!([&shown[0], &shown[2], &shown[3]], [mistake.place, line, mistake.token], "{shown}");
}

#[tokio::test]
async fn a_broken_go_program() {
    require("go");
    let edit = ("return \"one\"", "return greting");
    let mistake = Mistake { file: "main.go", edit, place: "main.go:19:9", message: "undefined: greting", token: "greting" };
    check(&TestProject::from_text(GO), &mistake).await;
}

#[tokio::test]
async fn a_broken_rust_program() {
    require("cargo");
    let edit = ("    words.concat()", "    let sold = words;\n    words.concat()");
    let message = "borrow of moved value: `words`";
    let mistake = Mistake { file: "src/main.rs", edit, place: "src/main.rs:23:5", message, token: "words" };
    check(&TestProject::from_text(RUST), &mistake).await;
}

#[tokio::test]
async fn a_broken_typescript_program() {
    require("tsc");
    require("node");
    let edit = ("return \"one\"", "return greting");
    let message = "Cannot find name 'greting'";
    let mistake = Mistake { file: "src/greeting.ts", edit, place: "src/greeting.ts:2:10", message, token: "greting" };
    check(&TestProject::from_text(&TYPESCRIPT.replace("BUILD", TSC)), &mistake).await;
}

#[tokio::test]
async fn a_broken_bundle() {
    require("esbuild");
    require("node");
    let edit = ("return \"one\"", "return \"one\" +");
    let mistake =
        Mistake { file: "src/greeting.ts", edit, place: "src/greeting.ts:2:17", message: "Unexpected \";\"", token: ";" };
    check(&TestProject::from_text(&TYPESCRIPT.replace("BUILD", ESBUILD)), &mistake).await;
}

#[tokio::test]
async fn a_broken_python_program() {
    require("python3");
    let edit = ("return \"one\"", "return (\"one\"");
    let mistake = Mistake { file: "lamps.py", edit, place: "lamps.py:2:12", message: "'(' was never closed", token: "(" };
    check(&TestProject::from_text(PYTHON), &mistake).await;
}

/// Asks for `/crash` and looks at what the page is told. The program is started again by then, or just about to be.
fn check_crash(project: &TestProject, place: &str, message: &str, ask: impl FnOnce(&TestServer)) {
    let mut server = TestServer::start_app(project.path(), &[]);
    ask(&server);
    let report = server.wait_event("app_exited", SOON)["report"].clone();
    let found = &report["diagnostics"][0];
    let at = ["file", "line"].map(|name| found[name].to_string().replace('"', "")).join(":");
    assert_eq!(at, place, "{report:#}");
    assert!(found["message"].as_str().is_some_and(|words| words.contains(message)), "{report:#}");
    assert!(found["excerpt"]["lines"].is_array(), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_are_told_with_their_places() {
    for program in ["go", "cargo", "esbuild", "node", "python3"] {
        require(program);
    }
    let crash = |server: &TestServer| {
        let url = server.at("/crash");
        // Whether it still answers is its own business.
        let asked = tokio::task::block_in_place(|| {
            Command::new("python3")
                .args([
                    "-c",
                    "import sys, urllib.request as r\ntry: r.urlopen(sys.argv[1], timeout=20)\nexcept Exception: pass",
                    &url,
                ])
                .status()
        });
        assert!(asked.expect("python3 starts").success());
    };
    check_crash(&TestProject::from_text(GO), "crash.go:4", "assignment to entry in nil map", crash);
    check_crash(&TestProject::from_text(RUST), "src/lamps.rs:2", "called `Option::unwrap()` on a `None` value", crash);
    check_crash(&TestProject::from_text(PYTHON), "lamps.py:5", "KeyError: 'moth'", crash);
    let script = TestProject::from_text(
        "-- package.json --\n{\"scripts\": {\"dev\": \"node server.mjs\"}}\n-- server.mjs --\nimport { createServer } from \"node:http\";\n\
         import { price } from \"./lamps.mjs\";\ncreateServer((request, answer) => {\n  if (request.url === \"/crash\") setTimeout(price);\n  \
         answer.end(\"one\");\n}).listen(process.env.PORT);\n-- lamps.mjs --\nexport function price() {\n  return [][3].price;\n}\n",
    );
    check_crash(&script, "lamps.mjs:2", "Cannot read properties of undefined", crash);
}

#[tokio::test]
async fn a_first_build_that_fails_is_shown_where_the_page_would_be() {
    require("go");
    let project = TestProject::from_text(&GO.replace("return \"one\"", "return <greting>"));
    let mut server = TestServer::start_with(project.path(), &["--port", "0"], &[]);
    server.wait_event("build_failed", BUILD);
    let accept = [("accept", "text/html")];
    let answer = send(Method::GET, &server.url, &accept, "").await;
    let page = answer.text();
    assert_eq!(answer.status, 502, "{page}");
    for part in ["main.go:19:9", "<i>19</i>", "return &lt;greting&gt;", "class=\"marked\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn a_trace_of_a_program_that_goes_on_is_told_with_its_place() {
    require("python3");
    let project = TestProject::from_text(&PYTHON.replace("{greeting()}", "{price({})}"));
    let mut server = TestServer::spawn(project.path(), &["--port", "0"], &[]);
    let error = server.wait_event("app_error", SOON)["diagnostic"].clone();
    assert_eq!((&error["file"], &error["line"], &error["message"]), (&json!("lamps.py"), &json!(5), &json!("KeyError: 'moth'")));
    assert_eq!(error["excerpt"]["lines"][2], "    return lamps[\"moth\"]", "{error}");
}

/// A folder with an editor that writes down what it is told, and stays.
fn editor() -> (TempDir, PathBuf) {
    let folder = tempfile::Builder::new().prefix("everlit-editor-").tempdir().expect("a temporary folder");
    let program = folder.path().join("my editor");
    let told = folder.path().join("told");
    // Without the environment it is none of the processes that the harness counts.
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$$\" \"$PWD\" \"$@\" > '{0}.tmp'\nmv '{0}.tmp' '{0}'\nexec env -i /bin/sleep 600\n",
        told.display()
    );
    fs::write(&program, script).expect("the editor can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it can be made executable");
    (folder, program)
}

/// What the editor was told, once it was: its process, its folder, its arguments.
async fn told(folder: &Path) -> Vec<String> {
    let file = folder.join("told");
    let deadline = Instant::now() + SOON;
    while !file.exists() {
        assert!(Instant::now() < deadline, "no editor was started within {SOON:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    fs::read_to_string(file).expect("it was written").lines().map(str::to_owned).collect()
}

fn pid(told: &[String]) -> Pid {
    told[0].parse().ok().and_then(Pid::from_raw).expect("a process id")
}

#[tokio::test]
async fn a_click_opens_the_editor_which_outlives_us() {
    require("go");
    let (project, browser) = (
        TestProject::from_text(&GO.replace("-- main.go --", "-- web/a b.go --").replace("-- crash.go --", "-- web/crash.go --")),
        Chromium::start().await,
    );
    project.save(
        "everlit.toml",
        "[app]\nbuild = \"go build -o .everlit/bin/app ./web\"\nrun = \".everlit/bin/app\"\nwatch = [\"**/*.go\"]\n",
    );
    let (folder, program) = editor();
    let command = format!("'{}' --line={{line}} --column={{column}} {{file}}", program.display());
    let mut server = TestServer::start_app(project.path(), &[("EVERLIT_EDITOR", &command)]);
    let page = open(&browser, &server.url).await;
    project.edit("web/a b.go", "return \"one\"", "return 1");
    page.wait_until(&format!("{PANEL}?.querySelector('.place') != null"), BUILD).await;

    let place = format!("{PANEL}.querySelector('.place').getBoundingClientRect().toJSON()");
    page.wait_until(&format!("{PANEL}.getAnimations().every(({{ playState }}) => playState === 'finished')"), SOON).await;
    let place = page.evaluate(&place).await;
    let middle = |from: &str, size: &str| place[from].as_f64().expect("a number") + place[size].as_f64().expect("a number") / 2.0;
    page.click(middle("x", "width"), middle("y", "height")).await;
    let told = told(folder.path()).await;
    let root = project.path().canonicalize().expect("the project is there");
    let expected = ["--line=19", "--column=9", &root.join("web/a b.go").display().to_string()].map(str::to_owned);
    assert_eq!(told[1..], [&[root.display().to_string()][..], &expected].concat());
    page.wait_until(&format!("{PANEL}.querySelector('.told').textContent === 'web/a b.go:19:9 is open in my editor'"), SOON)
        .await;
    server.wait_for("info about the editor", SOON, |event| event["text"] == "opened web/a b.go:19:9 in my editor");

    // Neither the next build nor the end of everything ends it.
    project.edit("web/a b.go", "return 1", "return \"two\"");
    page.wait_until("document.querySelector('h1')?.textContent === 'two'", BUILD).await;
    server.signal(Signal::TERM);
    assert!(server.wait_end(SOON).success());
    let pid = pid(&told);
    assert!(test_kill_process(pid).is_ok(), "the editor was ended with us");
    kill_process(pid, Signal::KILL).expect("it runs");
}

#[tokio::test]
async fn a_page_is_told_why_no_editor_opens() {
    let project = TestProject::from_text("-- templates/index.html --\n<!doctype html><title>a</title><h1>one</h1>\n");
    let args = ["--port", "0", "--editor", "/nowhere/edit"];
    let (mut server, browser) = (TestServer::start_with(project.path(), &args, &[]), Chromium::start().await);
    let page = open(&browser, &server.url).await;
    project.save("templates/index.html", "<!doctype html><title>a</title><h1>one</h1>{{ 1 }\n");
    page.wait_until(&format!("{PANEL}?.querySelector('.place') != null"), SOON).await;
    page.evaluate(&format!("{PANEL}.querySelector('.place').click()")).await;
    let why = "edit cannot be started (there is no such program); open templates/index.html:1";
    page.wait_until(&format!("{PANEL}.querySelector('.told').textContent.startsWith({})", json!(why)), SOON).await;
    server.wait_for("a warning", SOON, |event| event["text"].as_str().is_some_and(|text| text.starts_with(why)));
    // The keyboard stays in the overlay, and Escape leaves it.
    for _ in 0..8 {
        page.press_key("Tab", "Tab", 9).await;
        assert_eq!(page.evaluate("document.activeElement.localName").await, "everlit-overlay");
    }
    page.press("Escape").await;
    page.wait_until("!document.querySelector('everlit-overlay')", SOON).await;
}

/// A tmux of its own, without anybody's settings.
struct Tmux {
    folder: TempDir,
}

impl Tmux {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("everlit-tmux-").tempdir().expect("a temporary folder");
        let tmux = Self { folder };
        tmux.run(&["new-session", "-d", "-x", "80", "-y", "24", "exec env -i /bin/sleep 600"]);
        tmux
    }

    fn run(&self, words: &[&str]) -> String {
        let socket = self.folder.path().join("socket");
        let output = Command::new(require("tmux")).args(["-f", "/dev/null", "-S"]).arg(socket).args(words).output();
        let output = output.expect("tmux starts");
        assert!(output.status.success(), "tmux {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What it tells the programs that run inside of it.
    fn variable(&self) -> String {
        self.run(&["display-message", "-p", "#{socket_path},#{pid},0"])
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[tokio::test]
async fn an_editor_of_the_terminal_gets_a_window_there() {
    require("vim");
    let lines: String = (1..=9).map(|line| format!("line {line} of it\n")).collect();
    let project = TestProject::from_text("-- static/index.html --\n<h1>one\n");
    project.save("static/it's #(touch x) a $HOME.txt", &lines);
    let tmux = Tmux::start();
    let env = [("EVERLIT_EDITOR", "vim -N -u NONE -i NONE -n"), ("TMUX", &tmux.variable()), ("DISPLAY", "")];
    let server = TestServer::start_with(project.path(), &["--port", "0"], &env);
    let order = json!({ "file": "static/it's #(touch x) a $HOME.txt", "line": 7, "column": 3 });
    let answer = Control::of(&server).order("api/open", &order).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["editor"]), (200, &json!("Vim")), "{}", answer.text());

    let deadline = Instant::now() + SOON;
    let shown = || tmux.run(&["display-message", "-p", "#{pane_current_command} #{cursor_y} #{cursor_x}"]);
    while shown() != "vim 6 2" {
        assert!(Instant::now() < deadline, "{}\n{}", shown(), tmux.run(&["capture-pane", "-p"]));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(tmux.run(&["capture-pane", "-p"]).starts_with("line 1 of it\nline 2"), "the file is shown");
    tmux.run(&["kill-window"]);
}

#[tokio::test]
async fn tools_open_files_of_the_project_and_nobody_anything_else() {
    let project = TestProject::from_text("-- static/index.html --\n<h1>one\n-- a.txt --\nA\n");
    let beside = tempfile::NamedTempFile::new_in(project.path().parent().expect("a folder")).expect("it can be made");
    let outside = format!("../{}", beside.path().file_name().and_then(|name| name.to_str()).expect("a name"));
    std::os::unix::fs::symlink(&outside, project.path().join("link_out")).expect("it can be made");
    let (folder, program) = editor();
    let program = format!("'{}' {{file}}:{{line}}", program.display());
    let server = TestServer::start_with(project.path(), &["--port", "0"], &[("EVERLIT_EDITOR", &program)]);
    let control = Control::of(&server);
    let (bearer, control) = (control.bearer(), control.url);
    let ask = async |token: &str, order: Value| {
        let headers = [("authorization", token), ("origin", control.trim_end_matches('/')), ("content-type", "application/json")];
        send(Method::POST, &format!("{control}api/open"), &headers, order.to_string()).await.status.as_u16()
    };
    let own = server.at("/__everlit/open");
    let script = get(&server.at("/__everlit/client.js")).await.text();
    let token = script.split_once("const token = \"").and_then(|(_, rest)| rest.split_once('"')).expect("a token").0;
    let page = format!("Bearer {token}");
    let origin = server.url.trim_end_matches('/').to_owned();
    let say = async |headers: &[(&str, &str)], order: Value| {
        let headers = [&[("content-type", "application/json")], headers].concat();
        send(Method::POST, &own, &headers, order.to_string()).await.status.as_u16()
    };

    for bad in [&outside, "link_out", "file:///etc/passwd", "a.txt; touch x", "$(touch x)", "/etc/passwd", "static", "", "-x"] {
        assert_eq!(ask(&bearer, json!({ "file": bad })).await, 404, "{bad}");
    }
    assert_eq!(ask(&bearer, json!({ "file": "a.txt", "line": "1; x" })).await, 400);
    assert_eq!(ask(&page, json!({ "file": "a.txt" })).await, 401, "the pages' token is no control token");
    let trusted = [("authorization", page.as_str()), ("origin", origin.as_str())];
    assert_eq!(say(&trusted, json!({ "file": "a.txt" })).await, 400, "a page names no file");
    assert_eq!(say(&trusted, json!({ "report": 1, "diagnostic": 0 })).await, 404, "nothing has failed");
    assert_eq!(say(&trusted[..1], json!({ "report": 1, "diagnostic": 0 })).await, 403);
    assert_eq!(say(&trusted[1..], json!({ "report": 1, "diagnostic": 0 })).await, 401);
    let foreign = [trusted[0], ("origin", "http://evil.example")];
    assert_eq!(say(&foreign, json!({ "report": 1, "diagnostic": 0 })).await, 403);
    assert_eq!(get(&own).await.status, 405);
    assert!(!folder.path().join("told").exists(), "something was opened");

    assert_eq!(ask(&bearer, json!({ "file": "a.txt", "line": 4 })).await, 200);
    let told = told(folder.path()).await;
    let file = project.path().canonicalize().expect("the project is there").join("a.txt");
    assert_eq!(told[2..], [format!("{}:4", file.display())]);
    kill_process(pid(&told), Signal::KILL).expect("it runs");
}
