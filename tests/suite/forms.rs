//! What a person typed is never thrown away by something that happens by itself.

use std::{fs, time::Duration};

use serde_json::json;

use crate::{
    client::{BADGE, assert_same_document, open, pictures, shows, shows_answer_to_data, wait_new_document},
    harness::{Chromium, FakeServer, Page, SOON},
    morph::{hear, patch},
};

const FORM: &str = r#"<head>{client}<meta name=viewport content="width=device-width"><title>Shop</title></head><body><h1>one</h1>
<form action="/sent"><input name=title><textarea name=text></textarea><input type=checkbox name=yes><input type=file name=file>
<div contenteditable id=free>free <b>text</b></div><button>send</button></form></body>"#;

const RELOAD: &str = "document.querySelector('everlit-badge').shadowRoot.querySelector('.reload')";

async fn type_into(page: &Page, selector: &str, text: &str) {
    page.evaluate(&format!("document.querySelector('{selector}').focus()")).await;
    page.insert_text(text).await;
}

/// Asks for a reload to generation 2 and waits until the page says that it waits.
async fn ask_to_reload(server: &FakeServer, page: &Page) {
    server.set_generation(2);
    server.say(&json!({ "type": "reload", "generation": 2, "cause": ["main.go"] }));
    shows(page, BADGE, "update ready").await;
    shows_answer_to_data(server, page).await;
    assert_same_document(page).await;
}

/// The picture is left in `target/tmp` for the eye.
#[tokio::test]
async fn an_update_waits_for_typed_text_until_a_person_says_so() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", FORM);
    let page = open(&server, &browser).await;
    type_into(&page, "[name=title]", "half a title").await;
    ask_to_reload(&server, &page).await;
    assert_eq!(page.evaluate("document.querySelector('[name=title]').value").await, "half a title");
    for (name, width, scheme) in [("light", 800, "light"), ("phone-dark", 412, "dark")] {
        page.emulate(width, 500, scheme).await;
        page.screenshot(&pictures().join(format!("update-ready-{name}.png"))).await;
    }

    page.evaluate(&format!("{RELOAD}.click()")).await;
    wait_new_document(&page).await;
    page.wait_until("document.querySelector('[name=title]').value === 'half a title'", SOON).await;
    // It is as unsent as before.
    server.wait_connections(2, SOON).await;
    server.say(&json!({ "type": "reload", "generation": 3, "cause": ["main.go"] }));
    shows(&page, BADGE, "update ready").await;
    assert_eq!(server.count_requests("/"), 2);
}

/// Each kind of field that can lose something.
#[tokio::test]
async fn every_kind_of_text_holds_an_update_and_clearing_it_lets_it_go() {
    let browser = Chromium::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("notes.txt");
    fs::write(&file, "notes").expect("a file");
    for (selector, clear) in [
        ("[name=title]", "field.value = ''"),
        ("[name=text]", "field.form.reset()"),
        ("#free", "field.innerHTML = 'free <b>text</b>'"),
        ("[name=file]", "field.value = ''"),
    ] {
        let server = FakeServer::start().await;
        server.put_page("/", FORM);
        let page = open(&server, &browser).await;
        if selector == "[name=file]" {
            page.choose_file(selector, &file).await;
        } else {
            type_into(&page, selector, "words").await;
        }
        ask_to_reload(&server, &page).await;
        page.evaluate(&format!("(() => {{ const field = document.querySelector('{selector}'); {clear} }})()")).await;
        wait_new_document(&page).await;
        assert_eq!(server.count_requests("/"), 2, "{selector}");
    }
}

#[tokio::test]
async fn what_a_script_sets_and_what_is_ticked_holds_nothing() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", FORM);
    let page = open(&server, &browser).await;
    page.evaluate("document.querySelector('[name=title]').value = 'set'; document.querySelector('[name=yes]').click()").await;
    server.set_generation(2);
    server.say(&json!({ "type": "reload", "generation": 2, "cause": [] }));
    wait_new_document(&page).await;
    page.wait_until(
        "document.querySelector('[name=title]').value === 'set' && document.querySelector('[name=yes]').checked",
        SOON,
    )
    .await;
}

#[tokio::test]
async fn a_change_elsewhere_in_the_page_goes_ahead() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", FORM);
    let page = open(&server, &browser).await;
    type_into(&page, "[name=title]", "half a title").await;
    let target = FORM.replace("<h1>one", "<h1>two").replace("<input name=title>", "<input name=title class=wide value=served>");
    patch(&server, 2, FORM, &target);
    hear(&mut server, "painted", 2).await;
    let now = "[document.querySelector('h1').textContent, document.querySelector('.wide').value].join()";
    assert_eq!(page.evaluate(now).await, "two,half a title");
    assert_same_document(&page).await;
}

/// A script that sends the form: once the answer is there, the update happens by itself; not when it was refused.
#[tokio::test]
async fn a_form_that_a_script_sent_lets_the_update_go_once_it_is_answered() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", FORM);
    server.put("/sent", "text/plain", "thanks");
    server.slow_down("/sent", Duration::from_millis(300));
    let page = open(&server, &browser).await;
    page.evaluate(
        "document.querySelector('form').addEventListener('submit', async (event) => { event.preventDefault();
        window.answer = await (await fetch(window.address)).text() })",
    )
    .await;
    type_into(&page, "[name=title]", "a title").await;
    ask_to_reload(&server, &page).await;

    page.evaluate("window.address = '/refused'; document.querySelector('button').click()").await;
    page.wait_until("window.answer === ''", SOON).await;
    shows_answer_to_data(&server, &page).await;
    assert_same_document(&page).await;

    page.evaluate("window.address = '/sent'; document.querySelector('button').click()").await;
    wait_new_document(&page).await;
    assert_eq!((server.count_requests("/sent"), server.count_requests("/")), (1, 2));
}

/// A reload that came while a form is on its way would stop it.
#[tokio::test]
async fn a_form_on_its_way_is_not_stopped_by_an_update() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", FORM);
    server.put("/sent", "text/html", "<h1>thanks</h1>");
    server.slow_down("/sent", Duration::from_millis(500));
    let page = open(&server, &browser).await;
    page.evaluate("document.querySelector('[name=title]').value = 'set'; document.querySelector('button').click()").await;
    page.wait_until("new Promise((done) => setTimeout(() => done(true)))", SOON).await;
    server.say(&json!({ "type": "reload", "generation": 2, "cause": [] }));
    page.wait_until("location.pathname === '/sent' && document.querySelector('h1').textContent === 'thanks'", SOON).await;
    assert_eq!(server.count_requests("/"), 1);
}

/// A frame goes with the page around it.
#[tokio::test]
async fn text_in_a_frame_holds_the_page_around_it() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    let frame = r#"<head>{client}</head><body><h1>one</h1><iframe src="/framed"></iframe></body>"#;
    server.put_page("/", frame);
    server.put_page("/framed", FORM);
    let page = browser.open(&server.url).await;
    server.wait_connections(2, SOON).await;
    page.evaluate(
        "window.mark = frames[0].mark = 1; frames[0].focus(); frames[0].document.querySelector('[name=title]').focus()",
    )
    .await;
    page.insert_text("half a title").await;
    assert_eq!(page.evaluate("frames[0].document.querySelector('[name=title]').value").await, "half a title");
    ask_to_reload(&server, &page).await;
    page.wait_until(
        "frames[0].document.querySelector('everlit-badge')?.shadowRoot.textContent.includes('update ready') === true",
        SOON,
    )
    .await;
    assert_eq!(page.evaluate("frames[0].mark").await, 1);

    page.evaluate("frames[0].document.querySelector('form').reset()").await;
    wait_new_document(&page).await;
    page.wait_until("frames[0].mark === undefined && frames[0][Symbol.for('everlit')]?.connected === true", SOON).await;
}
