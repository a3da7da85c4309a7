//! A page that comes back, or is shown again: it compares what it is with what is served, and does what is missing, once.

use serde_json::{Value, json};

use crate::{
    client::{BADGE, CSS, assert_same_document, change, open, shows, shows_answer_to_data, wait_new_document},
    harness::{Chromium, FakeServer, Page, SOON},
    morph::{hear, patch, patch_message},
};

const PAGE: &str = r#"<head>{client}<title>Shop</title><link rel=stylesheet href="/site.css"><script src="/loaded.js"></script></head><body><h1>one</h1></body>"#;

async fn lose_and_find(server: &FakeServer, page: &Page, hello: &Value, count: usize) {
    server.set_generation(3);
    server.set_hello(hello.clone());
    server.hang_up();
    server.wait_connections(count, SOON).await;
    // Proves that the `hello` was handled, unless the page is being loaded anew.
    page.evaluate("addEventListener('everlit:data', () => { window.told = true })").await;
    server.say(&json!({ "type": "data", "resource": "posts", "ids": [] }));
    page.wait_until("window.told === true || window.mark === undefined", SOON).await;
}

/// What a page of generation 1 does when it comes back and finds generation 3.
#[tokio::test]
async fn a_page_that_comes_back_does_what_is_missing() {
    #[derive(PartialEq)]
    enum Does {
        Nothing,
        Swaps,
        Reloads,
    }
    let cases = [
        (json!({ "program": 1, "pages": 1, "resources": {} }), Does::Nothing),
        (json!({ "program": 0, "pages": 0, "resources": { "/site.css": [1, "a"] } }), Does::Nothing),
        (json!({ "program": 0, "pages": 0, "resources": { "/site.css": [2, "a"] } }), Does::Nothing),
        (json!({ "program": 0, "pages": 0, "resources": { "/other.css": [2, "b"], "/other.js": [3, "c"] } }), Does::Nothing),
        (json!({ "program": 0, "pages": 0, "resources": { "/site.css": [2, "b"] } }), Does::Swaps),
        (json!({ "program": 0, "pages": 0, "resources": { "/loaded.js": [2, "b"] } }), Does::Reloads),
        (json!({ "program": 2, "pages": 0, "resources": {} }), Does::Reloads),
        (json!({ "program": 0, "pages": 0, "resources": null }), Does::Reloads),
        (json!({}), Does::Reloads),
    ];
    let browser = Chromium::start().await;
    for (hello, does) in cases {
        let server = FakeServer::start().await;
        server.put_page("/", PAGE);
        server.put("/site.css", CSS, "h1 { color: rgb(1, 0, 0) }");
        server.put("/loaded.js", "text/javascript", "");
        server.set_hello(json!({ "program": 0, "pages": 0, "resources": { "/site.css": [1, "a"] } }));
        let page = open(&server, &browser).await;
        shows_answer_to_data(&server, &page).await;
        server.put("/site.css", CSS, "h1 { color: rgb(2, 0, 0) }");
        lose_and_find(&server, &page, &hello, 2).await;
        if does == Does::Reloads {
            wait_new_document(&page).await;
            assert_eq!(server.count_requests("/"), 2, "{hello}");
            continue;
        }
        page.wait_until("window[Symbol.for('everlit')].generation === 3", SOON).await;
        assert_same_document(&page).await;
        let sheets = if does == Does::Swaps { 2 } else { 1 };
        assert_eq!(server.count_requests("/site.css"), sheets, "{hello}");
        let color = if does == Does::Swaps { "rgb(2, 0, 0)" } else { "rgb(1, 0, 0)" };
        assert_eq!(page.evaluate("getComputedStyle(document.querySelector('h1')).color").await, color, "{hello}");
    }
}

/// The server has heard which copy of the HTML the page is, and answers with one of three.
#[tokio::test]
async fn a_page_whose_html_may_be_older_waits_for_the_answer() {
    for answer in ["patch", "reload", "ok"] {
        let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
        server.put_page("/", PAGE);
        server.set_page("page-1");
        let page = open(&server, &browser).await;
        assert_eq!(hear(&mut server, "page", 1).await["page"], "page-1");
        server.put("/site.css", CSS, "h1 { color: rgb(2, 0, 0) }");
        let hello = json!({ "program": 0, "pages": 2, "resources": { "/site.css": [3, "b"] } });
        lose_and_find(&server, &page, &hello, 2).await;
        // What needs no answer does not wait for one.
        page.wait_until("getComputedStyle(document.querySelector('h1')).color === 'rgb(2, 0, 0)'", SOON).await;
        assert_eq!(page.evaluate("window[Symbol.for('everlit')].generation").await, 1);
        assert_eq!(hear(&mut server, "page", 1).await["page"], "page-1");
        match answer {
            "patch" => {
                let mut message = patch_message(3, PAGE, &PAGE.replace("one", "two"));
                // It was told of that already.
                message["styles"] = json!(["/site.css"]);
                message["hashes"] = json!({ "/site.css": "b" });
                server.say(&message);
                assert_eq!(hear(&mut server, "page", 3).await["page"], "page-3");
                assert_eq!(page.evaluate("document.querySelector('h1').textContent").await, "two");
                assert_eq!(server.count_requests("/site.css"), 2, "once with the page, once anew");
            }
            "ok" => {
                server.say(&json!({ "type": "ok", "generation": 3, "cause": [] }));
                page.wait_until("window[Symbol.for('everlit')].generation === 3", SOON).await;
                assert_same_document(&page).await;
            }
            _ => {
                server.say(&json!({ "type": "reload", "generation": 3, "cause": [] }));
                wait_new_document(&page).await;
                assert_eq!(server.count_requests("/"), 2);
            }
        }
    }
}

#[tokio::test]
async fn what_is_on_the_screen_is_reported_with_its_generation() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    server.put("/site.css", CSS, "");
    let page = open(&server, &browser).await;
    server.say(&change("styles", 2, &["/site.css"]));
    hear(&mut server, "painted", 2).await;
    server.set_generation(3);
    server.say(&json!({ "type": "reload", "generation": 3, "cause": [] }));
    hear(&mut server, "painted", 3).await;
    assert_eq!(page.evaluate("window.mark").await, Value::Null);
    // A page that a person loads has nothing to report.
    page.navigate(&server.url).await;
    server.wait_connections(3, SOON).await;
    shows_answer_to_data(&server, &page).await;
    server.hang_up();
    server.wait_connections(4, SOON).await;
    shows_answer_to_data(&server, &page).await;
    server.say(&change("styles", 4, &["/site.css"]));
    loop {
        let said = server.hear(SOON).await;
        if said["type"] == "painted" {
            assert_eq!(said["generation"], 4);
            break;
        }
    }
}

#[tokio::test]
async fn a_tab_in_the_background_catches_up_when_it_is_shown() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let body = |words: &str| format!("<head>{{client}}</head><body><h1>{words}</h1></body>");
    server.put_page("/", &body("one"));
    let page = open(&server, &browser).await;
    let other = browser.open("data:text/html,other").await;
    other.bring_to_front().await;
    page.wait_until("document.visibilityState === 'hidden'", SOON).await;
    for generation in 2..5 {
        patch(&server, generation, &body("one"), &body(&format!("generation {generation}")));
    }
    shows_answer_to_data(&server, &page).await;
    assert_eq!(page.evaluate("document.querySelector('h1').textContent").await, "one");
    page.evaluate("window.changes = 0, new MutationObserver((all) => window.changes += all.length).observe(document.body, { subtree: true, characterData: true })").await;
    page.bring_to_front().await;
    hear(&mut server, "painted", 4).await;
    assert_eq!(page.evaluate("[document.querySelector('h1').textContent, window.changes].join()").await, "generation 4,1");
    assert_same_document(&page).await;

    other.bring_to_front().await;
    page.wait_until("document.visibilityState === 'hidden'", SOON).await;
    for generation in 5..8 {
        server.set_generation(generation);
        server.say(&json!({ "type": "reload", "generation": generation, "cause": [] }));
    }
    shows_answer_to_data(&server, &page).await;
    assert_same_document(&page).await;
    page.bring_to_front().await;
    hear(&mut server, "painted", 7).await;
    assert_eq!(server.count_requests("/"), 2);
}

/// A page whose loading changes the project gets a new generation each time.
#[tokio::test]
async fn a_page_that_causes_its_own_reloads_is_stopped_and_told_why() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    let page = browser.open(&server.url).await;
    for loads in 1..17 {
        server.wait_connections(loads, SOON).await;
        let generation = loads + 1;
        server.set_generation(generation as u64);
        server.say(&json!({ "type": "reload", "generation": generation, "cause": ["visits.txt"] }));
    }
    shows(&page, BADGE, "it may cause that itself").await;
    shows_answer_to_data(&server, &page).await;
    assert_eq!(server.count_requests("/"), 16);

    server.say(&json!({ "type": "notice", "text": "visits.txt changes with <b>each</b> load" }));
    shows(&page, BADGE, "visits.txt changes with <b>each</b> load").await;
}
