//! Requests that ask why they are answered as they are: `?__explain`, or `?__explain=text/csv` for what another `Accept` would get,
//! which a browser cannot send by itself.

use http::{HeaderMap, HeaderValue, header, request::Parts};

use super::query;
use crate::negotiate::Asked;

/// The parameter. Two underscores: no member and no parameter of ours begins with them.
const EXPLAIN: &str = "__explain";

/// Whether a request asks for the reasons instead of the answer.
pub(super) fn is_wanted(request: &Parts) -> bool {
    value(request).is_some()
}

/// What a request takes, or would take.
pub(super) fn asked(request: &Parts) -> Asked {
    let other = value(request).filter(|accept| !accept.is_empty()).and_then(|accept| HeaderValue::from_str(&accept).ok());
    match other {
        None => Asked::parse(&request.headers),
        Some(accept) => {
            let mut headers = HeaderMap::clone(&request.headers);
            headers.insert(header::ACCEPT, accept);
            Asked::parse(&headers)
        }
    }
}

fn value(request: &Parts) -> Option<String> {
    let query = request.uri.query().filter(|query| query.contains(EXPLAIN))?;
    query::parse(Some(query)).into_iter().find(|(name, _)| name == EXPLAIN).map(|(_, value)| value)
}
