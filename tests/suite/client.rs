//! The client script in a real browser, against a server that says what the test wants.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Chromium, FakeServer, Page, SOON};

/// A page with a stylesheet, which knows whether it was loaded anew.
pub(crate) const PAGE: &str = r#"<head>{client}<meta name=viewport content="width=device-width"><title>Shop</title><link rel=stylesheet href="/site.css"></head><body><h1>one</h1></body>"#;
pub(crate) const CSS: &str = "text/css";
pub(crate) const OVERLAY: &str = "document.querySelector('everlit-overlay')?.shadowRoot.textContent";
pub(crate) const BADGE: &str = "document.querySelector('everlit-badge')?.shadowRoot.textContent";

/// Opens `/` and marks its window; returns once it is connected.
pub(crate) async fn open(server: &FakeServer, browser: &Chromium) -> Page {
    let page = browser.open(&server.url).await;
    server.wait_connections(1, SOON).await;
    page.evaluate("window.mark = 1").await;
    page
}

pub(crate) async fn color_is(page: &Page, color: &str) {
    page.wait_until(&format!("getComputedStyle(document.querySelector('h1')).color === '{color}'"), SOON).await;
}

pub(crate) async fn shows(page: &Page, element: &str, text: &str) {
    page.wait_until(&format!("{element}?.includes({}) === true", json!(text)), SOON).await;
}

pub(crate) async fn assert_same_document(page: &Page) {
    assert_eq!(page.evaluate("window.mark === 1").await, true, "the page was not loaded anew");
}

pub(crate) async fn wait_new_document(page: &Page) {
    page.wait_until("window.mark === undefined && document.readyState === 'complete'", SOON).await;
}

pub(crate) fn change(kind: &str, generation: u64, paths: &[&str]) -> Value {
    json!({ "type": kind, "generation": generation, "paths": paths, "cause": [] })
}

/// A failure with everything a report can have, and output that must not be taken for markup.
fn failure(id: u64) -> Value {
    let diagnostics = json!([
        {
            "severity": "error", "file": "main.go", "line": 18, "column": 2, "message": "undefined: fooo",
            "help": "did you mean foo? <b>or not</b>",
            "excerpt": { "first": 16, "lines": ["", "func main() {", "\tfooo(\"<b>lamp</b>\")", "}"] },
        },
        { "severity": "warning", "file": "catalogue/price.go", "line": 40, "column": null, "message": "declared and not used: <T>" },
    ]);
    let output = "# hello-go\n\u{1b}[1;31m./main.go:18:2:\u{1b}[0m undefined: fooo <b>not bold</b>\n\
                  \u{1b}]0;window title\u{7}\u{1b}[38;5;208morange\u{1b}[0m \u{1b}[2J\u{1b}[32mgreen\u{1b}[39m plain\n\
                  10%\r100%\n./catalogue/price.go:40:2: declared and not used: a line that is much longer than a phone is wide\n";
    json!({
        "type": "failed", "generation": 1, "cause": ["main.go"],
        "report": {
            "id": id, "kind": "build", "title": "go build failed", "command": "go build -o .everlit/bin/app .",
            "diagnostics": diagnostics, "output": output, "help": "The build runs again at the next save", "took_ms": 412,
        },
    })
}

#[tokio::test]
async fn a_stylesheet_is_swapped_without_navigation() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    server.put("/site.css", CSS, "h1 { color: rgb(1, 0, 0) }");
    let page = open(&server, &browser).await;
    color_is(&page, "rgb(1, 0, 0)").await;
    let said = server.hear(SOON).await;
    assert_eq!((&said["type"], &said["generation"]), (&json!("page"), &json!(1)));

    server.put("/site.css", CSS, "h1 { color: rgb(2, 0, 0) }");
    server.set_generation(2);
    server.say(&change("styles", 2, &["/site.css"]));

    color_is(&page, "rgb(2, 0, 0)").await;
    page.wait_until("document.querySelectorAll('link').length === 1", SOON).await;
    // The page is of generation 2 now: coming back finds nothing to do.
    server.hang_up();
    server.wait_connections(2, SOON).await;
    shows_answer_to_data(&server, &page).await;
    assert_same_document(&page).await;
}

#[tokio::test]
async fn imported_sheets_and_those_in_shadow_roots_are_reached() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page(
        "/",
        r#"<head>{client}<link rel=stylesheet href="/site.css"><style>@import "/inline.css";</style></head>
        <body><h1>one</h1><p>two</p><div><template shadowrootmode=open><link rel=stylesheet href="/part.css"><i>three</i></template></div>"#,
    );
    server.put("/site.css", CSS, "@import 'base/colors.css';");
    for sheet in ["/base/colors.css", "/inline.css", "/part.css"] {
        // A program may let browsers keep its sheets.
        server.put_with(sheet, CSS, "Cache-Control: max-age=600\r\n", "h1, p, i { color: rgb(1, 0, 0) }");
    }
    let page = open(&server, &browser).await;
    color_is(&page, "rgb(1, 0, 0)").await;

    server.put("/base/colors.css", CSS, "h1 { color: rgb(2, 0, 0) }");
    server.put("/inline.css", CSS, "p { color: rgb(3, 0, 0) }");
    server.put("/part.css", CSS, "i { color: rgb(4, 0, 0) }");
    server.say(&change("styles", 2, &["/base/colors.css", "/inline.css", "/part.css"]));

    color_is(&page, "rgb(2, 0, 0)").await;
    page.wait_until("getComputedStyle(document.querySelector('p')).color === 'rgb(3, 0, 0)'", SOON).await;
    let inside = "getComputedStyle(document.querySelector('div').shadowRoot.querySelector('i')).color === 'rgb(4, 0, 0)'";
    page.wait_until(inside, SOON).await;
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_sheet_that_does_not_load_leaves_the_old_one() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page(
        "/",
        r#"<head>{client}<link rel=stylesheet href="/site.css"><link rel=stylesheet href="/gone.css"></head><h1>"#,
    );
    server.put("/site.css", CSS, "h1 { color: rgb(1, 0, 0) }");
    server.put("/gone.css", CSS, "h1 { background-color: rgb(1, 1, 1) }");
    let page = open(&server, &browser).await;

    server.remove("/gone.css");
    server.put("/site.css", CSS, "h1 { color: rgb(2, 0, 0) }");
    server.say(&change("styles", 2, &["/site.css", "/gone.css"]));

    color_is(&page, "rgb(2, 0, 0)").await;
    page.wait_until("document.querySelectorAll('link').length === 2", SOON).await;
    assert_eq!(page.evaluate("getComputedStyle(document.querySelector('h1')).backgroundColor").await, "rgb(1, 1, 1)");
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_sheet_the_page_does_not_use_changes_nothing_but_its_generation() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    server.put("/site.css", CSS, "h1 { color: rgb(1, 0, 0) }");
    let page = open(&server, &browser).await;

    server.set_generation(2);
    server.say(&change("styles", 2, &["/other.css", "/xsite.css", "/site.css/x"]));
    server.hang_up();

    server.wait_connections(2, SOON).await;
    shows_answer_to_data(&server, &page).await;
    assert_same_document(&page).await;
    assert_eq!(server.count_requests("/site.css"), 1);
}

/// Proves that everything said before has been handled.
pub(crate) async fn shows_answer_to_data(server: &FakeServer, page: &Page) {
    page.evaluate("addEventListener('everlit:data', ({ detail }) => { window.told = detail })").await;
    server.say(&json!({ "type": "data", "resource": "posts", "ids": ["7"] }));
    page.wait_until("window.told?.resource === 'posts' && window.told.ids[0] === '7'", SOON).await;
}

#[tokio::test]
async fn pictures_are_refreshed_wherever_they_stand() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    let picture = |width| format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="10"/>"#);
    server.put_page(
        "/",
        r#"<head>{client}<style>@media all { p { background: url("a.svg") } }</style></head>
        <body><img src="/a.svg"><img srcset="/a.svg 1x, /b.svg 2x"><p>text</p><b style="border-image: url(/a.svg) 1"></b></body>"#,
    );
    server.put("/a.svg", "image/svg+xml", &picture(10));
    server.put("/b.svg", "image/svg+xml", &picture(10));
    let page = open(&server, &browser).await;

    server.put("/a.svg", "image/svg+xml", &picture(20));
    server.say(&change("assets", 2, &["/a.svg"]));

    page.wait_until("[...document.images].every((image) => image.naturalWidth === 20)", SOON).await;
    let stamped = "[getComputedStyle(document.querySelector('p')).backgroundImage,
        document.querySelector('b').style.borderImageSource].every((value) => value.includes('a.svg?everlit=2'))";
    page.wait_until(stamped, SOON).await;
    assert_eq!(page.evaluate("document.images[1].srcset.endsWith(' 1x, /b.svg 2x')").await, true);
    assert_same_document(&page).await;
}

#[tokio::test]
async fn what_cannot_be_reached_in_place_reloads() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", "<head>{client}</head><script>fetch('/theme.css')</script>");
    server.put("/theme.css", CSS, "");
    let page = open(&server, &browser).await;
    server.set_generation(2);
    server.say(&change("styles", 2, &["/theme.css"]));
    wait_new_document(&page).await;
}

#[tokio::test]
async fn a_lost_socket_never_reloads_and_another_generation_does_once() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    for times in 2..5 {
        server.hang_up();
        server.wait_connections(times, SOON).await;
    }
    shows_answer_to_data(&server, &page).await;
    assert_same_document(&page).await;

    server.set_generation(2);
    server.hang_up();
    wait_new_document(&page).await;
    server.wait_connections(6, SOON).await;
    shows_answer_to_data(&server, &page).await;
    assert_eq!(server.count_requests("/"), 2);
}

#[tokio::test]
async fn a_page_that_comes_back_old_is_not_reloaded_for_ever() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    server.set_hello(json!({ "generation": 9 }));
    let page = browser.open(&server.url).await;
    shows(&page, BADGE, "an older page keeps coming back").await;
    shows_answer_to_data(&server, &page).await;
    assert_eq!(server.count_requests("/"), 4, "the first load and three tries");
}

#[tokio::test]
async fn a_restarted_server_is_met_with_one_reload() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    server.become_run("second-run-0123456789abcd", "shop");
    server.hang_up();
    wait_new_document(&page).await;
    server.wait_connections(2, SOON).await;
    assert_eq!(server.count_requests("/"), 2);
}

#[tokio::test]
async fn another_project_on_the_port_is_named_and_left_alone() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    server.become_run("second-run-0123456789abcd", r#"\"blog\""#);
    server.hang_up();
    shows(&page, BADGE, r#"another project ("blog") is on this port"#).await;
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_failure_is_shown_as_text_and_goes_with_success() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;

    server.say(&json!({ "type": "building", "cause": ["main.go"] }));
    shows(&page, BADGE, "building").await;
    server.say(&failure(7));
    for text in ["go build failed", "main.go:18:2", "undefined: fooo", "catalogue/price.go:40", "<b>not bold</b>", "412 ms"] {
        shows(&page, OVERLAY, text).await;
    }
    let overlay = "document.querySelector('everlit-overlay').shadowRoot";
    assert_eq!(page.evaluate(&format!("{overlay}.querySelector('b')")).await, Value::Null);
    let output = page.evaluate(&format!("{overlay}.querySelector('.output').textContent")).await;
    let plain = output.as_str().expect("a text");
    assert!(plain.contains("\norange green plain\n100%\n"), "only colours are left of escapes: {plain:?}");
    assert_eq!(page.evaluate("document.title").await, "⚠ Shop");

    server.say(&json!({ "type": "ok", "generation": 1, "cause": ["main.go"] }));
    page.wait_until("!document.querySelector('everlit-overlay, everlit-badge')", SOON).await;
    assert_eq!(page.evaluate("document.title").await, "Shop");
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_dismissed_failure_leaves_a_badge_and_the_next_one_is_shown() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    server.set_hello(json!({ "stale": true, "report": failure(7)["report"] }));
    server.say(&failure(7));
    shows(&page, OVERLAY, "go build failed").await;

    page.press("Escape").await;
    page.wait_until("!document.querySelector('everlit-overlay')", SOON).await;
    shows(&page, BADGE, "stale · generation 1").await;
    // Not by coming back, nor by loading the page anew.
    page.navigate(&server.url).await;
    shows(&page, BADGE, "stale · generation 1").await;
    assert_eq!(page.evaluate("document.title").await, "⚠ Shop");
    assert_eq!(page.evaluate("document.querySelector('everlit-overlay')").await, Value::Null);
    // The badge brings it back, a click beside the panel sends it away.
    page.evaluate("document.querySelector('everlit-badge').shadowRoot.querySelector('button').click()").await;
    shows(&page, OVERLAY, "go build failed").await;
    page.click(5.0, 5.0).await;
    page.wait_until("!document.querySelector('everlit-overlay')", SOON).await;

    server.say(&failure(8));
    shows(&page, OVERLAY, "go build failed").await;
    page.evaluate("document.querySelector('everlit-overlay').shadowRoot.querySelector('[aria-label=Dismiss]').click()").await;
    page.wait_until("!document.querySelector('everlit-overlay')", SOON).await;
}

#[tokio::test]
async fn a_strict_policy_and_a_hostile_stylesheet_do_not_harm_the_overlay() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    let policy = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                  require-trusted-types-for 'script'\r\n";
    let page = r#"<!doctype html><script src="/__everlit/client.js" data-generation=1 async></script>
        <script src="/__everlit/client.js" data-generation=1 async></script><link rel=stylesheet href="/site.css"><h1>one</h1>"#;
    server.put_with("/", "text/html", policy, page);
    server.put(
        "/site.css",
        CSS,
        "html > * { display: none; visibility: hidden } * { background: lime; color: lime; position: static; font-size: 90px }",
    );
    let page = open(&server, &browser).await;
    server.say(&failure(1));
    shows(&page, OVERLAY, "go build failed").await;
    let looks = "(() => { const host = document.querySelector('everlit-overlay'); const style = getComputedStyle(host);
        return [style.position, style.display, host.offsetWidth === innerWidth, host.matches(':popover-open'),
            host.shadowRoot.querySelector('.panel').offsetHeight > 100].join() })()";
    assert_eq!(page.evaluate(looks).await, "fixed,grid,true,true,true");
    assert_eq!(page.evaluate("document.querySelectorAll('everlit-overlay').length").await, 1);
    // Both tags ran; one client connected.
    server.hang_up();
    server.wait_connections(2, SOON).await;
    shows_answer_to_data(&server, &page).await;
}

#[tokio::test]
async fn a_page_kept_by_the_browser_lets_go_and_connects_again() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    // What the browser does when it keeps a page to go back to; a driven browser does not keep pages.
    let connected = "window[Symbol.for('everlit')].connected";
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))").await;
    assert_eq!(page.evaluate(connected).await, false);
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
    server.wait_connections(2, SOON).await;
    shows_answer_to_data(&server, &page).await;
}

/// The pictures are left in `target/tmp` for the eye.
#[tokio::test]
async fn the_overlay_fits_desktops_and_phones() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    server.put("/site.css", CSS, "body { font: 20px/1.5 system-ui; max-width: 40em; margin: 3em auto }");
    server.set_hello(json!({ "stale": true, "report": failure(7)["report"] }));
    let page = open(&server, &browser).await;
    for (name, width, height, scheme) in [
        ("light", 1280, 800, "light"),
        ("dark", 1280, 800, "dark"),
        ("phone", 412, 915, "light"),
        ("phone-dark", 412, 915, "dark"),
    ] {
        page.emulate(width, height, scheme).await;
        page.navigate(&server.url).await;
        shows(&page, OVERLAY, "go build failed").await;
        let fits = "document.querySelector('everlit-overlay').shadowRoot.querySelector('.panel').getBoundingClientRect().right <= innerWidth";
        assert_eq!(page.evaluate(fits).await, true, "at {width} px");
        page.screenshot(&pictures().join(format!("overlay-{name}.png"))).await;
    }
    page.press("Escape").await;
    shows(&page, BADGE, "stale").await;
    page.screenshot(&pictures().join("badge-phone-dark.png")).await;
}

pub(crate) fn pictures() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
