//! Exchanges as an HTTP Archive, version 1.2: what browsers' tools load (<http://www.softwareishard.com/blog/har-12-spec/>).

use data_encoding::BASE64;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::exchanges::{Field, Plain, text};
use crate::traffic::{Capture, Exchange, Side};

/// What is not known is -1.
const UNKNOWN: i64 = -1;

/// The whole file.
#[derive(Serialize)]
pub(super) struct Archive {
    log: Log,
}

#[derive(Serialize)]
struct Log {
    version: &'static str,
    creator: Creator,
    entries: Vec<Entry>,
}

#[derive(Serialize)]
struct Creator {
    name: &'static str,
    version: &'static str,
}

/// One exchange.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    started_date_time: String,
    time: f64,
    request: Request,
    response: Response,
    cache: Cache,
    timings: Timings,
}

#[derive(Serialize)]
struct Cache {}

#[derive(Serialize)]
struct Timings {
    send: f64,
    wait: f64,
    receive: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    http_version: String,
    cookies: Vec<Field>,
    headers: Vec<Field>,
    query_string: Vec<Field>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData>,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    mime_type: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status: u16,
    status_text: &'static str,
    http_version: String,
    cookies: Vec<Field>,
    headers: Vec<Field>,
    content: Content,
    #[serde(rename = "redirectURL")]
    redirect_url: String,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    size: i64,
    mime_type: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

impl Archive {
    pub(super) fn of(entries: Vec<Entry>) -> Self {
        let creator = Creator { name: "everlit", version: env!("CARGO_PKG_VERSION") };
        Self { log: Log { version: "1.2", creator, entries } }
    }
}

impl Entry {
    /// With the bodies of both directions, the request's first.
    pub(super) fn new(exchange: &Exchange, capture: &Capture, url: String, [asked, answered]: [Plain; 2]) -> Self {
        let wait = exchange.took.as_secs_f64() * 1e3;
        let http_version = format!("{:?}", capture.version);
        let (request, response) = (&capture.request, &capture.response);
        Self {
            started_date_time: jiff::Timestamp::try_from(exchange.began).map(|at| at.to_string()).unwrap_or_default(),
            time: wait,
            request: Request {
                method: exchange.method.to_string(),
                query_string: query(&capture.target),
                url,
                http_version: http_version.clone(),
                cookies: cookies(&request.headers, &header::COOKIE, |line| line.split(';').collect()),
                headers: Field::all(&request.headers),
                headers_size: UNKNOWN,
                body_size: size(asked.passed),
                post_data: (asked.passed > 0).then(|| posted(request, &asked)),
            },
            response: Response {
                status: exchange.status.as_u16(),
                status_text: exchange.status.canonical_reason().unwrap_or_default(),
                http_version,
                cookies: cookies(&response.headers, &header::SET_COOKIE, |line| line.split(';').take(1).collect()),
                headers: Field::all(&response.headers),
                redirect_url: response.headers.get(header::LOCATION).map(text).unwrap_or_default(),
                headers_size: UNKNOWN,
                body_size: size(answered.passed),
                content: content(response, answered),
            },
            cache: Cache {},
            timings: Timings { send: 0.0, wait, receive: 0.0 },
        }
    }
}

fn posted(side: &Side, body: &Plain) -> PostData {
    let text = String::from_utf8_lossy(&body.bytes).into_owned();
    PostData { mime_type: kind(side), text, comment: cut(body) }
}

fn content(side: &Side, body: Plain) -> Content {
    let (mime_type, comment) = (kind(side), cut(&body));
    let size = size(body.bytes.len() as u64);
    let (text, encoding) = match String::from_utf8(body.bytes.into()) {
        Ok(text) => (text, None),
        Err(error) => (BASE64.encode(error.as_bytes()), Some("base64")),
    };
    Content { size, mime_type, text, encoding, comment }
}

fn cut(body: &Plain) -> Option<&'static str> {
    (!body.is_whole).then_some("the beginning alone was kept")
}

fn kind(side: &Side) -> String {
    side.headers.get(header::CONTENT_TYPE).map(text).unwrap_or_default()
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(UNKNOWN)
}

fn query(target: &str) -> Vec<Field> {
    let Some((_, query)) = target.split_once('?') else { return Vec::new() };
    let decoded = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let field = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Field { name: decoded(name), value: decoded(value) }
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(field).collect()
}

fn cookies(headers: &HeaderMap, name: &header::HeaderName, pairs: impl Fn(&str) -> Vec<&str>) -> Vec<Field> {
    let mut cookies = Vec::new();
    for line in headers.get_all(name).iter().map(text) {
        let fields = pairs(&line).into_iter().map(|pair| pair.trim().split_once('=').unwrap_or(("", pair.trim())));
        cookies.extend(fields.map(|(name, value)| Field { name: name.to_owned(), value: value.to_owned() }));
    }
    cookies
}
