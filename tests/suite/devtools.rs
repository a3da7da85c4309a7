//! What browsers and their DevTools ask a server for by themselves, with the whole program behind it.

use http::Method;
use serde_json::Value;

use crate::harness::{Answer, Chromium, Control, SOON, TestProject, TestServer, get, send};

const WORKSPACE: &str = "/.well-known/appspecific/com.chrome.devtools.json";

const PAGE: &str = "-- static/index.html --\n<!doctype html><title>a</title><h1>a</h1>\n";

fn project(files: &str) -> TestProject {
    TestProject::from_text(&format!("{PAGE}{files}"))
}

fn told(answer: &Answer) -> (String, String) {
    let told = answer.json();
    let text = |key: &str| told["workspace"][key].as_str().unwrap_or_else(|| panic!("{told} has no {key}")).to_owned();
    (text("root"), text("uuid"))
}

#[tokio::test]
async fn a_folder_is_told_and_keeps_its_id() {
    let project = project("");
    let root = project.path().canonicalize().expect("the folder is there");
    let first = told(&get(&TestServer::start(project.path()).at(WORKSPACE)).await);
    assert_eq!(first.0, root.to_str().expect("its path is text"));
    let again = told(&get(&TestServer::start(project.path()).at(WORKSPACE)).await);
    assert_eq!(again, first, "in another run");
}

#[tokio::test]
async fn a_file_of_the_project_is_told_instead() {
    let file =
        "-- static/.well-known/appspecific/com.chrome.devtools.json --\n{\"workspace\":{\"root\":\"/other\",\"uuid\":\"u\"}}\n";
    let project = project(file);
    let server = TestServer::start(project.path());
    assert_eq!(told(&get(&server.at(WORKSPACE)).await), ("/other".to_owned(), "u".to_owned()));
}

#[tokio::test]
async fn a_page_cannot_ask_for_the_folder() {
    let (project, browser) = (project(""), Chromium::start().await);
    let server = TestServer::start(project.path());
    let page = browser.open(&server.url).await;
    for words in ["{}", "{ mode: 'no-cors' }", "{ mode: 'no-cors', headers: { accept: '' }, referrerPolicy: 'no-referrer' }"] {
        let text = page.evaluate(&format!("fetch('{WORKSPACE}', {words}).then((answer) => answer.text())")).await;
        assert!(!text.as_str().expect("a text").contains("workspace\":"), "{words}: {text}");
    }
    page.evaluate(&format!("open('{WORKSPACE}') && 0")).await;
    page.evaluate(&format!("location.href = '{WORKSPACE}'; 0")).await;
    page.wait_until(&format!("location.pathname === '{WORKSPACE}' && document.readyState === 'complete'"), SOON).await;
    assert_eq!(page.evaluate("document.body.textContent.includes('uuid')").await, false, "nor by going there");
}

#[tokio::test]
async fn a_missing_icon_is_answered_quietly_and_one_that_is_there_is_sent() {
    let (bare, own) = (project(""), project("-- static/favicon.ico --\nicon\n"));
    let ask =
        async |server: &TestServer, accept: &str| send(Method::GET, &server.at("/favicon.ico"), &[("accept", accept)], "").await;
    let (bare, own) = (TestServer::start(bare.path()), TestServer::start(own.path()));
    assert_eq!(ask(&bare, "image/avif,image/webp,*/*;q=0.8").await.status, 204);
    assert_eq!(ask(&bare, "*/*").await.status, 404);
    let icon = ask(&own, "image/avif,image/webp,*/*;q=0.8").await;
    assert_eq!((icon.status.as_u16(), icon.text().as_str()), (200, "icon\n"));
}

/// A worker that answers with what it once got; where there is nothing yet, it asks.
const HOLDING: &str = "addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => event.respondWith(caches.open('held').then(async (held) => {
  const kept = await held.match(event.request);
  if (kept) return kept;
  const answer = await fetch(event.request);
  if (event.request.mode === 'navigate') await held.put(event.request, answer.clone());
  return answer;
})));";

/// A page of this heading that registers it.
fn registering(heading: &str) -> TestProject {
    let script = "navigator.serviceWorker.register('/worker.js')";
    let page = format!("<!doctype html><title>{heading}</title><h1>{heading}</h1><script>{script}</script>");
    TestProject::from_text(&format!("-- static/index.html --\n{page}\n-- static/worker.js --\n{HOLDING}\n"))
}

fn at_port(project: &TestProject, port: u16) -> TestServer {
    TestServer::start_with(project.path(), &["--port", &port.to_string(), "--strict-port"], &[])
}

const IS_HELD: &str = "!!navigator.serviceWorker.controller && caches.match(location.href).then((kept) => !!kept)";

#[tokio::test]
async fn a_worker_of_another_project_is_unregistered_and_its_page_shown_anew() {
    let (before, now, browser) = (registering("before"), project(""), Chromium::start().await);
    let first = TestServer::start(before.path());
    let (port, url) = (first.port(), first.url.clone());
    let page = browser.open(&url).await;
    page.wait_until("!!navigator.serviceWorker.controller", SOON).await;
    page.navigate(&url).await;
    page.wait_until(IS_HELD, SOON).await;
    drop(first);

    let mut second = at_port(&now, port);
    page.navigate(&url).await;
    page.wait_until("document.querySelector('h1')?.textContent === 'a'", SOON).await;
    page.wait_until("navigator.serviceWorker.getRegistrations().then((all) => all.length === 0)", SOON).await;
    assert_eq!(page.evaluate("navigator.serviceWorker.controller").await, Value::Null);
    let said =
        second.wait_for("a word about it", SOON, |event| event["text"].as_str().is_some_and(|text| text.contains("/worker.js")));
    assert_eq!(said["event"], "warning", "{said}");
}

#[tokio::test]
async fn a_worker_of_the_project_itself_is_left_alone() {
    let (project, browser) = (registering("own"), Chromium::start().await);
    let server = TestServer::start(project.path());
    let page = browser.open(&server.url).await;
    page.wait_until("!!navigator.serviceWorker.controller", SOON).await;
    for looks in [1, 2] {
        page.navigate(&server.url).await;
        page.wait_until(IS_HELD, SOON).await;
        Control::of(&server).wait_asked("/worker.js", 1 + looks).await;
    }
    assert_eq!(page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)").await, 1);
    assert!(!server.transcript().contains("service worker"), "{}", server.transcript());
}
