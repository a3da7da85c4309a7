//! Whether an answer is a page that gets the script, and if not, why.

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName},
    response::Parts,
};

use super::{
    asked::Asked,
    layer::Inject,
    policy::{self, Widened},
};

/// The field that says what became of a page; an answer from below may hold `off` in it.
pub(super) const EVERLIT_INJECT: HeaderName = HeaderName::from_static("everlit-inject");

/// Why an HTML answer got no script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Injection is off.
    Off,
    /// The answer says `Everlit-Inject: off`.
    DisabledByApp,
    /// A script asked for it, to put it into a page.
    Fragment,
    /// It is no whole page: a redirect, a part, nothing.
    Status,
    /// It is a download.
    Attachment,
    /// Its `Cache-Control` forbids changes.
    NoTransform,
    /// It is compressed although it was asked for plain.
    Encoded,
    /// It is in an encoding like UTF-16, or in one that switches.
    Charset,
    /// Its Content Security Policy leaves no room for the script.
    Csp,
}

impl Reason {
    /// The value of `Everlit-Inject`.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Off => "skipped; reason=off",
            Self::DisabledByApp => "skipped; reason=disabled-by-app",
            Self::Fragment => "skipped; reason=fragment",
            Self::Status => "skipped; reason=status",
            Self::Attachment => "skipped; reason=attachment",
            Self::NoTransform => "skipped; reason=no-transform",
            Self::Encoded => "skipped; reason=encoded",
            Self::Charset => "skipped; reason=charset",
            Self::Csp => "skipped; reason=csp",
        })
    }
}

/// What to do with an answer.
#[derive(Debug)]
pub(super) enum Decision {
    /// It is none of our business.
    Leave,
    /// It is HTML, and is left as it is.
    Skip(Reason),
    /// It gets the script.
    Insert(Widened),
    /// It says that the injected page is still good; its fields must be those of the injected page.
    Refresh(Widened),
}

/// Decides by head alone.
pub(super) fn decide(asked: &Asked, head: &Parts, inject: Inject) -> Decision {
    if head.status == StatusCode::NOT_MODIFIED && asked.has_injected {
        return policy::widen(&head.headers, &asked.host).map_or(Decision::Leave, Decision::Refresh);
    }
    if head.status == StatusCode::NOT_MODIFIED || !is_html(&head.headers) {
        return Decision::Leave;
    }
    if let Some(reason) = objection(asked, head, inject) {
        return Decision::Skip(reason);
    }
    policy::widen(&head.headers, &asked.host).map_or(Decision::Skip(Reason::Csp), Decision::Insert)
}

/// The first reason not to touch a page.
fn objection(asked: &Asked, head: &Parts, inject: Inject) -> Option<Reason> {
    let headers = &head.headers;
    let reasons = [
        (inject == Inject::Off, Reason::Off),
        (has_token(headers, EVERLIT_INJECT, "off"), Reason::DisabledByApp),
        (!is_whole(head.status), Reason::Status),
        (asked.is_fragment, Reason::Fragment),
        (has_token(headers, CONTENT_DISPOSITION, "attachment"), Reason::Attachment),
        (has_token(headers, CACHE_CONTROL, "no-transform"), Reason::NoTransform),
        (is_encoded(headers), Reason::Encoded),
        (!is_ascii_compatible(headers), Reason::Charset),
    ];
    reasons.into_iter().find_map(|(objects, reason)| objects.then_some(reason))
}

/// Whole pages are what 200 and errors bring; the program's error pages have to come alive as well once it is mended.
fn is_whole(status: StatusCode) -> bool {
    status == StatusCode::OK || status.is_client_error() || status.is_server_error()
}

fn is_html(headers: &HeaderMap) -> bool {
    media_type(headers).next().is_some_and(|essence| essence.eq_ignore_ascii_case("text/html"))
}

/// The essence of the media type, then its parameters.
fn media_type(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').map(str::trim)
}

/// Whether one of the members of a list, up to its parameters, is `token`.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    let mut members = lines.flat_map(|line| line.split(','));
    members.any(|member| member.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(token))
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(CONTENT_ENCODING).into_iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    codings.map(<[u8]>::trim_ascii).any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// Whether the page's bytes below 0x80 are ASCII everywhere. That is so for every encoding of the web but UTF-16, and
/// ISO-2022-JP, which switches; the others named here are what servers call these two, or what browsers refuse.
fn is_ascii_compatible(headers: &HeaderMap) -> bool {
    const OTHERS: [&str; 10] =
        ["utf-16", "utf16", "utf-32", "utf-7", "ucs-2", "iso-10646", "unicode", "csunicode", "iso-2022", "csiso2022"];
    let charset = media_type(headers).skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
    });
    // `unicode-1-1-utf-8` is a name of UTF-8.
    charset.is_none_or(|charset| charset == "unicode-1-1-utf-8" || !OTHERS.iter().any(|other| charset.starts_with(other)))
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};

    use super::*;
    use crate::generation::Generation;

    fn decision(asked: &[(&str, &str)], status: u16, fields: &[(&str, &str)], inject: Inject) -> Decision {
        let request = asked.iter().fold(Request::get("/"), |builder, (name, value)| builder.header(*name, *value));
        let response =
            fields.iter().fold(Response::builder().status(status), |builder, (name, value)| builder.header(*name, *value));
        let (head, ()) = response.body(()).expect("a response").into_parts();
        decide(&Asked::of(&mut request.body(()).expect("a request"), Generation(1)), &head, inject)
    }

    fn check(asked: &[(&str, &str)], status: u16, fields: &[(&str, &str)], expected: Option<Reason>) {
        let html = [&[("content-type", "text/html; charset=utf-8")], fields].concat();
        let skipped = match decision(asked, status, &html, Inject::On) {
            Decision::Skip(reason) => Some(reason),
            Decision::Insert(_) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(skipped, expected, "{asked:?} {status} {fields:?}");
    }

    #[test]
    fn pages_get_the_script_and_what_is_none_says_why() {
        check(&[], 200, &[], None);
        check(&[], 404, &[], None);
        check(&[], 500, &[], None);
        for status in [201, 204, 206, 301, 302] {
            check(&[], status, &[], Some(Reason::Status));
        }
        check(&[("hx-request", "true")], 200, &[], Some(Reason::Fragment));
        check(&[], 200, &[("content-encoding", "gzip")], Some(Reason::Encoded));
        check(&[], 200, &[("content-encoding", "identity")], None);
        check(&[], 200, &[("content-disposition", "Attachment; filename=a.html")], Some(Reason::Attachment));
        check(&[], 200, &[("content-disposition", "inline; filename=attachment")], None);
        check(&[], 200, &[("cache-control", "private, No-Transform")], Some(Reason::NoTransform));
        check(&[], 200, &[("everlit-inject", "off")], Some(Reason::DisabledByApp));
        check(&[], 200, &[("content-security-policy", "sandbox")], Some(Reason::Csp));
    }

    #[test]
    fn encodings() {
        for (media_type, expected) in [
            ("text/html", true),
            ("TEXT/HTML;charset=shift_jis", true),
            ("text/html; charset=\"UTF-8\"", true),
            ("text/html;charset=unicode-1-1-utf-8", true),
            ("text/html; charset=UTF-16LE", false),
            ("text/html; version=1; charset='utf-16'", false),
            ("text/html; charset=iso-2022-jp", false),
        ] {
            let is_inserted = matches!(decision(&[], 200, &[("content-type", media_type)], Inject::On), Decision::Insert(_));
            assert_eq!(is_inserted, expected, "{media_type}");
        }
    }

    #[test]
    fn what_is_not_html_is_left_alone() {
        for media_type in ["application/json", "text/htmlx", "text/event-stream", "application/xhtml+xml", ""] {
            assert!(matches!(decision(&[], 200, &[("content-type", media_type)], Inject::On), Decision::Leave), "{media_type}");
        }
        assert!(matches!(decision(&[], 304, &[("content-type", "text/html")], Inject::On), Decision::Leave));
        assert!(matches!(decision(&[], 200, &[("content-type", "text/html")], Inject::Off), Decision::Skip(Reason::Off)));
    }

    #[test]
    fn a_still_good_page_keeps_the_fields_of_the_injected_one() {
        let ours = [("if-none-match", r#"W/"a-everlit-1s""#)];
        assert!(matches!(decision(&ours, 304, &[], Inject::On), Decision::Refresh(_)));
    }
}
