//! Whether an answer is a page that gets the script, and if not, why.

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName},
    response::Parts,
};

use super::{
    asked::Asked,
    charset::Charset,
    coding::Coding,
    layer::Inject,
    policy::{self, Obstacle, Widened},
};

/// The field that says what became of a page; an answer from below may hold `off` in it.
pub(super) const EVERLIT_INJECT: HeaderName = HeaderName::from_static("everlit-inject");

/// Why an HTML answer got no script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Injection is off.
    Off,
    /// It is off for this path.
    Path,
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
    /// It is in a content coding that is not known here.
    Encoded,
    /// It is in a character encoding that switches.
    Charset,
    /// It is XML, in which a tag of HTML may be an error.
    Xhtml,
    /// Its Content Security Policy puts it into a sandbox, in which the client cannot work.
    Sandbox,
    /// Its Content Security Policy leaves no room for the script.
    Csp,
}

impl Reason {
    /// The value of `Everlit-Inject`.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Off => "skipped; reason=off",
            Self::Path => "skipped; reason=path",
            Self::DisabledByApp => "skipped; reason=disabled-by-app",
            Self::Fragment => "skipped; reason=fragment",
            Self::Status => "skipped; reason=status",
            Self::Attachment => "skipped; reason=attachment",
            Self::NoTransform => "skipped; reason=no-transform",
            Self::Encoded => "skipped; reason=encoded",
            Self::Charset => "skipped; reason=charset",
            Self::Xhtml => "skipped; reason=xhtml",
            Self::Sandbox => "skipped; reason=sandbox",
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
    Insert(Insertion),
    /// It says that the injected page is still good; its fields must be those of the injected page.
    Refresh(Widened),
}

/// How the script gets in.
#[derive(Debug)]
pub(super) struct Insertion {
    pub(super) widened: Widened,
    /// What has to be undone before.
    pub(super) coding: Option<Coding>,
    /// How the page is written, as far as its head says.
    pub(super) charset: Charset,
}

/// Decides by head alone.
pub(super) fn decide(asked: &Asked, head: &Parts) -> Decision {
    if head.status == StatusCode::NOT_MODIFIED && asked.has_injected {
        return policy::widen(&head.headers, &asked.own).map_or(Decision::Leave, Decision::Refresh);
    }
    if head.status == StatusCode::NOT_MODIFIED {
        return Decision::Leave;
    }
    match essence(&head.headers) {
        Some(Essence::Html) => insertion(asked, head).map_or_else(Decision::Skip, Decision::Insert),
        Some(Essence::Xhtml) => Decision::Skip(Reason::Xhtml),
        None => Decision::Leave,
    }
}

/// How the script gets into a page, or the first reason not to touch it.
fn insertion(asked: &Asked, head: &Parts) -> Result<Insertion, Reason> {
    let headers = &head.headers;
    let objections = [
        (asked.inject == Inject::Off, Reason::Off),
        (asked.inject == Inject::OffHere, Reason::Path),
        (has_token(headers, EVERLIT_INJECT, "off"), Reason::DisabledByApp),
        (!is_whole(head.status), Reason::Status),
        (asked.is_fragment, Reason::Fragment),
        (has_token(headers, CONTENT_DISPOSITION, "attachment"), Reason::Attachment),
        (has_token(headers, CACHE_CONTROL, "no-transform"), Reason::NoTransform),
    ];
    if let Some((_, reason)) = objections.into_iter().find(|(objects, _)| *objects) {
        return Err(reason);
    }
    let coding = Coding::of(headers).map_err(|_| Reason::Encoded)?;
    let charset = charset(headers).ok_or(Reason::Charset)?;
    let widened = policy::widen(headers, &asked.own).map_err(|obstacle| match obstacle {
        Obstacle::Sandbox => Reason::Sandbox,
        Obstacle::Policy => Reason::Csp,
    })?;
    Ok(Insertion { widened, coding, charset })
}

/// Whole pages are what success and errors bring, but for the statuses of parts and of nothing; the program's error pages have to
/// come alive as well once it is mended.
fn is_whole(status: StatusCode) -> bool {
    let is_none = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::PARTIAL_CONTENT].contains(&status);
    (status.is_success() && !is_none) || status.is_client_error() || status.is_server_error()
}

/// The kinds of documents.
enum Essence {
    Html,
    Xhtml,
}

fn essence(headers: &HeaderMap) -> Option<Essence> {
    let essence = media_type(headers).next().unwrap_or_default();
    let is = |kind: &str| essence.eq_ignore_ascii_case(kind);
    let kinds = [(is("text/html"), Essence::Html), (is("application/xhtml+xml"), Essence::Xhtml)];
    kinds.into_iter().find_map(|(is, kind)| is.then_some(kind))
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

/// How the page writes our ASCII, as the response says.
fn charset(headers: &HeaderMap) -> Option<Charset> {
    let label = media_type(headers).skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    });
    Charset::of(label.unwrap_or_default())
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
        decide(&Asked::of(&mut request.body(()).expect("a request"), inject, Generation(1), None), &head)
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
        for status in [200, 201, 203, 404, 500] {
            check(&[], status, &[], None);
        }
        for status in [204, 205, 206, 300, 301, 302] {
            check(&[], status, &[], Some(Reason::Status));
        }
        check(&[("hx-request", "true")], 200, &[], Some(Reason::Fragment));
        check(&[], 200, &[("content-encoding", "gzip")], None);
        check(&[], 200, &[("content-encoding", "gzip, br")], Some(Reason::Encoded));
        check(&[], 200, &[("content-encoding", "compress")], Some(Reason::Encoded));
        check(&[], 200, &[("content-encoding", "identity")], None);
        check(&[], 200, &[("content-disposition", "Attachment; filename=a.html")], Some(Reason::Attachment));
        check(&[], 200, &[("content-disposition", "inline; filename=attachment")], None);
        check(&[], 200, &[("cache-control", "private, No-Transform")], Some(Reason::NoTransform));
        check(&[], 200, &[("everlit-inject", "off")], Some(Reason::DisabledByApp));
        check(&[], 200, &[("content-security-policy", "sandbox")], Some(Reason::Sandbox));
        check(&[], 200, &[("content-security-policy", "script-src 'strict-dynamic'")], Some(Reason::Csp));
    }

    #[test]
    fn encodings() {
        for (media_type, expected) in [
            ("text/html", Some(Charset::Ascii)),
            ("TEXT/HTML;charset=shift_jis", Some(Charset::Ascii)),
            ("text/html; charset=\"UTF-8\"", Some(Charset::Ascii)),
            ("text/html; charset=UTF-16LE", Some(Charset::Utf16Le)),
            ("text/html; version=1; charset='utf-16be'", Some(Charset::Utf16Be)),
            ("text/html; charset=iso-2022-jp", None),
        ] {
            let charset = match decision(&[], 200, &[("content-type", media_type)], Inject::On) {
                Decision::Insert(insertion) => Some(insertion.charset),
                _ => None,
            };
            assert_eq!(charset, expected, "{media_type}");
        }
    }

    #[test]
    fn what_is_not_html_is_left_alone() {
        for media_type in ["application/json", "text/htmlx", "text/event-stream", "application/xml", ""] {
            assert!(matches!(decision(&[], 200, &[("content-type", media_type)], Inject::On), Decision::Leave), "{media_type}");
        }
        assert!(matches!(decision(&[], 304, &[("content-type", "text/html")], Inject::On), Decision::Leave));
        for (inject, media_type, expected) in [
            (Inject::Off, "text/html", Reason::Off),
            (Inject::OffHere, "text/html", Reason::Path),
            (Inject::On, "application/xhtml+xml; charset=utf-8", Reason::Xhtml),
        ] {
            let decision = decision(&[], 200, &[("content-type", media_type)], inject);
            assert!(matches!(decision, Decision::Skip(reason) if reason == expected), "{decision:?}");
        }
    }

    #[test]
    fn a_still_good_page_keeps_the_fields_of_the_injected_one() {
        let ours = [("if-none-match", r#"W/"a-everlit-1s""#)];
        assert!(matches!(decision(&ours, 304, &[], Inject::On), Decision::Refresh(_)));
    }
}
