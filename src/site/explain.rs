//! Requests that ask why they are answered as they are: `?__explain`, or `?__explain=text/csv` for what another `Accept` would get,
//! which a browser cannot send by itself.

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header, request::Parts};

use super::{query, resolve::Found, translation};
use crate::negotiate::{Accept, Asked, Decision, Explanation, Prefers, Representation, decide};

/// The parameter. Two underscores: no member and no parameter of ours begins with them.
const EXPLAIN: &str = "__explain";

/// What the index of a static folder is chosen by.
static BY_LANGUAGE: [HeaderName; 1] = [header::ACCEPT_LANGUAGE];

/// Whether a request asks for the reasons instead of the answer.
pub(super) fn is_wanted(request: &Parts) -> bool {
    value(&request.uri).is_some()
}

/// Why a static file is answered with, when that is what is asked for. It is answered with whatever types the request takes.
pub(super) fn of_file(found: &Found<'_>, request: &Request<Body>) -> Option<Response<Body>> {
    value(request.uri())?;
    let (offers, vary): (_, &[HeaderName]) = match found {
        Found::File { file, .. } => (vec![Representation::new(file.essence())], &[]),
        Found::Index { public, folder, .. } => (translation::offers(public, folder), &BY_LANGUAGE),
        _ => return None,
    };
    let asked = Asked { accept: Accept::default(), ..Asked::parse(request.headers()) };
    let decision = Decision { vary, ..decide(&asked, &offers) };
    Some(Explanation::new(&asked, &offers, &decision).respond(request.headers(), Prefers::Html))
}

/// What a request takes, or would take.
pub(super) fn asked(request: &Parts) -> Asked {
    let other = value(&request.uri).filter(|accept| !accept.is_empty()).and_then(|accept| HeaderValue::from_str(&accept).ok());
    match other {
        None => Asked::parse(&request.headers),
        Some(accept) => {
            let mut headers = HeaderMap::clone(&request.headers);
            headers.insert(header::ACCEPT, accept);
            Asked::parse(&headers)
        }
    }
}

fn value(uri: &Uri) -> Option<String> {
    let query = uri.query().filter(|query| query.contains(EXPLAIN))?;
    query::parse(Some(query)).into_iter().find(|(name, _)| name == EXPLAIN).map(|(_, value)| value)
}
