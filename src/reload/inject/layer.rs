//! The layer: reads a request on its way in, marks and injects its answer on the way out.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, LAST_MODIFIED, VARY},
    response::Parts,
};
use tokio::sync::watch;
use tower::{Layer, Service};

use super::{
    asked::Asked,
    body::InjectBody,
    charset::Charset,
    coding::{Coding, Decoded, Encoded},
    decision::{Decision, EVERLIT_INJECT, Insertion, decide},
    policy::{Key, Text, Widened},
    splice::Splicer,
    stamp::{Blank, Stamp},
    tag::Tags,
    validator,
};
use crate::{
    after::{After, Finish},
    config::UrlPaths,
    generation::{Generation, Standing},
    reload::{
        Hub,
        shelf::{self, Look, PageId, Shelf},
    },
    telemetry::{Phase, Phases},
};

const EVERLIT_GENERATION: HeaderName = HeaderName::from_static("everlit-generation");

/// What is true of the page below and not of the injected one. `Last-Modified` is among them because it knows nothing of
/// generations: with it a browser could bring back a page of an older one.
static OUTDATED: [HeaderName; 6] = [
    ACCEPT_RANGES,
    LAST_MODIFIED,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// Whether pages get the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inject {
    /// Yes.
    On,
    /// No; each page says so.
    Off,
    /// Not at the path that was asked for.
    OffHere,
}

/// Marks every answer with its generation and puts the client script into pages.
#[derive(Clone)]
pub struct InjectLayer {
    shared: Arc<Shared>,
}

/// [`InjectLayer`] around a service.
#[derive(Clone)]
pub struct InjectService<S> {
    inner: S,
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    standing: watch::Receiver<Standing>,
    inject: Inject,
    /// Paths whose pages get no script.
    except: UrlPaths,
    tags: Tags,
    /// Where copies of pages are kept; `None` when nobody wants them.
    shelf: Option<Shelf>,
    /// The text of the client script; `None` when somebody else serves it.
    script: Option<Text>,
}

impl InjectLayer {
    /// A layer that reads from `standing` which generation answers. An answer from below that has a [`Generation`] among its
    /// extensions is of that one.
    #[must_use]
    pub fn new(standing: watch::Receiver<Standing>, inject: Inject) -> Self {
        let except = UrlPaths::default();
        Self { shared: Arc::new(Shared { standing, inject, except, tags: Tags::new(), shelf: None, script: None }) }
    }

    /// Leaves pages alone whose URL path one of these globs matches. A glob that is none matches nothing.
    #[must_use]
    pub fn except<'g>(mut self, paths: impl IntoIterator<Item = &'g str>) -> Self {
        Arc::make_mut(&mut self.shared).except = paths.into_iter().collect();
        self
    }

    /// Keeps copies of pages, to compare them with what they would be later, and knows the script that the hub serves.
    #[must_use]
    pub(crate) fn with_hub(mut self, hub: &Hub) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        shared.shelf = Some(hub.shelf().clone());
        if hub.hears_console() {
            shared.tags = Tags::new().first();
        }
        let hub = hub.clone();
        shared.script = Some(Arc::new(move || hub.client_text()));
        self
    }
}

impl<S> Layer<S> for InjectLayer {
    type Service = InjectService<S>;

    fn layer(&self, inner: S) -> InjectService<S> {
        InjectService { inner, shared: self.shared.clone() }
    }
}

impl<S> Service<Request<Body>> for InjectService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = After<S::Future, Pending>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let inject = self.shared.inject_at(request.uri().path());
        let generation = self.shared.standing.borrow().generation;
        let asked = Asked::of(&mut request, inject, generation, self.shared.script.clone());
        let pending = Pending { shared: Arc::clone(&self.shared), asked, phases: Phases::of(request.extensions()) };
        After::new(self.inner.call(request), Some(pending))
    }
}

/// A request whose answer has not come yet.
pub struct Pending {
    shared: Arc<Shared>,
    asked: Asked,
    phases: Phases,
}

impl Finish for Pending {
    fn finish(self, response: Response<Body>) -> Response<Body> {
        self.shared.finish(self.asked, &self.phases, response)
    }
}

impl Shared {
    fn inject_at(&self, path: &str) -> Inject {
        let is_except = self.inject == Inject::On && self.except.contain(path);
        if is_except { Inject::OffHere } else { self.inject }
    }

    fn finish(&self, asked: Asked, phases: &Phases, response: Response<Body>) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        let generation = head.extensions.get().copied().unwrap_or(asked.generation);
        let decision = decide(&asked, &head);
        head.headers.remove(EVERLIT_INJECT);
        let body = match decision {
            Decision::Leave => body,
            Decision::Skip(reason) => {
                head.headers.insert(EVERLIT_INJECT, reason.header());
                body
            }
            Decision::Insert(insertion) => {
                let began = Instant::now();
                let body = self.insert(&mut head, asked, insertion, generation, body);
                phases.add(Phase::Inject, began.elapsed());
                body
            }
            Decision::Refresh(widened) => {
                adapt(&mut head.headers, widened, generation);
                body
            }
        };
        if let Ok(value) = HeaderValue::try_from(self.standing.borrow().header(generation)) {
            head.headers.insert(EVERLIT_GENERATION, value);
        }
        Response::from_parts(head, body)
    }

    fn insert(&self, head: &mut Parts, asked: Asked, insertion: Insertion, generation: Generation, body: Body) -> Body {
        let Insertion { widened, coding, charset } = insertion;
        let again = coding.filter(|coding| asked.takes(*coding));
        let body = match coding {
            Some(coding) => {
                // It is the length of something else.
                head.headers.remove(CONTENT_LENGTH);
                Body::new(Decoded::new(body, coding))
            }
            None => body,
        };
        let (kept, body) = if asked.is_head { (None, body) } else { self.keep(head, asked.page, body) };
        let tag = self.tags.render(generation, kept.as_ref().map(|(name, _)| *name), &widened.key);
        let page = InjectBody::new(body, Splicer::new(tag.clone(), asked.own, charset));
        if let Some((_, look)) = kept {
            let is_plain = coding.is_none() && !widened.is_wider && widened.key == Key::default();
            let whole = if is_plain { page.without(&tag) } else { None };
            head.extensions.insert(Stamp::new(whole.and_then(|(html, at)| self.blank(look, html, at, generation))));
        }
        let splicer = page.splicer();
        let said = said(&widened, splicer, coding, again);
        lengthen(&mut head.headers, (splicer.is_done() && !asked.is_head).then(|| splicer.added()));
        if coding.is_some() {
            recode(&mut head.headers, again);
        }
        adapt(&mut head.headers, widened, generation);
        head.headers.insert(EVERLIT_INJECT, said);
        match again {
            _ if asked.is_head => Body::empty(),
            Some(coding) => Body::new(Encoded::new(page, coding)),
            None => Body::new(page),
        }
    }

    /// Has a copy kept of a page for a window, and gives its name.
    fn keep(&self, head: &Parts, page: Option<shelf::Request>, body: Body) -> (Option<(PageId, Arc<Look>)>, Body) {
        let (Some(shelf), Some(page)) = (&self.shelf, page) else { return (None, body) };
        let (id, look) = (shelf.name(), Look::of(head));
        let body = shelf.copying(id, page, head, Arc::clone(&look), body);
        (Some((id, look)), body)
    }

    /// A page whose name is left out, for the next one who asks.
    fn blank(&self, look: Arc<Look>, html: Bytes, at: usize, generation: Generation) -> Option<Blank> {
        Some(Blank { shelf: self.shelf.clone()?, look, html, at, tags: self.tags.clone(), generation })
    }
}

/// Makes the fields those of the injected page.
fn adapt(headers: &mut HeaderMap, widened: Widened, generation: Generation) {
    widened.apply(headers);
    validator::mark(headers, generation);
    for name in &OUTDATED {
        headers.remove(name);
    }
}

/// Adds the insertions to a length that is said. It is removed while they are not known, and for `HEAD`, of which they never are.
fn lengthen(headers: &mut HeaderMap, added: Option<usize>) {
    let Some(length) = headers.remove(CONTENT_LENGTH) else { return };
    let length = length.to_str().ok().and_then(|length| length.parse::<u64>().ok());
    if let (Some(length), Some(added)) = (length, added)
        && let Some(longer) = length.checked_add(added as u64)
    {
        headers.insert(CONTENT_LENGTH, longer.into());
    }
}

/// Says the coding of a page that was decoded, and what it depends on.
fn recode(headers: &mut HeaderMap, coding: Option<Coding>) {
    match coding {
        Some(coding) => headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token())),
        None => headers.remove(CONTENT_ENCODING),
    };
    let varies = headers.get_all(VARY).iter().any(|names| {
        let names = names.to_str().unwrap_or_default().split(',').map(str::trim);
        names.into_iter().any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding"))
    });
    if !varies {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

/// What was done to a page, as far as it is known when its head goes out.
fn said(widened: &Widened, page: &Splicer, coding: Option<Coding>, again: Option<Coding>) -> HeaderValue {
    let is_wider = widened.is_wider || page.has_widened();
    let coding = coding.map(|coding| format!("{}={}", if again.is_some() { "coding" } else { "decoded" }, coding.token()));
    let facts = [
        is_wider.then(|| "csp=widened".to_owned()),
        widened.key.nonce.is_some().then(|| "csp=nonce".to_owned()),
        widened.key.integrity.is_some().then(|| "csp=hash".to_owned()),
        (page.charset() != Charset::Ascii).then(|| "charset=utf-16".to_owned()),
        coding,
    ];
    let said = facts.into_iter().flatten().fold("injected".to_owned(), |said, fact| format!("{said}; {fact}"));
    HeaderValue::try_from(said).unwrap_or_else(|_| HeaderValue::from_static("injected"))
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Arc};

    use http::{Method, StatusCode};
    use http_body_util::BodyExt;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::report::{Kind, Report};

    const PAGE: &str = "<!doctype html><head><title>a</title></head>";
    const TAG: &str = r#"<script src="/__everlit/client.js" data-generation="7" async></script>"#;

    /// What a service that knows the page by the tag `"v1"` answers, through the layer.
    async fn ask(request: http::request::Builder, standing: Standing) -> (Parts, String) {
        let site = service_fn(|request: Request<Body>| async move {
            let is_known = request.headers().get("if-none-match").is_some_and(|tag| tag == "\"v1\"");
            let body = if *request.method() == Method::HEAD || is_known { "" } else { PAGE };
            let response = Response::builder()
                .status(if is_known { 304 } else { 200 })
                .header("content-type", if request.uri().path() == "/a.json" { "application/json" } else { "text/html" })
                .header("content-length", PAGE.len())
                .header("etag", "\"v1\"")
                .header("accept-ranges", "bytes")
                .header("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT")
                .header("content-security-policy", "script-src 'nonce-abc'")
                .header("everlit-inject", "on");
            Ok::<_, Infallible>(response.body(Body::from(body)).expect("a response"))
        });
        let (_sender, standing) = watch::channel(standing);
        let service = InjectLayer::new(standing, Inject::On).layer(site);
        let answer = service.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        (head, String::from_utf8(body.to_vec()).expect("text"))
    }

    fn seventh() -> Standing {
        Standing { generation: Generation(7), ..Standing::default() }
    }

    fn check(head: &Parts, fields: &[(&str, Option<&str>)]) {
        for (name, value) in fields {
            assert_eq!(head.headers.get(*name).map(|value| value.to_str().expect("text")), *value, "{name}");
        }
    }

    #[tokio::test]
    async fn a_page_and_its_fields_are_those_of_another_representation() {
        let (head, body) = ask(Request::get("/"), seventh()).await;
        let tag = TAG.replace(" async", " nonce=\"abc\" async");
        assert_eq!(body, PAGE.replace("<head>", &format!("<head>{tag}")));
        let length = body.len().to_string();
        let fields = [
            ("everlit-inject", Some("injected; csp=nonce")),
            ("everlit-generation", Some("7")),
            ("content-length", Some(length.as_str())),
            ("etag", Some("W/\"v1-everlit-7s\"")),
            ("accept-ranges", None),
            ("last-modified", None),
        ];
        check(&head, &fields);
        let (head, body) = ask(Request::head("/"), seventh()).await;
        assert_eq!(body, "");
        let is_length = |field: &&(&str, Option<&str>)| field.0 == "content-length";
        check(&head, &fields.iter().filter(|field| !is_length(field)).copied().collect::<Vec<_>>());
        check(&head, &[("content-length", None)]);
    }

    #[tokio::test]
    async fn a_page_of_this_generation_is_still_good_and_one_of_another_is_not() {
        for (known, status) in [("W/\"v1-everlit-7s\"", 304), ("W/\"v1-everlit-6s\"", 200), ("W/\"v0-everlit-7s\"", 200)] {
            let (head, _) = ask(Request::get("/").header("if-none-match", known), seventh()).await;
            assert_eq!(head.status.as_u16(), status, "{known}");
            check(&head, &[("etag", Some("W/\"v1-everlit-7s\""))]);
        }
    }

    #[tokio::test]
    async fn what_is_no_page_is_only_marked() {
        let (head, body) = ask(Request::get("/a.json"), seventh()).await;
        assert_eq!((head.status, body.as_str()), (StatusCode::OK, PAGE));
        check(&head, &[("everlit-inject", None), ("everlit-generation", Some("7")), ("etag", Some("\"v1\""))]);
        let (head, body) = ask(Request::get("/").header("hx-request", "true"), seventh()).await;
        assert_eq!(body, PAGE);
        check(&head, &[("everlit-inject", Some("skipped; reason=fragment")), ("etag", Some("\"v1\""))]);
    }

    #[tokio::test]
    async fn a_stale_answer_says_so() {
        let report = Report {
            id: 1,
            kind: Kind::Build,
            title: "go build failed".into(),
            command: String::new(),
            diagnostics: Vec::new(),
            output: String::new(),
            took: std::time::Duration::ZERO,
            help: String::new(),
        };
        let (head, _) = ask(Request::get("/"), Standing { failure: Some(Arc::new(report)), ..seventh() }).await;
        check(&head, &[("everlit-generation", Some("7; stale"))]);
    }

    #[tokio::test]
    async fn the_backend_knows_better_which_generation_answered() {
        let app = service_fn(|_: Request<Body>| async {
            let mut response = Response::new(Body::from(PAGE));
            response.headers_mut().insert("content-type", HeaderValue::from_static("text/html"));
            response.extensions_mut().insert(Generation(8));
            Ok::<_, Infallible>(response)
        });
        let (_sender, standing) = watch::channel(seventh());
        let answer =
            InjectLayer::new(standing, Inject::On).layer(app).oneshot(Request::new(Body::empty())).await.expect("an answer");
        assert_eq!(answer.headers()["everlit-generation"], "8");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert!(body.windows(19).any(|window| window == b"data-generation=\"8\""));
    }
}
