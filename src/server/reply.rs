//! Answers the server gives itself: one place turns a refusal into a page or problem details.

use axum::{body::Body, http::Response};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};

use crate::{
    negotiate::{Prefers, Problem},
    proxy::ProxyError,
};

/// The methods that an address of a project may take; which of them it does is known to whoever answers there.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE");

/// The answer for a request that is turned down.
pub(super) fn refuse(headers: &HeaderMap, status: StatusCode, detail: impl ToString) -> Response<Body> {
    Problem::new(status, detail.to_string()).respond(headers, Prefers::Html)
}

/// The answer for a method that no project takes, with those there are (RFC 9110 §15.5.6).
pub(super) fn refuse_method(headers: &HeaderMap) -> Response<Body> {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this method is not served");
    problem.header(header::ALLOW, METHODS).respond(headers, Prefers::Html)
}

/// The answer for a request that the program could not answer.
pub(super) fn rescue(headers: &HeaderMap, error: &ProxyError) -> Response<Body> {
    let known = error.problem();
    let mut problem = Problem::new(known.status, known.detail);
    if let Some(report) = &known.report {
        problem = problem.report(report);
    }
    if known.status == StatusCode::METHOD_NOT_ALLOWED {
        problem = problem.header(header::ALLOW, METHODS);
    }
    if let Some(after) = known.retry_after {
        problem = problem.header(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    problem.respond(headers, Prefers::Html)
}

/// The head of a request, kept for answers that are made after its body is gone.
pub(super) fn head(request: &Request<Body>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for accept in request.headers().get_all(header::ACCEPT) {
        headers.append(header::ACCEPT, accept.clone());
    }
    headers
}
