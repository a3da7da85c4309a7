//! The layer: reads a request on its way in, marks and injects its answer on the way out.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{ACCEPT_RANGES, CONTENT_LENGTH, LAST_MODIFIED},
    response::Parts,
};
use tokio::sync::watch;
use tower::{Layer, Service};

use super::{
    asked::Asked,
    body::{self, Start},
    decision::{Decision, EVERLIT_INJECT, Reason, decide},
    policy::Widened,
    tag::Tags,
    validator,
};
use crate::{
    generation::{Generation, Standing},
    reload::shelf::{PageId, Shelf},
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
}

/// Marks every answer with its generation and puts the client script into pages.
#[derive(Clone)]
pub struct InjectLayer {
    shared: Shared,
}

/// [`InjectLayer`] around a service.
#[derive(Clone)]
pub struct InjectService<S> {
    inner: S,
    shared: Shared,
}

#[derive(Clone)]
struct Shared {
    standing: watch::Receiver<Standing>,
    inject: Inject,
    tags: Tags,
    /// Where copies of pages are kept; `None` when nobody wants them.
    shelf: Option<Shelf>,
}

impl InjectLayer {
    /// A layer that reads from `standing` which generation answers. An answer from below that has a [`Generation`] among its
    /// extensions is of that one.
    #[must_use]
    pub fn new(standing: watch::Receiver<Standing>, inject: Inject) -> Self {
        Self { shared: Shared { standing, inject, tags: Tags::new(), shelf: None } }
    }

    /// Keeps copies of pages, to compare them with what they would be later.
    #[must_use]
    pub(crate) fn keeping(mut self, shelf: &Shelf) -> Self {
        self.shared.shelf = Some(shelf.clone());
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
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let generation = self.shared.standing.borrow().generation;
        let asked = Asked::of(&mut request, generation);
        let answer = self.inner.call(request);
        let shared = self.shared.clone();
        Box::pin(async move { Ok(shared.finish(&asked, answer.await?)) })
    }
}

impl Shared {
    fn finish(&self, asked: &Asked, response: Response<Body>) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        let generation = head.extensions.get().copied().unwrap_or(asked.generation);
        let decision = decide(asked, &head, self.inject);
        head.headers.remove(EVERLIT_INJECT);
        let body = match decision {
            Decision::Leave => body,
            Decision::Skip(reason) => skip(&mut head.headers, reason, body),
            Decision::Insert(widened) => self.insert(&mut head, asked, widened, generation, body),
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

    fn insert(&self, head: &mut Parts, asked: &Asked, widened: Widened, generation: Generation, body: Body) -> Body {
        let (page, body) = self.keep(head, asked, body);
        let tag = self.tags.render(generation, page, widened.nonce.as_ref());
        let page = body::peek(body);
        match page.start() {
            Start::Wide => return skip(&mut head.headers, Reason::Charset, page.unchanged()),
            Start::Unknown if !asked.is_head => drop(head.headers.remove(CONTENT_LENGTH)),
            Start::Ascii | Start::Unknown => lengthen(&mut head.headers, &tag),
        }
        adapt(&mut head.headers, widened, generation);
        head.headers.insert(EVERLIT_INJECT, HeaderValue::from_static("injected"));
        if asked.is_head { page.unchanged() } else { page.with(tag) }
    }

    /// Has a copy kept of a page for a window, and gives its name.
    fn keep(&self, head: &Parts, asked: &Asked, body: Body) -> (Option<PageId>, Body) {
        let (Some(shelf), Some(page)) = (&self.shelf, &asked.page) else { return (None, body) };
        let id = shelf.name();
        (Some(id), shelf.copying(id, page.clone(), head, body))
    }
}

fn skip(headers: &mut HeaderMap, reason: Reason, body: Body) -> Body {
    headers.insert(EVERLIT_INJECT, reason.header());
    body
}

/// Makes the fields those of the injected page.
fn adapt(headers: &mut HeaderMap, widened: Widened, generation: Generation) {
    widened.apply(headers);
    validator::mark(headers, generation);
    for name in &OUTDATED {
        headers.remove(name);
    }
}

/// Adds the tag to a length that is said; an invalid one is removed.
fn lengthen(headers: &mut HeaderMap, tag: &Bytes) {
    let Some(length) = headers.remove(CONTENT_LENGTH) else { return };
    let length = length.to_str().ok().and_then(|length| length.parse::<u64>().ok());
    if let Some(longer) = length.and_then(|length| length.checked_add(tag.len() as u64)) {
        headers.insert(CONTENT_LENGTH, longer.into());
    }
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
            ("everlit-inject", Some("injected")),
            ("everlit-generation", Some("7")),
            ("content-length", Some(length.as_str())),
            ("etag", Some("W/\"v1-everlit-7s\"")),
            ("accept-ranges", None),
            ("last-modified", None),
        ];
        check(&head, &fields);
        let (head, body) = ask(Request::head("/"), seventh()).await;
        assert_eq!(body, "");
        check(&head, &fields);
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
