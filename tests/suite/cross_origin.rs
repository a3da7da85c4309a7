//! What a page of another origin gets from a server, tried by real pages in Chromium: it reads nothing and changes nothing.
//!
//! Beside it stands the same tried by a page of the server's own, for which it works. What each way is, is in `fixtures/probe.js`.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::Request, response::Html};
use http::header;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};

use crate::harness::{Chromium, EchoServer, Page, ReloadSocket, SOON, TestProject, TestServer, get};

const PROBE: &str = include_str!("fixtures/probe.js");

const FILES: &str = "-- static/page.html --
<!doctype html><title>ours</title><h1>ours</h1>
-- static/a.txt --
ours
-- static/leak.js --
globalThis.leaked = 'ours';
-- static/module.js --
export const leaked = 'ours';
-- static/picture.svg --
<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"16\" height=\"16\"></svg>
-- static/site.css --
:root { --leaked: ours }
-- data/posts.json --
[{\"id\": 1, \"title\": \"ours\"}]
-- templates/broken.html --
<h1>{{ 1 }}</h1>
";

/// What a page of our own sees of each way; `None` where it sees nothing either.
const OWN: [(&str, Option<&str>); 23] = [
    ("fetch", Some("ours\n")),
    ("fetch with cookies", Some("ours\n")),
    ("fetch without CORS", Some("ours\n")),
    ("fetch of the API", Some("[{\"id\":1,\"title\":\"ours\"}]")),
    ("fetch of the client script", Some("the token")),
    ("fetch of the project's folder", None),
    ("script", Some("ours")),
    ("script from the API", None),
    ("module", Some("ours")),
    ("import", Some("ours")),
    ("worker", Some("ours")),
    ("client script", Some("the token")),
    ("picture", Some("16 wide")),
    ("stylesheet", Some("ours")),
    ("frame", Some("ours")),
    ("window", Some("ours")),
    ("reload socket", Some("heard {\"type\"")),
    ("reload socket without its token", None),
    ("socket of a program", Some("heard live")),
    ("answer of a program", Some("GET /app/read")),
    ("answer by lent headers", Some("GET /lent/read")),
    ("write to the API", Some("the new row")),
    ("order to open an editor", Some("it opened")),
];

/// A server that answers with a page and keeps what it was asked: the other origin, and the program behind ours.
struct Witness {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Debug)]
struct Asked {
    line: String,
    origin: String,
}

impl Witness {
    async fn start(address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((IpAddr::V4(address), 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let router = Router::new().fallback(move |request: Request| {
            let line = format!("{} {}", request.method(), request.uri().path());
            let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
            kept.lock().expect("no holder panicked").push(Asked { line: line.clone(), origin: origin.to_owned() });
            async move { Html(line) }
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { port, asked, _tasks: tasks }
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}", self.port)
    }

    /// What it was asked since the last time.
    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().expect("no holder panicked"))
    }
}

/// A server with all there is to get, and what it would do for whoever may.
struct Ours {
    server: TestServer,
    /// What is behind it.
    program: Witness,
    editor: TempDir,
    /// What the pages' token is, as if it were known.
    token: String,
    /// The failure that stands, whose place could be opened.
    report: u64,
    _live: EchoServer,
    _project: TestProject,
}

impl Ours {
    async fn start() -> Self {
        let (program, live) = (Witness::start(Ipv4Addr::LOCALHOST).await, EchoServer::start("live").await);
        let behind = program.url("127.0.0.1");
        let routes = format!(
            "-- everlit.toml --\n[[proxy]]\npath = \"/app\"\nto = \"{behind}\"\n[[proxy]]\npath = \"/lent\"\nto = \"{behind}\"\n\
             headers = {{ Authorization = \"Bearer lent\" }}\n[[proxy]]\npath = \"/live\"\nto = \"{}\"\n",
            live.url
        );
        let project = TestProject::from_text(&(FILES.to_owned() + &routes));
        let (editor, program_of_editor) = editor();
        let env = [("EVERLIT_EDITOR", program_of_editor.to_str().expect("a text"))];
        let server = TestServer::start_with(project.path(), &["--port", "0"], &env);
        let mut socket = ReloadSocket::open(&server).await;
        project.save("templates/broken.html", "<h1>{{ 1 }</h1>\n");
        let failed = socket.next_change(SOON).await;
        let report = failed["report"]["id"].as_u64().unwrap_or_else(|| panic!("a failure: {failed}"));
        let path = ReloadSocket::path(&server).await;
        let token = path.split_once("token=").expect("it has a token").1.to_owned();
        Self { server, program, editor, token, report, _live: live, _project: project }
    }

    /// What is given to the pages that try.
    fn target(&self) -> Value {
        let server = self.server.url.trim_end_matches('/');
        json!({ "server": server, "token": self.token, "report": self.report })
    }

    fn editor_was_opened(&self) -> bool {
        self.editor.path().join("told").exists()
    }

    async fn rows(&self) -> usize {
        get(&self.server.at("/api/posts")).await.json().as_array().expect("rows").len()
    }
}

/// An editor that says that it was opened.
fn editor() -> (TempDir, PathBuf) {
    let folder = tempfile::Builder::new().prefix("everlit-editor-").tempdir().expect("a temporary folder");
    let program = folder.path().join("edit");
    fs::write(&program, format!("#!/bin/sh\n: > '{}'\n", folder.path().join("told").display())).expect("it can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it can be made executable");
    (folder, program)
}

type Seen = BTreeMap<String, String>;

/// What a page sees when it tries everything; `how` is the function of `probe.js`.
async fn seen(page: &Page, how: &str, target: &Value) -> Seen {
    page.evaluate(&format!("{PROBE}\n0")).await;
    let seen = page.evaluate_as_person(&format!("{how}({target})")).await;
    serde_json::from_value(seen.clone()).unwrap_or_else(|error| panic!("{error}: {seen}"))
}

/// Tries everything from a page at a URL that is none of ours, and looks at what came of it.
async fn check_other(ours: &Ours, browser: &Chromium, url: &str, how: &str, origin: &str) {
    let rows = ours.rows().await;
    let page = browser.open(url).await;
    ours.program.asked();
    let seen = seen(&page, how, &ours.target()).await;
    assert!(OWN.iter().all(|(name, _)| seen.contains_key(*name)), "all was tried from {url}: {seen:?}");
    let leaked: Seen = seen.into_iter().filter(|(_, what)| what != "nothing").collect();
    assert_eq!(leaked, Seen::new(), "what {url} saw");

    assert_eq!(ours.rows().await, rows, "{url} wrote");
    assert!(!ours.editor_was_opened(), "{url} opened an editor");
    let asked = ours.program.asked();
    let lent: Vec<_> = asked.iter().filter(|one| one.line.contains("/lent")).collect();
    assert!(lent.is_empty(), "{url} used headers that are lent to our own pages: {lent:?}");
    // A program answers for itself: it hears who asks, as it would without us, and is asked nothing that its own answer did not allow.
    let wrote: Vec<_> = asked.iter().filter(|one| one.line.starts_with("POST")).collect();
    assert!(wrote.iter().all(|one| one.line == "POST /app/form" && one.origin == origin), "{url}: {wrote:?}");
    assert_eq!(wrote.len(), 3, "its forms reach it: {asked:?}");
}

#[tokio::test]
async fn a_page_of_another_origin_reads_nothing_and_changes_nothing() {
    let (ours, browser) = (Ours::start().await, Chromium::start().await);
    let [here, there] = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)].map(Witness::start);
    let (here, there) = (here.await, there.await);
    let other_name = format!("http://other.localhost:{}", ours.server.port());
    for origin in [
        here.url("localhost"),
        here.url("127.0.0.1"),
        there.url("127.0.0.2"),
        here.url("other.localhost"),
        // It leads to us, and is another origin than the name that is tried.
        other_name.clone(),
        format!("http://127.0.0.1:{}", ours.server.port()),
    ] {
        check_other(&ours, &browser, &format!("{origin}/page.html"), "probe", &origin).await;
    }
    for origin in [here.url("localhost"), other_name, ours.server.url.trim_end_matches('/').to_owned()] {
        check_other(&ours, &browser, &format!("{origin}/page.html"), "probeInFrame", "null").await;
    }
}

#[tokio::test]
async fn a_page_of_our_own_reads_and_changes_what_others_may_not() {
    let (ours, browser) = (Ours::start().await, Chromium::start().await);
    let rows = ours.rows().await;
    let page = browser.open(&ours.server.at("/page.html")).await;
    let seen = seen(&page, "probe", &ours.target()).await;
    let expected: Seen = OWN.iter().map(|(name, what)| ((*name).to_owned(), what.unwrap_or("nothing").to_owned())).collect();
    assert_eq!(seen, expected);
    assert_eq!(ours.rows().await, rows + 1);
    assert!(ours.editor_was_opened());
}
