//! Pages of a real app through the real server.

use std::time::Duration;

use async_compression::tokio::{bufread::GzipDecoder, write::GzipEncoder};
use http::Method;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::app::{App, Reply};
use crate::harness::{Connection, SOON, get, send};

const PAGE: &str = "<!doctype html><html><head><title>a</title></head><body>b</body></html>";

const ACCEPT: [(&str, &str); 2] = [("accept", "text/html"), ("accept-encoding", "gzip, deflate, br, zstd")];

/// A connection whose bytes are read as they come.
async fn ask(app: &App, path: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", app.server.port())).await.expect("it accepts");
    let mut stream = BufReader::new(stream);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n\r\n",
        app.server.port()
    );
    stream.write_all(request.as_bytes()).await.expect("it reads");
    stream
}

/// The next chunk of a chunked body; nothing at its end.
async fn next_chunk(stream: &mut BufReader<TcpStream>) -> Vec<u8> {
    let chunk = async {
        let mut line = String::new();
        while line.trim().is_empty() {
            line.clear();
            stream.read_line(&mut line).await.expect("a line");
        }
        let length = usize::from_str_radix(line.trim(), 16).unwrap_or_else(|_| panic!("a chunk, not {line}"));
        let mut chunk = vec![0; length];
        stream.read_exact(&mut chunk).await.expect("the chunk");
        chunk
    };
    timeout(SOON, chunk).await.expect("it is not held back")
}

async fn skip_head(stream: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        timeout(SOON, stream.read_line(&mut head)).await.expect("a head soon").expect("a head");
    }
    head.to_ascii_lowercase()
}

#[tokio::test]
async fn a_slow_page_is_never_held_back() {
    let pieces = ["<!doctype html><html><he", "ad><title>a</title><p>b", "<p>c", "<p>d"];
    let slow = Reply::slow(pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect());
    let app = App::start([("/slow", slow)], "").await;
    let mut stream = ask(&app, "/slow").await;
    assert!(skip_head(&mut stream).await.contains("everlit-inject: injected"));
    let mut seen = String::new();
    for wanted in ["<!doctype html><html>", "></script><title>a</title><p>b", "<p>c", "<p>d"] {
        while !seen.ends_with(wanted) {
            seen.push_str(&String::from_utf8(next_chunk(&mut stream).await).expect("text"));
        }
        app.go_on();
    }
    assert_eq!(next_chunk(&mut stream).await, b"");
}

#[tokio::test]
async fn nor_is_one_that_the_app_encodes() {
    let mut encoder = GzipEncoder::new(Vec::new());
    let mut pieces = Vec::new();
    for piece in ["<!doctype html><head>", "<title>a</title>", "<p>b"] {
        encoder.write_all(piece.as_bytes()).await.expect("memory");
        encoder.flush().await.expect("memory");
        pieces.push(std::mem::take(encoder.get_mut()));
    }
    encoder.shutdown().await.expect("memory");
    pieces.push(encoder.into_inner());
    let app = App::start([("/slow", Reply::slow(pieces).with("Content-Encoding", "gzip"))], "").await;
    let mut stream = ask(&app, "/slow").await;
    let head = skip_head(&mut stream).await;
    assert!(head.contains("content-encoding: gzip") && head.contains("everlit-inject: injected; coding=gzip"), "{head}");
    let mut encoded = Vec::new();
    for wanted in ["<!doctype html><head>", "<title>a</title>", "<p>b"] {
        while !decoded(&encoded).await.contains(wanted) {
            encoded.extend(next_chunk(&mut stream).await);
        }
        app.go_on();
    }
    let whole = decoded(&encoded).await;
    assert!(
        whole.starts_with("<!doctype html><head><script src=\"/__everlit/client.js\"") && whole.ends_with("<title>a</title><p>b")
    );
}

/// What a browser can already show of an unfinished body.
async fn decoded(encoded: &[u8]) -> String {
    let mut decoder = GzipDecoder::new(encoded);
    let mut text = Vec::new();
    let mut buffer = [0; 256];
    while let Ok(length @ 1..) = decoder.read(&mut buffer).await {
        text.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(text).expect("text")
}

#[tokio::test]
async fn a_page_whose_coding_breaks_off_breaks_off() {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(PAGE.repeat(50).as_bytes()).await.expect("memory");
    encoder.shutdown().await.expect("memory");
    let whole = encoder.into_inner();
    let half = Reply::page(whole[..whole.len() - 9].to_vec()).with("Content-Encoding", "gzip");
    let damaged = Reply::page(b"<!doctype html>not gzip".to_vec()).with("Content-Encoding", "gzip");
    let whole = Reply::page(whole).with("Content-Encoding", "gzip");
    let app = App::start([("/whole", whole), ("/half", half), ("/damaged", damaged)], "").await;
    let url = app.server.url.parse().expect("a URL");
    for (path, breaks) in [("/whole", false), ("/half", true), ("/damaged", true)] {
        let mut connection = Connection::open(&url).await.expect("it accepts");
        let answer = connection.send(Method::GET, path, &ACCEPT, "").await;
        assert_eq!(answer.is_err(), breaks, "{path}: {answer:?}");
    }
    assert_eq!(get(&app.at("/whole")).await.header("everlit-inject"), "injected; decoded=gzip", "it is still there");
}

#[tokio::test]
async fn pages_are_left_alone_by_path_and_by_the_app() {
    let off = Reply::page(PAGE).with("Everlit-Inject", "off");
    let replies = [("/", Reply::page(PAGE)), ("/admin/users", Reply::page(PAGE)), ("/off", off)];
    let app = App::start(replies, "[live]\ninject_except = [\"/admin/**\"]\n").await;
    for (path, said) in [("/", "injected"), ("/admin/users", "skipped; reason=path"), ("/off", "skipped; reason=disabled-by-app")]
    {
        let answer = get(&app.at(path)).await;
        assert_eq!(answer.headers.get_all("everlit-inject").iter().collect::<Vec<_>>(), [said], "{path}");
        assert_eq!(answer.text() == PAGE, said != "injected", "{path}");
    }
}

#[tokio::test]
async fn a_strict_policy_gets_the_hash_of_the_script_that_is_served() {
    let strict = Reply::page(PAGE).with("Content-Security-Policy", "script-src 'strict-dynamic' 'sha256-abc'");
    let app = App::start([("/", strict)], "").await;
    let page = get(&app.server.url).await;
    let script = get(&app.at("/__everlit/client.js")).await;
    let digest = ring::digest::digest(&ring::digest::SHA256, &script.body);
    let hash = format!("sha256-{}", base64(digest.as_ref()));
    assert!(page.text().contains(&format!("integrity=\"{hash}\" crossorigin=\"anonymous\"")), "{} {hash}", page.text());
    let policy = page.header("content-security-policy");
    assert_eq!(
        policy,
        format!("script-src 'strict-dynamic' 'sha256-abc'; script-src-elem 'strict-dynamic' 'sha256-abc' '{hash}'")
    );
    assert_eq!(page.header("everlit-inject"), "injected; csp=widened; csp=hash");
}

fn base64(bytes: &[u8]) -> String {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".as_bytes();
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let six = |bits: &[u8]| usize::from_str_radix(&format!("{:0<6}", String::from_utf8_lossy(bits)), 2).expect("bits");
    let text: String = bits.as_bytes().chunks(6).map(|bits| char::from(digits[six(bits)])).collect();
    format!("{text}{}", "=".repeat((3 - bytes.len() % 3) % 3))
}

#[tokio::test]
async fn an_entity_tag_goes_round() {
    let mut app = App::start([("/", Reply::page(PAGE).with("ETag", "\"v1\"")), ("/same", same())], "").await;
    let tag = get(&app.server.url).await.header("etag").to_owned();
    assert!(tag.starts_with("W/\"v1-everlit-") && tag.ends_with("s\""), "{tag}");
    let window = [("sec-fetch-dest", "document"), ("accept", "text/html")];
    let url = app.at("/same");
    let ask = |fields: Vec<(&'static str, String)>| {
        let url = url.clone();
        async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            send(Method::GET, &url, &[&window[..], &fields].concat(), "").await
        }
    };
    let same = ask(vec![("if-none-match", tag.clone()), ("if-modified-since", "then".into())]).await;
    assert_eq!((same.status.as_u16(), same.header("etag")), (304, tag.as_str()));
    let request = app.last_request();
    assert!(request.contains("if-none-match: \"v1\"") && !request.contains("if-modified-since"), "{request}");
    ask(vec![("if-none-match", "\"v1\"".into())]).await;
    let request = app.last_request();
    assert!(!request.contains("if-none-match"), "a window has no use for a page without the script: {request}");
}

/// What an app answers to somebody who has the page.
fn same() -> Reply {
    Reply::page("").status(304).with("ETag", "\"v1\"")
}

#[tokio::test]
async fn parts_and_heads_agree_with_the_whole() {
    let part = Reply::page(&PAGE[..10]).status(206).with("Content-Range", "bytes 0-9/71").with("Content-Length", "10");
    let whole = Reply::page(PAGE).with("Content-Length", &PAGE.len().to_string()).with("ETag", "\"a\"");
    let app = App::start([("/", whole), ("/part", part)], "").await;
    let part = send(Method::GET, &app.at("/part"), &[("range", "bytes=0-9")], "").await;
    assert_eq!((part.status.as_u16(), part.text().as_str()), (206, &PAGE[..10]));
    assert_eq!(part.header("everlit-inject"), "skipped; reason=status");
    let whole = get(&app.server.url).await;
    assert_eq!(whole.header("content-length"), whole.body.len().to_string());
    let head = send(Method::HEAD, &app.server.url, &[], "").await;
    for name in ["etag", "everlit-inject", "content-type"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    assert_eq!((head.header("content-length"), head.body.len()), ("", 0), "its length is known from its bytes alone");
}

#[tokio::test]
async fn nothing_waits_for_the_rest_of_a_page_to_be_told_its_head() {
    let app = App::start([("/slow", Reply::slow(vec![b"".to_vec(), PAGE.into()]))], "").await;
    let mut stream = ask(&app, "/slow").await;
    let head = timeout(Duration::from_secs(20), skip_head(&mut stream)).await.expect("the head");
    assert!(head.contains("everlit-inject: injected") && !head.contains("content-length"), "{head}");
    app.go_on();
    assert!(!next_chunk(&mut stream).await.is_empty());
}
