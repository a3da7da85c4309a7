//! What all answers of the site have in common.

use std::time::SystemTime;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body as _;

use super::{
    guard::OpenError,
    validator::{Validators, Verdict},
};
use crate::negotiate::{Prefers, Problem};

static CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A negotiated representation made in memory.
pub(super) struct Made<'a> {
    pub(super) content_type: String,
    /// The value of `Content-Language`.
    pub(super) language: Option<&'a str>,
    /// The request's headers that decided on it.
    pub(super) vary: &'a [HeaderName],
    /// When it changed last, if that is known.
    pub(super) modified: Option<SystemTime>,
    pub(super) body: Vec<u8>,
}

/// The representation, or 304 or 412 where the request's conditions say so.
pub(super) fn representation(made: Made<'_>, request: &HeaderMap, default: Prefers) -> Response<Body> {
    let validators = Validators::of_bytes(&made.content_type, &made.body).changed_at(made.modified, SystemTime::now());
    let mut response = match validators.judge(request) {
        Verdict::Proceed => Response::new(Body::from(made.body)),
        Verdict::NotModified => empty(StatusCode::NOT_MODIFIED),
        Verdict::Failed => return precondition_failed().respond(request, default),
    };
    describe(response.headers_mut(), &made.content_type, made.vary);
    if let Some(language) = made.language.and_then(|language| HeaderValue::from_str(language).ok()) {
        response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
    }
    validators.put(response.headers_mut());
    response
}

/// Says what a body is, and what another request might get another one for.
pub(super) fn describe(headers: &mut HeaderMap, content_type: &str, vary: &[HeaderName]) {
    // In the spelling that people read.
    let names = vary.iter().map(|name| match *name {
        header::ACCEPT => "Accept",
        header::ACCEPT_LANGUAGE => "Accept-Language",
        ref other => other.as_str(),
    });
    if let Some(vary) = HeaderValue::from_str(&names.collect::<Vec<_>>().join(", ")).ok().filter(|vary| !vary.is_empty()) {
        headers.insert(header::VARY, vary);
    }
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
}

/// A redirect that nobody keeps: what is a folder in one project is a page in the next, at the same address (R24).
pub(super) fn redirect(location: &str, query: Option<&str>) -> Response<Body> {
    let mut response = empty(StatusCode::TEMPORARY_REDIRECT);
    let location = query.map_or_else(|| location.to_owned(), |query| format!("{location}?{query}"));
    match HeaderValue::from_str(&location) {
        Ok(location) => response.headers_mut().insert(header::LOCATION, location),
        Err(_) => return empty(StatusCode::BAD_REQUEST),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 412.
pub(super) fn precondition_failed() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "what is here now is not what the request's condition names")
}

/// 404, the same for what is denied and what does not exist (R10).
pub(super) fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address")
}

/// 404 for `/`, which is the first thing a new project is asked for. `api` is the first segment of what it has instead.
pub(super) fn no_front_page(api: Option<&str>) -> Problem {
    let next = match api {
        Some(api) => format!("there is no front page yet: write an index.html; what there is of data has its index at /{api}"),
        None => "there is no front page yet: write an index.html, or begin with the files that `everlit init` writes".to_owned(),
    };
    Problem::new(StatusCode::NOT_FOUND, next)
}

/// The answer to `OPTIONS`.
pub(super) fn options(allow: &'static str) -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// 405.
pub(super) fn method_not_allowed(allow: &'static str) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("this address answers {allow}"))
        .header(header::ALLOW, HeaderValue::from_static(allow))
}

/// The answer where a file did not open.
pub(super) fn open_failed(error: &OpenError, request: &HeaderMap, default: Prefers) -> Response<Body> {
    let problem = match error {
        OpenError::Missing => missing(),
        OpenError::Exhausted(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            .header(header::RETRY_AFTER, HeaderValue::from_static("1")),
        OpenError::TooLong(_) | OpenError::Unreadable(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    problem.respond(request, default)
}

/// Adds what every answer of ours carries (R05), and takes the body from an answer to `HEAD`.
pub(super) fn finish(mut response: Response<Body>, method: &Method) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(&CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    if method == Method::HEAD { without_body(response) } else { response }
}

/// The length stays: it is the one `GET` would have.
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact()
        && !parts.headers.contains_key(header::CONTENT_LENGTH)
        && parts.status != StatusCode::NOT_MODIFIED
    {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Body::empty())
}
