//! What a person does in one page, repeated in the others; and which pages are open.

use serde_json::{Value, json};

use crate::harness::{Chromium, Control, Page, ReloadSocket, SOON, TestProject, TestServer};

/// Fields and buttons that a person can reach, and a script that counts what happened.
const PROJECT: &str = r##"
-- static/index.html --
<!doctype html><title>front</title>
<style>body { margin: 0 } button, input, select, a { display: block; width: 200px; height: 40px; box-sizing: border-box; margin: 0 }</style>
<button id=more type=button>more</button>
<form id=form>
<input id=name name=name>
<input id=secret name=secret type=password>
<input id=card name=card autocomplete="billing cc-number">
<input id=agree name=agree type=checkbox>
</form>
<form id=search><input id=query name=query><button id=send>send</button></form>
<a id=next href="/next.html?a#b">next</a>
<p style="height: 5000px">
<script>
window.clicks = 0; window.searches = [];
document.querySelector("#more").addEventListener("click", () => clicks++);
document.querySelector("#search").addEventListener("submit", (event) => {
  event.preventDefault();
  searches.push(document.querySelector("#query").value);
});
</script>
-- static/next.html --
<!doctype html><title>next</title><button id=more type=button onclick="window.clicked = true">more</button>
-- static/site.css --
p { color: red }
"##;

fn mirrored() -> TestProject {
    TestProject::from_text(&format!("{PROJECT}-- everlit.toml --\n[live]\nmirror = true\n"))
}

async fn open(browser: &Chromium, server: &TestServer, path: &str) -> Page {
    let page = browser.open(&server.at(path)).await;
    connected(&page).await;
    page
}

async fn connected(page: &Page) {
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
}

/// Clicks in the middle of an element, as a person does.
async fn click(page: &Page, selector: &str) {
    let middle = page
        .evaluate(&format!(
            "(() => {{ const box = document.querySelector({}).getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2] }})()",
            json!(selector)
        ))
        .await;
    let at = |index: usize| middle[index].as_f64().expect("a number");
    page.click(at(0), at(1)).await;
}

async fn type_into(page: &Page, selector: &str, text: &str) {
    click(page, selector).await;
    page.insert_text(text).await;
}

async fn wheel(page: &Page, pixels: u32) {
    let event = json!({ "type": "mouseWheel", "x": 100, "y": 100, "deltaX": 0, "deltaY": pixels });
    page.call("Input.dispatchMouseEvent", event).await;
}

async fn is(page: &Page, selector: &str, what: &str) {
    page.wait_until(&format!("document.querySelector({}).{what}", json!(selector)), SOON).await;
}

#[tokio::test]
async fn what_a_person_does_in_one_page_happens_in_the_other() {
    let project = mirrored();
    let (server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let (other, page) = (open(&browser, &server, "/").await, open(&browser, &server, "/").await);
    page.bring_to_front().await;

    click(&page, "#more").await;
    other.wait_until("window.clicks === 1", SOON).await;
    type_into(&page, "#name", "Ada").await;
    is(&other, "#name", "value === 'Ada'").await;
    click(&page, "#agree").await;
    is(&other, "#agree", "checked").await;
    type_into(&page, "#query", "lamps").await;
    click(&page, "#send").await;
    other.wait_until("window.searches.join() === 'lamps'", SOON).await;

    wheel(&page, 1000).await;
    page.wait_until("scrollY > 900", SOON).await;
    let place = "scrollY / (document.scrollingElement.scrollHeight - innerHeight)";
    let there = page.evaluate(place).await.as_f64().expect("a number");
    other.wait_until(&format!("Math.abs({place} - {there}) < 0.01"), SOON).await;

    // Nothing came back, and nothing came twice.
    for one in [&page, &other] {
        assert_eq!(
            one.evaluate("[clicks, searches.length, document.querySelector('#agree').checked]").await,
            json!([1, 1, true])
        );
    }
    page.evaluate("scrollTo(0, 0)").await;
    click(&page, "#next").await;
    for one in [&page, &other] {
        one.wait_until("location.pathname + location.search + location.hash === '/next.html?a#b'", SOON).await;
    }
}

#[tokio::test]
async fn secrets_stay_where_they_were_typed() {
    let project = mirrored();
    let (server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let (other, page) = (open(&browser, &server, "/").await, open(&browser, &server, "/").await);
    page.bring_to_front().await;
    type_into(&page, "#secret", "hunter2").await;
    type_into(&page, "#card", "4000").await;
    // A page may show what was typed into a field for passwords.
    page.evaluate("document.querySelector('#secret').type = 'text'").await;
    page.insert_text("1").await;
    type_into(&page, "#secret", "3").await;
    type_into(&page, "#name", "after them").await;
    is(&other, "#name", "value === 'after them'").await;
    assert_eq!(page.evaluate("[secret.value, card.value]").await, json!(["hunter23", "40001"]), "they were typed");
    assert_eq!(other.evaluate("[secret.value, card.value]").await, json!(["", ""]));
}

#[tokio::test]
async fn a_page_of_another_path_goes_along_and_is_not_clicked() {
    let project = mirrored();
    let (server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let (other, page) = (open(&browser, &server, "/next.html").await, open(&browser, &server, "/").await);
    page.bring_to_front().await;
    click(&page, "#more").await;
    click(&page, "#next").await;
    other.wait_until("location.hash === '#b'", SOON).await;
    connected(&other).await;
    assert_eq!(other.evaluate("window.clicked === undefined").await, true);
}

/// A script that clicks and scrolls is no person, and what pages do because of one another ends there.
#[tokio::test]
async fn scripts_of_pages_are_not_repeated() {
    let project = mirrored();
    let (server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let (other, page) = (open(&browser, &server, "/").await, open(&browser, &server, "/").await);
    page.bring_to_front().await;
    page.evaluate("more.click(); scrollTo(0, 500); document.querySelector('#agree').click()").await;
    page.wait_until("scrollY === 500", SOON).await;
    page.evaluate("scrollTo(0, 0)").await;
    type_into(&page, "#name", "after it").await;
    is(&other, "#name", "value === 'after it'").await;
    assert_eq!(other.evaluate("[clicks, scrollY, document.querySelector('#agree').checked]").await, json!([0, 0, false]));
}

#[tokio::test]
async fn unasked_nothing_is_repeated() {
    let project = TestProject::from_text(PROJECT);
    let (server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let (other, page) = (open(&browser, &server, "/").await, open(&browser, &server, "/").await);
    page.bring_to_front().await;
    click(&page, "#more").await;
    type_into(&page, "#name", "Ada").await;
    click(&page, "#agree").await;
    wheel(&page, 1000).await;
    page.wait_until("scrollY > 900 && clicks === 1", SOON).await;
    // Whatever was said before it would have arrived.
    project.save("static/index.html", &project.read("static/index.html").replace("front", "back"));
    other.bring_to_front().await;
    other.wait_until("document.title === 'back'", SOON).await;
    let seen = "[clicks, scrollY, document.querySelector('#name').value, document.querySelector('#agree').checked]";
    assert_eq!(other.evaluate(seen).await, json!([0, 0, "", false]));
}

fn act(step: &str) -> Value {
    json!({ "type": "mirror", "act": { "kind": "click", "element": { "steps": [step], "is": "button button" } } })
}

/// A page as far as the server knows it.
async fn page_at(server: &TestServer, path: &str) -> ReloadSocket {
    let mut socket = ReloadSocket::open(server).await;
    let generation = socket.hello["generation"].clone();
    socket.say(&json!({ "type": "page", "url": server.at(path), "generation": generation, "page": null })).await;
    socket
}

/// What is told next: an act by the first step to its element, or else the kind of message.
async fn told(socket: &mut ReloadSocket) -> Value {
    let message = socket.next(SOON).await;
    if message["type"] == "mirror" { message["act"]["element"]["steps"][0].clone() } else { message["type"].clone() }
}

/// Saves a stylesheet when the server has heard all that was said before on a socket.
async fn save_after(project: &TestProject, server: &mut TestServer, socket: &mut ReloadSocket) {
    let entries = json!([{ "kind": "console", "level": "log", "text": "all is said" }]);
    socket.say(&json!({ "type": "console", "page": "/", "entries": entries })).await;
    server.wait_for("the word", SOON, |event| event["event"] == "console" && event["text"] == "all is said");
    project.save("static/site.css", "p { color: blue }");
}

#[tokio::test]
async fn the_server_passes_on_what_pages_of_one_path_do_and_nothing_else() {
    let project = mirrored();
    let mut server = TestServer::start(project.path());
    let mut page = page_at(&server, "/?one").await;
    let [mut same, mut another] = [page_at(&server, "/?two").await, page_at(&server, "/next.html").await];
    let mut nobody = ReloadSocket::open(&server).await;
    wait_listed(&Control::of(&server), 3).await;

    nobody.say(&act("#nobody")).await;
    page.say(&json!({ "type": "mirror", "act": { "kind": "visit", "address": "//evil.example/" } })).await;
    page.say(&json!({ "type": "mirror", "act": { "kind": "run", "script": "alert(1)" } })).await;
    page.say(&act("#one")).await;
    assert_eq!(told(&mut same).await, "#one");
    save_after(&project, &mut server, &mut page).await;
    for socket in [&mut page, &mut same, &mut another, &mut nobody] {
        assert_eq!(told(socket).await, "styles");
    }
    page.say(&json!({ "type": "mirror", "act": { "kind": "visit", "address": "/next.html" } })).await;
    for socket in [&mut same, &mut another] {
        let message = socket.next(SOON).await;
        assert_eq!(message, json!({ "type": "mirror", "path": "/", "act": { "kind": "visit", "address": "/next.html" } }));
    }
}

#[tokio::test]
async fn unasked_the_server_drops_it() {
    let project = TestProject::from_text(PROJECT);
    let mut server = TestServer::start(project.path());
    let (mut page, mut same) = (page_at(&server, "/").await, page_at(&server, "/").await);
    wait_listed(&Control::of(&server), 2).await;
    page.say(&act("#one")).await;
    save_after(&project, &mut server, &mut page).await;
    assert_eq!(told(&mut same).await, "styles");
}

/// What the control listener answers once that many pages are open.
async fn wait_listed(control: &Control, count: usize) -> Vec<Value> {
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let answer = control.ask("api/pages").await.text();
        let Value::Array(pages) = serde_json::from_str(&answer).expect("JSON") else { panic!("{answer}") };
        if pages.len() == count {
            return pages;
        }
        assert!(std::time::Instant::now() < deadline, "{answer}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn open_pages_are_listed_with_where_they_went_and_what_they_show() {
    let project = TestProject::from_text(PROJECT);
    let (mut server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let (_other, page) = (open(&browser, &server, "/next.html?secret").await, open(&browser, &server, "/").await);
    page.evaluate("history.pushState(null, '', '/cart')").await;
    project.save("static/site.css", "p { color: blue }");
    server.wait_event("reloaded", SOON);
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let pages = wait_listed(&Control::of(&server), 2).await;
        let known: Vec<_> =
            pages.iter().map(|page| json!([page["path"], page["browser"], page["generation"], page["newest"]])).collect();
        if known == [json!(["/next.html", "Chrome", 2, true]), json!(["/cart", "Chrome", 2, true])]
            && pages.iter().all(|page| page["latency_us"].as_u64().is_some_and(|latency| latency > 0))
        {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{pages:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // What concerns one of them alone leaves the other as new as it was; the one behind it waits until it is looked at.
    project.edit("static/next.html", "</title>", " again</title>");
    server.wait_event("reloaded", SOON);
    loop {
        let pages = wait_listed(&Control::of(&server), 2).await;
        let known: Vec<_> = pages.iter().map(|page| json!([page["path"], page["generation"], page["newest"]])).collect();
        if known == [json!(["/next.html", 2, false]), json!(["/cart", 3, true])] {
            break;
        }
        assert!(std::time::Instant::now() < deadline + SOON, "{pages:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
