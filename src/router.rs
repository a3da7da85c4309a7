//! What answers requests, whatever it is made of.
//!
//! tower's boxed services put every answer into a box of its own, and clone themselves into another one first. Most of what is asked
//! for is there at once: [`Respond`] may say so, and nothing is boxed.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use futures_util::future::{BoxFuture, Either, FutureExt, Ready, ready};
use http::{Request, Response};
use tower::{Service, ServiceExt};

/// The answer to a request, or the wait for it.
pub type Answer = Either<Ready<Result<Response<Body>, Infallible>>, BoxFuture<'static, Result<Response<Body>, Infallible>>>;

/// Answers requests.
pub trait Respond: Send + Sync {
    /// The answer, if it is there, or else the wait for it.
    fn respond(self: Arc<Self>, request: Request<Body>) -> Answer;
}

/// What answers requests. It is always ready, never fails, and is cheap to clone.
#[derive(Clone)]
pub struct Router(Arc<dyn Respond>);

impl Router {
    /// Answers by a service.
    #[must_use]
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        Self(Arc::new(Waiting(service)))
    }

    /// The answer, if it is there, or else the wait for it.
    #[must_use]
    pub fn answer(&self, request: Request<Body>) -> Answer {
        Arc::clone(&self.0).respond(request)
    }
}

impl<R: Respond + 'static> From<Arc<R>> for Router {
    fn from(responder: Arc<R>) -> Self {
        Self(responder)
    }
}

impl Service<Request<Body>> for Router {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        self.answer(request)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

/// An answer that is there.
pub(crate) fn at_once(response: Response<Body>) -> Answer {
    Either::Left(ready(Ok(response)))
}

/// An answer that is waited for.
pub(crate) fn later(answer: impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static) -> Answer {
    Either::Right(answer.boxed())
}

/// A service that is waited for in any case.
struct Waiting<S>(S);

impl<S> Respond for Waiting<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    fn respond(self: Arc<Self>, request: Request<Body>) -> Answer {
        later(self.0.clone().oneshot(request))
    }
}

#[cfg(test)]
mod tests {
    use tower::service_fn;

    use super::*;

    struct Greeter;

    impl Respond for Greeter {
        fn respond(self: Arc<Self>, request: Request<Body>) -> Answer {
            let path = request.uri().path().to_owned();
            if path == "/now" { at_once(Response::new(path.into())) } else { later(async { Ok(Response::new(path.into())) }) }
        }
    }

    async fn text(answer: impl Future<Output = Result<Response<Body>, Infallible>>) -> String {
        let Ok(response) = answer.await;
        String::from_utf8(axum::body::to_bytes(response.into_body(), 100).await.unwrap().into()).unwrap()
    }

    #[tokio::test]
    async fn only_what_is_waited_for_has_a_box() {
        let router = Router::from(Arc::new(Greeter));
        let request = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        assert!(matches!(router.answer(request("/now")), Either::Left(_)));
        assert!(matches!(router.answer(request("/later")), Either::Right(_)));
        for path in ["/now", "/later"] {
            assert_eq!(text(router.answer(request(path))).await, path);
            assert_eq!(text(router.clone().oneshot(request(path))).await, path);
        }
        let service = service_fn(async |request: Request<Body>| Ok(Response::new(request.uri().path().to_owned().into())));
        assert_eq!(text(Router::new(service).answer(request("/service"))).await, "/service");
    }
}
