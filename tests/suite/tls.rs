//! HTTPS and HTTP/2 as programs see them: curl, a client of many streams, and clients that misbehave.

use std::{convert::Infallible, fs, process::Command, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, future::join_all};
use http::{Method, Request};
use http_body_util::Full;
use hyper::{Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Home, Http2, SOON, Signal, StreamSocket, TestProject, TestServer, get, require, send};

const SITE: &str = "-- static/index.html --\n<!doctype html><title>Shop</title><h1>one</h1>\n-- static/a.txt --\nhello\n-- data/posts.json --\n[]\n";

/// A served project that speaks TLS.
fn serve(home: &Home, project: &TestProject, args: &[&str]) -> TestServer {
    let env = home.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    TestServer::start_with(project.path(), &[&["--port", "0"], args].concat(), &env)
}

fn curl(home: &Home, args: &[&str]) -> String {
    let done = Command::new(require("curl"))
        .args(["--silent", "--show-error", "--max-time", "20", "--cacert"])
        .arg(home.authority())
        .args(args)
        .output()
        .expect("curl starts");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Memory that is in use, in MiB.
fn resident(server: &TestServer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

#[test]
fn curl_gets_pages_over_both_versions_of_http() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let server = serve(&home, &project, &["--tls"]);
    assert!(server.url.starts_with("https://localhost:"), "{}", server.url);
    let write = "%{http_version} %{http_code} %{ssl_verify_result}";
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        for host in ["localhost", "127.0.0.1", "[::1]", "shop.localhost"] {
            let url = format!("https://{host}:{}/a.txt", server.port());
            let resolve = format!("shop.localhost:{}:127.0.0.1", server.port());
            let text = curl(&home, &[flag, "--resolve", &resolve, "--write-out", write, &url]);
            assert_eq!(text, format!("hello\n{version} 200 0"), "{flag} {host}");
        }
    }
    let head = curl(&home, &["--head", &server.url]);
    assert!(!head.to_lowercase().contains("strict-transport-security"), "{head}");
    let api = curl(&home, &[&server.at("/api")]);
    assert!(api.contains(&format!("{}api", server.url)), "addresses in answers are those of HTTPS: {api}");
}

#[tokio::test]
async fn plain_http_on_the_same_port_is_sent_to_https() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let server = serve(&home, &project, &["--tls"]);
    let plain = server.url.replace("https:", "http:");
    let answer = send(Method::POST, &format!("{plain}api/posts?a=1"), &[], "{}").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (307, server.at("/api/posts?a=1").as_str()));
    assert_eq!(answer.header("cache-control"), "no-store");
    let followed = curl(&home, &["--location", "--write-out", "%{http_version} %{num_redirects}", &format!("{plain}a.txt")]);
    assert_eq!(followed, "hello\n2 1");
    let answer = Http2::open_plain(&server).await.get("/a.txt").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (307, server.at("/a.txt").as_str()));
}

#[tokio::test]
async fn names_that_are_not_ours_are_refused_over_http2() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let server = serve(&home, &project, &["--tls"]);
    let connection = Http2::open_tls(&server, &home).await;
    assert_eq!(connection.get("/a.txt").await.text(), "hello\n");
    let headers = [("host", "evil.example")];
    let refused = connection.send(Method::GET, "/a.txt", &headers).await.expect("an answer");
    assert_eq!(refused.status, 400, "the two names disagree");
    let evil = connection.at("https://evil.example/").get("/a.txt").await;
    assert_eq!(evil.status, 421);
    let many: Vec<_> = (0..150).map(|n| format!("x-{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(connection.send(Method::GET, "/a.txt", &many).await.expect("an answer").status, 431);
    let plain = connection.send(Method::CONNECT, "/a.txt", &[]).await.map(|answer| answer.status.as_u16());
    assert!(plain.is_err() || plain.is_ok_and(|status| status >= 400), "no tunnel is opened");
}

#[tokio::test]
async fn a_thousand_streams_share_one_connection_to_a_site() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    project.save("static/large.bin", &"0123456789abcdef".repeat(4096));
    let server = serve(&home, &project, &["--tls"]);
    let connection = Http2::open_tls(&server, &home).await;
    connection.get("/large.bin").await;
    let before = resident(&server);
    let answers = join_all((0..1000).map(|_| connection.send(Method::GET, "/large.bin", &[]))).await;
    for answer in answers {
        let answer = answer.expect("every stream is answered");
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 64 * 1024));
    }
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 64, "{grown} MiB more for a thousand answers of 64 KiB");
}

/// A program whose answers wait to be let go.
struct Program {
    url: String,
    arrived: mpsc::UnboundedReceiver<()>,
    held: Arc<Semaphore>,
    _tasks: JoinSet<()>,
}

impl Program {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (heard, arrived) = mpsc::unbounded_channel();
        let held = Arc::new(Semaphore::new(0));
        let gate = Arc::clone(&held);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let (heard, gate) = (heard.clone(), Arc::clone(&gate));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (heard, gate) = (heard.clone(), Arc::clone(&gate));
                    async move {
                        // Everlit asks whether it is there, without a field of a client's.
                        if request.headers().contains_key("user-agent") {
                            let _ = heard.send(());
                            gate.acquire().await.expect("it stays open").forget();
                        }
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"together\n"))))
                    }
                });
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, arrived, held, _tasks: tasks }
    }

    /// Waits until it has so many requests, none of which it has answered.
    async fn has(&mut self, requests: usize) {
        for n in 0..requests {
            timeout(SOON, self.arrived.recv()).await.unwrap_or_else(|_| panic!("{n} of {requests} requests arrived"));
        }
    }

    /// Answers so many.
    fn answer(&self, requests: usize) {
        self.held.add_permits(requests);
    }
}

#[tokio::test]
async fn a_thousand_streams_share_one_connection_to_a_program() {
    let mut program = Program::start().await;
    let (home, project) = (Home::new(), TestProject::from_text("-- everlit.toml --\n"));
    let server = serve(&home, &project, &["--tls", "--upstream", &program.url]);
    let before = resident(&server);
    let connection = Http2::open_tls(&server, &home).await;
    let requests: Vec<_> = (0..1000).map(|n| tokio::spawn(connection.send(Method::GET, &format!("/{n}"), &[]))).collect();
    program.has(1000).await;
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 128, "{grown} MiB more for a thousand requests under way");
    program.answer(1000);
    for request in requests {
        let answer = request.await.expect("no panic").expect("every stream is answered");
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "together\n"));
    }
}

async fn next(socket: &mut StreamSocket) -> Value {
    loop {
        let frame = timeout(SOON, socket.next()).await.expect("a message in time");
        if let Message::Text(text) = frame.expect("an open socket").expect("a frame") {
            return serde_json::from_str(&text).expect("messages are JSON");
        }
    }
}

#[tokio::test]
async fn the_reload_socket_is_a_stream_of_http2() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let mut server = serve(&home, &project, &["--tls"]);
    server.wait_event("watching", SOON);
    let mut connection = Http2::open_tls(&server, &home).await;
    let script = connection.get("/__everlit/client.js").await.text();
    let token = script.split_once("const token = \"").and_then(|(_, rest)| rest.split('"').next()).expect("a token");
    let target = format!("/__everlit/ws?token={token}");
    let origin = server.url.trim_end_matches('/').to_owned();
    for (headers, status) in [
        (vec![("sec-websocket-version", "13"), ("origin", "https://evil.example")], 403),
        (vec![("sec-websocket-version", "13"), ("origin", "http://localhost:1")], 403),
        (vec![("sec-websocket-version", "12")], 400),
        (vec![], 400),
    ] {
        assert_eq!(connection.connect(&target, &headers).await.status(), status, "{headers:?}");
    }
    assert_eq!(connection.connect("/__everlit/ws?token=x", &[("sec-websocket-version", "13")]).await.status(), 401);

    let mut socket = connection.websocket(&target, &[("origin", &origin)]).await;
    assert_eq!(next(&mut socket).await["type"], "hello");
    socket.send(Message::text(r#"{"type":"nonsense"}"#)).await.expect("it takes text");
    project.save("static/a.txt", "changed\n");
    let told = next(&mut socket).await;
    assert!(told["cause"].to_string().contains("a.txt"), "{told}");
    assert_eq!(connection.get("/a.txt").await.text(), "changed\n", "the other streams go on");

    server.signal(Signal::TERM);
    let farewell = timeout(SOON, socket.next()).await.expect("in time").expect("a frame");
    assert!(matches!(farewell, Ok(Message::Close(Some(_)))), "{farewell:?}");
    timeout(SOON, connection.closed()).await.expect("the connection is closed in time").expect("and in good order");
    server.wait_end(SOON);
}

#[tokio::test]
async fn a_session_that_ends_says_so_and_lets_answers_finish() {
    let mut program = Program::start().await;
    let (home, project) = (Home::new(), TestProject::from_text("-- everlit.toml --\n"));
    let mut server = serve(&home, &project, &["--tls", "--upstream", &program.url]);
    let (mut busy, mut idle) = (Http2::open_tls(&server, &home).await, Http2::open_tls(&server, &home).await);
    let under_way = tokio::spawn(busy.send(Method::GET, "/", &[]));
    program.has(1).await;
    server.signal(Signal::TERM);
    timeout(SOON, idle.closed()).await.expect("in time").expect("in good order");
    program.answer(1);
    assert_eq!(under_way.await.expect("no panic").expect("it is answered").text(), "together\n");
    timeout(SOON, busy.closed()).await.expect("in time").expect("in good order");
    server.wait_end(SOON);
}

/// Connects with TLS and HTTP/1.1 inside.
async fn handshake(server: &TestServer, home: &Home) -> tokio_rustls::client::TlsStream<TcpStream> {
    let stream = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(home.client(&["http/1.1"])).connect(name, stream).await.expect("a handshake")
}

#[tokio::test]
async fn a_connection_that_ends_says_so_in_tls() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let mut server = serve(&home, &project, &["--tls"]);
    let request = |more: &str| format!("GET /a.txt HTTP/1.1\r\nhost: localhost:{}\r\n{more}\r\n", server.port());
    let mut closing = handshake(&server, &home).await;
    closing.write_all(request("connection: close\r\n").as_bytes()).await.expect("it takes it");
    let mut answer = String::new();
    closing.read_to_string(&mut answer).await.expect("rustls calls an end without close_notify an error");
    assert!(answer.ends_with("hello\n"), "{answer}");

    let mut kept = handshake(&server, &home).await;
    kept.write_all(request("").as_bytes()).await.expect("it takes it");
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello\n") {
        let count = timeout(SOON, kept.read_buf(&mut answer)).await.expect("in time").expect("an answer");
        assert!(count > 0, "{}", answer.escape_ascii());
    }
    server.signal(Signal::TERM);
    let count = timeout(SOON, kept.read_buf(&mut answer)).await.expect("in time").expect("closed in good order");
    assert_eq!(count, 0);
    server.wait_end(SOON);
}

/// A hello of TLS that lacks its end.
const HALF_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

#[tokio::test]
async fn what_is_no_handshake_disturbs_nobody() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let server = serve(&home, &project, &["--tls"]);
    let connect = async || TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
    let mut slow = Vec::new();
    for junk in [&b""[..], HALF_HELLO, b"\x16", b"\x16\x03\x01", b"P", b"PRI * HTTP/2.0\r\n"] {
        let mut stream = connect().await;
        stream.write_all(junk).await.expect("it takes it");
        slow.push(stream);
    }
    for junk in [
        &b"\x16\x03\x01\xff\xff"[..],
        &[0x16; 5000],
        &[0; 5000],
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\njunk junk junk",
    ] {
        let mut stream = connect().await;
        stream.write_all(junk).await.expect("it takes it");
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("it is closed");
    }
    for _ in 0..200 {
        let mut stream = connect().await;
        stream.write_all(HALF_HELLO).await.expect("it takes it");
        slow.push(stream);
    }
    let began = Instant::now();
    assert_eq!(Http2::open_tls(&server, &home).await.get("/a.txt").await.text(), "hello\n");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // Whoever has said nothing of use by the limit is let go.
    for mut stream in slow {
        let mut answer = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("it is closed");
    }
    assert_eq!(Http2::open_tls(&server, &home).await.get("/a.txt").await.text(), "hello\n");
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A connection that writes frames of its own, behind its preface and empty settings.
async fn frames(server: &TestServer) -> TcpStream {
    let mut stream = TcpStream::connect(("localhost", server.port())).await.expect("the server accepts");
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("it takes it");
    stream.write_all(&frame(4, 0, 0, &[])).await.expect("it takes it");
    stream
}

/// The fields of a GET of `/a.txt` (RFC 7541): method and scheme are of the static table, the others literal.
fn fields(server: &TestServer) -> Vec<u8> {
    let authority = format!("localhost:{}", server.port());
    let length = u8::try_from(authority.len()).expect("a short name");
    [b"\x82\x86\x04\x06/a.txt\x01", &[length][..], authority.as_bytes()].concat()
}

/// What is written first, second and so on.
type Chunk<'a> = &'a dyn Fn(u32) -> Vec<u8>;

/// Writes until the server closes the connection or has taken all, and answers with how much that was.
async fn flood(mut stream: TcpStream, chunk: Chunk<'_>, chunks: u32) -> u32 {
    let (mut reader, mut writer) = stream.split();
    let mut ignored = tokio::io::sink();
    let reading = tokio::io::copy(&mut reader, &mut ignored);
    let writing = async {
        for n in 0..chunks {
            if writer.write_all(&chunk(n)).await.is_err() {
                return n;
            }
        }
        chunks
    };
    let both = async {
        tokio::select! {
            written = writing => written,
            _ = reading => 0,
        }
    };
    timeout(3 * SOON, both).await.expect("it takes all, or closes")
}

#[tokio::test]
async fn abuse_of_http2_ends_one_connection_and_costs_little() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let server = serve(&home, &project, &[]);
    assert_eq!(Http2::open_plain(&server).await.get("/a.txt").await.text(), "hello\n");
    let before = resident(&server);
    let request = fields(&server);
    let begin = |n: u32, flags| frame(1, flags, 2 * n + 1, &request);
    const MANY: u32 = 200_000;
    let rapid_reset = |n| [begin(n, 0x5), frame(3, 0, 2 * n + 1, &8u32.to_be_bytes())].concat();
    let endless_head = |n: u32| if n == 0 { frame(1, 0, 1, &request) } else { frame(9, 0, 1, &[0; 16_000]) };
    let empty_data = |n: u32| if n == 0 { begin(0, 0x4) } else { frame(0, 0, 1, &[]) };
    let settings = |_| frame(4, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]);
    let pings = |_| frame(6, 0, 0, &[0; 8]);
    let abuses: [(&str, Chunk<'_>, bool); 5] = [
        ("rapid reset", &rapid_reset, true),
        ("endless head", &endless_head, true),
        ("empty data", &empty_data, true),
        ("settings", &settings, false),
        ("pings", &pings, false),
    ];
    for (name, chunk, is_closed) in abuses {
        let written = flood(frames(&server).await, chunk, MANY).await;
        assert!(written < MANY || !is_closed, "{name}: all of it was taken");
        let began = Instant::now();
        assert_eq!(get(&server.at("/a.txt")).await.text(), "hello\n", "{name}");
        assert!(began.elapsed() < Duration::from_secs(5), "{name}: {:?}", began.elapsed());
    }
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 16, "{grown} MiB more after all of it");
    drop(home);
}

#[tokio::test]
async fn a_broken_authority_does_not_keep_a_project_from_being_served() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let path = home.secret();
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, "garbage").expect("a file");
    let mut server = serve(&home, &project, &["--tls"]);
    let text = warning(&mut server);
    let expected =
        format!("plain HTTP is served, as TLS cannot be spoken: {} has no key that can be read; remove it", path.display());
    assert!(text.starts_with(&expected), "{text}");
    assert!(server.url.starts_with("http://localhost:"), "{}", server.url);
    assert_eq!(get(&server.at("/a.txt")).await.text(), "hello\n");
}

fn warning(server: &mut TestServer) -> String {
    server.wait_event("warning", SOON)["text"].as_str().expect("words").to_owned()
}

#[tokio::test]
async fn tls_where_there_is_none_is_said_once() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let mut server = serve(&home, &project, &[]);
    assert!(!home.secret().exists(), "without TLS no key is made");
    for _ in 0..3 {
        let done = Command::new(require("curl"))
            .args(["--silent", "--insecure", "--max-time", "20", &server.url.replace("http:", "https:")])
            .status();
        assert!(!done.expect("curl starts").success());
    }
    let port = server.port();
    let expected =
        format!("somebody asked for https://localhost:{port}/, and plain HTTP is spoken there: use http://, or start with --tls");
    assert_eq!(warning(&mut server), expected);
    assert_eq!(get(&server.at("/a.txt")).await.text(), "hello\n");
    let said = server.events().iter().filter(|event| event["event"] == "warning").count();
    assert_eq!(said, 1, "{}", server.transcript());
}

#[test]
fn a_certificate_of_ones_own_is_shown_until_another_takes_its_place() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let make = |name: &str| {
        let mut openssl = Command::new(require("openssl"));
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]);
        openssl.args(["-keyout", "key.pem", "-out", "cert.pem", "-subj"]).arg(format!("/CN={name}"));
        openssl.args(["-addext", "subjectAltName=DNS:localhost"]).current_dir(home.path());
        assert!(openssl.output().expect("openssl starts").status.success());
    };
    make("first");
    let at = |name: &str| home.path().join(name).display().to_string();
    let server = serve(&home, &project, &["--tls-cert", &at("cert.pem"), "--tls-key", &at("key.pem")]);
    assert!(!home.secret().exists(), "no authority is made that is not needed");
    let shown = || {
        let args =
            ["--silent", "--show-error", "--verbose", "--max-time", "20", "--cacert", &at("cert.pem"), &server.at("/a.txt")];
        let done = Command::new(require("curl")).args(args).output().expect("curl starts");
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    assert!(shown().contains("subject: CN=first"), "{}", shown());
    make("second");
    let began = std::time::Instant::now();
    while !shown().contains("subject: CN=second") {
        assert!(began.elapsed() < SOON, "{}", shown());
        std::thread::sleep(Duration::from_millis(100));
    }
}
