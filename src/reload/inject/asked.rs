//! What a request says about the answer it can use: a page that is shown, or a piece that a script puts into one.

use http::{
    HeaderMap, Method, Request,
    header::{ACCEPT, HOST},
};

use super::validator;
use crate::{generation::Generation, reload::shelf as page};

/// What is remembered of a request until its answer comes.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The generation that answered when the request came.
    pub(super) generation: Generation,
    /// Whether the answer goes to a script instead of a window.
    pub(super) is_fragment: bool,
    /// Whether the answer has no body.
    pub(super) is_head: bool,
    /// Whether the browser has the injected page and asks if it is still good.
    pub(super) has_injected: bool,
    /// The name we were asked by.
    pub(super) host: String,
    /// What to ask with once more; `None` for what is not shown in a window.
    pub(super) page: Option<page::Request>,
}

impl Asked {
    /// Reads a request, and gives it back the entity tags of the page below.
    pub(super) fn of<B>(request: &mut Request<B>, generation: Generation) -> Self {
        let has_injected = validator::unmark(request.headers_mut(), generation);
        let headers = request.headers();
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        let authority = || request.uri().authority().map(|authority| authority.as_str().to_owned());
        Self {
            generation,
            is_fragment: is_fragment(headers),
            is_head: *request.method() == Method::HEAD,
            has_injected,
            host: host.or_else(authority).unwrap_or_default(),
            page: is_navigation(request).then(|| page::Request::of(request.uri(), headers)),
        }
    }
}

/// Whether a browser asks for a page to show; load tests and tools do not.
fn is_navigation<B>(request: &Request<B>) -> bool {
    let accepts = |value: &http::HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/html"));
    *request.method() == Method::GET && request.headers().get(ACCEPT).is_some_and(accepts)
}

/// Whether a script asks for a piece of a page: a library says so, or the browser does.
fn is_fragment(headers: &HeaderMap) -> bool {
    let is_scripted = headers.get("x-requested-with").is_some_and(|by| by.as_bytes().eq_ignore_ascii_case(b"xmlhttprequest"));
    let is_partial =
        ["hx-request", "turbo-frame", "datastar-request", "x-up-target"].iter().any(|name| headers.contains_key(*name));
    let is_window = |to: &[u8]| [&b"document"[..], b"iframe", b"frame", b"fencedframe", b"object", b"embed"].contains(&to);
    let is_elsewhere = headers.get("sec-fetch-dest").is_some_and(|to| !is_window(to.as_bytes()));
    is_scripted || is_partial || is_elsewhere
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&str, &str)], expected: bool) {
        let builder = fields.iter().fold(Request::get("/"), |builder, (name, value)| builder.header(*name, *value));
        let mut request = builder.body(()).expect("a request");
        assert_eq!(Asked::of(&mut request, Generation(1)).is_fragment, expected, "{fields:?}");
    }

    #[test]
    fn pieces_for_scripts() {
        check(&[], false);
        check(&[("sec-fetch-dest", "document")], false);
        check(&[("sec-fetch-dest", "iframe")], false);
        check(&[("sec-fetch-dest", "empty")], true);
        check(&[("sec-fetch-dest", "script")], true);
        check(&[("hx-request", "true")], true);
        check(&[("turbo-frame", "cart")], true);
        check(&[("datastar-request", "true")], true);
        check(&[("x-up-target", "main")], true);
        check(&[("x-requested-with", "XMLHttpRequest")], true);
        check(&[("x-requested-with", "com.android.browser")], false);
    }
}
