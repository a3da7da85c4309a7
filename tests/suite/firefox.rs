//! The client script in Firefox: what lives in a page survives a change of its HTML, a reload gives it back, and nothing
//! reloads because a socket was lost.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    harness::{FakeServer, Firefox, SOON, Tab},
    morph::{hear, patch},
};

const PAGE: &str = r#"<head>{client}<title>Shop</title><style>#box { height: 60px; overflow: auto } #box p { height: 900px } body { height: 4000px }</style></head>
<body><h1>one</h1><p id=p>text</p><form><input name=title><input type=checkbox name=yes></form><details><summary>more</summary>inside</details>
<div id=box><p>long</p></div><ul><li id=a>A<input></li><li id=b>B<input></li></ul><iframe srcdoc="<p>inside"></iframe><div id=app></div></body>"#;

const LIVE: &str = "(() => { const $ = (selector) => document.querySelector(selector); window.mark = 1;
    $('[name=yes]').checked = true; $('details').open = true; $('#box').scrollTop = 200; scrollTo(0, 700);
    $('#app').append('made by a script'); $('#b input').value = 'b'; $('iframe').contentWindow.mark = 1; $('[name=title]').focus({ preventScroll: true }) })()";

const STATE: &str = "(() => { const $ = (selector) => document.querySelector(selector), field = document.activeElement;
    return [$('h1').textContent, $('[name=yes]').checked, $('details').open, $('#box').scrollTop, scrollY >= 700, $('#b input').value,
        field.name, field.value, field.selectionStart, field.selectionEnd].join() })()";

async fn open(server: &FakeServer, browser: &Firefox) -> Tab {
    let page = browser.open(&server.url).await;
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    page.evaluate(LIVE).await;
    page
}

/// Proves that everything said before has been handled.
async fn answered(server: &FakeServer, page: &Tab) {
    page.evaluate("void addEventListener('everlit:data', ({ detail }) => { window.told = detail.resource })").await;
    server.say(&json!({ "type": "data", "resource": "posts", "ids": [] }));
    page.wait_until("window.told === 'posts'", SOON).await;
}

#[tokio::test]
async fn what_lives_in_a_page_survives_in_firefox_too() {
    let (mut server, browser) = (FakeServer::start().await, Firefox::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    page.type_text("half a word").await;
    // Typing scrolled to the field.
    page.evaluate("(document.activeElement.setSelectionRange(2, 6), scrollTo(0, 700))").await;
    let target = PAGE
        .replace("<title>Shop", "<title>Store")
        .replace("<h1>one", "<h1 class=big>two")
        .replace("<p id=p>text</p>", "<p id=p>text <b>more</b></p><p>new</p>")
        .replace("<li id=a>A<input></li><li id=b>B<input></li>", "<li id=b>B!<input></li><li id=a>A<input></li>");
    patch(&server, 2, PAGE, &target);
    hear(&mut server, "painted", 2).await;
    assert_eq!(page.evaluate(STATE).await, "two,true,true,200,true,b,title,half a word,2,6");
    let rest = "[window.mark, document.title, document.querySelector('#app').textContent, document.querySelector('iframe').contentWindow.mark,
        document.querySelector('#p').innerHTML, [...document.querySelectorAll('li')].map((item) => item.id + item.textContent)].join()";
    assert_eq!(page.evaluate(rest).await, "1,Store,made by a script,1,text <b>more</b>,bB!,aA");
}

#[tokio::test]
async fn a_conflict_is_one_reload_that_gives_back_what_was_there_in_firefox_too() {
    let (mut server, browser) = (FakeServer::start().await, Firefox::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    page.evaluate("document.activeElement.value = 'set', document.activeElement.setSelectionRange(1, 2), document.querySelector('h1').textContent = 'mine'").await;
    let state = page.evaluate(STATE).await.as_str().expect("a text").replace("mine", "two");
    patch(&server, 2, PAGE, &PAGE.replace("<h1>one", "<h1>two"));
    hear(&mut server, "painted", 2).await;
    page.wait_until(&format!("window.mark === undefined && {STATE} === {}", json!(state)), SOON).await;
    answered(&server, &page).await;
    assert_eq!(server.count_requests("/"), 2);
}

#[tokio::test]
async fn firefox_reloads_for_a_generation_and_not_for_a_socket_nor_over_typed_text() {
    let (server, browser) = (FakeServer::start().await, Firefox::start().await);
    server.put_page("/", PAGE);
    let page = open(&server, &browser).await;
    for times in 2..4 {
        server.hang_up();
        server.wait_connections(times, SOON).await;
    }
    answered(&server, &page).await;
    assert_eq!(page.evaluate("window.mark").await, 1);

    page.evaluate("document.querySelector('[name=title]').focus()").await;
    page.type_text("typed").await;
    server.set_generation(2);
    server.hang_up();
    let words = "document.querySelector('everlit-badge')?.shadowRoot.textContent.includes('update ready') === true";
    page.wait_until(words, SOON).await;
    assert_eq!(page.evaluate("window.mark").await, 1);
    page.evaluate("document.querySelector('[name=title]').value = ''").await;
    page.wait_until("window.mark === undefined && window[Symbol.for('everlit')]?.connected === true", SOON).await;
    assert_eq!(server.count_requests("/"), 2);
    assert_eq!(page.evaluate("document.querySelector('everlit-badge')").await, Value::Null);
}

/// Firefox keeps parsed sheets by their address, beside what its cache keeps.
#[tokio::test]
async fn sheets_imports_pictures_and_modules_are_exchanged_in_firefox_too() {
    let (mut server, browser) = (FakeServer::start().await, Firefox::start().await);
    server.put_page(
        "/",
        r#"<head>{client}<link rel=stylesheet href="/site.css"><script type=module src="/app.js"></script></head><body><h1>one</h1><img src="/a.svg"></body>"#,
    );
    let kept = "Cache-Control: max-age=600\r\n";
    let color = |red: u32| format!("h1 {{ color: rgb({red}, 0, 0) }}");
    let picture = |width: u32| format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="10"/>"#);
    let module = |version: u32| {
        format!(
            r#"import{{createHot as __everlit}}from"/__everlit/hot.js";import.meta.hot=__everlit(import.meta.url);
            window.version = {version}; import.meta.hot.accept()"#
        )
    };
    server.put_with("/site.css", "text/css", kept, "@import 'base/all.css';");
    server.put_with("/base/all.css", "text/css", kept, "@import 'colors.css';");
    server.put_with("/base/colors.css", "text/css", kept, &color(1));
    server.put("/a.svg", "image/svg+xml", &picture(10));
    server.put("/app.js", "text/javascript", &module(1));
    let page = browser.open(&server.url).await;
    page.wait_until("window[Symbol.for('everlit')]?.connected === true && window.version === 1", SOON).await;
    page.evaluate("(window.mark = 1)").await;
    for version in 2..4 {
        server.put_with("/base/colors.css", "text/css", kept, &color(version));
        server.put("/a.svg", "image/svg+xml", &picture(10 * version));
        server.put("/app.js", "text/javascript", &module(version));
        server.set_generation(version.into());
        server.say(&json!({
            "type": "patch", "generation": version, "cause": [], "styles": ["/base/colors.css"], "assets": ["/a.svg"], "modules": ["/app.js"],
            "hashes": {}, "page": null, "base": null, "target": null,
        }));
        hear(&mut server, "painted", version.into()).await;
        let now = "[getComputedStyle(document.querySelector('h1')).color, document.images[0].naturalWidth, window.version, window.mark].join()";
        page.wait_until(&format!("{now} === 'rgb({version}, 0, 0),{},{version},1'", 10 * version), SOON).await;
    }
}

#[tokio::test]
async fn a_new_stylesheet_replaces_the_old_one_in_firefox_once_it_is_there() {
    let (mut server, browser) = (FakeServer::start().await, Firefox::start().await);
    let page_with = |sheet: &str, words: &str| {
        format!("<head>{{client}}<link rel=stylesheet href=\"/{sheet}.css\"></head><body><h1>{words}</h1></body>")
    };
    server.put_page("/", &page_with("old", "one"));
    server.put("/old.css", "text/css", "h1 { color: rgb(1, 0, 0) }");
    server.put("/new.css", "text/css", "h1 { color: rgb(2, 0, 0) }");
    server.slow_down("/new.css", Duration::from_millis(200));
    let page = browser.open(&server.url).await;
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    let watch = "void (window.mark = 1, window.seen = new Set(), (function look() {
        window.seen.add(getComputedStyle(document.querySelector('h1')).color); requestAnimationFrame(look) })())";
    page.evaluate(watch).await;
    patch(&server, 2, &page_with("old", "one"), &page_with("new", "two"));
    hear(&mut server, "painted", 2).await;
    let now = "[document.querySelector('h1').textContent, window.mark, document.querySelectorAll('link').length, ...window.seen].join()";
    assert_eq!(page.evaluate(now).await, "two,1,1,rgb(1, 0, 0),rgb(2, 0, 0)");
}
