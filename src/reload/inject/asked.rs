//! What a request says about the answer it can use: a page that is shown, or a piece that a script puts into one.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request,
    header::{ACCEPT, ACCEPT_ENCODING, HOST, UPGRADE},
};

use super::{
    coding::Coding,
    layer::Inject,
    policy::{Own, Text},
    validator::{self, Foreign},
};
use crate::{
    field::{SEC_FETCH_DEST, SEC_PURPOSE, X_REQUESTED_WITH},
    generation::Generation,
    negotiate::AcceptEncoding,
    reload::shelf as page,
};

/// Fields by which the libraries that put pieces into pages mark their requests. Those of boosted links and of visits are among
/// them: the window keeps the client it has, and what becomes of a head that is merged into another is the library's affair.
static SCRIPTED: [HeaderName; 8] = [
    HeaderName::from_static("hx-request"),         // htmx
    HeaderName::from_static("turbo-frame"),        // Turbo Frames
    HeaderName::from_static("x-turbo-request-id"), // Turbo Drive
    HeaderName::from_static("datastar-request"),   // Datastar
    HeaderName::from_static("x-up-version"),       // Unpoly
    HeaderName::from_static("x-up-target"),        // older ones
    HeaderName::from_static("x-pjax"),             // pjax
    HeaderName::from_static("x-barba"),            // Barba.js
];

/// What is remembered of a request until its answer comes.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Whether the page gets the script.
    pub(super) inject: Inject,
    /// The generation that answered when the request came.
    pub(super) generation: Generation,
    /// Whether the answer goes to a script instead of a window.
    pub(super) is_fragment: bool,
    /// Whether the answer has no body.
    pub(super) is_head: bool,
    /// Whether the browser has the injected page and asks if it is still good.
    pub(super) has_injected: bool,
    /// Our own addresses, by the name we were asked by.
    pub(super) own: Own,
    /// What to ask with once more; `None` for what is not shown in a window.
    pub(super) page: Option<page::Request>,
    /// The codings it takes.
    accept_encoding: Vec<HeaderValue>,
}

impl Asked {
    /// Reads a request, and gives it back the entity tags of the page below. `script` gives the text of the client script.
    pub(super) fn of<B>(request: &mut Request<B>, inject: Inject, generation: Generation, script: Option<Text>) -> Self {
        // A window that has the page without the script, from before or from a script's request, must not be told to keep it.
        let is_page = inject == Inject::On && is_for_window(request.headers());
        let foreign = if is_page { Foreign::Drop } else { Foreign::Keep };
        let has_injected = validator::unmark(request.headers_mut(), generation, foreign);
        let headers = request.headers();
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        let authority = || request.uri().authority().map(|authority| authority.as_str().to_owned());
        Self {
            inject,
            generation,
            is_fragment: is_fragment(headers),
            is_head: *request.method() == Method::HEAD,
            has_injected,
            own: Own::at(host.or_else(authority).unwrap_or_default(), script),
            page: is_navigation(request).then(|| page::Request::of(request.uri(), headers)),
            accept_encoding: headers.get_all(ACCEPT_ENCODING).iter().cloned().collect(),
        }
    }

    /// Whether the answer may be in a coding.
    pub(super) fn takes(&self, coding: Coding) -> bool {
        let fields: HeaderMap = self.accept_encoding.iter().map(|line| (ACCEPT_ENCODING, line.clone())).collect();
        AcceptEncoding::parse(&fields).takes(coding.token())
    }
}

/// Whether a browser asks for a page to show; load tests and tools do not.
fn is_navigation<B>(request: &Request<B>) -> bool {
    let accepts = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/html"));
    *request.method() == Method::GET && request.headers().get(ACCEPT).is_some_and(accepts)
}

/// Whether a script asks for a piece of a page: a library says so, or the browser does.
fn is_fragment(headers: &HeaderMap) -> bool {
    let is_scripted = headers.get(&X_REQUESTED_WITH).is_some_and(|by| by.as_bytes().eq_ignore_ascii_case(b"xmlhttprequest"));
    let is_marked = headers.keys().any(|name| SCRIPTED.contains(name));
    // A page that is fetched ahead is shown later without being asked for again.
    let is_ahead = headers.get(&SEC_PURPOSE).is_some_and(|purpose| purpose.as_bytes().starts_with(b"prefetch"));
    let is_elsewhere = headers.contains_key(&SEC_FETCH_DEST) && !is_for_window(headers) && !is_ahead;
    // What a server says to a websocket that it refuses is read by a program.
    let is_socket = headers.get(UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    is_scripted || is_marked || is_elsewhere || is_socket
}

/// Whether the browser says that the answer goes into a window or frame.
fn is_for_window(headers: &HeaderMap) -> bool {
    let windows = [&b"document"[..], b"iframe", b"frame", b"fencedframe", b"object", b"embed"];
    headers.get(&SEC_FETCH_DEST).is_some_and(|to| windows.contains(&to.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&str, &str)], expected: bool) {
        let builder = fields.iter().fold(Request::get("/"), |builder, (name, value)| builder.header(*name, *value));
        let mut request = builder.body(()).expect("a request");
        assert_eq!(Asked::of(&mut request, Inject::On, Generation(1), None).is_fragment, expected, "{fields:?}");
    }

    #[test]
    fn pieces_for_scripts() {
        check(&[], false);
        check(&[("sec-fetch-dest", "document")], false);
        check(&[("sec-fetch-dest", "iframe")], false);
        check(&[("upgrade", "WebSocket")], true);
        check(&[("upgrade", "h2c")], false);
        check(&[("sec-fetch-dest", "empty")], true);
        check(&[("sec-fetch-dest", "script")], true);
        check(&[("hx-request", "true")], true);
        check(&[("turbo-frame", "cart")], true);
        check(&[("hx-request", "true"), ("hx-boosted", "true")], true);
        check(&[("hx-request", "true"), ("hx-history-restore-request", "true")], true);
        check(&[("x-turbo-request-id", "1")], true);
        check(&[("datastar-request", "true")], true);
        check(&[("x-up-target", "main")], true);
        check(&[("x-up-version", "3.15.0")], true);
        check(&[("sec-fetch-dest", "empty"), ("sec-purpose", "prefetch")], false);
        check(&[("sec-fetch-dest", "document"), ("sec-purpose", "prefetch;prerender")], false);
        check(&[("x-requested-with", "XMLHttpRequest")], true);
        check(&[("x-requested-with", "com.android.browser")], false);
    }

    #[test]
    fn codings() {
        for (accept, taken) in [("gzip, br", true), ("br;q=0", false), ("*", true), ("gzip", false), ("", false)] {
            let mut request = Request::get("/").header(ACCEPT_ENCODING, accept).body(()).expect("a request");
            assert_eq!(Asked::of(&mut request, Inject::On, Generation(1), None).takes(Coding::Brotli), taken, "{accept}");
        }
        assert!(!Asked::of(&mut Request::new(()), Inject::On, Generation(1), None).takes(Coding::Gzip));
    }
}
