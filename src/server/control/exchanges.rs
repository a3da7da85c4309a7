//! `/api/exchanges`: the last exchanges, and one of them with its heads, its bodies, and as others take it.
//!
//! Whoever asks here looks: from then on the recorder keeps heads and bodies.

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, header};
use http_body_util::BodyExt;
use serde::Serialize;

use super::{ControlRooms, curl, har, wire::WireExchange};
use crate::{
    proxy::remove_hop_by_hop,
    reload::inject,
    server::{converse::Connection, reply::refuse},
    traffic::{Capture, Exchange, Side},
};

/// Most bytes that a kept body may unfold to: a few kilobytes can be made to say gigabytes.
const UNFOLDED: usize = 1024 * 1024;

/// What the body was said to be; its own type would have a browser run it.
const ORIGINAL_TYPE: HeaderName = HeaderName::from_static("everlit-content-type");

/// Fields of a request that whoever sends it writes.
const MADE_ANEW: [HeaderName; 4] = [header::HOST, header::CONTENT_LENGTH, header::TRAILER, header::EXPECT];

/// The last ones, newest first.
pub(super) async fn list(State(rooms): State<ControlRooms>, headers: HeaderMap, uri: Uri) -> Response {
    rooms.recorder.look();
    let limit = match uri.query().map(|query| query.strip_prefix("limit=").and_then(|limit| limit.parse().ok())) {
        None => usize::MAX,
        Some(Some(limit)) => limit,
        Some(None) => return refuse(&headers, StatusCode::BAD_REQUEST, "the query may be `limit=` and a number"),
    };
    let last = rooms.recorder.exchanges().into_iter().rev().take(limit);
    Json(last.map(|exchange| WireExchange::brief(&exchange)).collect::<Vec<_>>()).into_response()
}

pub(super) async fn one(State(rooms): State<ControlRooms>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    match find(&rooms, &id) {
        Some(exchange) => Json(WireExchange::whole(&exchange, &rooms.app)).into_response(),
        None => missing(&headers),
    }
}

/// The response's body, or the request's (`?of=request`): without its content coding, and never as what a browser would run.
pub(super) async fn body(State(rooms): State<ControlRooms>, headers: HeaderMap, Path(id): Path<String>, uri: Uri) -> Response {
    let Some(exchange) = find(&rooms, &id) else { return missing(&headers) };
    let Some(capture) = exchange.capture else { return unseen(&headers) };
    let side = match uri.query() {
        None | Some("of=response") => &capture.response,
        Some("of=request") => &capture.request,
        Some(_) => return refuse(&headers, StatusCode::BAD_REQUEST, "the query may be `of=request` or `of=response`"),
    };
    let Plain { bytes, .. } = plain(side).await;
    let is_text = std::str::from_utf8(&bytes).is_ok();
    let mut response = Response::new(Body::from(bytes));
    let kind = if is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if !is_text {
        fields.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    if let Some(original) = side.headers.get(header::CONTENT_TYPE) {
        fields.insert(ORIGINAL_TYPE, original.clone());
    }
    response
}

/// A command for a shell that asks for the same.
pub(super) async fn as_curl(State(rooms): State<ControlRooms>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let Some(exchange) = find(&rooms, &id) else { return missing(&headers) };
    let Some(capture) = &exchange.capture else { return unseen(&headers) };
    if !capture.request.body().is_whole {
        return refuse(&headers, StatusCode::CONFLICT, "its body is not kept whole: a command would send another one");
    }
    if inject::is_encoded(&capture.request.headers) && !plain(&capture.request).await.is_clean {
        return refuse(&headers, StatusCode::CONFLICT, "its body is encoded, and holds a secret or what cannot be read");
    }
    let command = curl::command(&exchange.method, &rooms.app.url_of(capture), capture);
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], command).into_response()
}

pub(super) async fn as_har(State(rooms): State<ControlRooms>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    match find(&rooms, &id) {
        Some(exchange) if exchange.capture.is_some() => archive(&rooms, vec![exchange]).await,
        Some(_) => unseen(&headers),
        None => missing(&headers),
    }
}

/// All that have heads, oldest first, as the format wants it.
pub(super) async fn all_as_har(State(rooms): State<ControlRooms>) -> Response {
    rooms.recorder.look();
    archive(&rooms, rooms.recorder.exchanges()).await
}

async fn archive(rooms: &ControlRooms, exchanges: Vec<Exchange>) -> Response {
    let mut entries = Vec::new();
    for exchange in exchanges {
        if let Some(capture) = &exchange.capture {
            let (request, response) = (plain(&capture.request).await, plain(&capture.response).await);
            entries.push(har::Entry::new(&exchange, capture, rooms.app.url_of(capture), [request, response]));
        }
    }
    let disposition = [(header::CONTENT_DISPOSITION, "attachment; filename=\"everlit.har\"")];
    (disposition, Json(har::Archive::of(entries))).into_response()
}

/// A request's fields as they can be sent once more, and the names of those that cannot, for their values are not kept. What belongs to
/// a connection, or is made anew, is not among them.
pub(super) fn to_send(headers: &HeaderMap) -> (HeaderMap, Vec<String>) {
    let is_secret = |(name, value): (&HeaderName, &HeaderValue)| value.is_sensitive().then(|| name.to_string());
    let left_out: Vec<_> = headers.iter().filter_map(is_secret).collect();
    let mut kept = headers.clone();
    remove_hop_by_hop(&mut kept);
    for name in MADE_ANEW.iter().map(HeaderName::as_str).chain(left_out.iter().map(String::as_str)) {
        kept.remove(name);
    }
    (kept, left_out)
}

/// An exchange by its number, or the `latest`.
pub(super) fn find(rooms: &ControlRooms, id: &str) -> Option<Exchange> {
    rooms.recorder.look();
    match id {
        "latest" => rooms.recorder.exchanges().pop(),
        id => rooms.recorder.exchange(id.parse().ok()?),
    }
}

pub(super) fn missing(headers: &HeaderMap) -> Response {
    refuse(headers, StatusCode::NOT_FOUND, "there is no such exchange, or it is not kept any more")
}

fn unseen(headers: &HeaderMap) -> Response {
    refuse(headers, StatusCode::NOT_FOUND, "of this exchange a line alone is kept: heads and bodies are from the first look on")
}

/// A body as text editors see it.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    pub(super) bytes: Bytes,
    pub(super) is_whole: bool,
    pub(super) passed: u64,
    /// Whether all of it was looked through, and no secret found.
    pub(super) is_clean: bool,
}

/// A text that was cut off within a character, without the half of it.
fn whole_characters(bytes: Bytes) -> Bytes {
    match std::str::from_utf8(&bytes) {
        Err(error) if error.error_len().is_none() => bytes.slice(..error.valid_up_to()),
        _ => bytes,
    }
}

/// What is kept of a body, decoded as far as it goes.
pub(super) async fn plain(side: &Side) -> Plain {
    let kept = side.body();
    let passed = kept.passed;
    let (bytes, is_whole, is_clean) = match inject::is_encoded(&side.headers) {
        false => (kept.bytes, kept.is_whole, !kept.is_redacted),
        true => {
            let (bytes, is_all) = unfolded(inject::plain(&side.headers, Body::from(kept.bytes))).await;
            let left = side.without_secrets(&bytes);
            let is_clean = inject::is_readable(&side.headers) && left == bytes;
            (left, is_all && kept.is_whole, is_clean)
        }
    };
    let bytes = if is_whole { bytes } else { whole_characters(bytes) };
    Plain { bytes, is_whole, passed, is_clean }
}

/// A body as far as it can be decoded and is not too much, and whether that is all of it.
async fn unfolded(mut decoding: Body) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    while let Some(frame) = decoding.frame().await {
        let Ok(frame) = frame else { return (bytes, false) };
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if bytes.len() > UNFOLDED {
            bytes.truncate(UNFOLDED);
            return (bytes, false);
        }
    }
    (bytes, true)
}

/// Where the app listener is.
#[derive(Clone, Debug)]
pub struct App {
    /// `http://localhost:4747/`.
    pub url: String,
    /// Its own address, as a connection from this machine would find it.
    pub connection: Connection,
}

impl App {
    /// The server's own name and port.
    pub(super) fn authority(&self) -> &str {
        self.url.split_once("://").map_or("", |(_, rest)| rest.trim_end_matches('/'))
    }

    /// The URL an exchange asked for.
    pub(super) fn url_of(&self, capture: &Capture) -> String {
        format!("{}://{}{}", capture.scheme, capture.authority, capture.target)
    }
}

/// A text for JSON: what is no UTF-8 is shown as such.
pub(super) fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// A header as JSON has it.
#[derive(Serialize)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
}

impl Field {
    pub(super) fn all(headers: &HeaderMap) -> Vec<Self> {
        headers.iter().map(|(name, value)| Self { name: name.to_string(), value: text(value) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_whole_stays_whole() {
        let check = async |coding: &'static str, kind: &'static str, body: &'static [u8], expected: (&'static [u8], bool)| {
            let side = Side::seen(&[(header::CONTENT_ENCODING, coding), (header::CONTENT_TYPE, kind)], body);
            let found = plain(&side).await;
            assert_eq!((&found.bytes[..], found.is_clean), expected, "{coding} {kind}");
            assert!(found.is_whole);
        };
        check("identity", "text/plain; charset=iso-8859-1", b"caf\xe9", (b"caf\xe9", true)).await;
        check("identity", "application/json", br#"{"password":"x"}"#, (br#"{"password":"redacted"}"#, false)).await;
        check("unheard-of", "application/json", br#"{"a":"x"}"#, (br#"{"a":"x"}"#, false)).await;
    }

    #[test]
    fn half_a_character_does_not_make_a_text_a_download() {
        let check = |bytes: &'static [u8], expected: &'static [u8]| {
            assert_eq!(whole_characters(Bytes::from_static(bytes)), expected, "{bytes:?}");
        };
        check(b"", b"");
        check("aé".as_bytes(), "aé".as_bytes());
        check(b"a\xc3", b"a");
        check(b"a\xe2\x82", b"a");
        check(b"\xffa", b"\xffa");
        check(b"a\xc3b", b"a\xc3b");
    }
}
