//! Stylesheets, pictures and fonts: no flash, nothing lost when the new one does not load, wherever they stand.

use std::{path::Path, time::Duration};

use serde_json::json;

use crate::{
    client::{CSS, assert_same_document, change, open, wait_new_document},
    harness::{Chromium, FakeServer, Page, SOON},
    morph::hear,
};

const SVG: &str = "image/svg+xml";

/// Notes every state of an expression from frame to frame.
async fn watch(page: &Page, expression: &str) {
    page.evaluate(&format!(
        "window.seen = []; (function look() {{ const now = String({expression});
        if (window.seen.at(-1) !== now) window.seen.push(now); requestAnimationFrame(look) }})()"
    ))
    .await;
}

async fn seen(page: &Page) -> String {
    page.evaluate("window.seen.join(' ')").await.as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn no_frame_shows_the_page_without_its_stylesheet() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", r#"<head>{client}<link rel=stylesheet href="/site.css"></head><body><h1>one</h1><link rel=stylesheet href="/part.css"><p>two</p></body>"#);
    for sheet in ["/site.css", "/part.css"] {
        server.put(sheet, CSS, "h1 { width: 100px }");
        server.slow_down(sheet, Duration::from_millis(200));
    }
    let page = open(&server, &browser).await;
    watch(&page, "getComputedStyle(document.querySelector('h1')).width").await;
    for (generation, width) in [(2, 200), (3, 300)] {
        for sheet in ["/site.css", "/part.css"] {
            server.put(sheet, CSS, &format!("h1 {{ width: {width}px }}"));
            server.slow_down(sheet, Duration::from_millis(200));
        }
        server.say(&change("styles", generation, &["/site.css", "/part.css"]));
        hear(&mut server, "painted", generation).await;
    }
    assert_eq!(seen(&page).await, "100px 200px 300px");
    assert_eq!(
        page.evaluate(
            "document.body.children[1].href.endsWith('/part.css?everlit=3') && document.querySelectorAll('link').length"
        )
        .await,
        2
    );
    assert_same_document(&page).await;
}

#[tokio::test]
async fn imports_of_imports_are_reached_and_keep_what_applies_on_error() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", r#"<head>{client}<link rel=stylesheet href="/site.css"></head><body><h1>one</h1></body>"#);
    let kept = "Cache-Control: max-age=600\r\n";
    server.put_with("/site.css", CSS, kept, "@import 'base/all.css';");
    server.put_with("/base/all.css", CSS, kept, "@import 'colors.css';");
    server.put_with("/base/colors.css", CSS, kept, "h1 { color: rgb(1, 0, 0) }");
    let page = open(&server, &browser).await;
    watch(&page, "getComputedStyle(document.querySelector('h1')).color").await;
    server.put_with("/base/colors.css", CSS, kept, "h1 { color: rgb(2, 0, 0) }");
    server.say(&change("styles", 2, &["/base/colors.css"]));
    hear(&mut server, "painted", 2).await;
    assert_eq!(seen(&page).await, "rgb(1, 0, 0) rgb(2, 0, 0)");
    server.remove("/site.css");
    server.say(&change("styles", 3, &["/site.css"]));
    hear(&mut server, "painted", 3).await;
    assert_eq!(seen(&page).await, "rgb(1, 0, 0) rgb(2, 0, 0)");
    assert_same_document(&page).await;
}

#[tokio::test]
async fn media_alternates_and_switched_sheets_stay_as_they_are() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page(
        "/",
        r#"<head>{client}<link rel=stylesheet href="/screen.css" media=screen><link rel=stylesheet href="/print.css" media=print>
        <link rel="alternate stylesheet" title=other href="/other.css"><link rel=stylesheet href="/off.css" disabled>
        <link rel=stylesheet href="/switched.css"><style>@import "/in.css"; b { color: red }</style></head><body><h1>one</h1></body>"#,
    );
    let all = ["/screen.css", "/print.css", "/other.css", "/off.css", "/switched.css", "/in.css"];
    for (at, sheet) in all.iter().enumerate() {
        server.put(sheet, CSS, &format!("h1 {{ order: {at} }}"));
    }
    let page = open(&server, &browser).await;
    page.evaluate("document.querySelector('[href=\"/switched.css\"]').sheet.disabled = true; document.querySelector('style').sheet.disabled = true").await;
    watch(&page, "getComputedStyle(document.querySelector('h1')).order").await;
    for (at, sheet) in all.iter().enumerate() {
        server.put(sheet, CSS, &format!("h1 {{ order: {} }}", at + 10));
    }
    server.say(&change("styles", 2, &all));
    hear(&mut server, "painted", 2).await;
    assert_eq!(seen(&page).await, "0 10");
    // Switched on, each is the new one.
    page.evaluate("document.querySelector('[disabled][href^=\"/off.css\"], [disabled][href*=\"off.css\"]').disabled = false")
        .await;
    page.wait_until("getComputedStyle(document.querySelector('h1')).order === '13'", SOON).await;
    page.evaluate("document.querySelector('[href*=\"switched.css\"]').disabled = false; document.querySelector('[href*=\"switched.css\"]').sheet.disabled = false").await;
    page.wait_until("getComputedStyle(document.querySelector('h1')).order === '14'", SOON).await;
    assert_same_document(&page).await;
}

#[tokio::test]
async fn sheets_a_script_made_of_a_fetched_text_are_replaced_where_they_are_known() {
    let script = "<script>(async () => { const sheet = new CSSStyleSheet(); sheet.replaceSync(await (await fetch('/theme.css')).text());
        document.querySelector('div').attachShadow({ mode: 'open' }).innerHTML = '<i>x</i>';
        document.adoptedStyleSheets = document.querySelector('div').shadowRoot.adoptedStyleSheets = [sheet]; EXTRA; window.ready = true })()</script>";
    for (extra, in_place) in [("0", true), ("sheet.insertRule('u { color: red }')", false)] {
        let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
        server.put_page(
            "/",
            &format!("<head>{{client}}</head><body><h1>one</h1><div></div>{}</body>", script.replace("EXTRA", extra)),
        );
        server.put("/theme.css", CSS, "h1, i { color: rgb(1, 0, 0) } /* one */ p { margin: 0px }");
        let page = open(&server, &browser).await;
        page.wait_until("window.ready === true", SOON).await;
        server.put("/theme.css", CSS, "h1, i { color: rgb(2, 0, 0) }");
        server.set_generation(2);
        server.say(&change("styles", 2, &["/theme.css"]));
        hear(&mut server, "painted", 2).await;
        let colors = "[document.querySelector('h1'), document.querySelector('div').shadowRoot.querySelector('i')].map((one) => getComputedStyle(one).color).join()
            === 'rgb(2, 0, 0),rgb(2, 0, 0)'";
        page.wait_until(colors, SOON).await;
        if in_place {
            assert_same_document(&page).await;
        } else {
            wait_new_document(&page).await;
        }
    }
}

#[tokio::test]
async fn a_font_changes_without_a_frame_in_another_one() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    // Fonts of one letter, `n`, which is 0.4 or 1.2 em wide.
    let font = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/fixtures").join(name)).expect("a font")
    };
    server.put_page(
        "/",
        r#"<head>{client}<style>@font-face { font-family: Measure; src: url("/type.ttf") format("truetype") }
        span { font: 100px Measure }</style></head><body><span>nn</span></body>"#,
    );
    server.put_bytes("/type.ttf", "font/ttf", &font("narrow.ttf"));
    let page = open(&server, &browser).await;
    let width = "document.querySelector('span').offsetWidth";
    page.wait_until(&format!("{width} === 80"), SOON).await;
    watch(&page, width).await;
    for (generation, name) in [(2, "wide.ttf"), (3, "narrow.ttf"), (4, "wide.ttf")] {
        server.put_bytes("/type.ttf", "font/ttf", &font(name));
        server.slow_down("/type.ttf", Duration::from_millis(100));
        server.say(&change("assets", generation, &["/type.ttf"]));
        hear(&mut server, "painted", generation).await;
    }
    assert_eq!(seen(&page).await, "80 240 80 240");
    // A broken one changes nothing.
    server.put("/type.ttf", "font/ttf", "no font");
    server.say(&change("assets", 5, &["/type.ttf"]));
    hear(&mut server, "painted", 5).await;
    assert_eq!((seen(&page).await.as_str(), page.evaluate("document.fonts.size").await), ("80 240 80 240", json!(2)));
    assert_same_document(&page).await;
}

#[tokio::test]
async fn pictures_in_svg_icons_posters_and_sheets_are_refreshed_and_stay_fresh() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let picture = |width: u32| {
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="9"><g id="part"><rect width="{width}" height="9"/></g></svg>"#
        )
    };
    server.put_page(
        "/",
        r##"<head>{client}<link rel=icon href="/a.svg"><link rel=stylesheet href="/site.css"></head><body><h1>one</h1>
        <svg><use href="/a.svg#part"/></svg><video poster="/a.svg"></video><img src="/a.svg"><img id=broken src="/b.svg"></body>"##,
    );
    server.put("/site.css", CSS, "h1 { background: url(a.svg); --own: url(a.svg) }");
    server.put("/a.svg", SVG, &picture(10));
    server.put("/b.svg", SVG, &picture(10));
    let page = open(&server, &browser).await;
    server.put("/a.svg", SVG, &picture(20));
    server.remove("/b.svg");
    server.say(&change("assets", 2, &["/a.svg", "/b.svg"]));
    hear(&mut server, "painted", 2).await;
    let addresses = "[document.querySelector('link').href, document.querySelector('use').getAttribute('href'), document.querySelector('video').poster,
        document.images[0].src, getComputedStyle(document.querySelector('h1')).backgroundImage].every((address) => /a.svg\\?everlit=2(#part)?/.test(address))";
    page.wait_until(addresses, SOON).await;
    page.wait_until("document.querySelector('use').getBBox().width === 20 && document.images[0].naturalWidth === 20", SOON).await;
    assert_eq!(page.evaluate("document.querySelector('#broken').naturalWidth").await, 10, "what does not load leaves the old");

    // A sheet that comes anew has the plain address in it: no old picture comes with it, not for a frame.
    watch(&page, "getComputedStyle(document.querySelector('h1')).backgroundImage.replace(/.*svg/, '')").await;
    for generation in 3..9 {
        server.put("/site.css", CSS, &format!("h1 {{ background: url(a.svg); color: rgb({generation}, 0, 0) }}"));
        server.say(&change("styles", generation, &["/site.css"]));
        hear(&mut server, "painted", generation).await;
        assert_eq!(
            page.evaluate("getComputedStyle(document.querySelector('h1')).color").await,
            format!("rgb({generation}, 0, 0)")
        );
    }
    assert_eq!(seen(&page).await, r#"?everlit=2")"#);
    assert_same_document(&page).await;
}
