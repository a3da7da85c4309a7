//! What a person sees in the browser after a save, with the whole program behind it.

use std::path::Path;

use serde_json::json;

use crate::harness::{BUILD, Chromium, Control, FixedPort, Page, SOON, TestProject, TestServer, get, require};

/// The overlay stands still: its picture is the README's.
const ARRIVED: &str =
    "document.querySelector('everlit-overlay').shadowRoot.getAnimations().every(({ playState }) => playState === 'finished')";

const OVERLAY: &str = "(document.querySelector('everlit-overlay')?.shadowRoot.textContent ?? '')";

/// Opens a page and waits until it hears of changes; its window is marked.
async fn open(browser: &Chromium, url: &str) -> Page {
    let page = browser.open(url).await;
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    page.evaluate("window.__mark = 1").await;
    page
}

async fn assert_same_document(page: &Page) {
    assert_eq!(page.evaluate("window.__mark === 1").await, true, "the page was not loaded anew");
}

fn heading_is(text: &str) -> String {
    format!("document.querySelector('h1')?.textContent === {}", json!(text))
}

fn heading_color_is(color: &str) -> String {
    format!("getComputedStyle(document.querySelector('h1')).color === '{color}'")
}

#[tokio::test]
async fn a_saved_stylesheet_shows_without_navigation() {
    let (project, browser) = (TestProject::from_example("shop"), Chromium::start().await);
    let server = TestServer::start(project.path());
    let page = open(&browser, &server.url).await;
    page.wait_until(&heading_color_is("rgb(43, 36, 30)"), SOON).await;

    project.edit("static/site.css", "--ink: #2b241e", "--ink: #0a3d62");
    page.wait_until(&heading_color_is("rgb(10, 61, 98)"), SOON).await;
    assert_same_document(&page).await;

    let purple = project.read("static/site.css").replace("--ink: #0a3d62", "--ink: #4a235a");
    project.save_atomically("static/site.css", &purple);
    page.wait_until(&heading_color_is("rgb(74, 35, 90)"), SOON).await;
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_saved_picture_shows_without_navigation() {
    let (project, browser) = (TestProject::from_example("shop"), Chromium::start().await);
    let server = TestServer::start(project.path());
    let page = open(&browser, &server.at("/products/1")).await;

    project.save("static/lamps/moth.svg", r#"<svg xmlns="http://www.w3.org/2000/svg" width="77" height="77"/>"#);
    page.wait_until("document.querySelector('article img').naturalWidth === 77", SOON).await;
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_saved_template_shows_its_new_text() {
    let (project, browser) = (TestProject::from_example("shop"), Chromium::start().await);
    let server = TestServer::start(project.path());
    let page = open(&browser, &server.url).await;
    page.wait_until(&heading_is("Good light is mostly shade"), SOON).await;

    project.edit("templates/index.html", "Good light is mostly shade", "Good shade is mostly light");
    page.wait_until(&heading_is("Good shade is mostly light"), SOON).await;
    assert_same_document(&page).await;
}

#[tokio::test]
async fn what_a_person_did_in_a_page_outlives_a_save_of_its_template_and_data() {
    let (project, browser) = (TestProject::from_example("shop"), Chromium::start().await);
    let mut server = TestServer::start(project.path());
    let page = open(&browser, &server.at("/products/1")).await;
    let made = "const note = document.createElement('input'); note.id = 'note'; note.value = 'typed by a script';
        document.querySelector('article').after(note); note.focus(); scrollTo(0, 40)";
    page.evaluate(made).await;
    let before = page.evaluate("scrollY").await;

    project.edit("templates/products/[id].html", "What people say", "What they say");
    project.edit("data/reviews.json", "Tobias", "Tobias W.");
    page.wait_until("document.body.textContent.includes('What they say')", SOON).await;
    page.wait_until("document.body.textContent.includes('Tobias W.')", SOON).await;
    assert_same_document(&page).await;
    assert_eq!(page.evaluate("[document.activeElement.value, scrollY]").await, json!(["typed by a script", before]));
    let shown = server.wait_event("painted", SOON);
    assert!(shown["took_ms"].as_f64().is_some_and(|took| took > 0.0), "{shown}");
}

#[tokio::test]
async fn a_module_takes_its_own_update() {
    let project = TestProject::from_text(
        r#"
-- index.html --
<!doctype html><title>a</title><h1>none</h1><script type="module" src="/app.js"></script>
-- app.js --
document.querySelector("h1").textContent = "one";
import.meta.hot?.accept();
"#,
    );
    let (server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let page = open(&browser, &server.url).await;
    page.wait_until(&heading_is("one"), SOON).await;
    project.edit("app.js", "one", "two");
    page.wait_until(&heading_is("two"), SOON).await;
    assert_same_document(&page).await;
    assert_eq!(get(&server.at("/app.js")).await.text().lines().count(), 2, "lines stay where they are");
}

#[tokio::test]
async fn a_page_whose_script_fetched_the_data_shows_it_anew() {
    let project = TestProject::from_text(
        r#"
-- static/index.html --
<!doctype html><title>a</title><h1>none</h1>
<script>fetch("/api/posts/1").then((answer) => answer.json()).then(({ title }) => { document.querySelector("h1").textContent = title })</script>
-- data/posts.json --
[{ "id": 1, "title": "one" }]
"#,
    );
    let (server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let page = open(&browser, &server.url).await;
    page.wait_until(&heading_is("one"), SOON).await;
    project.edit("data/posts.json", "one", "two");
    page.wait_until(&heading_is("two"), SOON).await;
}

#[tokio::test]
async fn a_page_whose_script_was_still_waiting_for_the_data_shows_it_anew() {
    let project = TestProject::from_text(
        r#"
-- static/index.html --
<!doctype html><title>a</title><h1>none</h1>
<script>
async function show() {
  document.querySelector("h1").textContent = (await (await fetch("/api/posts/1")).json()).title;
}
if (performance.getEntriesByType("navigation")[0].type === "reload") show();
</script>
-- data/posts.json --
[{ "id": 1, "title": "one" }]
"#,
    );
    let (server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let page = open(&browser, &server.url).await;
    // The answer is there at once, and reaches the page after it heard of the change.
    let network =
        |latency: u32| json!({ "offline": false, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.call("Network.enable", json!({})).await;
    page.call("Network.emulateNetworkConditions", network(1500)).await;
    page.evaluate("void show()").await;
    Control::of(&server).wait_asked("/api/posts/1", 1).await;
    project.edit("data/posts.json", "one", "two");
    page.wait_until(&heading_is("two"), SOON).await;
}

#[tokio::test]
async fn a_page_that_is_not_concerned_is_left_alone() {
    let (project, browser) = (TestProject::from_example("shop"), Chromium::start().await);
    let server = TestServer::start(project.path());
    let page = open(&browser, &server.at("/about")).await;
    let other = open(&browser, &server.at("/products/1")).await;
    page.evaluate(
        "new MutationObserver(() => { window.__changed = true }).observe(document.body, { subtree: true, childList: true })",
    )
    .await;
    project.edit("data/reviews.json", "Tobias", "Tobias W.");
    other.wait_until("document.body.textContent.includes('Tobias W.')", SOON).await;
    // What is told next shows that nothing was before.
    project.edit("static/site.css", "--ink: #2b241e", "--ink: #0a3d62");
    page.wait_until(&heading_color_is("rgb(10, 61, 98)"), SOON).await;
    assert_eq!(page.evaluate("[window.__mark, window.__changed ?? false]").await, json!([1, false]));
}

#[tokio::test]
async fn a_broken_program_is_told_in_the_page_and_the_old_one_answers() {
    require("go");
    let _port = FixedPort::of_hello_go().await;
    let (project, browser) = (TestProject::from_example("hello-go"), Chromium::start().await);
    let server = TestServer::start_app(project.path(), &[]);
    let page = open(&browser, &server.url).await;
    page.wait_until(&heading_is("Hello, world"), SOON).await;

    let (good, broken) = (r#"fmt.Println("listening on :8080")"#, "fmt.Println(undefinedGreeting)");
    project.edit("main.go", good, broken);
    let line = project.read("main.go").lines().position(|line| line.contains(broken)).expect("it was just saved") + 1;
    page.wait_until(&format!("{OVERLAY}.includes('main.go:{line}:')"), BUILD).await;
    page.wait_until(&format!("{OVERLAY}.includes('undefinedGreeting')"), SOON).await;
    page.wait_until("document.title.startsWith('⚠')", SOON).await;
    page.wait_until(ARRIVED, SOON).await;
    page.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken-go.png")).await;
    assert_same_document(&page).await;
    let old = get(&server.url).await;
    assert_eq!((old.status.as_u16(), old.header("everlit-generation").ends_with("; stale")), (200, true));
    assert!(old.text().contains("<h1>Hello, world</h1>"));

    project.save("main.go", &project.read("main.go").replace(broken, good).replace("<h1>Hello", "<h1>Welcome"));
    page.wait_until(&heading_is("Welcome, world"), BUILD).await;
    page.wait_until("!document.querySelector('everlit-overlay') && !document.title.startsWith('⚠')", SOON).await;
    assert!(!get(&server.url).await.header("everlit-generation").contains("stale"));
}
