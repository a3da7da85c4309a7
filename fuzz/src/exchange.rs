//! Any bytes as an exchange, with a secret in each place that is known to be one.
//!
//! An input has five parts with a record separator (0x1E) between them: method and target, fields of the request, its body, status
//! and fields of the answer, and its body. Wherever a `$` stands in the value of something secret, it becomes [`SECRET`].

use std::sync::OnceLock;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};

use crate::{folder::folder, served::Served};

/// Nothing that is written down of an exchange may hold it.
pub const SECRET: &str = "Kq7sECrEtz3W";

/// Where a secret stands in an input.
const MARK: u8 = b'$';

const SEPARATOR: u8 = 0x1e;

/// Fields whose whole value is secret.
const SECRET_FIELDS: [&str; 5] = ["x-api-key", "x-csrf-token", "x-auth-token", "x-session-id", "x-amz-signature"];

/// Names of secrets in queries, forms and objects.
const SECRET_NAMES: [&str; 5] = ["token", "password", "api_key", "client-secret", "sessionId"];

/// An exchange to be recorded.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub asked: HeaderMap,
    pub asked_body: Bytes,
    pub status: StatusCode,
    pub answered: HeaderMap,
    pub answered_body: Bytes,
}

impl Exchange {
    /// `None` for what no client or server could have said.
    pub fn of(input: &[u8]) -> Option<Self> {
        if memchr::memmem::find(input, SECRET.as_bytes()).is_some() {
            return None;
        }
        let mut parts = input.splitn(5, |byte| *byte == SEPARATOR).chain(std::iter::repeat(&b""[..]));
        let mut next = || parts.next().unwrap_or_default();
        let (line, asked, asked_body, answered, answered_body) = (next(), next(), next(), next(), next());
        let (method, target) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let (status, answered) = split_at(answered, b'\n');
        let (asked, answered) = (fields(asked), fields(answered));
        Some(Self {
            method: method.parse().ok()?,
            target: with_secrets_in_query(target),
            asked_body: with_secrets_in_body(&asked, asked_body),
            asked,
            status: StatusCode::from_bytes(status).ok().filter(|status| status.as_u16() >= 200)?,
            answered_body: with_secrets_in_body(&answered, answered_body),
            answered,
        })
    }

    /// Has it recorded, in place of those before it; `None` where its target is none.
    pub fn record(&self) -> Option<&'static Served> {
        static SERVED: OnceLock<Served> = OnceLock::new();
        let served = SERVED.get_or_init(|| {
            let served = Served::new(&folder("recorded"));
            served.recorder.look();
            served
        });
        let uri: Uri = self.target.parse().ok().filter(|uri: &Uri| uri.authority().is_none() && uri.path().starts_with('/'))?;
        let mut request = Request::new(Body::from(self.asked_body.clone()));
        (*request.method_mut(), *request.uri_mut(), *request.version_mut()) = (self.method.clone(), uri, Version::HTTP_11);
        *request.headers_mut() = self.asked.clone();
        let answer = service_fn(async |request: Request<Body>| {
            to_bytes(request.into_body(), usize::MAX).await.expect("it is in memory");
            let mut response = Response::new(Body::from(self.answered_body.clone()));
            (*response.status_mut(), *response.headers_mut()) = (self.status, self.answered.clone());
            Ok::<_, std::convert::Infallible>(response)
        });
        served.runtime.block_on(async {
            let Ok(response) = served.recorder.layer().layer(answer).oneshot(request).await;
            to_bytes(response.into_body(), usize::MAX).await.expect("it is in memory");
        });
        Some(served)
    }
}

/// Fields on lines of their own; lines that are none are left out.
fn fields(lines: &[u8]) -> HeaderMap {
    let field = |line: &[u8]| {
        let (name, value) = split_at(line, b':');
        let name = HeaderName::from_bytes(name).ok()?;
        let value = HeaderValue::from_bytes(&with_secrets_in_field(&name, value.trim_ascii())).ok()?;
        Some((name, value))
    };
    let mut fields = HeaderMap::new();
    for (name, value) in lines.split(|byte| *byte == b'\n').filter_map(field) {
        fields.append(name, value);
    }
    fields
}

fn with_secrets_in_field(name: &HeaderName, value: &[u8]) -> Vec<u8> {
    match *name {
        // The scheme is none.
        header::AUTHORIZATION | header::PROXY_AUTHORIZATION => {
            let scheme = value.iter().position(|byte| *byte == b' ').map_or(0, |space| space + 1);
            [&value[..scheme], &*marked(&value[scheme..])].concat()
        }
        header::COOKIE => value.split(|byte| *byte == b';').map(cookie).collect::<Vec<_>>().join(&b';'),
        header::SET_COOKIE => {
            let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
            [&*cookie(&value[..end]), &value[end..]].concat()
        }
        header::LOCATION | header::REFERER => match std::str::from_utf8(value) {
            Ok(url) => with_secrets_in_query(url).into_bytes(),
            Err(_) => value.to_vec(),
        },
        _ if SECRET_FIELDS.contains(&name.as_str()) => marked(value),
        _ => value.to_vec(),
    }
}

/// Of a cookie without a name all is value.
fn cookie(pair: &[u8]) -> Vec<u8> {
    let value = pair.iter().position(|byte| *byte == b'=').map_or(0, |equals| equals + 1);
    [&pair[..value], &*marked(&pair[value..])].concat()
}

fn with_secrets_in_query(url: &str) -> String {
    let Some((before, query)) = url.split_once('?') else { return url.to_owned() };
    let (query, fragment) = query.split_at(query.find('#').unwrap_or(query.len()));
    format!("{before}?{}{fragment}", with_secrets_in_pairs(query))
}

fn with_secrets_in_pairs(pairs: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if SECRET_NAMES.contains(&name) => format!("{name}={}", value.replace('$', SECRET)),
        _ => pair.to_owned(),
    };
    pairs.split('&').map(pair).collect::<Vec<_>>().join("&")
}

/// A form or an object. In an object each mark becomes a secret if each stands in the text of a secret member.
fn with_secrets_in_body(fields: &HeaderMap, body: &[u8]) -> Bytes {
    let kind = fields.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let body = match (kind, std::str::from_utf8(body)) {
        (b"application/x-www-form-urlencoded", Ok(form)) => with_secrets_in_pairs(form).into_bytes(),
        (b"application/json", Ok(text)) => {
            let known = serde_json::from_str(text).map_or(0, |value| marks_in_secrets(&value));
            let all = body.iter().filter(|byte| **byte == MARK).count();
            if known == all { marked(body) } else { body.to_vec() }
        }
        _ => body.to_vec(),
    };
    body.into()
}

fn marks_in_secrets(value: &Value) -> usize {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match value.as_str() {
                Some(text) if SECRET_NAMES.contains(&name.as_str()) => text.matches('$').count(),
                _ => marks_in_secrets(value),
            })
            .sum(),
        Value::Array(values) => values.iter().map(marks_in_secrets).sum(),
        _ => 0,
    }
}

fn marked(value: &[u8]) -> Vec<u8> {
    value.split(|byte| *byte == MARK).collect::<Vec<_>>().join(SECRET.as_bytes())
}

fn split_at(text: &[u8], separator: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == separator) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, b""),
    }
}
