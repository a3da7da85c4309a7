//! Error answers: RFC 9457 problem details, as a page or as `application/problem+json`.
//!
//! A [`Problem`] says nothing about the path that was asked for: an answer for a file that is denied and for one that does not
//! exist must be the same bytes.

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Accept, Representation, choose, own, plain::plain};
use crate::report::{Diagnostic, Report};

const TEMPLATE: &str = "problem.html";

/// Which form a client gets that takes both alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefers {
    /// A page: people look at it.
    Html,
    /// `application/problem+json`: a program asked.
    Json,
}

/// One error answer. The caller leaves the body out where the request was `HEAD`.
#[derive(Clone, Debug)]
pub struct Problem(Box<Content>);

#[derive(Clone, Debug)]
struct Content {
    status: StatusCode,
    /// What kind of problem it is, beyond its status: a URI and a title.
    kind: Option<(String, String)>,
    detail: String,
    members: Map<String, Value>,
    headers: HeaderMap,
    report: Option<Report>,
}

impl Problem {
    /// A problem with its status and one sentence that says what is wrong and what to do about it.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let (members, headers) = (Map::new(), HeaderMap::new());
        Self(Box::new(Content { status, kind: None, detail: detail.into(), members, headers, report: None }))
    }

    /// The same of a type of its own (RFC 9457 §3.1.1): a URI that identifies it, and what it is called. Without one the status says it
    /// all, as `about:blank` (§4.2.1).
    #[must_use]
    pub fn of_type(mut self, uri: impl Into<String>, title: impl Into<String>) -> Self {
        self.0.kind = Some((uri.into(), title.into()));
        self
    }

    /// The same with an extension member (RFC 9457 §3.2); a page shows it as well.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// The same with a header, `Allow` or `Retry-After`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The same with the failure that caused it, shown in full.
    #[must_use]
    pub fn report(mut self, report: &Report) -> Self {
        self.0.report = Some(report.clone());
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The sentence that says what is wrong.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The failure that caused it.
    #[must_use]
    pub fn failure(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }

    /// The answer to a request with these headers. A client that takes neither form gets the default: an error it cannot read
    /// is better than one that hides the first one. The problem itself is among the extensions, for whoever shows it otherwise.
    #[must_use]
    pub fn respond(&self, request: &HeaderMap, default: Prefers) -> Response<Body> {
        let (media_type, body) = match form(&Accept::parse(request), default) {
            Prefers::Html => match self.page() {
                Ok(page) => ("text/html; charset=utf-8", page),
                Err(error) => {
                    tracing::error!(%error, "the error page cannot be rendered");
                    ("application/problem+json", self.json())
                }
            },
            Prefers::Json => ("application/problem+json", self.json()),
        };
        let mut response = own::answer(media_type, body);
        *response.status_mut() = self.0.status;
        let own = std::mem::replace(response.headers_mut(), self.0.headers.clone());
        response.headers_mut().extend(own);
        response.extensions_mut().insert(self.clone());
        response
    }

    fn page(&self) -> Result<String, minijinja::Error> {
        own::page(TEMPLATE, &self.page_data())
    }

    fn page_data(&self) -> Page<'_> {
        let member = |(name, value): (&String, &Value)| Member { name: name.clone(), lines: lines(value) };
        Page { document: self.document(), shown: self.0.members.iter().map(member).collect() }
    }

    fn json(&self) -> String {
        serde_json::to_string(&self.document()).unwrap_or_default()
    }

    fn document(&self) -> Document<'_> {
        let kind = self.0.kind.as_ref().map(|(uri, title)| (uri.as_str(), title.as_str()));
        let (kind, title) = kind.unwrap_or_else(|| ("about:blank", self.0.status.canonical_reason().unwrap_or("Error")));
        Document {
            kind,
            title,
            status: self.0.status.as_u16(),
            detail: &self.0.detail,
            report: self.0.report.as_ref().map(ReportDocument::from),
            members: &self.0.members,
        }
    }
}

/// The text of each entry of an array, or of the one value.
fn lines(value: &Value) -> Vec<String> {
    let line = |value: &Value| value.as_str().map_or_else(|| value.to_string(), plain);
    value.as_array().map_or_else(|| vec![line(value)], |values| values.iter().map(line).collect())
}

/// A client that takes `application/json` takes its problem form too, although the grammar calls them two types.
fn form(accept: &Accept, default: Prefers) -> Prefers {
    let offers = ["text/html", "application/problem+json", "application/json"].map(Representation::new);
    let offers = match default {
        Prefers::Html => offers,
        Prefers::Json => {
            let [page, problem, json] = offers;
            [problem, json, page]
        }
    };
    match choose(accept, &offers).map(|place| offers[place].essence()) {
        Some(essence) if essence == "text/html" => Prefers::Html,
        Some(_) => Prefers::Json,
        None => default,
    }
}

/// The data of the page.
#[derive(Serialize)]
struct Page<'a> {
    document: Document<'a>,
    shown: Vec<Member>,
}

/// An extension member as a page shows it.
#[derive(Serialize)]
struct Member {
    name: String,
    lines: Vec<String>,
}

/// RFC 9457 §3.1.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<ReportDocument>,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

/// A [`Report`] as it goes over the wire: without colours.
#[derive(Serialize)]
struct ReportDocument {
    title: String,
    command: String,
    diagnostics: Vec<DiagnosticDocument>,
    output: String,
    help: String,
}

#[derive(Serialize)]
struct DiagnosticDocument {
    severity: &'static str,
    place: String,
    message: String,
    help: String,
    excerpt: Vec<LineDocument>,
}

/// A line of the source around a place.
#[derive(Serialize)]
struct LineDocument {
    number: u32,
    text: String,
    /// Whether it is the one that is meant.
    marked: bool,
}

impl From<&Report> for ReportDocument {
    fn from(report: &Report) -> Self {
        Self {
            title: plain(&report.title),
            command: plain(&report.command),
            diagnostics: report.diagnostics.iter().map(DiagnosticDocument::from).collect(),
            output: plain(&report.output),
            help: plain(&report.help),
        }
    }
}

impl From<&Diagnostic> for DiagnosticDocument {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            severity: diagnostic.severity.name(),
            place: plain(&diagnostic.place()),
            message: plain(&diagnostic.message),
            help: plain(&diagnostic.help),
            excerpt: excerpt(diagnostic),
        }
    }
}

fn excerpt(diagnostic: &Diagnostic) -> Vec<LineDocument> {
    let Some(excerpt) = &diagnostic.excerpt else { return Vec::new() };
    let line =
        |(number, text): (u32, &String)| LineDocument { number, text: plain(text), marked: diagnostic.line == Some(number) };
    (excerpt.first..).zip(&excerpt.lines).map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header;
    use serde_json::json;

    use super::*;
    use crate::report::{Excerpt, Kind};

    const HTML: &str = "text/html; charset=utf-8";
    const JSON: &str = "application/problem+json";

    #[test]
    fn takes_the_form_the_client_prefers() {
        check("", Prefers::Html, HTML);
        check("", Prefers::Json, JSON);
        check("*/*", Prefers::Json, JSON);
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Prefers::Json, HTML);
        check("application/json", Prefers::Html, JSON);
        check("application/problem+json", Prefers::Html, JSON);
        check("application/json, */*", Prefers::Html, JSON);
        check("text/html;q=0.5, application/json", Prefers::Html, JSON);
        check("image/png", Prefers::Html, HTML);
        check("image/png", Prefers::Json, JSON);

        fn check(accept: &str, default: Prefers, expected: &str) {
            let response = Problem::new(StatusCode::NOT_FOUND, "no").respond(&headers(accept), default);
            assert_eq!(response.headers()["content-type"], expected, "{accept}");
            assert_eq!(response.headers()["vary"], "Accept");
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
            assert_eq!(response.headers()["cross-origin-resource-policy"], "same-origin");
        }
    }

    #[test]
    fn json_follows_the_standard() {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "the body is no JSON").with("line", 3);
        let expected = r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"the body is no JSON","line":3}"#;
        assert_eq!(problem.json(), expected);
    }

    /// RFC 9457 §3: both examples, to the member.
    #[test]
    fn the_examples_of_the_standard() {
        let balance = Problem::new(StatusCode::FORBIDDEN, "Your current balance is 30, but that costs 50.")
            .of_type("https://example.com/probs/out-of-credit", "You do not have enough credit.")
            .with("instance", "/account/12345/msgs/abc")
            .with("balance", 30)
            .with("accounts", vec!["/account/12345", "/account/67890"]);
        check(
            &balance,
            json!({
                "type": "https://example.com/probs/out-of-credit",
                "title": "You do not have enough credit.",
                "status": 403,
                "detail": "Your current balance is 30, but that costs 50.",
                "instance": "/account/12345/msgs/abc",
                "balance": 30,
                "accounts": ["/account/12345", "/account/67890"],
            }),
        );
        let errors = json!([
            { "detail": "must be a positive integer", "pointer": "#/age" },
            { "detail": "must be 'green', 'red' or 'blue'", "pointer": "#/profile/color" },
        ]);
        let validation = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "Two members are wrong.")
            .of_type("https://example.net/validation-error", "Your request is not valid.")
            .with("errors", errors.clone());
        check(
            &validation,
            json!({
                "type": "https://example.net/validation-error",
                "title": "Your request is not valid.",
                "status": 422,
                "detail": "Two members are wrong.",
                "errors": errors,
            }),
        );
        // §4.2.1: without a type of its own the title is the phrase of the status.
        let blank = json!({"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no"});
        check(&Problem::new(StatusCode::NOT_FOUND, "no"), blank);

        fn check(problem: &Problem, expected: Value) {
            assert_eq!(serde_json::from_str::<Value>(&problem.json()).unwrap(), expected);
            let page = problem.page().unwrap();
            assert!(page.contains(expected["title"].as_str().unwrap()), "{page}");
        }
    }

    #[test]
    fn keeps_headers_of_its_own() {
        let allow = HeaderValue::from_static("GET, HEAD");
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no").header(header::ALLOW, allow.clone());
        let response = problem.respond(&HeaderMap::new(), Prefers::Json);
        assert_eq!(response.headers()["allow"], allow);
        assert_eq!(response.extensions().get::<Problem>().map(Problem::detail), Some("no"));
        assert_eq!(problem.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn a_page_escapes_every_text() {
        const EVIL: &str = "</pre><script>alert(1)</script>";
        let report = Report {
            id: 1,
            kind: Kind::Build,
            title: EVIL.to_owned(),
            command: EVIL.to_owned(),
            diagnostics: vec![Diagnostic {
                file: Some(EVIL.into()),
                line: Some(18),
                message: EVIL.to_owned(),
                help: EVIL.to_owned(),
                excerpt: Some(Excerpt { first: 18, lines: vec![EVIL.to_owned()] }),
                ..Diagnostic::default()
            }],
            output: format!("\u{1b}[31mred\u{1b}[0m {EVIL}"),
            took: Duration::ZERO,
            help: EVIL.to_owned(),
        };
        let page = Problem::new(StatusCode::BAD_GATEWAY, EVIL).with("key", EVIL).report(&report).page().unwrap();
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;alert").count(), 10, "{page}");
        assert!(page.contains(":18"));
        assert!(page.contains("red &lt;"));
        assert!(!page.contains('\u{1b}'));
    }

    fn headers(accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        headers
    }
}
