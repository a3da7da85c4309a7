//! The layer around a service, and in its place in the app listener's.

use std::{convert::Infallible, io};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use bytes::Bytes;
use http_body_util::StreamBody;
use tokio::{
    io::AsyncReadExt,
    sync::{mpsc, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{ServiceExt, service_fn};

use super::*;
use crate::{
    config::{self, Layer as Settings},
    device::OtherPorts,
    editor::{Editors, Surroundings},
    generation::Standing,
    reload::{Hub, Token},
    server::{Rooms, Workers, app_service},
    site::Site,
    telemetry::Notices,
    traffic::Recorder,
};

/// An answer, read to its end.
struct Got {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    async fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status.as_u16(), headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    fn header(&self, name: &str) -> String {
        let lines: Vec<&str> = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        lines.join(", ")
    }

    async fn text(&self) -> String {
        decode(&self.header("content-encoding"), &self.body).await
    }
}

/// The text in a coding.
pub(super) async fn decode(coding: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    match coding {
        "br" => BrotliDecoder::new(bytes).read_to_string(&mut text).await.unwrap(),
        "gzip" => GzipDecoder::new(bytes).read_to_string(&mut text).await.unwrap(),
        "zstd" => ZstdDecoder::new(bytes).read_to_string(&mut text).await.unwrap(),
        _ => return String::from_utf8(bytes.to_vec()).unwrap(),
    };
    text
}

fn page() -> String {
    "Vary, and vary again. ".repeat(200)
}

/// Asks, through the layer, a service that has [`page`] by the tag `"v1"`; `change` makes its answer another one.
async fn ask(request: http::request::Builder, change: impl Fn(&mut Response<Body>) + Clone + Send + 'static) -> Got {
    let service = service_fn(move |request: Request<Body>| {
        let change = change.clone();
        async move {
            let has = |name: &str| {
                let list = request.headers().get(name).map(|list| list.to_str().unwrap().to_owned());
                list.map(|list| list.split(", ").any(|tag| tag == "\"v1\""))
            };
            let status = match (has("if-match"), has("if-none-match"), has("if-range")) {
                (Some(false), ..) => 412,
                (_, Some(true), _) => 304,
                (.., Some(true)) => 206,
                _ => 200,
            };
            let is_empty = status != 200 || request.method() == Method::HEAD;
            let builder = Response::builder().status(status).header("content-type", "text/plain").header("etag", "\"v1\"");
            let builder =
                builder.header("content-length", page().len()).header("accept-ranges", "bytes").header("vary", "Accept");
            let mut response = builder.body(Body::from(if is_empty { String::new() } else { page() })).unwrap();
            response.extensions_mut().insert(Encodable);
            change(&mut response);
            Ok::<_, Infallible>(response)
        }
    });
    Got::of(EncodeLayer.layer(service).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()).await
}

fn unchanged(_: &mut Response<Body>) {}

#[tokio::test]
async fn an_answer_is_encoded_as_the_client_takes_it() {
    for (accept, coding) in
        [("gzip, deflate, br, zstd", "br"), ("gzip, zstd", "zstd"), ("gzip", "gzip"), ("*", "br"), ("br;q=0.5, gzip", "gzip")]
    {
        let got = ask(Request::get("/").header("accept-encoding", accept), unchanged).await;
        assert_eq!((got.status, got.header("content-encoding")), (200, coding.to_owned()), "{accept}");
        assert_eq!(got.text().await, page());
        assert_eq!(got.header("etag"), format!("\"v1-{coding}\""));
        assert_eq!(got.header("content-length"), got.body.len().to_string());
        assert_eq!(got.header("vary"), "Accept, Accept-Encoding");
        assert_eq!(got.header("accept-ranges"), "");
        let head = ask(Request::head("/").header("accept-encoding", accept), unchanged).await;
        for name in ["content-encoding", "etag", "vary", "accept-ranges", "content-type"] {
            assert_eq!(head.header(name), got.header(name), "{name}");
        }
        assert_eq!((head.header("content-length"), head.body.len()), (String::new(), 0));
    }
}

#[tokio::test]
async fn who_takes_no_coding_gets_it_plain() {
    for accept in [None, Some(""), Some("identity"), Some("deflate"), Some("br;q=0"), Some("*;q=0")] {
        let request = accept.into_iter().fold(Request::get("/"), |request, accept| request.header("accept-encoding", accept));
        let got = ask(request, unchanged).await;
        assert_eq!((got.status, got.header("content-encoding")), (200, String::new()), "{accept:?}");
        assert_eq!((got.text().await, got.header("etag")), (page(), "\"v1\"".to_owned()));
        assert_eq!((got.header("vary"), got.header("accept-ranges")), ("Accept, Accept-Encoding".to_owned(), "bytes".to_owned()));
        assert_eq!(got.header("content-length"), page().len().to_string());
    }
}

#[tokio::test]
async fn what_is_not_ours_or_not_worth_it_is_left_alone() {
    check(|response| response.extensions_mut().clear()).await;
    check(|response| *response.status_mut() = StatusCode::NOT_FOUND).await;
    check(|response| drop(response.headers_mut().insert("content-type", HeaderValue::from_static("image/png")))).await;
    check(|response| drop(response.headers_mut().insert("content-length", HeaderValue::from_static("1023")))).await;
    check(|response| drop(response.headers_mut().insert("cache-control", HeaderValue::from_static("no-transform")))).await;

    async fn check(change: fn(&mut Response<Body>)) {
        let got = ask(Request::get("/").header("accept-encoding", "br"), change).await;
        assert_eq!((got.header("content-encoding"), got.header("etag")), (String::new(), "\"v1\"".to_owned()));
        assert_eq!((got.header("vary"), got.text().await), ("Accept".to_owned(), page()));
    }
}

#[tokio::test]
async fn what_is_said_already_is_not_said_twice() {
    for (said, expected) in
        [("accept-encoding", "accept-encoding"), ("*", "*"), ("Accept-Language", "Accept-Language, Accept-Encoding")]
    {
        let change =
            move |response: &mut Response<Body>| drop(response.headers_mut().insert("vary", HeaderValue::from_static(said)));
        assert_eq!(ask(Request::get("/").header("accept-encoding", "br"), change).await.header("vary"), expected);
    }
}

#[tokio::test]
async fn what_would_not_become_smaller_goes_out_as_it_is() {
    // Three of four bits are random: every coding has to spell it out, and adds its frame.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(4096)
    .collect();
    let sent = noise.clone();
    let change = move |response: &mut Response<Body>| {
        response.headers_mut().insert("content-length", HeaderValue::from_static("4096"));
        *response.body_mut() = Body::from(sent.clone());
    };
    for coding in ["br", "zstd", "gzip"] {
        let got = ask(Request::get("/").header("accept-encoding", coding), change.clone()).await;
        assert_eq!((got.header("content-encoding"), got.header("etag")), (String::new(), "\"v1\"".to_owned()), "{coding}");
        assert_eq!((got.header("content-length"), got.header("vary")), ("4096".to_owned(), "Accept, Accept-Encoding".to_owned()));
        assert_eq!(got.body, noise);
    }
}

#[tokio::test]
async fn a_tag_comes_back_to_the_answer_it_was_of() {
    for (name, tag, accept, status, etag) in [
        ("if-none-match", "\"v1-br\"", "br", 304, "\"v1-br\""),
        ("if-none-match", "W/\"v0-br\", \"v1-br\"", "br", 304, "\"v1-br\""),
        ("if-none-match", "\"v0-br\"", "br", 200, "\"v1-br\""),
        ("if-none-match", "\"v1-br\"", "gzip", 200, "\"v1-gzip\""),
        ("if-none-match", "\"v1-br\"", "identity", 200, "\"v1\""),
        ("if-none-match", "\"v1\"", "br", 304, "\"v1\""),
        ("if-none-match", "\"v0-br\", \"v1\"", "br", 304, "\"v1\""),
        ("if-match", "\"v1-br\"", "br", 200, "\"v1-br\""),
        ("if-match", "\"v1-br\"", "gzip", 412, "\"v1\""),
        ("if-range", "\"v1-br\"", "br", 200, "\"v1-br\""),
        ("if-range", "\"v1\"", "br", 206, "\"v1\""),
    ] {
        for method in ["GET", "HEAD"] {
            let request = Request::builder().method(method).header("accept-encoding", accept).header(name, tag);
            let got = ask(request, unchanged).await;
            assert_eq!((got.status, got.header("etag")), (status, etag.to_owned()), "{method} {name}: {tag} in {accept}");
            let is_told = status == 304 && etag.contains("-br");
            assert_eq!(got.header("vary").contains("Encoding"), is_told || status == 200);
        }
    }
    let got = ask(Request::get("/").header("if-none-match", "\"v1-identity\""), unchanged).await;
    assert_eq!(got.status, 200, "no tag of ours ends like that");
    for tag in ["\"v1-br\"", "\"v1-zstd\"", "\"v1-gzip\"", "\"v1\""] {
        let got = ask(Request::put("/").header("if-match", tag), unchanged).await;
        assert_eq!(got.status, 200, "{tag}");
    }
    assert_eq!(ask(Request::put("/").header("if-match", "\"v0-br\""), unchanged).await.status, 412);
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off() {
    let service = service_fn(|_: Request<Body>| async {
        let frames = [Ok(http_body::Frame::data(Bytes::from(page()))), Err(io::Error::other("gone"))];
        let builder = Response::builder().header("content-type", "text/plain").header("content-length", page().len() * 2);
        let mut response = builder.body(Body::new(StreamBody::new(stream::iter(frames)))).unwrap();
        response.extensions_mut().insert(Encodable);
        Ok::<_, Infallible>(response)
    });
    let request = Request::get("/").header("accept-encoding", "br").body(Body::empty()).unwrap();
    let response = EncodeLayer.layer(service).oneshot(request).await.unwrap();
    assert_eq!(response.headers().get("content-encoding"), None);
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn in_its_place_it_encodes_the_injected_page() {
    let folder = tempfile::tempdir().unwrap();
    let html = format!("<!doctype html><title>a</title>{}", page());
    std::fs::write(folder.path().join("index.html"), &html).unwrap();
    let config = config::load(folder.path(), Settings::default(), Settings::default()).unwrap();
    let (_sender, standing) = watch::channel(Standing::default());
    let notices = Notices::channel().0;
    let rooms = Rooms {
        site: config.site.as_ref().map(|site| Site::new(site, |_| ())),
        routes: crate::server::Routes::default(),
        upstream: None,
        missing: mpsc::channel(1).0,
        hub: Hub::alone("a", standing.clone(), notices.clone()),
        recorder: Recorder::new(standing.clone()),
        editors: Editors::new(folder.path(), Surroundings::from_env(|_| None), standing.clone(), notices.clone()),
        standing,
        lan: None,
        notices,
        other_ports: OtherPorts::default(),
        workers: Workers::default(),
        control_token: Token::new().unwrap(),
        sockets: TaskTracker::new(),
        runtime: tokio::runtime::Handle::current(),
        stop: CancellationToken::new(),
    };
    let ask = async |fields: &[(&str, &str)]| {
        let request = fields
            .iter()
            .fold(Request::get("/").header("host", "localhost:0"), |request, (name, value)| request.header(*name, *value));
        Got::of(app_service(&config, &rooms).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()).await
    };
    let got = ask(&[("accept-encoding", "br")]).await;
    assert_eq!(got.status, 200, "{:?}", got.body);
    assert_eq!((got.header("content-encoding").as_str(), got.header("everlit-inject").as_str()), ("br", "injected"));
    let text = got.text().await;
    assert!(text.contains("/__everlit/client.js") && text.len() > html.len(), "{text}");
    let tag = got.header("etag");
    assert!(tag.starts_with("W/\"") && tag.ends_with("s-br\""), "{tag}");
    let again = ask(&[("accept-encoding", "br"), ("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.header("etag")), (304, tag.clone()));
    assert_eq!(ask(&[("accept-encoding", "gzip"), ("if-none-match", &tag)]).await.status, 200);
    let plain = ask(&[]).await;
    assert_eq!((plain.header("content-encoding").as_str(), plain.text().await), ("", text));
}
