//! Where an open page is asked for once more: the project itself, behind recording, faults and injection.

use std::{fmt, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header, uri::Authority};
use http_body_util::{BodyExt, Limited};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use super::{
    inject,
    shelf::{LONGEST, Look, Page, Request},
};
use crate::{detached, router::Router};

/// Pages asked for at once. Each may be a query of a database behind a program; a save must not be a load test.
const AT_ONCE: usize = 8;

/// How long a page may take, its turn included; one that takes longer is loaded anew by its browser.
const LIMIT: Duration = Duration::from_secs(5);

/// Marks a request, among its extensions, as one of ours for a page that is open somewhere.
#[derive(Clone, Copy, Debug)]
pub struct Again;

/// Asks for pages.
#[derive(Clone)]
pub struct Source {
    router: watch::Receiver<Router>,
    turns: Arc<Semaphore>,
}

/// Who has the page open, as its socket's handshake says: cookies may be newer than the page.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// The name by which the server was asked.
    host: Option<HeaderValue>,
    cookies: Vec<HeaderValue>,
    extensions: Extensions,
}

impl Visitor {
    pub(super) fn of(host: &Authority, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let mut extensions = extensions.clone();
        extensions.remove::<hyper::upgrade::OnUpgrade>();
        let host = HeaderValue::from_str(host.as_str()).ok();
        Self { host, cookies: headers.get_all(header::COOKIE).iter().map(detached::value).collect(), extensions }
    }
}

impl Source {
    /// Asks whatever `router` holds at the time: another one takes its place when the configuration changes.
    #[must_use]
    pub fn new(router: watch::Receiver<Router>) -> Self {
        Self { router, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The page as it is now; `None` when it cannot be had.
    pub(super) async fn ask(&self, asked: &Request, visitor: &Visitor) -> Option<Page> {
        let answer = async {
            let _turn = self.turns.acquire().await.ok()?;
            let router = self.router.borrow().clone();
            let Ok(response) = router.answer(request(asked, visitor)?).await;
            let (head, body) = response.into_parts();
            let html = Limited::new(inject::plain(&head.headers, body), LONGEST).collect().await.ok()?.to_bytes();
            Some(Page { asked: asked.clone(), look: Look::of(&head), html })
        };
        timeout(LIMIT, answer).await.ok()?
    }

    /// A file at a path, with the head of its answer; `None` when it cannot be had, or is longer than `longest` bytes. It is asked for
    /// without cookies.
    pub(super) async fn file(&self, path: &str, visitor: &Visitor, longest: usize) -> Option<(HeaderMap, Bytes)> {
        let answer = async {
            let _turn = self.turns.acquire().await.ok()?;
            let router = self.router.borrow().clone();
            let Ok(response) = router.answer(file_request(path, visitor)?).await;
            let (head, body) = response.into_parts();
            let body = inject::plain(&head.headers, body);
            let body = Limited::new(body, longest).collect().await.ok().filter(|_| head.status == StatusCode::OK)?;
            Some((head.headers, body.to_bytes()))
        };
        timeout(LIMIT, answer).await.ok()?
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

fn request(asked: &Request, visitor: &Visitor) -> Option<http::Request<Body>> {
    let mut request = http::Request::builder().method(Method::GET).uri(&asked.uri).body(Body::empty()).ok()?;
    *request.headers_mut() = asked.headers.clone();
    request.headers_mut().remove(header::COOKIE);
    for cookie in &visitor.cookies {
        request.headers_mut().append(header::COOKIE, cookie.clone());
    }
    *request.extensions_mut() = visitor.extensions.clone();
    request.extensions_mut().insert(Again);
    Some(request)
}

fn file_request(path: &str, visitor: &Visitor) -> Option<http::Request<Body>> {
    let mut request = http::Request::builder().method(Method::GET).uri(path).body(Body::empty()).ok()?;
    request.headers_mut().insert(header::HOST, visitor.host.clone()?);
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    *request.extensions_mut() = visitor.extensions.clone();
    request.extensions_mut().insert(Again);
    Some(request)
}

#[cfg(test)]
mod tests {
    use std::future;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_limit_for_a_turn_and_an_answer() {
        let silent = tower::service_fn(|_| future::pending());
        let source = Source::new(watch::channel(Router::new(silent)).1);
        let visitor = Visitor::of(&Authority::from_static("localhost"), &HeaderMap::new(), &Extensions::new());
        let asked = Request::of(&http::Uri::from_static("/"), &HeaderMap::new());
        let began = tokio::time::Instant::now();
        let pages = join_all((0..3 * AT_ONCE).map(|_| source.ask(&asked, &visitor))).await;
        assert!(pages.iter().all(Option::is_none));
        assert_eq!(began.elapsed().as_secs(), LIMIT.as_secs());
    }
}
