//! HTML that changed, done to the page that stands there: what lives in it survives, and what cannot be done reloads once.

use serde_json::{Value, json};

use crate::{
    client::{CSS, assert_same_document, open, shows_answer_to_data, wait_new_document},
    harness::{Chromium, FakeServer, Page, SOON, document_without_tag},
};

/// Says that the address now has another body, and serves that.
pub(crate) fn patch(server: &FakeServer, generation: u64, base: &str, target: &str) {
    server.set_generation(generation);
    server.put_page("/", target);
    server.say(&patch_message(generation, base, target));
}

pub(crate) fn patch_message(generation: u64, base: &str, target: &str) -> Value {
    json!({
        "type": "patch", "generation": generation, "cause": ["index.html"], "styles": [], "assets": [], "modules": [], "hashes": {},
        "page": format!("page-{generation}"), "base": document_without_tag(base), "target": document_without_tag(target),
    })
}

/// Waits until the client says this, and answers it.
pub(crate) async fn hear(server: &mut FakeServer, kind: &str, generation: u64) -> Value {
    loop {
        let said = server.hear(SOON).await;
        if said["type"] == kind && said["generation"] == generation {
            return said;
        }
    }
}

/// Opens a page, lets `prepare` live in it, and morphs it; answers once that is done, in the same document.
async fn morphed(base: &str, prepare: &str, target: &str) -> (FakeServer, Chromium, Page) {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", base);
    let page = open(&server, &browser).await;
    page.evaluate(prepare).await;
    patch(&server, 2, base, target);
    hear(&mut server, "painted", 2).await;
    assert_same_document(&page).await;
    (server, browser, page)
}

async fn assert_true(page: &Page, expression: &str) {
    assert_eq!(page.evaluate(expression).await, true, "{expression}");
}

/// A page someone has been at work in.
const LIVED: &str = r#"<head>{client}<title>Shop</title><meta name=description content=one>
<style>#box { height: 60px; overflow: auto } #box div { height: 900px } body { height: 4000px }</style></head>
<body class="page"><h1 id=head>one</h1><p>first</p>
<form><input name=title><textarea name=text>served</textarea><input type=checkbox name=yes><select name=pick><option>a<option>b</select></form>
<details><summary>more</summary>inside</details><dialog>asked</dialog><div id=box><div>long</div></div>
<ul id=list><li data-key=a>A<input></li><li data-key=b>B<input><iframe></iframe></li><li data-key=c>C<input><iframe></iframe></li></ul>
<p id=read>some words to select</p><audio id=sound></audio><iframe id=frame srcdoc="<p>inside"></iframe><div id=app></div></body>"#;

const LIVE: &str = r#"(async () => {
    const $ = (selector) => document.querySelector(selector);
    $('[name=yes]').checked = true; $('[name=pick]').value = 'b'; $('details').open = true; $('dialog').showModal();
    $('#box').scrollTop = 300; scrollTo(0, 500);
    $('#app').append(Object.assign(document.createElement('b'), { textContent: 'made by a script' }));
    $('#list').append(Object.assign(document.createElement('li'), { id: 'own', textContent: 'mine' }));
    $('body').classList.add('ready'); $('h1').setAttribute('data-own', '1'); $('h1').style.color = 'rgb(9, 9, 9)';
    for (const frame of document.querySelectorAll('iframe')) frame.contentWindow.mark = 1;
    for (const item of document.querySelectorAll('#list input')) item.value = item.parentNode.dataset.key;
    const bytes = new Uint8Array(44 + 80000), view = new DataView(bytes.buffer);
    [...'RIFF....WAVEfmt '].forEach((letter, at) => bytes[at] = letter.charCodeAt());
    [[4, 80036], [16, 16], [24, 8000], [28, 8000], [40, 80000]].forEach(([at, value]) => view.setUint32(at, value, true));
    [[20, 1], [22, 1], [32, 1], [34, 8]].forEach(([at, value]) => view.setUint16(at, value, true));
    [...'data'].forEach((letter, at) => bytes[36 + at] = letter.charCodeAt()); bytes.fill(128, 44);
    $('#sound').src = URL.createObjectURL(new Blob([bytes], { type: 'audio/wav' }));
    await new Promise((done) => $('#sound').onloadedmetadata = done);
    $('#sound').currentTime = 4; await new Promise((done) => $('#sound').onseeked = done);
    getSelection().setBaseAndExtent($('#read').firstChild, 5, $('#read').firstChild, 10);
    window.nodes = ['h1', '#list li', '#frame', '[name=title]', '#box'].map($);
})()"#;

#[tokio::test]
async fn what_lives_in_a_page_survives_what_the_server_changes() {
    let target = LIVED
        .replace("<title>Shop", "<title>Store")
        .replace("content=one", "content=two")
        .replace(r#"class="page""#, r#"class="page wide""#)
        .replace("<h1 id=head>one</h1>", "<h1 id=head title=t>two <i>new</i></h1><p>between</p>")
        .replace("<p>first</p>", "")
        .replace(">more<", ">less<")
        .replace(
            "<li data-key=b>B<input><iframe></iframe></li><li data-key=c>C<input><iframe></iframe></li>",
            "<li data-key=c>C!<input><iframe></iframe></li><li data-key=b>B<input><iframe></iframe></li>",
        )
        .replace("some words to select", "now some words to select")
        .replace(">served<", ">served anew<");
    let (_server, _browser, page) = morphed(LIVED, LIVE, &target).await;
    for expression in [
        "document.title === 'Store' && document.querySelector('meta[name=description]').content === 'two'",
        "document.body.className === 'page ready wide'",
        "document.querySelector('h1').outerHTML === '<h1 id=\"head\" data-own=\"1\" style=\"color: rgb(9, 9, 9);\" title=\"t\">two <i>new</i></h1>'",
        "document.querySelector('h1').nextElementSibling.textContent === 'between' && !document.body.textContent.includes('first')",
        "document.querySelector('[name=yes]').checked && document.querySelector('[name=pick]').value === 'b'",
        "document.querySelector('[name=text]').value === 'served anew'",
        "document.querySelector('details').open && document.querySelector('summary').textContent === 'less'",
        "document.querySelector('dialog').matches(':modal')",
        "document.querySelector('#box').scrollTop === 300 && scrollY > 400",
        "document.querySelector('#app').textContent === 'made by a script'",
        "[...document.querySelectorAll('#list > li')].map((item) => item.id || item.dataset.key).join() === 'a,c,b,own'",
        "[...document.querySelectorAll('#list input')].every((item) => item.value === item.parentNode.dataset.key)",
        "document.querySelector('[data-key=c]').firstChild.data === 'C!'",
        "[...document.querySelectorAll('iframe')].every((frame) => frame.contentWindow.mark === 1)",
        "Math.abs(document.querySelector('#sound').currentTime - 4) < 0.1",
        // The open dialog makes it unreadable as text.
        "getSelection().getRangeAt(0).toString() === 'words'",
        "['h1', '#list li', '#frame', '[name=title]', '#box'].every((selector, at) => document.querySelector(selector) === window.nodes[at])",
    ] {
        assert_true(&page, expression).await;
    }
}

#[tokio::test]
async fn typed_text_its_caret_and_its_focus_survive() {
    let base = "<head>{client}</head><body><h1>one</h1><form><input name=title></form></body>";
    let target = "<head>{client}</head><body><h1>two</h1><main><p>new</p><form id=f class=x><label>Title <input name=title></label></form></main></body>";
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", base);
    let page = open(&server, &browser).await;
    page.evaluate("document.querySelector('input').focus()").await;
    page.insert_text("half a word").await;
    page.evaluate("document.querySelector('input').setSelectionRange(2, 6, 'backward')").await;
    // The form goes: what was typed into it must not.
    patch(&server, 2, base, target);
    page.wait_until("document.querySelector('everlit-badge')?.shadowRoot.textContent.includes('update ready') === true", SOON)
        .await;
    assert_true(
        &page,
        "document.querySelector('input').value === 'half a word' && document.querySelector('h1').textContent === 'one'",
    )
    .await;

    // With an id it is known where it went to.
    let base = base.replace("<form>", "<form id=f>");
    server.put_page("/", &base);
    let page = browser.open(&server.url).await;
    server.wait_connections(2, SOON).await;
    page.evaluate("window.mark = 1, document.querySelector('input').focus()").await;
    page.insert_text("half a word").await;
    page.evaluate("document.querySelector('input').setSelectionRange(2, 6, 'backward')").await;
    let target = target.replace("<label>Title <input name=title></label>", "<input name=title><b>!</b>");
    patch(&server, 3, &base, &target);
    hear(&mut server, "painted", 3).await;
    let state = "(() => { const field = document.activeElement;
        return [field.name, field.value, field.selectionStart, field.selectionEnd, field.selectionDirection, field.closest('main') !== null].join() })()";
    assert_eq!(page.evaluate(state).await, "title,half a word,2,6,backward,true");
    assert_same_document(&page).await;
}

#[tokio::test]
async fn the_next_change_starts_from_what_the_last_one_made() {
    let body = |words: &str| format!("<head>{{client}}</head><body><p>{words}</p></body>");
    let (mut server, _browser, page) = morphed(&body("one"), "0", &body("two")).await;
    // Its base is what the server last served this tab by itself, or what it sent: both come to the same.
    patch(&server, 3, &body("two"), &body("three"));
    let said = hear(&mut server, "page", 3).await;
    assert_eq!(said["page"], "page-3");
    patch(&server, 4, &body("one"), &body("four"));
    hear(&mut server, "painted", 4).await;
    assert_true(&page, "document.body.textContent.trim() === 'four'").await;
    assert_same_document(&page).await;
}

/// Each target with what must be there afterwards.
#[tokio::test]
async fn heads_templates_and_shadow_roots_are_changed_in_place() {
    let base = r##"<head>{client}<title>a</title><meta name=x content=1></head><body><h1>t</h1><template id=t><b>one</b></template>
        <div id=host><template shadowrootmode=open><i>one</i><link rel=stylesheet href="/in.css"></template></div>
        <svg><use href="#a" xlink:href="#a"/></svg><noscript><p>off</p></noscript><pre>  x
 </pre><my-thing kind=a></my-thing>
        <em style="color: red; margin: 1px; top: 1px">e</em></body>"##;
    let target = base
        .replace("<b>one", "<b class=k>two")
        .replace("<i>one", "<i>two</i><i>three")
        .replace(r##"xlink:href="#a""##, r##"xlink:href="#b""##)
        .replace("<p>off", "<p>never mind")
        .replace("kind=a", "kind=b")
        .replace("margin: 1px; top: 1px", "margin: 2px")
        .replace("<title>a</title>", r#"<title>b</title><link rel=canonical href="/c">"#)
        .replace("</h1>", "</h1><section><template shadowrootmode=open><u>new</u></template></section>");
    let define =
        "document.querySelector('em').style.color = 'blue'; customElements.define('my-thing', class extends HTMLElement {
        static observedAttributes = ['kind']; attributeChangedCallback(name, was, will) { this.heard = will } })";
    let (_server, _browser, page) = morphed(base, define, &target).await;
    for expression in [
        "document.title === 'b' && document.querySelector('link[rel=canonical]') !== null",
        "document.querySelector('#t').content.firstChild.outerHTML === '<b class=\"k\">two</b>'",
        "document.querySelector('#host').shadowRoot.textContent.trim() === 'twothree'",
        "document.querySelector('section').shadowRoot.textContent === 'new' && document.querySelector('section').children.length === 0",
        "document.querySelector('use').getAttributeNS('http://www.w3.org/1999/xlink', 'href') === '#b'",
        "document.querySelector('my-thing').heard === 'b'",
        "document.querySelector('em').getAttribute('style') === 'color: blue; margin: 2px;'",
    ] {
        assert_true(&page, expression).await;
    }
}

#[tokio::test]
async fn new_text_never_stands_there_without_its_new_stylesheet() {
    let base = r#"<head>{client}<link rel=stylesheet href="/old.css"></head><body><h1>one</h1></body>"#;
    let target = r#"<head>{client}<link rel=stylesheet href="/new.css"><link rel=stylesheet href="/gone.css"></head><body><h1>two</h1></body>"#;
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", base);
    server.put("/old.css", CSS, "h1 { color: rgb(1, 0, 0) }");
    server.put("/new.css", CSS, "h1 { color: rgb(2, 0, 0) }");
    server.slow_down("/new.css", std::time::Duration::from_millis(300));
    let page = open(&server, &browser).await;
    let watch = "window.seen = new Set(); (function look() { const head = document.querySelector('h1');
        window.seen.add(head.textContent + getComputedStyle(head).color); requestAnimationFrame(look) })()";
    page.evaluate(watch).await;
    patch(&server, 2, base, target);
    hear(&mut server, "painted", 2).await;
    assert_eq!(page.evaluate("[...window.seen].join(';')").await, "onergb(1, 0, 0);tworgb(2, 0, 0)");
    let hrefs = "[...document.querySelectorAll('link')].map((link) => link.getAttribute('href') + link.media).join()";
    assert_eq!(page.evaluate(hrefs).await, "/new.css,/gone.css");
    assert_same_document(&page).await;
}

/// Why a page cannot be changed in place: what is served, what a script did, what is served then.
#[tokio::test]
async fn what_cannot_be_done_in_place_is_one_reload_with_its_state() {
    let frame = |head: &str, body: &str| {
        format!(
            "<head>{{client}}{head}</head><body><style>body {{ height: 4000px }} #box {{ height: 60px; overflow: auto }}</style>{body}<div id=box><p style='height:900px'>long</p></div>\
                 <input name=a><input type=checkbox name=b><textarea name=c></textarea><details><summary>s</summary>d</details></body>"
        )
    };
    let plain = frame("", "<h1>one</h1><p id=p class=k>text</p>");
    let cases = [
        ("a text a script changed", "document.querySelector('h1').textContent = 'mine'", plain.replace("<h1>one", "<h1>two")),
        ("an attribute a script changed", "document.querySelector('#p').title = 'mine'", plain.replace("id=p", "id=p title=two")),
        ("a node a script removed", "document.querySelector('#p').remove()", plain.replace(">text<", ">other<")),
        (
            "a node that goes, with something in it",
            "document.querySelector('#p').append('more')",
            plain.replace("<p id=p class=k>text</p>", ""),
        ),
        ("a script", "0", frame("<script>window.ran = 1</script>", "<h1>one</h1><p id=p class=k>text</p>")),
        ("a base", "0", frame("<base href='/'>", "<h1>one</h1><p id=p class=k>text</p>")),
        (
            "a policy",
            "0",
            frame("<meta http-equiv=Content-Security-Policy content=\"img-src 'self'\">", "<h1>one</h1><p id=p class=k>text</p>"),
        ),
        ("a handler", "0", plain.replace("id=p", "id=p onclick='window.ran = 1'")),
    ];
    let browser = Chromium::start().await;
    for (what, prepare, target) in cases {
        let server = FakeServer::start().await;
        server.put_page("/", &plain);
        let page = open(&server, &browser).await;
        page.evaluate("document.querySelector('[name=a]').value = 'set'; document.querySelector('[name=b]').checked = true;
            document.querySelector('details').open = true; document.querySelector('#box').scrollTop = 200; scrollTo(0, 700);
            document.querySelector('[name=c]').focus({ preventScroll: true }); document.querySelector('[name=c]').value = 'words'; document.querySelector('[name=c]').setSelectionRange(1, 3)").await;
        page.evaluate(prepare).await;
        patch(&server, 2, &plain, &target);
        wait_new_document(&page).await;
        let restored = "(() => { const field = document.activeElement; return [document.querySelector('[name=a]').value, document.querySelector('[name=b]').checked,
            document.querySelector('details').open, document.querySelector('#box').scrollTop, scrollY, field.name, field.value, field.selectionStart, field.selectionEnd].join()
            === 'set,true,true,200,700,c,words,1,3' })()";
        page.wait_until(restored, SOON).await;
        server.wait_connections(2, SOON).await;
        shows_answer_to_data(&server, &page).await;
        assert_eq!(server.count_requests("/"), 2, "{what}: the first load and one reload");
    }
}

/// What a reload gives back is found in shadow roots, in what scripts build late, and by its name where the page has another shape.
#[tokio::test]
async fn a_reload_waits_for_what_it_gives_back() {
    let base = "<head>{client}<style>#late { height: 50px; overflow: auto } #late p { height: 900px }</style></head><body>
        <section><div><template shadowrootmode=open><input name=inner><textarea></textarea></template></div>
        <select name=many multiple><option>a<option>b<option>c</select><input name=moved></section>
        <script>setTimeout(() => { const late = document.createElement('div'); late.id = 'late'; late.innerHTML = '<p>long</p><input name=made>';
        document.body.append(late); window.ready = true }, 200)</script></body>";
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", base);
    let page = open(&server, &browser).await;
    page.wait_until("window.ready === true", SOON).await;
    page.evaluate(
        "const $ = (selector) => document.querySelector(selector); $('#late').scrollTop = 70; $('[name=made]').value = 'late'; $('[name=moved]').value = 'there';
        $('[name=many]').options[1].selected = $('[name=many]').options[2].selected = true; const inner = $('section div').shadowRoot.querySelector('input');
        inner.value = 'inside'; inner.focus(); inner.setSelectionRange(1, 2)",
    )
    .await;
    server.put_page("/", &base.replace("<input name=moved></section>", "</section><main><p><input name=moved></p></main>"));
    server.set_generation(2);
    server.say(&json!({ "type": "reload", "generation": 2, "cause": [] }));
    wait_new_document(&page).await;
    let restored = "(() => { const $ = (selector) => document.querySelector(selector), inner = $('section div').shadowRoot.activeElement;
        return [$('#late').scrollTop, $('[name=made]').value, $('[name=moved]').value, [...$('[name=many]').selectedOptions].map(({ text }) => text).join('+'),
            inner.value, inner.selectionStart, inner.selectionEnd].join() === '70,late,there,b+c,inside,1,2' })()";
    page.wait_until(restored, SOON).await;
}

/// A page whose script went to another address is not what the server served there.
#[tokio::test]
async fn a_page_that_went_elsewhere_by_itself_is_loaded_anew() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    let body = |words: &str| format!("<head>{{client}}</head><body><p>{words}</p></body>");
    server.put_page("/", &body("one"));
    server.put_page("/there", &body("there"));
    let page = open(&server, &browser).await;
    page.evaluate("history.pushState({}, '', '/there')").await;
    server.say(&patch_message(2, &body("one"), &body("two")));
    wait_new_document(&page).await;
    page.wait_until("document.body.textContent.trim() === 'there'", SOON).await;
}

/// A change of other files in between does not make a page forget which one it is, nor what is still to be done to it.
#[tokio::test]
async fn what_came_together_is_done_together() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let body = |words: &str| format!("<head>{{client}}<link rel=stylesheet href='/site.css'></head><body><p>{words}</p></body>");
    server.put_page("/", &body("one"));
    server.put("/site.css", CSS, "p { color: rgb(1, 0, 0) }");
    server.set_page("page-1");
    let page = open(&server, &browser).await;
    server.slow_down("/site.css", std::time::Duration::from_millis(300));
    let other = json!({ "type": "patch", "cause": [], "styles": [], "assets": [], "modules": ["/never.js"], "hashes": {}, "page": null, "base": null, "target": null });
    let mut first = other.clone();
    (first["generation"], first["styles"]) = (json!(2), json!(["/site.css"]));
    server.say(&first);
    // The first is under way.
    server.say(&patch_message(3, &body("one"), &body("two")));
    let mut last = other;
    last["generation"] = json!(4);
    server.say(&last);
    assert_eq!(hear(&mut server, "page", 2).await["page"], "page-1");
    assert_eq!(hear(&mut server, "page", 4).await["page"], "page-3");
    assert_true(&page, "document.body.textContent.trim() === 'two'").await;
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_strict_policy_allows_what_it_names_and_reloads_otherwise() {
    for (types, in_place) in [("trusted-types everlit", true), ("trusted-types none-of-ours", false)] {
        let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
        let policy = format!(
            "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             require-trusted-types-for 'script'; {types}\r\n"
        );
        let page_of = |words: &str| format!("<head>{{client}}</head><body><h1 class=a>{words}</h1></body>");
        server.put_with("/", "text/html", &policy, &format!("<!doctype html><html lang=en>{}</html>", page_of("one")));
        let page = open(&server, &browser).await;
        server.say(&patch_message(2, &page_of("one"), &page_of("two").replace("</h1>", "</h1><p title=x>new</p>")));
        if in_place {
            hear(&mut server, "painted", 2).await;
            assert_true(&page, "document.querySelector('h1').textContent === 'two' && document.querySelector('p').title === 'x'")
                .await;
            assert_same_document(&page).await;
        } else {
            wait_new_document(&page).await;
        }
    }
}

/// What a long list costs, and that its nodes are kept.
#[tokio::test]
async fn long_lists_keep_their_nodes() {
    let list = |from: usize, to: usize| {
        let items: String = (from..to).map(|number| format!("<li>item {number} <b>x</b></li>")).collect();
        format!("<head>{{client}}</head><body><ul>{items}</ul></body>")
    };
    let mark = "document.querySelectorAll('li').forEach((item, at) => item.number = at + 1)";
    let (_server, _browser, page) =
        morphed(&list(1, 3000), mark, &list(20, 3020).replace("item 500 ", "item five hundred ")).await;
    let kept = "[...document.querySelectorAll('li')].filter((item) => item.number && (item.textContent === `item ${item.number} x` || item.number === 500)).length";
    assert_eq!(page.evaluate(kept).await, 2980);
    assert_true(&page, "document.querySelectorAll('li').length === 3000 && document.querySelectorAll('li')[480].textContent === 'item five hundred x'").await;
}
