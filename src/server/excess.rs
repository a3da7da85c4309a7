//! Whether the head of a request is small enough. The connection has bounds of its own, which are wider and refuse without words.

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};

use crate::config::HeadLimits;

/// A colon, a blank and the end of the line around each header.
const AROUND: usize = 4;

/// What is too much of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Excess {
    #[error("the address is {found} bytes long, and {limit} are taken; `[limits] uri` in everlit.toml allows more")]
    Uri { found: usize, limit: usize },
    #[error("there are {found} headers, and {limit} are taken; `[limits] headers` in everlit.toml allows more")]
    Headers { found: usize, limit: usize },
    #[error(
        "the headers have {found} bytes, {cookies} of them cookies, and {limit} are taken; every project that was ever at this host \
         left its cookies: delete them, open http://PROJECT.localhost in place of localhost, or allow more by \
         `[limits] header_bytes` in everlit.toml"
    )]
    HeaderBytes { found: usize, cookies: usize, limit: usize },
}

impl Excess {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Uri { .. } => StatusCode::URI_TOO_LONG,
            Self::Headers { .. } | Self::HeaderBytes { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

/// Checks the head of a request.
pub(super) fn check(request: &Request<Body>, limits: HeadLimits) -> Result<(), Excess> {
    let uri = request.uri();
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let found = authority + uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    if found > limits.uri_bytes {
        return Err(Excess::Uri { found, limit: limits.uri_bytes });
    }
    let headers = request.headers();
    if headers.len() > limits.headers {
        return Err(Excess::Headers { found: headers.len(), limit: limits.headers });
    }
    let found: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + AROUND).sum();
    if found > limits.header_bytes {
        return Err(Excess::HeaderBytes { found, cookies: cookies(headers), limit: limits.header_bytes });
    }
    Ok(())
}

fn cookies(headers: &HeaderMap) -> usize {
    headers.get_all(http::header::COOKIE).iter().map(http::HeaderValue::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_kept_to_the_byte() {
        let limits = HeadLimits { uri_bytes: 10, header_bytes: 40, headers: 3 };
        let check = |uri: &str, headers: &[(&str, &str)], expected: Result<(), u16>| {
            let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
            let checked = check(&request.body(Body::empty()).unwrap(), limits);
            assert_eq!(checked.map_err(|excess| excess.status().as_u16()), expected, "{uri} {headers:?}");
        };
        check("/123456789", &[], Ok(()));
        check("/1234567890", &[], Err(414));
        check("/1234?6789", &[], Ok(()));
        check("/1234?67890", &[], Err(414));
        check("/", &[("a", "1"), ("a", "2"), ("b", "3")], Ok(()));
        check("/", &[("a", "1"), ("a", "2"), ("b", "3"), ("c", "4")], Err(431));
        check("/", &[("cookie", "123456789012345678901234567890")], Ok(()));
        check("/", &[("cookie", "1234567890123456789012345678901")], Err(431));
    }
}
