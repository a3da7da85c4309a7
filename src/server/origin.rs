//! Where a request comes from, by what browsers say about it. Pure.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header, uri::Authority};

use super::cors::Grant;
use crate::field::{SEC_FETCH_MODE, SEC_FETCH_SITE};

/// Whether a page of another site loads this as a script, style or picture. Nobody needs that of a development server, and it
/// is how such a page reads what it may not (R05). Browsers send the header to loopback addresses only.
pub(super) fn is_foreign_load(headers: &HeaderMap) -> bool {
    says(headers, &SEC_FETCH_SITE, "cross-site") && says(headers, &SEC_FETCH_MODE, "no-cors")
}

/// Whose page a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source<'h> {
    /// No page's, or one that a browser does not name.
    Unnamed,
    /// One of ours.
    Own,
    /// One of an origin that was granted something.
    Granted(&'h HeaderValue),
    /// One of another origin.
    Foreign(&'h HeaderValue),
}

/// Whose page a request comes from, by its `Origin`.
pub(super) fn source<'h>(headers: &'h HeaderMap, host: &Authority, grant: &Grant) -> Source<'h> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Source::Unnamed };
    let own = origin.to_str().is_ok_and(|origin| {
        ["http://", "https://"]
            .iter()
            .any(|scheme| origin.strip_prefix(scheme).is_some_and(|it| it.eq_ignore_ascii_case(host.as_str())))
    });
    match own {
        true => Source::Own,
        false if grant.covers(origin) => Source::Granted(origin),
        false => Source::Foreign(origin),
    }
}

/// Whether a page of another origin wants to change something that was not granted.
pub(super) fn is_foreign_write(method: &Method, headers: &HeaderMap, host: &Authority, grant: &Grant) -> bool {
    let refused = match source(headers, host, grant) {
        Source::Unnamed => says(headers, &SEC_FETCH_SITE, "cross-site"),
        Source::Own => false,
        Source::Granted(_) => !grant.takes(method),
        Source::Foreign(_) => true,
    };
    refused && !method.is_safe()
}

/// Whether a browser will show the answer as a page of its own.
pub(super) fn navigates(headers: &HeaderMap) -> bool {
    says(headers, &SEC_FETCH_MODE, "navigate")
}

/// Whether a header has this value, whatever its case.
pub(super) fn says(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    headers.get(name).is_some_and(|found| found.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CorsConfig;

    fn check(methods: Option<Vec<Method>>, method: &Method, pairs: &[(&'static str, &str)], expected: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let host = Authority::from_static("localhost:4747");
        let origins = ["http://app.example:5000", "https://*.example.test"].map(|origins| origins.parse().unwrap()).to_vec();
        let grant = Grant::new(&CorsConfig { origins, methods, ..CorsConfig::default() });
        assert_eq!(is_foreign_write(method, &headers, &host, &grant), expected, "{method} {pairs:?}");
    }

    #[test]
    fn only_our_own_and_granted_origins_write() {
        check(None, &Method::POST, &[], false);
        check(None, &Method::POST, &[("origin", "http://localhost:4747")], false);
        check(None, &Method::POST, &[("origin", "http://app.example:5000")], false);
        check(None, &Method::POST, &[("origin", "https://a.example.test")], false);
        for near in [
            "http://localhost:4748",
            "http://localhost",
            "http://localhost.:4747",
            "http://localhost:4747.evil.example",
            "http://localhost:4747@evil.example",
            "http://localhost:4747/",
            "http://127.0.0.1:4747",
            "http://shop.localhost:4747",
            "ftp://localhost:4747",
            "localhost:4747",
            "http://app.example:50000",
            "https://app.example:5000",
            "https://example.test",
            "http://a.example.test",
            "",
        ] {
            check(None, &Method::POST, &[("origin", near)], true);
        }
        check(None, &Method::POST, &[("sec-fetch-site", "same-origin")], false);
        check(None, &Method::POST, &[("origin", "http://evil.example")], true);
        check(None, &Method::POST, &[("origin", "http://app.example:5000.evil.example")], true);
        check(None, &Method::DELETE, &[("origin", "null")], true);
        check(None, &Method::POST, &[("sec-fetch-site", "cross-site")], true);
        check(None, &Method::GET, &[("origin", "http://evil.example")], false);
    }

    #[test]
    fn granted_origins_write_by_granted_methods() {
        let methods = || Some(vec![Method::GET, Method::PUT]);
        check(methods(), &Method::PUT, &[("origin", "http://app.example:5000")], false);
        check(methods(), &Method::POST, &[("origin", "http://app.example:5000")], true);
        check(methods(), &Method::POST, &[("origin", "http://localhost:4747")], false);
        check(Some(Vec::new()), &Method::HEAD, &[("origin", "http://app.example:5000")], false);
    }

    #[test]
    fn pages_are_navigated_to() {
        let check = |mode: &'static str, expected: bool| {
            let headers = HeaderMap::from_iter([(SEC_FETCH_MODE.clone(), HeaderValue::from_static(mode))]);
            assert_eq!(navigates(&headers), expected, "{mode}");
        };
        check("navigate", true);
        check("NAVIGATE", true);
        check("cors", false);
        assert!(!navigates(&HeaderMap::new()));
    }

    #[test]
    fn foreign_loads() {
        let check = |site: Option<&'static str>, mode: Option<&'static str>, expected: bool| {
            let pairs = [("sec-fetch-site", site), ("sec-fetch-mode", mode)];
            let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let headers = pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
            assert_eq!(is_foreign_load(&headers), expected, "{site:?} {mode:?}");
        };
        check(None, None, false);
        check(Some("cross-site"), None, false);
        check(Some("cross-site"), Some("no-cors"), true);
        check(Some("Cross-Site"), Some("NO-CORS"), true);
        // A person follows a link; CORS keeps the answer from the page; what is of the same site is kept from it by our policy.
        for mode in ["navigate", "cors", "websocket"] {
            check(Some("cross-site"), Some(mode), false);
        }
        for site in ["same-site", "same-origin", "none"] {
            check(Some(site), Some("no-cors"), false);
        }
    }
}
