//! What pages say on their consoles, and what goes wrong in them, in the terminal.

use serde_json::{Value, json};

use crate::harness::{Chromium, Firefox, Page, ReloadSocket, SOON, TestProject, TestServer};

/// A page whose script and markup say and break all there is; the numbers of the lines of `app.js` are looked at below.
const PROJECT: &str = r#"
-- static/index.html --
<!doctype html><title>a</title>
<script>console.info("from the head", 1)</script>
<body><img src="/missing.png?a"><script src="/app.js"></script>
-- static/app.js --
console.log("hello %s", "you", { a: [1, "two", null], get b() { throw 1 } }, document.body);
function fail() {
  throw new TypeError("x is undefined");
}
setTimeout(fail);
Promise.reject(new Error("nobody cares"));
fetch("/api/none?a", { method: "put" });
for (let i = 0; i < 12; i++) console.warn("again");
const old = new XMLHttpRequest();
old.open("GET", "/old");
old.send();
"#;

/// What the page says, by kind, level and first line.
fn said(server: &mut TestServer, kind: &str, level: &str, text: &str) -> Value {
    server.wait_for(&format!("{kind} {level} {text}"), SOON, |event| {
        event["event"] == "console"
            && (&event["kind"], &event["level"]) == (&json!(kind), &json!(level))
            && event["text"].as_str().is_some_and(|said| said.lines().next() == Some(text))
    })
}

fn place(event: &Value) -> (&str, u64) {
    (event["source"].as_str().unwrap_or_default(), event["line"].as_u64().unwrap_or_default())
}

/// Checks all that [`PROJECT`] says, in whichever order it comes.
fn check_all(server: &mut TestServer, browser: &str, network: &str) {
    let mut said = |kind: &str, level: &str, text: &str| {
        server.rewind();
        let event = said(server, kind, level, text);
        assert_eq!((&event["browser"], &event["page"]), (&json!(browser), &json!("/")), "{event}");
        event
    };
    let early = said("console", "info", "from the head 1");
    assert_eq!(place(&early), ("/", 2), "{early}");
    let logged = said("console", "log", r#"hello you { a: [1, "two", null], b: (…) } <body>"#);
    assert_eq!(place(&logged), ("/app.js", 1), "{logged}");
    let uncaught = said("error", "error", "TypeError: x is undefined");
    assert_eq!(place(&uncaught), ("/app.js", 3), "{uncaught}");
    assert!(uncaught["text"].as_str().is_some_and(|text| text.contains("\n    at fail (/app.js:3:")), "{uncaught}");
    let rejected = said("rejection", "error", "Error: nobody cares");
    assert_eq!(place(&rejected), ("/app.js", 6), "{rejected}");
    let asked = said("request", "error", &format!("PUT /api/none?a {network}"));
    assert_eq!(place(&asked), ("/app.js", 7), "{asked}");
    let asked = said("request", "error", "GET /old 404 Not Found");
    assert_eq!(place(&asked), ("/app.js", 10), "{asked}");
    said("resource", "error", "<img> /missing.png?a");
    let again = said("console", "warn", "again");
    assert_eq!((place(&again), &again["times"]), (("/app.js", 8), &json!(12)), "{again}");
}

async fn connected(page: &Page) {
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
}

#[tokio::test]
async fn all_that_a_page_says_and_breaks_shows_in_chromium() {
    let project = TestProject::from_text(PROJECT);
    let (mut server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    connected(&browser.open(&server.url).await).await;
    check_all(&mut server, "Chrome", "404 Not Found");
}

#[tokio::test]
async fn all_that_a_page_says_and_breaks_shows_in_firefox() {
    let project = TestProject::from_text(PROJECT);
    let (mut server, browser) = (TestServer::start(project.path()), Firefox::start().await);
    browser.open(&server.url).await.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    check_all(&mut server, "Firefox", "404 Not Found");
}

/// Four messages on four lines.
const FOUR: &str = r#"
-- static/index.html --
<!doctype html><title>a</title><script src="/app.js"></script>
-- static/app.js --
const returned = [];
returned.push(console.warn("one"));
[1].forEach(() => returned.push(console.error("two")));
console.assert(false, "three");
console.trace("four");
window.returned = returned.concat(console.log.name, fetch.name, fetch.length, fetch("/app.js") instanceof Promise);
"#;

/// The page's own console names these lines, whatever hears along; messages are as the browsers' protocols tell them.
fn check_own_lines(messages: &[Value]) {
    let place = |message: &Value| {
        let frame = &message["stackTrace"]["callFrames"][0];
        let url = frame["url"].as_str().unwrap_or_default();
        (url.rsplit('/').next().unwrap_or_default().to_owned(), frame["lineNumber"].as_u64().unwrap_or_default() + 1)
    };
    let places: Vec<_> = messages.iter().map(place).collect();
    assert_eq!(places, [2, 3, 4, 5].map(|line| ("app.js".to_owned(), line)), "{messages:#?}");
}

#[tokio::test]
async fn the_page_s_own_console_names_the_page_s_lines() {
    let project = TestProject::from_text(FOUR);
    let (server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let page = browser.open(&server.url).await;
    connected(&page).await;
    assert_eq!(page.evaluate("window.returned").await, json!([null, null, "log", "fetch", 1, true]));
    check_own_lines(&page.console().await);
}

#[tokio::test]
async fn it_names_them_in_firefox_too() {
    let project = TestProject::from_text(FOUR);
    let (server, browser) = (TestServer::start(project.path()), Firefox::start().await);
    let page = browser.open(&server.url).await;
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    check_own_lines(&page.console().await);
}

#[tokio::test]
async fn a_rejection_that_the_page_handles_is_its_own_affair_and_another_is_told() {
    let project = TestProject::from_text("-- static/index.html --\n<!doctype html><title>a</title>\n");
    let (mut server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let page = browser.open(&server.url).await;
    connected(&page).await;
    let unhandled = "new Promise((done) => { addEventListener('unhandledrejection', ({ reason }) => done(reason.name)); void fetch('http://[::1]:1/') })";
    assert_eq!(page.evaluate(unhandled).await, "TypeError");
    let request = said(&mut server, "request", "error", "GET http://[::1]:1/ TypeError: Failed to fetch");
    assert_eq!(request["level"], "error");
    server.rewind();
    said(&mut server, "rejection", "error", "TypeError: Failed to fetch");
    page.evaluate("fetch('http://[::1]:1/').catch(() => {}), fetch('/', { signal: AbortSignal.abort() }).catch(() => {})").await;
    said(&mut server, "request", "error", "GET http://[::1]:1/ TypeError: Failed to fetch");
    page.evaluate("console.log('last')").await;
    said(&mut server, "console", "log", "last");
    let rejections = server.events().iter().filter(|event| event["kind"] == "rejection").count();
    assert_eq!(rejections, 1, "{}", server.transcript());
}

#[tokio::test]
async fn whatever_is_logged_is_short() {
    let project = TestProject::from_text("-- static/index.html --\n<!doctype html><title>a</title><p id=x class=\"y z\">\n");
    let (mut server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let page = browser.open(&server.url).await;
    connected(&page).await;
    let mut check = async |values: &str, expected: &str| {
        page.evaluate(&format!("{{ {values} }}")).await;
        said(&mut server, "console", "log", expected);
    };
    check("const a = { n: 1 }; a.a = a; console.log(a, [a])", "{ n: 1, a: [circular] } [{ n: 1, a: [circular] }]").await;
    check("console.log({ a: { b: { c: { d: 1 } } } })", "{ a: { b: { c: { … } } } }").await;
    check(
        "console.log(document.querySelector('p'), document, undefined, null, -1.5, 7n, Symbol('s'))",
        "<p#x.y.z> #document undefined null -1.5 7n Symbol(s)",
    )
    .await;
    check(
        "console.log(new Map([[1, { a: 'b' }]]), new Set(), new Date(0), /x/g)",
        r#"Map(1) { 1 => { a: "b" } } Set(0) {} 1970-01-01T00:00:00.000Z /x/g"#,
    )
    .await;
    check("console.log([new Error('x')], class A {}, new (class B { c = 1 })())", "[Error: x] ƒ A B { c: 1 }").await;
    check("console.log('%c%d%% of %s', 'color: red', 4.7, 'it', 8)", "4% of it 8").await;
    check("console.log(Array(1e6).fill(7))", &format!("[{}, …]", vec!["7"; 30].join(", "))).await;
    check("console.log('x'.repeat(1e7))", &format!("{}…", "x".repeat(1500))).await;
    check("const p = new Proxy({}, { ownKeys() { console.log('trap'); throw 1 } }); console.log(p)", "[unreadable]").await;
}

#[tokio::test]
async fn a_page_that_says_too_much_is_cut_short_and_told() {
    let project = TestProject::from_text("-- static/index.html --\n<!doctype html><title>a</title>\n");
    let (mut server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let page = browser.open(&server.url).await;
    connected(&page).await;
    page.evaluate("for (let i = 0; i < 1000; i++) console.log('line', i, '\\u0000'.repeat(1000))").await;
    let event = server.wait_event("console_left_out", SOON);
    assert_eq!((&event["messages"], &event["page"]), (&json!(900), &json!("/")), "{event}");
    let lines = server.events().iter().filter(|event| event["event"] == "console").count();
    assert_eq!(lines, 100);
    assert_eq!(page.evaluate("window[Symbol.for('everlit')].connected").await, true);
}

#[tokio::test]
async fn without_it_nothing_is_sent_and_nothing_is_touched() {
    let project = TestProject::from_text(&format!("{PROJECT}-- everlit.toml --\n[live]\nconsole = false\n"));
    let (mut server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let page = browser.open(&server.url).await;
    connected(&page).await;
    let untouched = "[console.log, fetch, XMLHttpRequest.prototype.open].every((own) => String(own).includes(`${own.name}()`))";
    assert_eq!(page.evaluate(untouched).await, true);
    assert_eq!(page.evaluate("document.querySelector('script').async").await, true);
    // What a page says all the same is not heard: what is told next shows that nothing was before.
    let mut socket = ReloadSocket::open(&server).await;
    let entry = json!({ "kind": "console", "level": "log", "text": "x" });
    socket.say(&json!({ "type": "console", "entries": [entry] })).await;
    socket.say(&json!({ "type": "page", "url": "/", "generation": 1 })).await;
    project.save("static/site.css", "p { color: red }");
    server.wait_event("reloaded", SOON);
    let heard: Vec<_> = server.events().into_iter().filter(|event| event["event"] == "console").collect();
    assert!(heard.is_empty(), "{heard:?}");
}

#[tokio::test]
async fn places_are_led_back_by_source_maps() {
    let inline = "eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbImlubGluZS50cyJdLCJtYXBwaW5ncyI6IkFBVUEifQ==";
    let project = TestProject::from_text(&format!(
        r#"
-- static/index.html --
<!doctype html><title>a</title><script src="/js/app.js?v=1"></script><script src="/inline.js"></script>
-- static/js/app.js --
console.log("started");
function fail() {{ throw new Error("mapped") }}
fail();
//# sourceMappingURL=app.js.map
-- static/js/app.js.map --
{{"version":3,"sources":["a.ts","../src/b.ts"],"names":[],"mappings":"AAAA;ACEE,SAEEA;AACA"}}
-- static/inline.js --
console.log("inline");
//# sourceMappingURL=data:application/json;base64,{inline}
"#
    ));
    let (mut server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    connected(&browser.open(&server.url).await).await;
    let first = said(&mut server, "console", "log", "started");
    assert_eq!(place(&first), ("/js/a.ts", 1), "{first}");
    server.rewind();
    let uncaught = said(&mut server, "error", "error", "Error: mapped");
    assert_eq!((place(&uncaught), &uncaught["column"]), (("/src/b.ts", 5), &json!(5)), "{uncaught}");
    let stack = "Error: mapped\n    at fail (/src/b.ts:5:5)\n    at (/src/b.ts:6:5)";
    assert_eq!(uncaught["text"], stack, "{uncaught}");
    server.rewind();
    let inline = said(&mut server, "console", "log", "inline");
    assert_eq!(place(&inline), ("/inline.ts", 11), "{inline}");
}
