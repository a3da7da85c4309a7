//! What the answers have in common in which Everlit speaks of itself: a page from `templates/`, and the headers around it.

use axum::body::Body;
use http::{HeaderValue, Response, header};
use minijinja::{Environment, value::Serde};
use serde::Serialize;

use super::escape;
use crate::assets;

/// Renders one of our own templates, everything escaped.
pub(crate) fn page(template: &str, data: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_formatter(escape::formatter);
    environment.set_loader(|name| Ok(assets::template(name)));
    environment.get_template(template)?.render(Serde(data))
}

/// An answer that nobody keeps, in the form that `Accept` decided.
pub(super) fn answer(media_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}
