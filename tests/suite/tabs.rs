//! What each open page hears: what concerns it, and nothing else.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{ReloadSocket, SOON, TestProject, TestServer, send};

const PROJECT: &str = r#"
-- templates/index.html --
<!doctype html><title>front</title><h1>front</h1>
-- templates/posts/index.html --
<!doctype html><title>posts</title>{% for post in items %}<p>{{ post.title }}</p>{% endfor %}
-- data/posts.json --
[{ "id": 1, "title": "one" }]
-- static/site.css --
p { color: red }
-- static/app.js --
console.log(1)
-- static/plain.html --
<!doctype html><title>plain</title><p>plain</p>
"#;

/// A page in a browser, as far as the server knows it.
struct Tab {
    page: String,
    generation: u64,
    html: String,
}

impl Tab {
    async fn load(server: &TestServer, path: &str) -> Self {
        let answer = send(Method::GET, &server.at(path), &[("accept", "text/html")], "").await;
        let html = answer.text();
        let attribute = |name: &str| {
            let rest = html.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {html}")).1;
            rest.split_once('"').expect("a quote").0.to_owned()
        };
        let (page, generation) = (attribute("data-page"), attribute("data-generation").parse().expect("a number"));
        let tag = html.split_once("<script src=\"/__everlit/client.js\"").expect("the tag").1;
        let tag = format!("<script src=\"/__everlit/client.js\"{}</script>", tag.split_once("</script>").expect("its end").0);
        Self { page, generation, html: html.replace(&tag, "") }
    }

    /// Connects as the client runtime does.
    async fn connect(&self, server: &TestServer) -> ReloadSocket {
        let mut socket = ReloadSocket::open(server).await;
        let message = json!({ "type": "page", "url": server.at("/"), "generation": self.generation, "page": self.page });
        socket.say(&message).await;
        socket
    }
}

/// A server, and a socket that hears when the page has been met: after it, each change is told to the page as a page.
async fn open(project: &TestProject, path: &str) -> (TestServer, Tab, ReloadSocket) {
    let server = TestServer::start(project.path());
    let tab = Tab::load(&server, path).await;
    let socket = tab.connect(&server).await;
    (server, tab, socket)
}

/// Saves a stylesheet, and expects to hear of it next: nothing was said before.
async fn assert_silent(project: &TestProject, socket: &mut ReloadSocket) {
    let text = project.read("static/site.css");
    project.save("static/site.css", &format!("{text}\n"));
    let message = socket.next(SOON).await;
    assert_eq!((&message["type"], &message["paths"]), (&json!("styles"), &json!(["/site.css"])), "{message}");
}

#[tokio::test]
async fn only_the_page_whose_text_is_another_is_changed() {
    let project = TestProject::from_text(PROJECT);
    let (server, front, mut at_front) = open(&project, "/").await;
    let posts = Tab::load(&server, "/posts").await;
    let mut at_posts = posts.connect(&server).await;
    // A stylesheet is told to pages that are known by then.
    assert_silent(&project, &mut at_front).await;
    at_posts.next(SOON).await;

    project.edit("data/posts.json", "one", "two");
    let message = at_posts.next(SOON).await;
    assert_eq!((&message["type"], &message["cause"]), (&json!("patch"), &json!(["data/posts.json"])), "{message}");
    assert_eq!((&message["base"], &message["target"]), (&json!(posts.html), &json!(posts.html.replace("one", "two"))));
    let message = at_front.next(SOON).await;
    assert_eq!(message["target"], Value::Null, "its own text is the same: {message}");

    project.edit("templates/index.html", "<h1>front", "<h1>back");
    assert_eq!(at_front.next(SOON).await["target"], json!(front.html.replace("<h1>front", "<h1>back")));
    assert_silent(&project, &mut at_posts).await;
}

#[tokio::test]
async fn a_patched_page_is_compared_with_what_it_became() {
    let project = TestProject::from_text(PROJECT);
    let (_server, mut tab, mut socket) = open(&project, "/plain.html").await;
    assert_silent(&project, &mut socket).await;
    for (old, new) in [("<p>plain", "<p>changed"), ("<p>changed", "<p>again")] {
        project.edit("static/plain.html", old, new);
        let message = socket.next(SOON).await;
        assert_eq!(message["base"], json!(tab.html), "{message}");
        tab.html = tab.html.replace(old, new);
        assert_eq!(message["target"], json!(tab.html));
        let (page, generation) = (&message["page"], &message["generation"]);
        socket.say(&json!({ "type": "page", "url": "/", "generation": generation, "page": page })).await;
    }
    assert_silent(&project, &mut socket).await;
}

#[tokio::test]
async fn scripts_are_told_to_pages_and_a_socket_without_one_is_told_to_reload() {
    let project = TestProject::from_text(PROJECT);
    let (server, _, mut socket) = open(&project, "/").await;
    let mut tool = ReloadSocket::open(&server).await;
    assert_silent(&project, &mut socket).await;
    tool.next(SOON).await;
    project.save("static/app.js", "console.log(2)");
    let message = socket.next(SOON).await;
    assert_eq!((&message["type"], &message["modules"]), (&json!("patch"), &json!(["/app.js"])), "{message}");
    assert!(message["hashes"]["/app.js"].as_str().is_some_and(|hash| !hash.is_empty()), "{message}");
    assert_eq!(message["target"], Value::Null);
    assert_eq!(tool.next(SOON).await["type"], "reload");
}

#[tokio::test]
async fn changed_data_is_told_to_each_page_for_its_scripts_to_have_fetched() {
    let project = TestProject::from_text(PROJECT);
    let (_server, _, mut socket) = open(&project, "/").await;
    assert_silent(&project, &mut socket).await;
    project.edit("data/posts.json", "one", "two");
    let message = socket.next(SOON).await;
    assert_eq!((&message["type"], &message["modules"]), (&json!("patch"), &json!(["/api", "/posts"])), "{message}");
    assert_eq!(message["base"], Value::Null, "its own text is the same");
}

#[tokio::test]
async fn a_page_that_was_away_hears_what_became_of_it() {
    let project = TestProject::from_text(PROJECT);
    let server = TestServer::start(project.path());
    let (front, posts) = (Tab::load(&server, "/").await, Tab::load(&server, "/posts").await);
    let mut tool = ReloadSocket::open(&server).await;
    project.edit("data/posts.json", "one", "two");
    let told = tool.next(SOON).await["generation"].clone();

    let mut socket = front.connect(&server).await;
    assert_eq!((&socket.hello["generation"], &socket.hello["pages"]), (&told, &told));
    assert_eq!(socket.next(SOON).await, json!({ "type": "ok", "generation": told, "cause": [] }));
    let mut socket = posts.connect(&server).await;
    let message = socket.next(SOON).await;
    assert_eq!((&message["type"], &message["target"]), (&json!("patch"), &json!(posts.html.replace("one", "two"))), "{message}");

    project.edit("data/posts.json", "two", "one");
    let told = tool.next(SOON).await["generation"].clone();
    let mut socket = posts.connect(&server).await;
    assert_eq!(socket.next(SOON).await, json!({ "type": "ok", "generation": told, "cause": [] }), "it is as it was");
}

#[tokio::test]
async fn the_hello_names_what_changed_since_the_start() {
    let project = TestProject::from_text(PROJECT);
    let server = TestServer::start(project.path());
    let mut tool = ReloadSocket::open(&server).await;
    assert_eq!((&tool.hello["resources"], &tool.hello["pages"], &tool.hello["program"]), (&json!({}), &json!(0), &json!(0)));
    project.save("static/site.css", "p { color: blue }");
    let message = tool.next(SOON).await;
    let hello = ReloadSocket::open(&server).await.hello;
    let (generation, hash) = (&message["generation"], &message["hashes"]["/site.css"]);
    assert_eq!(hello["resources"], json!({ "/site.css": [generation, hash] }));
    project.save("static/site.css", "p { color: red }");
    tool.next(SOON).await;
    project.save("static/site.css", "p { color: blue }");
    assert_eq!(&tool.next(SOON).await["hashes"]["/site.css"], hash, "equal bytes have equal hashes");
}

#[tokio::test]
async fn without_morphing_a_page_whose_text_is_another_is_loaded_anew() {
    let project = TestProject::from_text(&format!("{PROJECT}-- everlit.toml --\n[live]\nmorph = false\n"));
    let (server, _, mut socket) = open(&project, "/").await;
    let mut tool = ReloadSocket::open(&server).await;
    project.edit("data/posts.json", "one", "two");
    assert_eq!(tool.next(SOON).await["type"], "reload");
    assert_eq!(socket.next(SOON).await["target"], Value::Null, "its own text is the same");
    project.edit("templates/index.html", "<h1>front", "<h1>back");
    assert_eq!(socket.next(SOON).await["type"], "reload");
}

#[tokio::test]
async fn what_a_browser_shows_is_told_with_its_cause() {
    let project = TestProject::from_text(PROJECT);
    let (mut server, _, mut socket) = open(&project, "/").await;
    project.save("static/site.css", "p { color: blue }");
    let generation = socket.next(SOON).await["generation"].clone();
    socket.say(&json!({ "type": "painted", "generation": generation })).await;
    let event = server.wait_event("painted", SOON);
    assert_eq!((&event["generation"], &event["cause"]), (&generation, &json!(["static/site.css"])), "{event}");
    assert!(event["took_ms"].as_f64().is_some_and(|took| took > 0.0), "{event}");
}

#[tokio::test]
async fn a_page_that_changes_a_watched_file_whenever_it_loads_is_slowed_down_and_told() {
    let project = TestProject::from_text(PROJECT);
    let (mut server, tab, mut socket) = open(&project, "/posts").await;
    assert_silent(&project, &mut socket).await;
    let mut rounds = 0;
    let notice = loop {
        rounds += 1;
        assert!(rounds < 20, "nobody stops it");
        project.save("data/posts.json", &format!(r#"[{{ "id": 1, "title": "visit {rounds}" }}]"#));
        let message = socket.next(SOON).await;
        if message["type"] == "notice" {
            break message;
        }
        Tab::load(&server, "/posts").await;
    };
    assert!(notice["text"].as_str().is_some_and(|text| text.starts_with("data/posts.json changes again")), "{notice}");
    server.wait_for("a warning that names the file", SOON, |event| {
        event["event"] == "warning" && event["text"].as_str().is_some_and(|text| text.contains("data/posts.json"))
    });
    let message = socket.next(SOON).await;
    assert_eq!(message["target"], json!(tab.html.replace("one", &format!("visit {rounds}"))), "the last state is shown");
}
