//! Which generation an answer is of: what a page compares with, so it must never say more than is true.

use std::time::Duration;

use crate::harness::{BUILD, ReloadSocket, SOON, TestProject, TestServer, get, require};

/// How often a file is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Starts slowly, and answers `/slow` slowly: with what it read when the request came.
const PROJECT: &str = r#"
-- everlit.toml --
[app]
run = "python3 app.py"
watch = ["app.py"]
-- static/site.css --
h1 { color: black }
-- page.html --
<!doctype html><html><head></head><body>one</body></html>
-- app.py --
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

time.sleep(0)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        text = open("page.html", "rb").read()
        if self.path == "/slow":
            open("reading", "w").close()
            while not os.path.exists("go-on"):
                time.sleep(0.01)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

#[tokio::test]
async fn a_slow_answer_is_of_the_generation_it_was_asked_of() {
    require("python3");
    let project = TestProject::from_text(PROJECT);
    let server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    let asked = socket.hello["generation"].clone();
    let url = server.at("/slow");
    let slow = tokio::spawn(async move { get(&url).await });
    let reading = async {
        while !project.path().join("reading").exists() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(SOON, reading).await.expect("the program reads its page");
    project.edit("page.html", "one", "two");
    let reload = socket.next_change(SOON).await;
    assert_eq!(reload["type"], "reload", "{reload}");
    project.save("go-on", "");
    let page = slow.await.expect("the request ends");
    assert!(page.text().contains("one"));
    assert_eq!(page.header("everlit-generation"), asked.to_string(), "its page must find out that it is old");
}

#[tokio::test]
async fn a_save_during_a_start_numbers_the_old_program_too() {
    require("python3");
    let project = TestProject::from_text(PROJECT);
    let server = TestServer::start_app(project.path(), &[]);
    let mut socket = ReloadSocket::open(&server).await;
    project.edit("app.py", "time.sleep(0)", "time.sleep(1.5)");
    assert_eq!(socket.next(SOON).await["type"], "building");
    project.edit("static/site.css", "black", "teal");
    let styles = socket.next_change(SOON).await;
    assert_eq!(styles["type"], "styles", "{styles}");
    assert_eq!(get(&server.url).await.header("everlit-generation"), styles["generation"].to_string());
    let reload = socket.next_change(BUILD).await;
    assert_eq!(reload["type"], "reload", "{reload}");
    assert!(reload["generation"].as_u64() > styles["generation"].as_u64(), "{styles} before {reload}");
    assert_eq!(get(&server.url).await.header("everlit-generation"), reload["generation"].to_string());
}
