//! Orders to open a place in the person's editor.
//!
//! A page under development may give one, for its overlay shows places: with the token of the reload socket, from our own origin,
//! from this machine, and only by the number of a place in the failure that stands (R18). It can name no file. Tools give theirs
//! to the control listener, by a file of the project.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use axum::{
    Json,
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header},
    response::IntoResponse,
};
use http::{HeaderName, uri::Authority};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    cors::Grant,
    origin::{Source, says, source},
    reply::refuse,
};
use crate::{
    editor::{Editors, OpenError, Target},
    field::SEC_FETCH_SITE,
    reload::Token,
};

/// Largest order, in bytes: a name and two numbers.
const ORDER: usize = 16 * 1024;

/// How long an order may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Headers of every answer.
const SEAL: [(&str, &str); 3] =
    [("cache-control", "no-store"), ("cross-origin-resource-policy", "same-origin"), ("x-content-type-options", "nosniff")];

/// What a page says.
#[derive(Deserialize)]
struct Reported {
    report: u64,
    diagnostic: usize,
}

/// What a tool says.
#[derive(Deserialize)]
struct Named {
    file: PathBuf,
    line: Option<u32>,
    column: Option<u32>,
}

/// What became of it.
#[derive(Serialize)]
struct Opened {
    editor: String,
}

/// A page asks.
pub(super) async fn reported(
    editors: &Editors,
    token: &Token,
    host: &Authority,
    remote: SocketAddr,
    request: Request<Body>,
) -> Response<Body> {
    let headers = request.headers().clone();
    if let Err((status, why)) = may_ask(&headers, token, host, remote) {
        return refuse(&headers, status, why);
    }
    match order(request).await {
        Ok(Reported { report, diagnostic }) => open(editors, &headers, &Target::Reported { report, diagnostic }).await,
        Err((status, why)) => refuse(&headers, status, why),
    }
}

/// A tool asks, whom the control listener has let in.
pub(super) async fn named(editors: &Editors, request: Request<Body>) -> Response<Body> {
    let headers = request.headers().clone();
    match order(request).await {
        Ok(Named { file, line, column }) => open(editors, &headers, &Target::File { file, line, column }).await,
        Err((status, why)) => refuse(&headers, status, why),
    }
}

pub(super) type Refusal = (StatusCode, &'static str);

fn may_ask(headers: &HeaderMap, token: &Token, host: &Authority, remote: SocketAddr) -> Result<(), Refusal> {
    let is_own = source(headers, host, &Grant::nobody()) == Source::Own;
    let is_elsewhere = headers.contains_key(&SEC_FETCH_SITE) && !says(headers, &SEC_FETCH_SITE, "same-origin");
    if !is_own || is_elsewhere {
        return Err((StatusCode::FORBIDDEN, "only pages of this server may open an editor"));
    }
    if !bearer(headers).is_some_and(|given| token.matches(given)) {
        return Err((StatusCode::UNAUTHORIZED, "the token is missing or of another run; load the page anew"));
    }
    // Whoever sees the pages from another machine does not sit at this one.
    if !remote.ip().to_canonical().is_loopback() {
        return Err((StatusCode::FORBIDDEN, "an editor is opened for pages on this machine only"));
    }
    Ok(())
}

/// The token of an `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// R17: an order is JSON, which no form of another page can send without being asked first.
pub(super) async fn order<T: DeserializeOwned>(request: Request<Body>) -> Result<T, Refusal> {
    let is_json = |value: &HeaderValue| {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/json")
    };
    if !request.headers().get(header::CONTENT_TYPE).is_some_and(is_json) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "an order is `application/json`"));
    }
    let body = timeout(ARRIVAL, to_bytes(request.into_body(), ORDER)).await;
    let body = body.map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the order did not arrive in time"))?;
    let body = body.map_err(|_| (StatusCode::PAYLOAD_TOO_LARGE, "the order is too large, or broke off"))?;
    serde_json::from_slice(&body).map_err(|_| (StatusCode::BAD_REQUEST, "the order is not what is expected here"))
}

async fn open(editors: &Editors, headers: &HeaderMap, target: &Target) -> Response<Body> {
    let mut response = match editors.open(target).await {
        Ok(editor) => Json(Opened { editor }).into_response(),
        Err(error) => refuse(headers, status(&error), error),
    };
    for (name, value) in SEAL {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn status(error: &OpenError) -> StatusCode {
    match error {
        OpenError::Missing => StatusCode::NOT_FOUND,
        OpenError::TooMany => StatusCode::TOO_MANY_REQUESTS,
        OpenError::NoEditor { .. } | OpenError::NoTerminal { .. } | OpenError::Failed { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_on_this_machine_ask() {
        let token = Token::new().unwrap();
        let check = |remote: &str, pairs: &[(&'static str, &str)], expected: Option<u16>| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.replace("TOKEN", token.reveal()).parse().unwrap());
            }
            let asked = may_ask(&headers, &token, &Authority::from_static("localhost:4747"), remote.parse().unwrap());
            assert_eq!(asked.err().map(|(status, _)| status.as_u16()), expected, "{remote} {pairs:?}");
        };
        let (here, own, right) = ("127.0.0.1:9", ("origin", "http://localhost:4747"), ("authorization", "Bearer TOKEN"));
        check(here, &[own, right], None);
        check("[::1]:9", &[own, right, ("sec-fetch-site", "same-origin")], None);
        check("[::ffff:127.0.0.1]:9", &[own, right], None);
        check("192.168.1.7:9", &[own, right], Some(403));
        check(here, &[own], Some(401));
        check(here, &[own, ("authorization", "Bearer wrong")], Some(401));
        check(here, &[right], Some(403));
        check(here, &[right, ("origin", "null")], Some(403));
        check(here, &[right, ("origin", "http://localhost:4748")], Some(403));
        check(here, &[right, own, ("sec-fetch-site", "same-site")], Some(403));
        check(here, &[right, own, ("sec-fetch-site", "cross-site")], Some(403));
    }
}
