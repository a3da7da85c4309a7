//! The control listener: the last requests for people and tools, orders to repeat one, events as they happen, and its page.

use std::{
    fs,
    ops::Deref,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::spawn_blocking,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::harness::{Chromium, Control, EchoServer, SOON, TestProject, TestServer, get, require, send};

const SITE: &str = "-- static/index.html --\n<!doctype html><title>a</title><h1>a</h1>\n-- static/a.txt --\nA\n";

/// A server with its control listener.
struct Controlled {
    server: TestServer,
    control: Control,
}

impl Deref for Controlled {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

impl Controlled {
    fn of(server: TestServer) -> Self {
        Self { control: Control::of(&server), server }
    }

    fn site(project: &TestProject) -> Self {
        Self::of(TestServer::start(project.path()))
    }

    fn before(project: &TestProject, upstream: &EchoServer) -> Self {
        Self::of(TestServer::start_with(project.path(), &["--port", "0", "--upstream", &upstream.url], &[]))
    }

    fn authority(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    /// Looks, so that from here on heads and bodies are kept.
    async fn look(&self) {
        assert_eq!(self.ask("api/exchanges?limit=0").await.json(), json!([]));
    }
}

fn upstream_project() -> TestProject {
    TestProject::from_text("-- readme --\n")
}

#[tokio::test]
async fn the_last_requests_are_told_newest_first() {
    let project = TestProject::from_text(SITE);
    let control = Controlled::site(&project);
    get(&control.server.at("/unseen.txt")).await;
    control.look().await;
    get(&control.server.at("/a.txt?b=c")).await;
    get(&control.server.at("/missing")).await;

    let list = control.ask("api/exchanges").await.json();
    let lines: Vec<_> = list.as_array().expect("an array").iter().map(|one| (one["id"].clone(), one["path"].clone())).collect();
    assert_eq!(lines, [(json!(3), json!("/missing")), (json!(2), json!("/a.txt")), (json!(1), json!("/unseen.txt"))]);
    assert_eq!(control.ask("api/exchanges?limit=1").await.json()[0], list[0]);
    assert_eq!((&list[1]["captured"], &list[2]["captured"]), (&json!(true), &json!(false)), "nobody looked then");

    let one = control.ask("api/exchanges/2").await.json();
    assert_eq!(one["url"], control.server.at("/a.txt?b=c"));
    assert_eq!((&one["method"], &one["status"]), (&json!("GET"), &json!(200)));
    assert_eq!(one["response"]["body"], json!({ "size": 2, "kept": 2, "whole": true, "redacted": false }));
    let headers = one["response"]["headers"].as_array().expect("headers");
    assert!(headers.contains(&json!({ "name": "content-type", "value": "text/plain; charset=utf-8" })), "{one}");
    assert_eq!(control.ask("api/exchanges/latest").await.json()["id"], 3);

    let body = control.ask("api/exchanges/2/body").await;
    assert_eq!((body.text().as_str(), body.header("content-type")), ("A\n", "text/plain; charset=utf-8"));
    assert_eq!(control.ask("api/exchanges/2/body?of=request").await.text(), "");
    for (path, status) in [
        ("api/exchanges/99", 404),
        ("api/exchanges/0", 404),
        ("api/exchanges/x", 404),
        ("api/exchanges/-1/body", 404),
        ("api/exchanges/1/body", 404),
        ("api/exchanges/1/curl", 404),
        ("api/exchanges/1/har", 404),
        ("api/exchanges/2/body?of=both", 400),
        ("api/exchanges?limit=-1", 400),
        ("api/exchanges/2/other", 404),
        ("api/exchanges/", 404),
    ] {
        assert_eq!(control.ask(path).await.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn a_body_is_shown_as_text_whatever_it_is() {
    let long = "<script>alert(1)</script>\n".repeat(200);
    let project = TestProject::from_text(&format!("-- static/page.html --\n<!doctype html>{long}"));
    fs::write(project.path().join("static/a.bin"), [0, 159, 146, 150]).expect("written");
    let control = Controlled::site(&project);
    control.look().await;
    send(Method::GET, &control.server.at("/page.html"), &[("accept-encoding", "gzip"), ("accept", "text/html")], "").await;
    let encoded = control.ask("api/exchanges/1").await.json();
    assert!(encoded["response"]["headers"].to_string().contains(r#"{"name":"content-encoding","value":"gzip"}"#), "{encoded}");
    let body = control.ask("api/exchanges/1/body").await;
    assert_eq!(body.header("content-type"), "text/plain; charset=utf-8", "no browser runs it");
    assert_eq!(body.header("everlit-content-type"), "text/html; charset=utf-8");
    assert!(body.text().contains(&long), "it is decoded");
    get(&control.server.at("/a.bin")).await;
    let body = control.ask("api/exchanges/2/body").await;
    assert_eq!((body.header("content-type"), body.header("content-disposition")), ("application/octet-stream", "attachment"));
    assert_eq!(body.body[..], [0, 159, 146, 150]);
}

#[tokio::test]
async fn secrets_are_gone_before_anything_is_kept() {
    let (upstream, project) = (EchoServer::start("app").await, upstream_project());
    let control = Controlled::before(&project, &upstream);
    control.look().await;
    let headers = [
        ("authorization", "Bearer CANARY-1"),
        ("proxy-authorization", "Basic CANARY-2"),
        ("cookie", "sid=CANARY-3; theme=CANARY-4"),
        ("x-api-key", "CANARY-5"),
        ("referer", "http://localhost/?session=CANARY-6"),
        ("content-type", "application/json"),
    ];
    let sent = r#"{"password":"CANARY-7","user":"me"}"#;
    let answer = send(Method::POST, &control.server.at("/in?access_token=CANARY-8&key=CANARY-9&q=1"), &headers, sent).await;
    assert!(answer.text().contains("CANARY-8"), "the program gets it all");
    get(&control.server.at("/redirect")).await;

    let asked = control.ask("api/exchanges/1/body?of=request").await.text();
    assert_eq!(asked, r#"{"password":"redacted","user":"me"}"#);
    // What this program says of them in its answer is under their names or in texts; the latter are not known to be secrets.
    for path in ["api/exchanges", "api/exchanges/1", "api/exchanges/1/curl", "api/exchanges/1/body?of=request"] {
        let told = control.ask(path).await.text();
        assert!(!told.contains("CANARY"), "{path}: {told}");
    }
    let har = control.ask("api/exchanges/1/har").await.json();
    assert!(!har["log"]["entries"][0]["request"].to_string().contains("CANARY"), "{har}");
    let one = control.ask("api/exchanges/1").await.json();
    assert!(one["url"].as_str().is_some_and(|url| url.ends_with("/in?access_token=redacted&key=redacted&q=1")), "{one}");
    let cookie = control.ask("api/exchanges/2").await.json()["response"]["headers"].to_string();
    assert!(cookie.contains(r#"{"name":"set-cookie","value":"a=redacted; Path=/login"}"#), "{cookie}");
}

/// Runs a command in a real shell, while the servers of this test go on.
async fn shell(command: &str, folder: &Path) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("HOME", folder);
    spawn_blocking(move || shell.output()).await.expect("no panic").expect("a shell starts")
}

#[tokio::test]
async fn a_curl_command_asks_for_the_same_and_does_nothing_else() {
    let (upstream, project) = (EchoServer::start("app").await, upstream_project());
    let control = Controlled::before(&project, &upstream);
    control.look().await;
    require("curl");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mark = folder.path().join("mark");
    let evil = format!("'; touch {}; '", mark.display());
    let nasty = [
        evil.clone(),
        format!("$(touch {0})`touch {0}`\"\\", mark.display()),
        "@/etc/passwd".to_owned(),
        "-o x --config y\n\n%s %d !! {a,b}[1-3] ~ é".to_owned(),
        "it's".to_owned(),
    ];
    let mut id = 0;
    for body in &nasty {
        for (method, path) in [(Method::POST, "/x/[1-3]/{a,b}/%27/../'$(id)'?a=b&c='d'"), (Method::PUT, "/-o?@x")] {
            let note = body.split('\n').next().expect("a line").replace('é', "");
            let headers = [("content-type", "text/plain"), ("x-note", note.as_str()), ("x-empty", "")];
            let sent = send(method, &control.server.at(path), &headers, body.clone()).await.json();
            id += 1;
            let command = control.ask(&format!("api/exchanges/{id}/curl")).await.text();
            let output = shell(&command, folder.path()).await;
            let got: Value =
                serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {command}\n{output:?}"));
            id += 1;
            for member in ["method", "target", "body"] {
                assert_eq!(got[member], sent[member], "{member} of {command}");
            }
            for name in ["x-note", "x-empty", "content-type", "host"] {
                assert_eq!(got["headers"][name], sent["headers"][name], "{name} of {command}");
            }
        }
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was run or written");
    // What is no text comes through a pipe.
    let bytes = [0, 255, b'\'', b'\n'];
    send(Method::POST, &control.server.at("/bytes"), &[], bytes.to_vec()).await;
    let command = control.ask("api/exchanges/latest/curl").await.text();
    let output = shell(&command, folder.path()).await;
    let got: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {command}\n{output:?}"));
    assert_eq!(got["body"], String::from_utf8_lossy(&bytes).into_owned());
}

/// The name of a member, and what it has to be.
type Member<'a> = (&'a str, fn(&Value) -> bool);

/// Whether an object has these members, of these kinds.
fn has(object: &Value, members: &[Member<'_>]) {
    for (name, is_right) in members {
        assert!(object.get(*name).is_some_and(is_right), "`{name}` of {object}");
    }
}

#[tokio::test]
async fn an_archive_has_what_the_format_asks_for() {
    let (upstream, project) = (EchoServer::start("app").await, upstream_project());
    let control = Controlled::before(&project, &upstream);
    control.look().await;
    send(Method::POST, &control.server.at("/x?a=b%20c&d"), &[("content-type", "text/plain"), ("cookie", "k=v")], "hello").await;
    get(&control.server.at("/redirect")).await;
    let answer = control.ask("api/exchanges/har").await;
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"everlit.har\"");
    let har = answer.json();
    has(&har["log"], &[("version", |version| version == "1.2"), ("creator", Value::is_object), ("entries", Value::is_array)]);
    has(&har["log"]["creator"], &[("name", Value::is_string), ("version", Value::is_string)]);
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 2);
    for entry in entries {
        has(
            entry,
            &[
                ("startedDateTime", |at| at.as_str().is_some_and(|at| at.contains('T') && at.ends_with('Z'))),
                ("time", |time| time.as_f64().is_some_and(|time| time > 0.0)),
                ("request", Value::is_object),
                ("response", Value::is_object),
                ("cache", Value::is_object),
                ("timings", Value::is_object),
            ],
        );
        has(
            &entry["request"],
            &[
                ("method", Value::is_string),
                ("url", |url| url.as_str().is_some_and(|url| url.starts_with("http://localhost:"))),
                ("httpVersion", |version| version == "HTTP/1.1"),
                ("cookies", Value::is_array),
                ("headers", Value::is_array),
                ("queryString", Value::is_array),
                ("headersSize", Value::is_i64),
                ("bodySize", Value::is_i64),
            ],
        );
        has(
            &entry["response"],
            &[
                ("status", Value::is_u64),
                ("statusText", Value::is_string),
                ("httpVersion", Value::is_string),
                ("cookies", Value::is_array),
                ("headers", Value::is_array),
                ("content", Value::is_object),
                ("redirectURL", Value::is_string),
                ("headersSize", Value::is_i64),
                ("bodySize", Value::is_i64),
            ],
        );
        has(&entry["response"]["content"], &[("size", Value::is_i64), ("mimeType", Value::is_string)]);
        has(&entry["timings"], &[("send", Value::is_f64), ("wait", Value::is_f64), ("receive", Value::is_f64)]);
    }
    let asked = &entries[0]["request"];
    assert_eq!(asked["postData"], json!({ "mimeType": "text/plain", "text": "hello" }));
    assert_eq!(asked["queryString"], json!([{ "name": "a", "value": "b c" }, { "name": "d", "value": "" }]));
    assert_eq!(asked["cookies"], json!([{ "name": "k", "value": "redacted" }]));
    assert_eq!(entries[1]["response"]["redirectURL"], "/login");
    assert_eq!(control.ask("api/exchanges/2/har").await.json()["log"]["entries"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn nobody_else_reads_or_changes_anything() {
    let project = TestProject::from_text(SITE);
    let control = Controlled::site(&project);
    control.look().await;
    get(&control.server.at("/a.txt")).await;
    let (bearer, own) = (control.bearer(), control.url.trim_end_matches('/').to_owned());
    let pages = control.server.url.trim_end_matches('/').to_owned();
    let (json, form) = (("content-type", "application/json"), ("content-type", "application/x-www-form-urlencoded"));
    let check = async |method: Method, path: &str, headers: &[(&str, &str)], status: u16| {
        let body = if method == Method::POST { "{\"id\":1}" } else { "" };
        let answer = send(method.clone(), &format!("{}{path}", control.url), headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {headers:?}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "");
        answer
    };
    let token = ("authorization", bearer.as_str());
    for path in ["api/exchanges", "api/exchanges/1", "api/exchanges/1/body", "api/exchanges/1/curl", "api/exchanges/har"] {
        check(Method::GET, path, &[token], 200).await;
        check(Method::GET, path, &[token, ("origin", &own)], 200).await;
        check(Method::GET, path, &[], 401).await;
        check(Method::GET, path, &[("authorization", &bearer[..bearer.len() - 1])], 401).await;
        check(Method::GET, path, &[("cookie", &control.token)], 401).await;
        check(Method::GET, path, &[token, ("origin", &pages)], 403).await;
        check(Method::GET, path, &[token, ("origin", "null")], 403).await;
        check(Method::POST, path, &[token, json], 405).await;
        // The token has no place in an address.
        check(Method::GET, &format!("{path}?token={}", control.token), &[], 401).await;
    }
    for path in ["api/reload", "api/replay", "api/open"] {
        check(Method::GET, path, &[token], 405).await;
        check(Method::POST, path, &[json], 401).await;
        check(Method::POST, path, &[token, form], 415).await;
        check(Method::POST, path, &[token], 415).await;
        check(Method::POST, path, &[token, json, ("origin", &pages)], 403).await;
        check(Method::POST, path, &[token, json, ("origin", "null")], 403).await;
        for site in ["cross-site", "same-site", "none"] {
            check(Method::POST, path, &[token, json, ("sec-fetch-site", site)], 403).await;
        }
    }
    check(Method::POST, "api/reload", &[token, json, ("origin", &own), ("sec-fetch-site", "same-origin")], 202).await;
    check(Method::GET, "api/session", &[], 405).await;
    check(Method::POST, "api/session", &[form], 415).await;
    check(Method::POST, "api/session", &[json, ("origin", &pages)], 403).await;
    check(Method::POST, "api/session", &[json, ("sec-fetch-site", "same-site")], 403).await;
    check(Method::POST, "api/session", &[json], 400).await;
    let answer = send(Method::POST, &format!("{}api/session", control.url), &[json], "{\"code\":\"\"}").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "there is no link as long as nobody asked for one");

    let (mut stream, mut answer) = (TcpStream::connect(control.authority()).await.expect("it accepts"), String::new());
    let port = control.authority().rsplit(':').next().expect("a port").to_owned();
    let asked = format!(
        "GET /api/exchanges HTTP/1.1\r\nHost: evil.example:{port}\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(asked.as_bytes()).await.expect("written");
    stream.read_to_string(&mut answer).await.expect("read");
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
}

#[tokio::test]
async fn an_address_that_is_cut_is_not_repeated() {
    let project = TestProject::from_text(SITE);
    let control = Controlled::site(&project);
    get(&control.server.at(&format!("/{}", "a".repeat(1100)))).await;
    assert_eq!(control.order("api/replay", &json!({ "id": 1 })).await.status, StatusCode::CONFLICT);
    assert_eq!(control.ask("api/exchanges").await.json()[0]["id"], 1, "nothing was sent");
}

#[tokio::test]
async fn a_command_tells_no_secret_of_an_encoded_body() {
    let (upstream, project) = (EchoServer::start("app").await, upstream_project());
    let control = Controlled::before(&project, &upstream);
    control.look().await;
    let post = async |coding: &str, body: &'static str| {
        let headers = [("content-type", "application/json"), ("content-encoding", coding)];
        send(Method::POST, &control.server.at("/post"), &headers, body).await;
        control.ask("api/exchanges/latest/curl").await
    };
    let plain = post("identity", r#"{"password":"canary"}"#).await;
    assert!(plain.status == StatusCode::OK && !plain.text().contains("canary"), "{}", plain.text());
    let unknown = post("unheard-of", r#"{"password":"canary"}"#).await;
    assert!(unknown.status == StatusCode::CONFLICT && !unknown.text().contains("canary"), "{}", unknown.text());
}

#[tokio::test]
async fn a_request_is_repeated_to_this_project_alone() {
    let (upstream, project, other) = (EchoServer::start("app").await, upstream_project(), EchoServer::start("other").await);
    let control = Controlled::before(&project, &upstream);
    get(&control.server.at("/early")).await;
    get(&control.server.at("/early?q")).await;
    let early = control.order("api/replay", &json!({ "id": 1 })).await;
    assert_eq!((early.status, early.json()["id"].clone()), (StatusCode::OK, json!(3)), "{}", early.text());
    assert_eq!(control.order("api/replay", &json!({ "id": 2 })).await.status, StatusCode::CONFLICT, "its query is not kept");

    let headers = [("x-note", "a"), ("authorization", "Bearer x"), ("content-type", "text/plain")];
    send(Method::GET, &control.server.at("/get?a=b"), &headers[..2], "").await;
    let again = control.order("api/replay", &json!({ "id": 4 })).await.json();
    assert_eq!(again, json!({ "id": 5, "status": 200, "left_out": ["authorization"] }));
    let told: Value = serde_json::from_slice(&control.ask("api/exchanges/5/body").await.body).expect("the program's answer");
    assert_eq!((&told["server"], &told["target"], &told["headers"]["x-note"]), (&json!("app"), &json!("/get?a=b"), &json!("a")));
    assert_eq!(told["headers"]["authorization"], Value::Null, "what is not kept is not sent");
    assert_eq!(control.ask("api/exchanges/5").await.json()["replay_of"], 4);

    send(Method::POST, &control.server.at("/post"), &headers[2..], "body").await;
    assert_eq!(control.order("api/replay", &json!({ "id": 6 })).await.status, StatusCode::CONFLICT, "it may change something");
    let again = control.order("api/replay", &json!({ "id": 6, "confirm": true })).await.json();
    assert_eq!(again["status"], 200);
    let told = control.ask("api/exchanges/latest/body").await.text();
    assert!(told.contains("\"body\":\"body\"") && told.contains("\"method\":\"POST\""), "{told}");

    get(&control.server.at("/get?token=x")).await;
    assert_eq!(control.order("api/replay", &json!({ "id": 8 })).await.status, StatusCode::CONFLICT, "a secret is not kept");
    for bad in [
        json!({ "id": 1, "url": other.url }),
        json!({ "id": 1, "host": other.authority() }),
        json!({ "id": "1" }),
        json!({ "id": -1 }),
        json!({}),
    ] {
        assert_eq!(control.order("api/replay", &bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(control.order("api/replay", &json!({ "id": 99 })).await.status, StatusCode::NOT_FOUND);
    assert_eq!(control.ask("api/exchanges?limit=1").await.json()[0]["id"], 8, "nothing of that was sent");
}

#[tokio::test]
async fn nothing_is_kept_where_that_is_switched_off() {
    let project = TestProject::from_text(&format!("{SITE}-- everlit.toml --\n[traffic]\ncapture = false\n"));
    let control = Controlled::site(&project);
    control.look().await;
    get(&control.server.at("/a.txt")).await;
    assert_eq!(control.ask("api/exchanges").await.json()[0]["captured"], false);
    for path in ["api/exchanges/1/body", "api/exchanges/1/curl"] {
        assert_eq!(control.ask(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(control.ask("api/exchanges/har").await.json()["log"]["entries"], json!([]));
}

/// A socket to the events, or the status of the refusal.
async fn events(control: &Controlled, headers: &[(&'static str, &str)]) -> Result<WebSocketStream<TcpStream>, u16> {
    let mut request = format!("ws://{}/api/events", control.authority()).into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a value"));
    }
    let tcp = TcpStream::connect(control.authority()).await.expect("it accepts");
    match client_async(request, tcp).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// The next events up to this one.
async fn wait_event(socket: &mut WebSocketStream<TcpStream>, name: &str) -> Vec<Value> {
    let mut heard = Vec::new();
    let waiting = async {
        while heard.last().is_none_or(|last: &Value| last["event"] != name) {
            if let Message::Text(text) = socket.next().await.expect("it stays open").expect("it works") {
                heard.push(serde_json::from_str(&text).expect("JSON"));
            }
        }
    };
    timeout(SOON, waiting).await.unwrap_or_else(|_| panic!("`{name}` was not told"));
    heard
}

#[tokio::test]
async fn events_are_told_as_they_happen() {
    let project = TestProject::from_text(SITE);
    let control = Controlled::site(&project);
    let (bearer, named) = (control.bearer(), format!("everlit, bearer.{}", control.token));
    let pages = control.server.url.trim_end_matches('/').to_owned();
    for (headers, status) in [
        (vec![], 401),
        (vec![("authorization", "Bearer x")], 401),
        (vec![("sec-websocket-protocol", "everlit, bearer.x")], 401),
        (vec![("authorization", bearer.as_str()), ("origin", &pages)], 403),
        (vec![("sec-websocket-protocol", named.as_str()), ("origin", "null")], 403),
    ] {
        assert_eq!(events(&control, &headers).await.err(), Some(status), "{headers:?}");
    }
    assert_eq!(control.ask("api/events").await.status, StatusCode::BAD_REQUEST, "it is no handshake");

    let mut tool = events(&control, &[("authorization", &bearer)]).await.expect("it opens");
    let mut page = events(&control, &[("sec-websocket-protocol", &named)]).await.expect("it opens");
    for socket in [&mut tool, &mut page] {
        wait_event(socket, "listening").await;
    }
    tool.send(Message::text("{\"type\":\"reload\"}")).await.expect("it is taken, and ignored");
    project.save("static/a.txt", "B\n");
    for socket in [&mut tool, &mut page] {
        let heard = wait_event(socket, "changed").await;
        let last = heard.last().expect("an event");
        assert_eq!(last["files"], json!(["static/a.txt"]));
        assert!(last["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{last}");
        assert!(!heard.iter().any(|event| event.to_string().contains(&control.token)));
    }
}

#[tokio::test]
async fn the_page_lists_a_request_and_shows_it_as_text() {
    let (upstream, project, browser) = (EchoServer::start("app").await, upstream_project(), Chromium::start().await);
    let control = Controlled::before(&project, &upstream);
    let page = browser.open(&control.url).await;
    page.wait_until("document.getElementById('state').textContent.startsWith('Press i')", SOON).await;
    assert_eq!(page.evaluate("document.getElementById('main').hidden").await, true);
    let page = browser.open(&format!("{}#not-a-code", control.url)).await;
    page.wait_until("document.getElementById('state').textContent.includes('used before')", SOON).await;
    assert_eq!(page.evaluate("location.hash").await, "", "a code does not stay in the address");

    page.evaluate(&format!("sessionStorage.setItem('everlit-control-token', '{}')", control.token)).await;
    page.call("Page.reload", json!({})).await;
    page.wait_until("document.getElementById('main').hidden === false", SOON).await;
    let nasty = "/%3Cimg%20src=x%20onerror=alert(1)%3E'\"<script>alert(2)</script>";
    let mut stream = TcpStream::connect(("localhost", control.server.port())).await.expect("it accepts");
    let host =
        format!("Host: localhost:{}\r\nX-Note: <img src=x onerror=alert(3)>\r\nConnection: close\r\n", control.server.port());
    let asked = format!("GET /%3Cscript%3Ealert(2)%3C/script%3E'$(id) HTTP/1.1\r\n{host}\r\n");
    stream.write_all(asked.as_bytes()).await.expect("written");
    stream.read_to_end(&mut Vec::new()).await.expect("read");
    send(Method::POST, &control.server.at("/x"), &[("content-type", "text/html")], nasty).await;

    page.wait_until("document.querySelectorAll('#exchanges tr').length === 2", SOON).await;
    let rows = page.evaluate("[...document.querySelectorAll('#exchanges tr')].map((row) => row.innerText)").await.to_string();
    assert!(rows.contains("POST") && rows.contains("/%3Cscript%3Ealert(2)%3C/script%3E'$(id)"), "{rows}");
    page.evaluate("document.querySelector('#exchanges tr button').click()").await;
    page.wait_until("document.getElementById('asked-body').textContent.includes('onerror=alert(1)')", SOON).await;
    let bodies = page.evaluate("document.getElementById('asked-body').textContent").await;
    assert_eq!(bodies, nasty, "it is text");
    page.evaluate("document.querySelectorAll('#exchanges tr button')[1].click()").await;
    page.wait_until("document.getElementById('asked').innerText.includes('<img src=x onerror=alert(3)>')", SOON).await;
    page.evaluate("document.getElementById('curl').click()").await;
    page.wait_until("document.getElementById('command').textContent.startsWith('curl --globoff')", SOON).await;
    page.evaluate("document.getElementById('replay').click()").await;
    page.wait_until("document.getElementById('said').textContent === 'Answered with 200.'", SOON).await;
    page.wait_until("document.querySelectorAll('#exchanges tr').length === 3", SOON).await;
    assert_eq!(page.evaluate("document.querySelectorAll('main img, main script').length").await, 0);

    let inline = "(() => { const made = document.createElement('div'); try { made.innerHTML = '<b>a</b>' } catch (e) { return e.name } })()";
    assert_eq!(page.evaluate(inline).await, "TypeError", "no text becomes markup here");
    for (width, height, scheme) in [(1200, 800, "light"), (1200, 800, "dark"), (360, 740, "dark")] {
        page.emulate(width, height, scheme).await;
        page.wait_until("document.documentElement.scrollWidth <= innerWidth", Duration::from_secs(5)).await;
        if let Ok(folder) = std::env::var("EVERLIT_PICTURES") {
            page.screenshot(&std::path::Path::new(&folder).join(format!("inspect-{width}-{scheme}.png"))).await;
        }
    }
}

#[tokio::test]
async fn the_page_is_the_same_for_everybody_and_may_do_little() {
    let project = TestProject::from_text(SITE);
    let control = Controlled::site(&project);
    for (path, kind) in [
        ("", "text/html; charset=utf-8"),
        ("inspect.css", "text/css; charset=utf-8"),
        ("inspect.js", "text/javascript; charset=utf-8"),
    ] {
        let answer = get(&format!("{}{path}", control.url)).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, kind));
        assert_eq!(control.ask(path).await.body, answer.body, "the token changes nothing");
        assert!(!answer.text().contains(&control.token));
        for (name, value) in [
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("set-cookie", ""),
        ] {
            assert_eq!(answer.header(name), value, "{name} of /{path}");
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
