//! Where a request comes from, by what browsers say about it. Pure.

use http::{HeaderMap, HeaderValue, Method, header, uri::Authority};

/// Whether a page of another site loads this as a script, style or picture. Nobody needs that of a development server, and it
/// is how such a page reads what it may not (R05). Browsers send the header to loopback addresses only.
pub(super) fn is_foreign_load(headers: &HeaderMap) -> bool {
    says(headers, "sec-fetch-site", "cross-site") && says(headers, "sec-fetch-mode", "no-cors")
}

/// Whether a page of another origin, none of the `granted` ones, wants to change something.
pub(super) fn is_foreign_write(method: &Method, headers: &HeaderMap, host: &Authority, granted: &[HeaderValue]) -> bool {
    !method.is_safe() && (foreign_origin(headers, host, granted).is_some() || is_cross_site_without_origin(headers))
}

/// The request's `Origin`, when it is neither ours nor one of the `granted` ones.
pub(super) fn foreign_origin<'h>(headers: &'h HeaderMap, host: &Authority, granted: &[HeaderValue]) -> Option<&'h HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let own = origin.to_str().is_ok_and(|origin| {
        ["http://", "https://"]
            .iter()
            .any(|scheme| origin.strip_prefix(scheme).is_some_and(|it| it.eq_ignore_ascii_case(host.as_str())))
    });
    (!own && !granted.contains(origin)).then_some(origin)
}

fn is_cross_site_without_origin(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::ORIGIN) && says(headers, "sec-fetch-site", "cross-site")
}

fn says(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers.get(name).is_some_and(|found| found.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, pairs: &[(&'static str, &str)], expected: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let host = Authority::from_static("localhost:4747");
        let granted = [HeaderValue::from_static("http://app.example:5000")];
        assert_eq!(is_foreign_write(method, &headers, &host, &granted), expected, "{method} {pairs:?}");
    }

    #[test]
    fn only_our_own_and_granted_origins_write() {
        check(&Method::POST, &[], false);
        check(&Method::POST, &[("origin", "http://localhost:4747")], false);
        check(&Method::POST, &[("origin", "http://app.example:5000")], false);
        check(&Method::POST, &[("origin", "http://evil.example")], true);
        check(&Method::DELETE, &[("origin", "null")], true);
        check(&Method::POST, &[("sec-fetch-site", "cross-site")], true);
        check(&Method::GET, &[("origin", "http://evil.example")], false);
    }

    #[test]
    fn foreign_loads() {
        let mut headers = HeaderMap::new();
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(!is_foreign_load(&headers));
        headers.insert("sec-fetch-mode", HeaderValue::from_static("no-cors"));
        assert!(is_foreign_load(&headers));
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        assert!(!is_foreign_load(&headers));
    }
}
