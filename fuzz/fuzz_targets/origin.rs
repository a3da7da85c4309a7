//! Any `Origin` and what browsers add to it: who may write, load, read and listen is who is ours, or was granted it.
//!
//! An input is up to three lines: `Origin`, `Sec-Fetch-Site` and `Sec-Fetch-Mode`. An empty line is a header that is not there.
#![no_main]

use std::sync::OnceLock;

use axum::body::Body;
use bytes::Bytes;
use everlit_fuzz::{
    folder::{fill, folder},
    served::Served,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use libfuzzer_sys::fuzz_target;

const HOST: &str = "localhost:4747";
const GRANTED: &str = "http://app.example:5000";
const CORS: &str = "[cors]\norigins = [\"http://app.example:5000\", \"https://*.example.test\"]\n";

static OPEN: OnceLock<[Served; 2]> = OnceLock::new();

fuzz_target!(|input: &[u8]| {
    let served = OPEN.get_or_init(|| {
        [("origin", ""), ("origin-granted", CORS)].map(|(name, toml)| {
            let folder = folder(name);
            fill(&folder, &[("everlit.toml", toml), ("static/a.txt", "A"), ("data/posts.json", "[]")]);
            Served::new(&folder)
        })
    });
    let mut lines = input.splitn(3, |byte| *byte == b'\n').chain(std::iter::repeat(&b""[..]));
    let given = [header::ORIGIN.as_str(), "sec-fetch-site", "sec-fetch-mode"].map(|name| {
        let value = lines.next().unwrap_or_default();
        (name, value)
    });
    let mut headers = Vec::new();
    for (name, value) in given.into_iter().filter(|(_, value)| !value.is_empty()) {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        headers.push((name, value));
    }
    let [origin, site, mode] = given.map(|(_, value)| value);
    for (served, has_grants) in served.iter().zip([false, true]) {
        let who = who(origin, has_grants);
        let from_elsewhere = site.eq_ignore_ascii_case(b"cross-site");

        let written = ask(served, Method::POST, "/api/posts", &headers);
        let is_refused = who == Who::Foreign || who == Who::Unnamed && from_elsewhere;
        // Whoever passes is told that a text is no item.
        let expected = if is_refused { StatusCode::FORBIDDEN } else { StatusCode::UNSUPPORTED_MEDIA_TYPE };
        assert_eq!(written.status(), expected, "write by {given:?}");

        let read = ask(served, Method::GET, "/a.txt", &headers);
        let is_embedded = from_elsewhere && mode.eq_ignore_ascii_case(b"no-cors");
        let expected = if is_embedded { StatusCode::FORBIDDEN } else { StatusCode::OK };
        assert_eq!(read.status(), expected, "load by {given:?}");

        for answer in [written, read] {
            let granted = answer.headers().get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN).iter();
            let granted: Vec<&[u8]> = granted.map(HeaderValue::as_bytes).collect();
            let expected = if who == Who::Granted { vec![origin] } else { Vec::new() };
            assert_eq!(granted, expected, "grant to {given:?}");
        }

        let path = format!("/__everlit/ws?token={}", served.page_token);
        let socket = ask(served, Method::GET, &path, &headers);
        let is_page_of_ours = origin.len() == 7 + HOST.len() && origin.starts_with(b"http://") && who == Who::Own;
        let is_heard = (origin.is_empty() || is_page_of_ours) && !is_embedded;
        // Whoever passes is told that it is no handshake.
        let expected = if is_heard { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
        assert_eq!(socket.status(), expected, "socket by {given:?}");
    }
});

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Unnamed,
    Own,
    Granted,
    Foreign,
}

fn who(origin: &[u8], has_grants: bool) -> Who {
    let Ok(text) = std::str::from_utf8(origin) else { return Who::Foreign };
    let (scheme, authority) = text.split_once("://").unwrap_or_default();
    let is_below = || {
        let labels: Vec<&str> = authority.split('.').collect();
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let are_names = labels.iter().all(|label| !label.is_empty() && label.chars().all(is_letter));
        scheme == "https" && labels.len() > 2 && labels.ends_with(&["example", "test"]) && are_names
    };
    match text {
        "" => Who::Unnamed,
        _ if ["http", "https"].contains(&scheme) && authority.to_ascii_lowercase() == HOST => Who::Own,
        GRANTED if has_grants => Who::Granted,
        _ if has_grants && is_below() => Who::Granted,
        _ => Who::Foreign,
    }
}

fn ask(served: &Served, method: Method, path: &str, headers: &[(&str, HeaderValue)]) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request = request.header(header::CONTENT_TYPE, "text/plain");
    served.ask(request.body(Body::from("no item")).expect("a request"))
}
