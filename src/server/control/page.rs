//! The page for people: a document, a script and a stylesheet, the same for everybody. What it shows it asks for with the token.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};

use crate::assets;

/// Where the page and its parts are. They hold nothing of the project, and need no token.
pub(super) const PATHS: [&str; 3] = ["/", "/inspect.css", "/inspect.js"];

/// What the page may do: run its one script, look as its one stylesheet says, and ask this listener. Text never becomes code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

pub(super) async fn document() -> Response {
    let text = assets::template("inspect.html").unwrap_or_default();
    let mut response = answer("text/html; charset=utf-8", text.into_bytes());
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

pub(super) async fn stylesheet() -> Response {
    answer("text/css; charset=utf-8", part("inspect.css"))
}

pub(super) async fn script() -> Response {
    answer("text/javascript; charset=utf-8", part("inspect.js"))
}

fn part(file: &str) -> Vec<u8> {
    assets::static_file(file).unwrap_or_default().into_owned()
}

fn answer(kind: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
