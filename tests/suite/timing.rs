//! What a server tells of its time: to browsers with each answer, to the pages that hear of a change, and as a trace.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Output},
};

use http::Method;
use serde_json::{Value, json};

use crate::{
    client::{CSS, PAGE, open},
    harness::{BUILD, Chromium, Control, FakeServer, Page, SOON, TestProject, TestServer, get, require, send},
};

/// A site before a program that has timings and a source map of its own, and takes a moment to start.
const PROJECT: &str = r#"
-- everlit.toml --
[app]
build = "sleep 0.05"
run = "python3 app.py"
watch = ["app.py"]
[site]
templates = "templates"
-- static/plain.html --
<!doctype html><title>plain</title><link rel=stylesheet href=/site.css><h1>plain</h1>
-- static/site.css --
h1 { color: rgb(1, 0, 0) }
-- static/site.css.map --
{"version":3,"sources":["site.scss"],"mappings":"AAAA"}
-- templates/made.html --
<!doctype html><title>made</title><h1>{{ request.path }}</h1>
-- app.py --
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        page = b"<!doctype html><title>app</title><h1>app</h1>"
        script = b"let a = 1;\n//# sourceMappingURL=app.js.map\n"
        body = script if self.path == "/app.js" else page
        time.sleep(0.02)
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if body is script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Server-Timing", "db;dur=53;desc=\"the shop, all of it\", total;dur=60")
        self.send_header("SourceMap", "/app.js.map")
        if "shared" in self.path:
            self.send_header("Timing-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


time.sleep(0.3)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn project() -> TestProject {
    require("python3");
    TestProject::from_text(PROJECT)
}

/// The entries of an answer's timing by their names, as the browser understood them.
async fn timings(page: &Page, url: &str) -> Vec<(String, f64, String)> {
    page.navigate(url).await;
    let entries = page.evaluate("JSON.parse(JSON.stringify(performance.getEntriesByType('navigation')[0].serverTiming))").await;
    let entry = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().expect("a text").to_owned();
        (text("name"), entry["duration"].as_f64().expect("a number"), text("description"))
    };
    entries.as_array().expect("an array").iter().map(entry).collect()
}

fn names(entries: &[(String, f64, String)]) -> Vec<&str> {
    entries.iter().map(|(name, ..)| name.as_str()).collect()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[tokio::test]
async fn a_browser_sees_what_an_answer_s_time_went_to() {
    let (project, browser) = (project(), Chromium::start().await);
    let server = TestServer::start_app(project.path(), &[]);
    let page = browser.open(&server.at("/plain.html")).await;

    let plain = timings(&page, &server.at("/plain.html")).await;
    assert!(names(&plain).starts_with(&["total"]) && plain[0].1 > 0.0, "{plain:?}");
    let last = plain.last().expect("an entry");
    assert!(last.0 == "generation" && is_number(&last.2), "{plain:?}");
    // What is in memory is believed once the file has not changed for a while.
    for said in ["miss", "hit"] {
        let is_said = format!("/, cache;desc={said}, /.test(answer.headers.get('server-timing'))");
        page.wait_until(&format!("fetch('/site.css?{said}', {{ cache: 'no-store' }}).then((answer) => {is_said})"), SOON).await;
    }

    let made = timings(&page, &server.at("/made")).await;
    assert_eq!(names(&made), ["total", "render", "inject", "generation"], "{made:?}");
    assert!(made.iter().filter(|(.., said)| said.is_empty()).all(|entry| entry.1 > 0.0) && made[0].1 >= made[1].1, "{made:?}");

    let app = timings(&page, &server.at("/page")).await;
    assert_eq!(names(&app), ["db", "total", "total", "app", "inject", "generation"], "{app:?}");
    assert_eq!((app[0].1, app[0].2.as_str(), app[1].1), (53.0, "the shop, all of it", 60.0), "the program's own stay first");
    assert!(app[3].1 >= 20.0 && app[2].1 >= app[3].1, "{app:?}");
}

#[tokio::test]
async fn a_request_that_waits_says_for_how_long() {
    let project = project();
    let server = TestServer::start_answering(project.path());
    let answer = get(&server.at("/page")).await;
    let said: Vec<_> = answer.headers.get_all("server-timing").iter().map(|line| line.to_str().expect("text")).collect();
    let durations: BTreeMap<_, f64> = said[1]
        .split(", ")
        .filter_map(|entry| entry.split_once(";dur="))
        .map(|(name, took)| (name, took.parse().expect("a number")))
        .collect();
    assert!(durations["queue"] > 100.0 && durations["app"] >= 20.0, "{said:?}");
    assert!(durations["total"] >= durations["queue"] + durations["app"], "{said:?}");
}

#[tokio::test]
async fn other_origins_and_those_who_want_none_get_none() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[]);
    let lines = async |server: &TestServer, path: &str, site: &str| {
        let answer = send(Method::GET, &server.at(path), &[("sec-fetch-site", site)], "").await;
        assert_eq!(answer.header("timing-allow-origin"), if path.contains("shared") { "*" } else { "" });
        answer.headers.get_all("server-timing").iter().count()
    };
    assert_eq!(lines(&server, "/shared", "same-origin").await, 2);
    assert_eq!(lines(&server, "/shared", "cross-site").await, 1, "what the program shares are its own figures");
    assert_eq!(lines(&server, "/page", "cross-site").await, 2);
    drop(server);
    let mut server = TestServer::start_with(project.path(), &["--port", "0", "--no-timing"], &[]);
    server.rewind();
    server.wait_event("generation", BUILD);
    assert_eq!(lines(&server, "/page", "same-origin").await, 1);
    assert_eq!(lines(&server, "/plain.html", "same-origin").await, 0);
}

#[tokio::test]
async fn source_maps_pass_untouched() {
    let project = project();
    let server = TestServer::start_app(project.path(), &[]);
    let page = get(&server.at("/page")).await;
    assert!(page.header("everlit-inject").starts_with("injected"), "{:?}", page.headers);
    assert_eq!(page.header("sourcemap"), "/app.js.map");
    let script = get(&server.at("/app.js")).await;
    assert_eq!(script.header("sourcemap"), "/app.js.map");
    assert_eq!(script.text(), "let a = 1;\n//# sourceMappingURL=app.js.map\n");
    assert_eq!(get(&server.at("/site.css.map")).await.text(), project.read("static/site.css.map"));
}

/// The entries on our track, by name, once there is one of this kind for a generation after this one.
async fn track(page: &Page, part: &str, after: u64) -> (u64, BTreeMap<String, Value>) {
    let of_part = format!("performance.getEntriesByType('measure').filter(({{ name }}) => name.startsWith('everlit {part} '))");
    let generation = format!("Math.max(0, ...{of_part}.map(({{ name }}) => Number(name.split(' ')[2])))");
    page.wait_until(&format!("{generation} > {after}"), SOON).await;
    let generation = page.evaluate(&generation).await.as_u64().expect("a number");
    let entry = "({ name, startTime, duration, detail }) => ({ name, startTime, duration, detail })";
    let all = page.evaluate(&format!("performance.getEntriesByType('measure').map({entry})")).await;
    let of_it = |entry: &&Value| entry["name"].as_str().is_some_and(|name| name.ends_with(&format!(" {generation}")));
    let named = |entry: &Value| {
        let name = entry["name"].as_str().expect("a name").split(' ').nth(1).expect("a part").to_owned();
        (name, entry.clone())
    };
    (generation, all.as_array().expect("an array").iter().filter(of_it).map(named).collect())
}

fn property<'e>(entry: &'e Value, name: &str) -> Option<&'e str> {
    let properties = entry["detail"]["devtools"]["properties"].as_array().expect("properties");
    properties.iter().find(|property| property[0] == name).map(|property| property[1].as_str().expect("a text"))
}

fn span(entry: &Value) -> (f64, f64) {
    let number = |key: &str| entry[key].as_f64().expect("a number");
    (number("startTime"), number("startTime") + number("duration"))
}

fn check_entry(entry: &Value, group: &str, file: &str) {
    let devtools = &entry["detail"]["devtools"];
    let words = ["dataType", "track", "trackGroup"].map(|key| devtools[key].as_str().unwrap_or_default());
    assert_eq!(words, ["track-entry", "Everlit", group], "{entry}");
    assert_eq!(property(entry, "Files"), Some(file), "{entry}");
    assert!(span(entry).1 >= span(entry).0, "{entry}");
}

/// The project's name, as the server tells pages.
async fn group(server: &TestServer) -> String {
    let script = get(&server.at("/__everlit/client.js")).await.text();
    let (_, rest) = script.split_once("project = \"").expect("the project is named");
    rest.split('"').next().expect("a name").to_owned()
}

#[tokio::test]
async fn a_stylesheet_s_way_to_the_screen_is_on_the_track() {
    let project = TestProject::from_text(
        "-- static/index.html --\n<!doctype html><title>a</title><link rel=stylesheet href=/site.css><h1>a</h1>\n-- static/site.css --\nh1 {}\n",
    );
    let (mut server, browser) = (TestServer::start(project.path()), Chromium::start().await);
    let page = browser.open(&server.url).await;
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    project.save("static/site.css", "h1 { color: rgb(2, 0, 0) }");
    server.wait_event("painted", SOON);

    let (_, entries) = track(&page, "paint", 1).await;
    assert_eq!(entries.keys().map(String::as_str).collect::<Vec<_>>(), ["change", "paint", "settle"]);
    let group = group(&server).await;
    for entry in entries.values() {
        check_entry(entry, &group, "static/site.css");
    }
    let [change, paint, settle] = ["change", "paint", "settle"].map(|part| span(&entries[part]));
    let is_about = |one: f64, other: f64| (one - other).abs() < 0.01;
    assert!(is_about(settle.0, change.0) && is_about(settle.1, paint.0) && is_about(paint.1, change.1), "{entries:?}");
    assert_eq!(property(&entries["paint"], "Kind"), Some("styles"));
}

#[tokio::test]
async fn a_build_s_way_to_the_screen_is_on_the_track_of_the_new_page() {
    let (project, browser) = (project(), Chromium::start().await);
    let server = TestServer::start_app(project.path(), &[]);
    let page = browser.open(&server.at("/page")).await;
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    let names = "performance.getEntriesByType('measure').map(({ name }) => name.split(' ')[1])";
    page.evaluate(&format!("addEventListener('pagehide', () => sessionStorage.setItem('before', {names}))")).await;
    project.edit("app.py", "<h1>app</h1>", "<h1>new</h1>");
    page.wait_until("document.querySelector('h1')?.textContent === 'new'", SOON).await;

    let (_, entries) = track(&page, "reload", 1).await;
    assert_eq!(entries.keys().map(String::as_str).collect::<Vec<_>>(), ["change", "reload"]);
    let group = group(&server).await;
    for entry in entries.values() {
        check_entry(entry, &group, "app.py");
    }
    let (change, reload) = (span(&entries["change"]), span(&entries["reload"]));
    assert!(change.0 < reload.0 && (change.1 - reload.1).abs() < 0.01, "{entries:?}");
    assert!(change.0 < 0.0, "the save was before this page began: {entries:?}");
    let ms = |name: &str| {
        let text = property(&entries["change"], name).unwrap_or_else(|| panic!("{name}: {entries:?}"));
        text.trim_end_matches(" ms").parse::<f64>().expect("a number")
    };
    assert!(ms("Build") >= 50.0 && ms("Swap") >= 300.0 && ms("Save to message") >= ms("Build") + ms("Swap"), "{entries:?}");
    assert_eq!(page.evaluate("sessionStorage.getItem('before')").await, "settle,build,swap", "the page before measured those");
    assert_eq!(page.evaluate("sessionStorage.getItem('everlit:timing')").await, Value::Null);
}

#[tokio::test]
async fn a_day_s_saves_do_not_fill_a_page_s_timeline() {
    let (server, browser) = (FakeServer::start().await, Chromium::start().await);
    server.put_page("/", PAGE);
    server.put("/site.css", CSS, "h1 {}");
    let page = open(&server, &browser).await;
    let styles = |generation: u64, timing: Value| json!({ "type": "styles", "generation": generation, "paths": ["/site.css"], "cause": ["site.css"], "timing": timing });
    page.evaluate("performance.measure('of the page', { start: 0, end: 1 }), 0").await;
    for generation in 2..42 {
        server.say(&styles(generation, json!({ "saved_ms_ago": 1.5 })));
        track(&page, "paint", generation - 1).await;
    }
    let count =
        |name: &str| format!("performance.getEntriesByType('measure').filter(({{ name }}) => name.startsWith('{name}')).length");
    assert_eq!(page.evaluate(&count("everlit change")).await, 32);
    assert_eq!(page.evaluate(&count("everlit")).await, 3 * 32);
    assert_eq!(page.evaluate(&count("of the page")).await, 1, "those of the page are left alone");
    server.say(&styles(42, Value::Null));
    page.wait_until("window[Symbol.for('everlit')].generation === 42", SOON).await;
    assert_eq!(page.evaluate(&count("everlit paint 42")).await, 0, "a server that tells no times gets no entries");
}

fn run_trace(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_everlit")).arg("trace").args(args).current_dir(folder).output().expect("everlit starts")
}

/// Checks a trace against the Trace Event Format, and gives its events without the names of rows.
fn check_trace(text: &str) -> Vec<Value> {
    let trace: Value = serde_json::from_str(text).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("the object form").clone();
    let (names, events): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event["ph"] == "M");
    let mut rows: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
    for event in &events {
        let number = |key: &str| event[key].as_f64().unwrap_or_else(|| panic!("no {key}: {event}"));
        assert!(event["name"].as_str().is_some_and(|name| !name.is_empty()) && number("ts") >= 0.0, "{event}");
        assert!(event["pid"].is_u64() && event["tid"].is_u64() && event["args"].is_object(), "{event}");
        match event["ph"].as_str() {
            Some("X") => {
                assert!(number("dur") >= 0.0, "{event}");
                rows.entry(event["tid"].as_u64().expect("a number"))
                    .or_default()
                    .push((number("ts"), number("ts") + number("dur")));
            }
            Some("i") => assert_eq!(event["s"], "t", "{event}"),
            other => panic!("{other:?}: {event}"),
        }
    }
    for (row, spans) in &rows {
        for (one, other) in spans.iter().flat_map(|one| spans.iter().map(move |other| (one, other))) {
            let crosses = one.0 < other.0 && other.0 + 0.001 < one.1 && one.1 + 0.001 < other.1;
            assert!(!crosses, "in row {row} {one:?} crosses {other:?}");
        }
    }
    let named: BTreeSet<_> =
        names.iter().filter(|event| event["name"] == "thread_name").map(|event| event["tid"].as_u64()).collect();
    assert!(events.iter().all(|event| named.contains(&event["tid"].as_u64())), "{named:?}");
    let process = names.iter().find(|event| event["name"] == "process_name").expect("the process has a name");
    assert!(process["args"]["name"].as_str().is_some_and(|name| name.starts_with("everlit ")), "{process}");
    events
}

#[tokio::test]
async fn a_trace_has_the_saves_and_the_requests() {
    let (project, browser) = (project(), Chromium::start().await);
    let mut server = TestServer::start_app(project.path(), &[]);
    let page = browser.open(&server.at("/page")).await;
    page.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    project.edit("app.py", "<h1>app</h1>", "<h1>new</h1>");
    page.wait_until("document.querySelector('h1')?.textContent === 'new'", SOON).await;
    server.wait_event("painted", SOON);
    get(&server.at("/made")).await;
    get(&server.at("/nowhere.png?secret=1")).await;

    let told = run_trace(&project.path().join("static"), &["-o", "-"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let text = String::from_utf8(told.stdout).expect("text");
    assert!(!text.contains("secret"), "{text}");
    let events = check_trace(&text);
    let named = |name: &str| events.iter().filter(|event| event["name"] == name).collect::<Vec<_>>();
    for (name, words) in [
        ("save", "app.py"),
        ("settle", "app.py"),
        ("build", "sleep 0.05"),
        ("start", "python3 app.py: ready"),
        ("swap", "0 requests waited"),
        ("told", "app.py: reload, sockets told: 1"),
        ("painted", "app.py"),
    ] {
        assert!(named(name).iter().any(|event| event["args"]["what"] == words), "no {name} of {words}: {text}");
    }
    assert!(named("build").iter().all(|event| event["dur"].as_f64().is_some_and(|took| took >= 50_000.0)), "{text}");
    let request = named("GET /page")[0];
    assert_eq!((&request["args"]["request"]["status"], request["args"]["generation"].is_u64()), (&json!(200), true), "{request}");
    let inside = |outer: &Value, name: &str| {
        let (tid, (from, to)) =
            (&outer["tid"], (outer["ts"].as_f64(), outer["ts"].as_f64().zip(outer["dur"].as_f64()).map(|(ts, dur)| ts + dur)));
        named(name).iter().any(|event| event["tid"] == *tid && event["ts"].as_f64() >= from && event["ts"].as_f64() <= to)
    };
    assert!(inside(request, "app") && inside(request, "inject"), "{text}");
    assert!(inside(named("GET /made")[0], "render"), "{text}");
}

#[tokio::test]
async fn a_trace_can_be_of_the_next_moments_alone() {
    let project = TestProject::from_text("-- static/index.html --\n<p>a\n");
    let server = TestServer::start(project.path());
    get(&server.at("/")).await;
    let told = run_trace(project.path(), &["--for", "50ms"]);
    assert!(told.status.success() && String::from_utf8_lossy(&told.stdout).starts_with("wrote trace.json; "), "{told:?}");
    let kept = project.read("trace.json");
    assert_eq!(check_trace(&kept).len(), 0, "what was before is left out: {kept}");

    let control = Control::of(&server);
    let status = async |query: &str| control.ask(&format!("api/trace{query}")).await.status.as_u16();
    assert_eq!((status("").await, status("?last_ms=5").await, status("?last=5").await), (200, 200, 400));
    let guessed = Control { token: "guessed".to_owned(), ..control.clone() };
    assert_eq!(guessed.ask("api/trace").await.status.as_u16(), 401);
    drop(server);
    let nobody = run_trace(project.path(), &[]);
    let words = String::from_utf8_lossy(&nobody.stderr);
    assert!(nobody.status.code() == Some(1) && words.contains("start it with `everlit dev`"), "{words}");
    assert!(
        fs::metadata(project.path().join("trace.json")).is_ok_and(|file| file.len() == kept.len() as u64),
        "it is not overwritten"
    );
}
