//! What stands between a save and its being served: which failure is told, for how long, and what is served meanwhile.

use serde_json::{Value, json};

use crate::harness::{BUILD, ReloadSocket, SOON, TestProject, TestServer, get, require};

/// A program with a build step of its own: `build.sh` and `app.py` are what a test breaks.
const PROJECT: &str = r#"
-- everlit.toml --
[app]
build = "sh build.sh"
run = "python3 app.py"
watch = ["build.sh", "app.py"]
-- build.sh --
exit 0
-- static/site.css --
h1 { color: black }
-- app.py --
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = b"<!doctype html><html><head></head><body>version 1</body></html>"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            os._exit(7)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(TEXT)))
        self.end_headers()
        self.wfile.write(TEXT)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

const BROKEN_BUILD: &str = "echo main.c:3:1: error: no such thing >&2; exit 1\n";

fn project() -> TestProject {
    require("python3");
    TestProject::from_text(PROJECT)
}

/// The next message of this type; those before it are returned as well.
async fn until(socket: &mut ReloadSocket, kind: &str) -> (Value, Vec<Value>) {
    let mut before = Vec::new();
    loop {
        let message = socket.next_change(BUILD).await;
        if message["type"] == kind {
            return (message, before);
        }
        before.push(message);
    }
}

async fn generation_header(server: &TestServer) -> String {
    get(&server.url).await.header("everlit-generation").to_owned()
}

#[tokio::test]
async fn the_newest_failure_is_the_one_told() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    project.save("build.sh", BROKEN_BUILD);
    let (failed, _) = until(&mut socket, "failed").await;
    assert_eq!(failed["report"]["title"], "sh build.sh failed");
    assert_eq!(failed["report"]["diagnostics"][0]["file"], "main.c");
    assert!(generation_header(&server).await.ends_with("; stale"), "the answer says that it is old");

    project.save("app.py", "import sys\nprint('no database')\nsys.exit(3)\n");
    project.save("build.sh", "exit 0\n");
    let (failed, _) = until(&mut socket, "failed").await;
    assert_eq!(failed["report"]["title"], "the app exited with code 3 before it was ready");
    assert!(failed["report"]["output"].as_str().is_some_and(|output| output.contains("no database")));
    let hello = ReloadSocket::open(&server).await.hello;
    assert_eq!(hello["report"]["title"], failed["report"]["title"], "a page that connects later is told the same");
    assert!(get(&server.url).await.text().contains("version 1"), "the last good version answers");
}

#[tokio::test]
async fn a_mended_build_is_fresh_again() {
    let project = project();
    project.save("build.sh", BROKEN_BUILD);
    let mut server = TestServer::start_with(project.path(), &["--port", "0"], &[]);
    server.wait_event("build_failed", BUILD);
    let page = get(&server.url).await;
    assert_eq!(page.status, 502);
    assert!(page.text().contains("no such thing"), "the page shows the compiler's words");
    project.save("build.sh", "exit 0\n");
    server.wait_event("generation", BUILD);
    let header = generation_header(&server).await;
    assert!(!header.contains("stale"), "{header}");
}

#[tokio::test]
async fn a_crash_is_told_and_mended_by_itself() {
    let project = project();
    let mut server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    let answer = get(&server.at("/crash")).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    let exited = server.wait_event("app_exited", SOON);
    assert_eq!(exited["report"]["title"], "the app exited with code 7");
    let (failed, _) = until(&mut socket, "failed").await;
    assert_eq!(failed["report"]["kind"], "crash");
    let (reload, _) = until(&mut socket, "reload").await;
    assert_eq!(reload["cause"], json!([]), "no save caused it");
    let page = get(&server.url).await;
    assert_eq!((page.status.as_u16(), page.header("everlit-generation")), (200, reload["generation"].to_string().as_str()));
}

#[tokio::test]
async fn code_saved_with_the_configuration_is_built() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    let configuration = project.read("everlit.toml");
    project.edit("app.py", "version 1", "version 2");
    project.save("everlit.toml", &format!("{configuration}[cors]\norigins = [\"http://app.example:5000\"]\n"));
    until(&mut socket, "reload").await;
    let mut page = get(&server.url).await.text();
    while !page.contains("version 2") {
        until(&mut socket, "reload").await;
        page = get(&server.url).await.text();
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_changes_nothing() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    let configuration = project.read("everlit.toml");
    project.save("everlit.toml", &format!("prot = 1\n{configuration}"));
    let (failed, _) = until(&mut socket, "failed").await;
    let finding = &failed["report"]["diagnostics"][0];
    assert_eq!((&finding["file"], &finding["line"]), (&json!("everlit.toml"), &json!(1)), "{failed}");
    assert!(finding["message"].as_str().is_some_and(|message| message.contains("`port`")), "{finding}");
    assert_eq!(get(&server.url).await.status, 200);
    project.save("everlit.toml", &configuration);
    until(&mut socket, "reload").await;
    assert!(!generation_header(&server).await.contains("stale"));
}

#[tokio::test]
async fn a_stylesheet_saved_with_broken_code_is_told() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    project.save("build.sh", BROKEN_BUILD);
    project.save("static/site.css", "h1 { color: teal }\n");
    let (styles, _) = until(&mut socket, "styles").await;
    assert!(styles["paths"].as_array().is_some_and(|paths| paths.contains(&json!("/site.css"))), "{styles}");
    assert!(get(&server.at("/site.css")).await.text().contains("teal"));
}

#[tokio::test]
async fn a_stylesheet_of_a_program_may_have_any_address() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    project.save("static/site.css", "h1 { color: teal }\n");
    let (styles, _) = until(&mut socket, "styles").await;
    assert_eq!(styles["paths"], json!(["/site.css", "/static/site.css"]));
    assert_eq!(styles["otherwise"], "reload", "a page that loaded neither has to load anew");
}

#[tokio::test]
async fn a_bundlers_server_tells_its_pages_itself() {
    require("node");
    let project = TestProject::from_text(
        "-- package.json --\n{\"scripts\": {\"dev\": \"vite\"}}\n-- src/main.js --\nexport default 1;\n-- index.html --\n<p>raw</p>\n\
         -- node_modules/.bin/vite --\n#!/usr/bin/env node\nrequire(\"http\").createServer((_, answer) => answer.end(\"from vite\"))\
         .listen(process.env.PORT)\n",
    );
    let vite = project.path().join("node_modules/.bin/vite");
    std::fs::set_permissions(&vite, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("the script can be made executable");
    let server = TestServer::start_app(project.path(), &[]);
    assert_eq!(get(&server.url).await.text(), "from vite", "its index.html is its own");
    let mut socket = ReloadSocket::open(&server).await;
    project.save("src/main.js", "export default 2;\n");
    project.save("package.json", "{\"scripts\": {\"dev\": \"vite\"}, \"private\": true}\n");
    let (reload, before) = until(&mut socket, "reload").await;
    let cause = reload["cause"].as_array().expect("a list");
    assert!(
        cause.contains(&json!("package.json")) && before.is_empty(),
        "the script was none of our business: {reload} {before:?}"
    );
}

#[tokio::test]
async fn the_last_good_template_stays() {
    let project = TestProject::from_text("-- templates/index.html --\n<p>good</p>\n");
    let mut server = TestServer::start(project.path());
    assert!(get(&server.url).await.text().contains("good"));
    let mut socket = ReloadSocket::open(&server).await;
    project.save("templates/index.html", "<p>{{ 1 }</p>\n");
    let failed = socket.next_change(SOON).await;
    assert_eq!((&failed["type"], &failed["report"]["kind"]), (&json!("failed"), &json!("template")), "{failed}");
    assert_eq!(failed["report"]["diagnostics"][0]["file"], "templates/index.html");
    assert_eq!(server.wait_event("build_failed", SOON)["report"]["diagnostics"][0]["line"], 1);
    let page = get(&server.url).await;
    assert!(page.text().contains("good") && page.header("everlit-generation").contains("stale"), "{}", page.text());
    project.save("templates/index.html", "<p>better</p>\n");
    let (_, before) = until(&mut socket, "reload").await;
    assert_eq!(before.len(), 1, "only that the failure is over: {before:?}");
    let page = get(&server.url).await;
    assert!(page.text().contains("better") && !page.header("everlit-generation").contains("stale"), "{}", page.text());
}

#[tokio::test]
async fn what_appears_later_is_found() {
    let project = TestProject::from_text("-- notes.txt --\nnothing yet\n");
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    project.save("templates/index.html", "<p>a page</p>\n");
    until(&mut socket, "reload").await;
    assert!(get(&server.url).await.text().contains("a page"));
}
