//! Answers the server gives itself: one place turns a refusal into a page or problem details.

use axum::{body::Body, http::Response};
use http::{
    HeaderMap, HeaderValue, Request, StatusCode, Uri, header,
    uri::{Authority, PathAndQuery},
};

use crate::{
    negotiate::{Prefers, Problem},
    proxy::{self, Bound, ProxyError},
};

/// The methods that an address of a project may take; which of them it does is known to whoever answers there.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE");

/// The answer for a request that is turned down.
pub(super) fn refuse(headers: &HeaderMap, status: StatusCode, detail: impl ToString) -> Response<Body> {
    Problem::new(status, detail.to_string()).respond(headers, Prefers::Html)
}

/// The answer for plain HTTP where TLS is spoken: the same at `https:`, asked for by the same method. Tomorrow another project may have
/// the port, without TLS, so no browser is to remember it; `host` is one of our own names (R24).
pub(super) fn redirect_to_tls(host: &Authority, uri: &Uri) -> Response<Body> {
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(format!("https://{host}/{}", target.trim_start_matches('/'))) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer for a method that no project takes, with those there are (RFC 9110 §15.5.6).
pub(super) fn refuse_method(headers: &HeaderMap) -> Response<Body> {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this method is not served");
    problem.header(header::ALLOW, METHODS).respond(headers, Prefers::Html)
}

/// The answer to `OPTIONS *`: what is asked about is the server that the browser sees, which is this one (RFC 9110 §9.3.7).
pub(super) fn describe_server() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, METHODS);
    response
}

/// The answer for a request that the program could not answer.
pub(super) fn rescue(headers: &HeaderMap, error: &ProxyError) -> Response<Body> {
    let known = error.problem();
    let detail = match known.bound.map(key) {
        Some(key) => format!("{}; `[limits] {key}` in everlit.toml allows more", known.detail),
        None => known.detail,
    };
    respond(headers, proxy::Problem { detail, ..known })
}

/// The key of `[limits]` that moves a bound.
fn key(bound: Bound) -> &'static str {
    match bound {
        Bound::Wait => "wait",
        Bound::Answer => "answer",
        Bound::Waiting => "waiting",
    }
}

/// The answer for a request that another server could not answer; `route` says how it came there.
pub(super) fn rescue_by(headers: &HeaderMap, error: &ProxyError, route: &str) -> Response<Body> {
    let known = error.problem();
    let by = format!("{}; the request went by {route}", known.detail);
    let detail = match known.bound {
        Some(Bound::Answer) => format!("{by}, whose `timeout` in everlit.toml allows more"),
        Some(Bound::Wait | Bound::Waiting) | None => by,
    };
    respond(headers, proxy::Problem { detail, ..known })
}

fn respond(headers: &HeaderMap, known: proxy::Problem) -> Response<Body> {
    let mut problem = Problem::new(known.status, known.detail);
    if let Some(report) = &known.report {
        problem = problem.report(report);
    }
    if let Some(output) = &known.output {
        problem = problem.with("output", output.lines().collect::<Vec<_>>());
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::*;

    async fn detail(response: Response<Body>) -> String {
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        problem["detail"].as_str().expect("a detail").to_owned()
    }

    #[tokio::test]
    async fn a_bound_that_was_met_is_named_by_its_key() {
        let headers: HeaderMap = [(header::ACCEPT, HeaderValue::from_static("application/json"))].into_iter().collect();
        let check = async |error: ProxyError, ours: &str, by_route: &str| {
            assert_eq!(detail(rescue(&headers, &error)).await, ours);
            assert_eq!(detail(rescue_by(&headers, &error, "`[[proxy]]` /a to http://b")).await, by_route);
        };
        let silent = || ProxyError::Silent { limit: Duration::from_millis(1500) };
        let by = "the request went by `[[proxy]]` /a to http://b";
        check(
            silent(),
            "the program has not answered for 1.5 s; `[limits] answer` in everlit.toml allows more",
            &format!("the program has not answered for 1.5 s; {by}, whose `timeout` in everlit.toml allows more"),
        )
        .await;
        let spoken = ProxyError::Spoken { error: Box::new(silent()), output: "busy".into() };
        assert!(detail(rescue(&headers, &spoken)).await.contains("`[limits] answer`"), "what the program says hides nothing");
        check(
            ProxyError::Waited { why: "the first build".into(), limit: Duration::from_secs(30) },
            "waited 30 s for the first build; `[limits] wait` in everlit.toml allows more",
            &format!("waited 30 s for the first build; {by}"),
        )
        .await;
        let crowded = "too many requests are waiting for the program to start";
        check(
            ProxyError::Crowded,
            &format!("{crowded}; `[limits] waiting` in everlit.toml allows more"),
            &format!("{crowded}; {by}"),
        )
        .await;
        let unasked = "the program switched protocols without being asked to";
        check(ProxyError::Unasked, unasked, &format!("{unasked}; {by}")).await;
    }
}
