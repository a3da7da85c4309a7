//! Several servers behind one address: who gets what, and what pages see of it.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use crate::harness::{Chromium, Connection, EchoServer, FarServer, ReloadSocket, SOON, TestProject, TestServer, get, send};

const PAGE: &str = "-- static/index.html --\n<!doctype html><title>Site</title><h1>site</h1>\n";

fn project(toml: &str) -> TestProject {
    TestProject::from_text(&format!("{PAGE}-- static/both/a.txt --\nsite\n-- everlit.toml --\n{toml}"))
}

/// Who answered, and the target it saw.
async fn seen(server: &TestServer, path: &str) -> (String, String) {
    let answer = get(&server.at(path)).await;
    if answer.header("content-type").starts_with("application/json") {
        let said = answer.json();
        return (said["server"].as_str().expect("a name").to_owned(), said["target"].as_str().expect("a path").to_owned());
    }
    (answer.text().trim().to_owned(), answer.status.as_str().to_owned())
}

async fn check(server: &TestServer, path: &str, name: &str, target: &str) {
    assert_eq!(seen(server, path).await, (name.to_owned(), target.to_owned()), "{path}");
}

#[tokio::test]
async fn each_path_goes_to_its_server() {
    let (api, docs, rest) = (EchoServer::start("api").await, EchoServer::start("docs").await, EchoServer::start("rest").await);
    let project = project(&format!(
        "upstream = \"{rest}\"\n[site]\nexcept = [\"/both/\"]\n\
         [[proxy]]\npath = \"/api/\"\nto = \"{api}\"\n\
         [[proxy]]\npath = \"/api/docs\"\nto = \"{docs}/v2/\"\nstrip_prefix = true\n\
         [[proxy]]\npath = \"/old\"\nto = \"{docs}\"\nrewrite = {{ from = \"^/old/(.*)\", to = \"/new/$1\" }}\n\
         [[proxy]]\npath = \"/index.html\"\nto = \"{api}\"\nsite_first = true\n",
        rest = rest.url,
        api = api.url,
        docs = docs.url
    ));
    let server = TestServer::start(project.path());
    check(&server, "/api/a?b=/c", "api", "/api/a?b=/c").await;
    check(&server, "/api", "rest", "/api").await;
    check(&server, "/apix/", "rest", "/apix/").await;
    check(&server, "/api/docs", "docs", "/v2/").await;
    check(&server, "/api/docs/a%2fb?q", "docs", "/v2/a%2fb?q").await;
    check(&server, "/api/docsx", "api", "/api/docsx").await;
    check(&server, "/old/a", "docs", "/new/a").await;
    check(&server, "/both/a.txt", "rest", "/both/a.txt").await;
    assert!(get(&server.at("/index.html")).await.text().contains("<h1>site</h1>"), "the site has it");
    check(&server, "/index.html/x", "api", "/index.html/x").await;
}

#[tokio::test]
async fn a_route_is_heard_of_in_the_terminal_and_its_flag_wins() {
    let (first, second) = (EchoServer::start("first").await, EchoServer::start("second").await);
    let project = project(&format!("[[proxy]]\npath = \"/api\"\nto = \"{}\"\n", first.url));
    let flag = format!("/api={}", second.url);
    let server = TestServer::start_with(project.path(), &["--port", "0", "--proxy", &flag], &[]);
    check(&server, "/api/x", "second", "/api/x").await;
    assert!(server.transcript().contains(&format!("/api goes to {}", second.url)), "{}", server.transcript());
}

#[tokio::test]
async fn headers_come_from_the_environment_and_show_nowhere() {
    let api = EchoServer::start("api").await;
    let files = |file: &str| format!("{PAGE}-- .env --\nTENANT={file}\n-- everlit.toml --\n");
    let toml = format!(
        "[[proxy]]\npath = \"/api\"\nto = \"{}\"\nheaders = {{ Authorization = \"Bearer ${{API_TOKEN}}\", X-Tenant = \
         \"${{TENANT}}-${{STAGE:-dev}}\" }}\n",
        api.url
    );
    let project = TestProject::from_text(&(files("red") + &toml));
    let server = TestServer::start_with(project.path(), &["--port", "0"], &[("API_TOKEN", "hush-4711")]);
    let said = get(&server.at("/api")).await.json();
    assert_eq!(
        (&said["headers"]["authorization"], &said["headers"]["x-tenant"]),
        (&json!("Bearer hush-4711"), &json!("red-dev"))
    );

    let mut socket = ReloadSocket::open(&server).await;
    project.save(".env", "TENANT=blue\n");
    socket.next_change(SOON).await;
    assert_eq!(get(&server.at("/api")).await.json()["headers"]["x-tenant"], "blue-dev");
    assert!(!server.transcript().contains("hush-4711"), "{}", server.transcript());

    // Whoever can make a browser send a request must not get to use them.
    let foreign = [("origin", "http://evil.example")];
    for method in [Method::GET, Method::POST] {
        let refused = send(method, &server.at("/api"), &foreign, "").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        assert!(refused.text().contains("[cors]") && !refused.text().contains("hush"), "{}", refused.text());
    }
    let embedded = [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")];
    assert_eq!(send(Method::GET, &server.at("/api"), &embedded, "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_host_is_kept_for_servers_here_and_a_choice() {
    let api = EchoServer::start("api").await;
    let route = |path: &str, host: &str| format!("[[proxy]]\npath = \"{path}\"\nto = \"{}\"\n{host}\n", api.url);
    let toml = route("/a", "") + &route("/b", "host = \"rewrite\"");
    let project = project(&toml);
    let server = TestServer::start(project.path());
    let host = async |path: &str| get(&server.at(path)).await.json()["headers"]["host"].as_str().expect("a host").to_owned();
    assert_eq!(host("/a").await, format!("localhost:{}", server.port()));
    assert_eq!(host("/b").await, api.authority());
}

#[tokio::test]
async fn redirects_and_cookies_stay_below_the_route() {
    let api = EchoServer::start("api").await;
    let project = project(&format!("[[proxy]]\npath = \"/api\"\nto = \"{}\"\nstrip_prefix = true\n", api.url));
    let server = TestServer::start(project.path());
    let answer = get(&server.at("/api/redirect")).await;
    assert_eq!((answer.header("location"), answer.header("set-cookie")), ("/api/login", "a=1; Path=/api/login"));
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_its_own_time() {
    let api = EchoServer::start("api").await;
    let project = project(&format!("[[proxy]]\npath = \"/api\"\nto = \"{}\"\ntimeout = \"300ms\"\n", api.url));
    let server = TestServer::start(project.path());
    let answer = timeout(SOON, send(Method::GET, &server.at("/api/silent"), &[("accept", "application/json")], "")).await;
    let answer = answer.expect("long before the default of a minute");
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::GATEWAY_TIMEOUT, "application/problem+json"));
    assert!(answer.text().contains("`[[proxy]]` /api to http://127.0.0.1:"), "{}", answer.text());
    assert!(answer.text().contains("whose `timeout` in everlit.toml allows more"), "{}", answer.text());
}

/// Opens a websocket as a page of an origin does.
async fn open(server: &TestServer, path: &str, origin: &str) -> Result<WebSocketStream<TcpStream>, StatusCode> {
    let mut request = format!("ws://localhost:{}{path}", server.port()).into_client_request().expect("a URL");
    request.headers_mut().insert("origin", origin.parse().expect("a header"));
    let stream = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) => Err(answer.status()),
        Err(error) => panic!("{path}: {error}"),
    }
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> String {
    let message = timeout(SOON, socket.next()).await.expect("in time").expect("the socket is open").expect("a message");
    message.into_text().expect("a text").to_string()
}

#[tokio::test]
async fn websockets_are_for_our_own_pages_and_for_those_that_are_named() {
    let api = EchoServer::start("api").await;
    let route = |path: &str, keys: &str| format!("[[proxy]]\npath = \"{path}\"\nto = \"{}\"\n{keys}\n", api.url);
    let toml = route("/own", "") + &route("/named", "ws_origins = [\"http://app.example:5000\"]") + &route("/none", "ws = false");
    let project = project(&toml);
    let server = TestServer::start(project.path());
    let own = format!("http://localhost:{}", server.port());
    for (path, origin) in [("/own/ws", own.as_str()), ("/named/ws", &own), ("/named/ws", "http://app.example:5000")] {
        let mut socket = open(&server, path, origin).await.unwrap_or_else(|status| panic!("{path} {origin}: {status}"));
        assert_eq!(next(&mut socket).await, "api");
        socket.send(Message::text("ping")).await.expect("it is open");
        assert_eq!(next(&mut socket).await, "ping");
    }
    for (path, origin) in
        [("/own/ws", "http://app.example:5000"), ("/named/ws", "http://evil.example"), ("/named/ws", "null"), ("/none/ws", &own)]
    {
        assert_eq!(open(&server, path, origin).await.err(), Some(StatusCode::FORBIDDEN), "{path} {origin}");
    }
}

#[tokio::test]
async fn a_message_of_a_websocket_may_be_of_any_size() {
    let api = EchoServer::start("api").await;
    let project = project(&format!("[[proxy]]\npath = \"/api\"\nto = \"{}\"\n", api.url));
    let server = TestServer::start(project.path());
    let mut socket = open(&server, "/api/ws", &format!("http://localhost:{}", server.port())).await.expect("it opens");
    assert_eq!(next(&mut socket).await, "api");
    let (mut to, mut from) = socket.split();
    // It comes back while it is being sent.
    let long = "x".repeat(12 * 1024 * 1024);
    let (sent, echoed) = tokio::join!(to.send(Message::text(long.clone())), timeout(SOON, from.next()));
    sent.expect("it is open");
    let echoed = echoed.expect("in time").expect("the socket is open").expect("a message");
    assert!(echoed.into_text().is_ok_and(|text| text.as_str() == long), "byte for byte");
}

#[tokio::test]
async fn what_holds_for_the_app_holds_for_routes() {
    let api = EchoServer::start("api").await;
    let project = project(&format!(
        "[[proxy]]\npath = \"/api\"\nto = \"{}\"\n[cors]\norigins = [\"http://app.example:5000\"]\n\
         [[fault]]\npath = \"/api/broken\"\nstatus = 418\n",
        api.url
    ));
    let server = TestServer::start(project.path());
    let page = get(&server.at("/api/page")).await;
    assert!(page.text().contains("<h1>api</h1>") && page.text().contains("/__everlit/client.js"), "{}", page.text());
    assert_eq!(page.header("everlit-generation"), "1", "it has no generation of its own");
    let broken = get(&server.at("/api/broken")).await;
    assert_eq!((broken.status.as_u16(), broken.header("everlit-fault")), (418, "status=418"));
    let granted = send(Method::GET, &server.at("/api/x"), &[("origin", "http://app.example:5000")], "").await;
    assert_eq!(granted.header("access-control-allow-origin"), "http://app.example:5000");
    let stranger = send(Method::GET, &server.at("/api/x"), &[("host", "evil.example")], "").await;
    assert_eq!(stranger.status, StatusCode::BAD_REQUEST, "two hosts");
    let forged = send(Method::GET, &server.at("/api/x"), &[("x-forwarded-for", "6.6.6.6")], "").await.json();
    assert_eq!(forged["headers"]["x-forwarded-for"], "127.0.0.1");

    project.save("everlit.toml", "[[proxy]]\n");
    let mut socket = ReloadSocket::open(&server).await;
    if socket.hello["stale"] != true {
        assert_eq!(socket.next_change(SOON).await["type"], "failed");
    }
    assert_eq!(get(&server.at("/api/page")).await.header("everlit-generation"), "1; stale", "the last good table goes on");
}

#[tokio::test]
async fn a_new_table_loses_no_request_and_no_socket() {
    let (old, new) = (EchoServer::start("old").await, EchoServer::start("new").await);
    let table = |api: &EchoServer| {
        format!("[[proxy]]\npath = \"/api\"\nto = \"{}\"\n[[proxy]]\npath = \"/live\"\nto = \"{}\"\n", api.url, old.url)
    };
    let project = project(&table(&old));
    let server = TestServer::start(project.path());
    let mut live = open(&server, "/live/ws", &format!("http://localhost:{}", server.port())).await.expect("it opens");
    assert_eq!(next(&mut live).await, "old");
    let mut reload = ReloadSocket::open(&server).await;

    let url = server.url.parse().expect("a URL");
    let mut under_way = Connection::open(&url).await.expect("the server accepts");
    let waiting = under_way.get("/api/slow");
    let replaced = async {
        old.slow.notified().await;
        project.save("everlit.toml", &table(&new));
        reload.next_change(SOON).await;
        let mut answered = Vec::new();
        for _ in 0..20 {
            answered.push(seen(&server, "/api/x").await.0);
        }
        answered
    };
    let (waited, answered) = tokio::join!(waiting, replaced);
    assert_eq!(waited.expect("the request under way is answered").json()["server"], "old");
    assert!(answered.iter().all(|name| name == "new"), "serve first, tell second: {answered:?}");
    live.send(Message::text("still")).await.expect("a route that is as it was keeps its sockets");
    assert_eq!(next(&mut live).await, "still");
}

/// A port that nobody has at the moment.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port").local_addr().expect("an address").port()
}

#[tokio::test]
async fn a_page_comes_alive_with_its_server() {
    let (project, browser, port) = (TestProject::from_text("-- notes.txt --\na\n"), Chromium::start().await, free_port());
    let url = format!("http://127.0.0.1:{port}");
    let mut server = TestServer::start_with(project.path(), &["--port", "0", "--upstream", &url], &[]);
    let page = browser.open(&server.at("/page")).await;
    let said = format!("document.body.textContent.includes('nothing accepts connections at {url}')");
    page.wait_until(&said, SOON).await;
    let _upstream = EchoServer::start_at("late", port).await;
    page.wait_until("document.querySelector('h1')?.textContent === 'late'", SOON).await;
    server.rewind();
    let is_told = |event: &Value| event["text"].as_str().is_some_and(|text| text.contains("no answer from"));
    server.wait_for("the missing server", Duration::from_secs(1), is_told);
}

#[tokio::test]
async fn the_folder_of_an_upstream_is_watched() {
    let upstream = EchoServer::start("upstream").await;
    let project = TestProject::from_text("-- web/site.css --\nh1 {}\n");
    let server = TestServer::start_with(project.path(), &["--port", "0", "--upstream", &upstream.url], &[]);
    check(&server, "/x", "upstream", "/x").await;
    let mut socket = ReloadSocket::open(&server).await;
    project.save("web/site.css", "h1 { color: red }\n");
    assert_eq!(socket.next_change(SOON).await["type"], "reload");
}

#[test]
fn a_server_cannot_be_asked_by_itself() {
    let project = project("");
    let port = free_port().to_string();
    let args = ["--port", &port, "--strict-port", "--proxy", &format!("/api=http://localhost:{port}")];
    let mut server = TestServer::spawn(project.path(), &args, &[]);
    assert_eq!(server.wait_end(SOON).code(), Some(1));
    assert!(server.transcript().contains("which is this server itself"), "{}", server.transcript());
}

#[tokio::test]
async fn a_server_with_tls_is_believed_by_the_system_or_because_the_file_says_so() {
    let far = FarServer::with_tls().await;
    let route = |path: &str, keys: &str| format!("[[proxy]]\npath = \"{path}\"\nto = \"{}/base\"\n{keys}\n", far.url);
    let toml = route("/strict", "") + &route("/lax", "verify = false") + &route("/lax2", "verify = false\nhttp2 = true");
    let project = project(&toml);
    let server = TestServer::start(project.path());
    let here = format!("localhost:{}", server.port());
    assert_eq!(seen(&server, "/lax/a").await.0, format!("HTTP/1.1 {here} /base/lax/a"));
    assert_eq!(seen(&server, "/lax2/a").await.0, format!("HTTP/2.0 {here} /base/lax2/a"));
    let refused = get(&server.at("/strict/a")).await;
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY);
    for words in ["nobody this system trusts signed it", "`verify = false`", "`[[proxy]]` /strict to https://localhost:"] {
        assert!(refused.text().contains(words), "{words}: {}", refused.text());
    }

    project.save("far.pem", &far.certificate);
    let trusted = project.path().join("far.pem").display().to_string();
    let server = TestServer::start_with(project.path(), &["--port", "0"], &[("SSL_CERT_FILE", &trusted)]);
    assert_eq!(seen(&server, "/strict/a").await.0, format!("HTTP/1.1 localhost:{} /base/strict/a", server.port()));
}

#[tokio::test]
async fn a_server_of_another_name_than_its_certificate_has_is_not_believed() {
    let far = FarServer::with_tls().await;
    let other_name = far.url.replace("localhost", "127.0.0.1");
    let project = project(&format!("[[proxy]]\npath = \"/a\"\nto = \"{other_name}\"\n-- far.pem --\n{}", far.certificate));
    let trusted = project.path().join("far.pem").display().to_string();
    let server = TestServer::start_with(project.path(), &["--port", "0"], &[("SSL_CERT_FILE", &trusted)]);
    let refused = get(&server.at("/a")).await;
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY);
    assert!(refused.text().contains(&format!("the certificate of {other_name}")), "{}", refused.text());
}

#[tokio::test]
async fn a_server_that_speaks_http2_alone_is_reached_by_its_key() {
    let far = FarServer::with_http2().await;
    let route = |path: &str, keys: &str| format!("[[proxy]]\npath = \"{path}\"\nto = \"{}\"\n{keys}\n", far.url);
    let toml = route("/with", "http2 = true\nstrip_prefix = true") + &route("/without", "");
    let project = project(&toml);
    let server = TestServer::start(project.path());
    let here = format!("localhost:{}", server.port());
    for path in ["/a", "/b"] {
        assert_eq!(seen(&server, &format!("/with{path}")).await.0, format!("HTTP/2.0 {here} {path}"));
    }
    let refused = get(&server.at("/without/a")).await;
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{}", refused.text());
}
