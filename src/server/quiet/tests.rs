//! Who is answered, and whom the project answers.

use std::{convert::Infallible, future::ready};

use http::uri::Authority;
use serde_json::Value;
use tower::{ServiceExt, service_fn};

use super::*;
use crate::{
    config::{self, fixture::TestFolder},
    server::{Connection, Transport, hosts::Named},
    telemetry::Heard,
};

const DEVTOOLS: [(&str, &str); 3] =
    [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "empty")];

/// What a project that answers everything like this is heard to answer.
struct Asking {
    folder: TestFolder,
    toml: &'static str,
    wsl: Option<&'static str>,
    status: u16,
    content_type: &'static str,
    host: &'static str,
    remote: &'static str,
    notices: Notices,
    heard: Heard,
    workers: Workers,
}

impl Asking {
    fn new() -> Self {
        let (notices, heard) = Notices::channel();
        let (folder, host, remote) = (TestFolder::new("-- a.txt --\na\n"), "localhost:4747", "127.0.0.1:50000");
        Self {
            folder,
            toml: "",
            wsl: None,
            status: 404,
            content_type: "text/html; charset=utf-8",
            host,
            remote,
            notices,
            heard,
            workers: Workers::default(),
        }
    }

    async fn ask(&self, path: &str, headers: &[(&'static str, &str)]) -> Response<Body> {
        std::fs::write(self.folder.path().join("everlit.toml"), self.toml).unwrap();
        let mut config = config::load(self.folder.path(), config::Layer::default(), config::Layer::default()).unwrap();
        config.wsl_distribution = self.wsl.map(str::to_owned);
        let (status, content_type) = (self.status, self.content_type);
        let project = service_fn(move |_: Request<Body>| {
            let response = Response::builder().status(status).header(header::CONTENT_TYPE, content_type);
            ready(Ok::<_, Infallible>(response.body(Body::from("the project's")).unwrap()))
        });
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request.extensions_mut().insert(Named(Authority::from_static(self.host)));
        let [local, remote] = ["127.0.0.1:4747", self.remote].map(|address| address.parse().unwrap());
        request.extensions_mut().insert(Connection { local, remote, transport: Transport::Plain });
        let Ok(answer) = Quiet::new(&config, self.workers.clone(), self.notices.clone()).layer(project).oneshot(request).await;
        answer
    }

    /// The folder that is told; `None` where the project's answer stands.
    async fn root(&self, headers: &[(&'static str, &str)]) -> Option<String> {
        let answer = self.ask(workspace::PATH, headers).await;
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        let told: Value = serde_json::from_slice(&body).ok()?;
        Some(told["workspace"]["root"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn devtools_on_this_machine_hear_of_the_folder() {
    let asking = Asking::new();
    let root = asking.folder.path().to_str().unwrap().to_owned();
    assert_eq!(asking.root(&DEVTOOLS).await, Some(root.clone()));
    assert_eq!(asking.root(&[]).await, Some(root.clone()), "a tool");
    for (host, remote) in
        [("[::1]:4747", "[::1]:9"), ("shop.localhost:4747", "[::ffff:127.0.0.1]:9"), ("127.0.0.1:4747", "127.0.0.1:9")]
    {
        assert!(Asking { host, remote, ..Asking::new() }.root(&DEVTOOLS).await.is_some(), "{host} {remote}");
    }
}

#[tokio::test]
async fn nobody_else_does() {
    for (host, remote) in [("localhost:4747", "192.168.1.7:9"), ("192.168.1.2:4747", "127.0.0.1:9"), ("shop.test", "127.0.0.1:9")]
    {
        assert_eq!(Asking { host, remote, ..Asking::new() }.root(&DEVTOOLS).await, None, "{host} {remote}");
    }
    let asking = Asking::new();
    let fetched = [&DEVTOOLS[..], &[("accept", "*/*")]].concat();
    assert_eq!(asking.root(&fetched).await, None, "a script of a page, which names what it accepts");
    let by_script = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
    assert_eq!(asking.root(&by_script).await, None, "and one in another mode");
    assert_eq!(Asking { toml: "[live]\nworkspace = false\n", ..Asking::new() }.root(&DEVTOOLS).await, None, "switched off");
}

#[tokio::test]
async fn what_the_project_says_of_its_workspace_stands() {
    let check = async |status, content_type, told: bool| {
        let asking = Asking { status, content_type, ..Asking::new() };
        assert_eq!(asking.root(&DEVTOOLS).await.is_some(), told, "{status} {content_type}");
    };
    check(200, "text/plain", false).await;
    check(204, "application/json", false).await;
    check(200, "text/html", true).await;
    check(302, "text/html", true).await;
    check(500, "application/json", true).await;
}

#[tokio::test]
async fn windows_around_wsl_hears_its_own_path() {
    let asking = Asking { wsl: Some("Debian"), ..Asking::new() };
    let here = asking.folder.path().to_str().unwrap().to_owned();
    let there = format!(r"\\wsl.localhost\Debian{}", here.replace('/', r"\"));
    let by = |agent: &'static str| [&DEVTOOLS[..], &[("user-agent", agent)]].concat();
    assert_eq!(asking.root(&by("Mozilla/5.0 (Windows NT 10.0; Win64; x64)")).await, Some(there.clone()));
    assert_eq!(asking.root(&by("Mozilla/5.0 (Linux; Android 10; K)")).await, Some(there), "a page shown as on a phone");
    assert_eq!(asking.root(&by("Mozilla/5.0 (X11; Linux x86_64)")).await, Some(here), "a browser inside of it");
}

#[tokio::test]
async fn a_picture_that_is_missing_is_no_mistake() {
    let check = async |status: u16, headers: &[(&'static str, &str)], expected: u16| {
        let answer = Asking { status, ..Asking::new() }.ask(ICON, headers).await;
        assert_eq!(answer.status().as_u16(), expected, "{status} {headers:?}");
    };
    let picture = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
    check(404, &picture, 204).await;
    check(404, &[("accept", "image/avif,image/webp,*/*;q=0.8")], 204).await;
    for status in [200, 302, 403, 500] {
        check(status, &picture, status).await;
    }
    check(404, &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("accept", "text/html,image/avif")], 404).await;
    check(404, &[("accept", "*/*")], 404).await;
    assert_eq!(Asking::new().ask("/other.ico", &picture).await.status(), 404);
}

/// A browser looks after a worker that it has.
const LOOKS: [(&str, &str); 3] =
    [("service-worker", "script"), ("sec-fetch-dest", "serviceworker"), ("referer", "http://localhost:4747/sw.js")];

#[tokio::test]
async fn a_worker_without_a_script_is_a_stranger() {
    let check = async |status: u16, content_type: &'static str, headers: &[(&'static str, &str)], is_sent_away: bool| {
        let mut asking = Asking { status, content_type, ..Asking::new() };
        let answer = asking.ask("/sw.js", headers).await;
        assert_eq!(answer.headers().contains_key("service-worker-allowed"), is_sent_away, "{status} {content_type} {headers:?}");
        assert_eq!(asking.heard.try_recv().is_ok(), is_sent_away, "{status} {content_type} {headers:?}");
    };
    check(404, "text/plain", &LOOKS, true).await;
    check(404, "text/plain", &LOOKS[..2], true).await;
    check(200, "text/html", &LOOKS, true).await;
    check(200, "text/javascript", &LOOKS, false).await;
    for status in [302, 403, 500, 503] {
        check(status, "text/html", &LOOKS, false).await;
    }
    check(404, "text/plain", &LOOKS[1..], false).await;
    let registers = [LOOKS[0], LOOKS[1], ("referer", "http://localhost:4747/")];
    check(404, "text/plain", &registers, false).await;
}

#[tokio::test]
async fn a_worker_that_the_project_had_is_its_own_and_strangers_are_told_of_once() {
    let mut asking = Asking { status: 200, content_type: "text/javascript", ..Asking::new() };
    assert_eq!(asking.ask("/sw.js", &LOOKS[..2]).await.status(), 200);
    asking.status = 404;
    assert_eq!(asking.ask("/sw.js", &LOOKS[..2]).await.status(), 404);
    for _ in 0..3 {
        assert_eq!(asking.ask("/old.js", &LOOKS[..2]).await.status(), 200);
    }
    assert!(asking.heard.try_recv().is_ok() && asking.heard.try_recv().is_err());
}
