//! What is served is stale: the page says so in its title, on its icon and in its badge, and takes all of it back.

use serde_json::{Value, json};

use crate::{
    client::{BADGE, OVERLAY, PAGE, assert_same_document, open, shows},
    harness::{Chromium, FakeServer, Page, SOON},
};

const ICON: &str = "<link rel=icon type=\"image/svg+xml\" href=\"/icon.svg\">";
const TEAL: &str =
    r##"<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="#008080"/></svg>"##;

fn failed(kind: &str, id: u64) -> Value {
    let report = json!({
        "id": id, "kind": kind, "title": "it is older", "command": "", "diagnostics": [], "output": "", "help": "", "took_ms": 0,
    });
    json!({ "type": "failed", "generation": 1, "cause": [], "report": report })
}

fn mended() -> Value {
    json!({ "type": "ok", "generation": 1, "cause": [] })
}

/// The colours of the page's icon at its dot and away from it, as `r,g,b,a;r,g,b,a`.
async fn colours(page: &Page) -> Value {
    let script = "(async () => {
        const picture = new Image();
        picture.src = document.querySelector('link[rel~=icon]').href;
        await picture.decode();
        const context = document.createElement('canvas').getContext('2d');
        context.drawImage(picture, 0, 0);
        return [[46, 46], [8, 8]].map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].join()).join(';');
    })()";
    page.evaluate(script).await
}

const MARKED: &str = "document.querySelector('link[rel~=icon]')?.href.startsWith('data:image/png') === true";
const LINKS: &str = "[...document.querySelectorAll('link[rel~=icon]')].map(({ outerHTML }) => outerHTML).join()";

#[tokio::test]
async fn the_icon_gets_a_dot_and_is_put_back() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", &PAGE.replace("<title>", &format!("{ICON}<title>")));
    server.put("/icon.svg", "image/svg+xml", TEAL);
    let page = open(&server, &browser).await;
    // A phone shows the same.
    page.emulate(390, 844, "light").await;
    let before = page.evaluate(LINKS).await;
    server.say(&failed("build", 1));
    page.wait_until(MARKED, SOON).await;
    assert_eq!(colours(&page).await, "229,72,77,255;0,128,128,255", "a dot over the page's own picture");
    assert_eq!(page.evaluate("document.title").await, "⚠ Shop");
    server.say(&mended());
    page.wait_until(&format!("!({MARKED}) && document.title === 'Shop'"), SOON).await;
    assert_eq!(page.evaluate(LINKS).await, before);
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_page_without_an_icon_gets_one_for_as_long() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    server.say(&failed("build", 1));
    page.wait_until(MARKED, SOON).await;
    assert_eq!(colours(&page).await, "229,72,77,255;0,0,0,0");
    server.say(&mended());
    page.wait_until("document.querySelector('link[rel~=icon]') === null", SOON).await;
}

#[tokio::test]
async fn a_policy_that_allows_no_such_picture_is_obeyed() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    let policy = "Content-Security-Policy: default-src 'self'\r\n";
    let tag = "<script src=\"/__everlit/client.js\" data-generation=1 async></script>";
    server.put_with("/", "text/html", policy, &format!("<!doctype html><head>{tag}{ICON}<title>Shop</title></head><h1>one</h1>"));
    server.put("/icon.svg", "image/svg+xml", TEAL);
    let page = open(&server, &browser).await;
    let watch = "window.barred = new Promise((done) => document.addEventListener('securitypolicyviolation',
        ({ effectiveDirective, blockedURI }) => done(`${effectiveDirective} ${blockedURI}`)))";
    page.evaluate(&format!("{watch}; 0")).await;
    let before = page.evaluate(LINKS).await;
    server.say(&failed("build", 1));
    assert_eq!(page.evaluate("window.barred").await, "img-src data", "it was tried on a picture nobody sees");
    shows(&page, OVERLAY, "it is older").await;
    assert_eq!((page.evaluate("document.title").await, page.evaluate(LINKS).await), (json!("⚠ Shop"), before));
}

#[tokio::test]
async fn who_went_back_by_hand_sees_the_page() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    server.say(&failed("choice", 1));
    shows(&page, BADGE, "rolled back · stale · generation 1").await;
    assert_eq!(page.evaluate("document.querySelector('everlit-overlay')").await, Value::Null);
    page.evaluate("document.querySelector('everlit-badge').shadowRoot.querySelector('button').click()").await;
    shows(&page, OVERLAY, "it is older").await;
    page.press("Escape").await;
    page.wait_until("!document.querySelector('everlit-overlay')", SOON).await;
    // A generation that failed by itself is news.
    server.say(&failed("rollback", 2));
    shows(&page, OVERLAY, "it is older").await;
}
