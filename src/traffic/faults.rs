//! Simulated faults: what a slow network or a broken back end would do to some paths.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use globset::{Glob, GlobMatcher};
use http::{HeaderValue, Request, Response, StatusCode, header};
use tower::{Layer, Service};

use crate::config::FaultConfig;

/// Delays or replaces the answers below the configured paths; the first match decides.
#[derive(Clone, Debug)]
pub struct FaultLayer(Arc<[(GlobMatcher, FaultConfig)]>);

impl FaultLayer {
    /// The layer for these faults, which were checked when the configuration was read.
    #[must_use]
    pub fn new(faults: &[FaultConfig]) -> Self {
        let matched = |fault: &FaultConfig| Some((Glob::new(&fault.path).ok()?.compile_matcher(), fault.clone()));
        Self(faults.iter().filter_map(matched).collect())
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = Faults<S>;

    fn layer(&self, inner: S) -> Faults<S> {
        Faults { inner, faults: Arc::clone(&self.0) }
    }
}

/// The service of [`FaultLayer`].
#[derive(Clone, Debug)]
pub struct Faults<S> {
    inner: S,
    faults: Arc<[(GlobMatcher, FaultConfig)]>,
}

impl<S> Service<Request<Body>> for Faults<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let fault = self.faults.iter().find(|(path, _)| path.is_match(request.uri().path())).map(|(_, fault)| fault.clone());
        // The clone takes the readiness that was polled for with it.
        let waiting = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, waiting);
        Box::pin(async move {
            let Some(fault) = fault else { return inner.call(request).await };
            tokio::time::sleep(fault.delay).await;
            match fault.status.and_then(|status| StatusCode::from_u16(status).ok()) {
                Some(status) => Ok(broken(status)),
                None => inner.call(request).await,
            }
        })
    }
}

fn broken(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from("a simulated fault answers here; see [[fault]] in everlit.toml\n"));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert("everlit-fault", HeaderValue::from_static("status"));
    response
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use tokio::time::Instant;
    use tower::{ServiceExt, service_fn};

    use super::*;

    async fn check(path: &str, status: u16, delay_ms: u128) {
        let faults = [
            FaultConfig { path: "/api/slow/**".into(), delay: Duration::from_millis(700), status: None },
            FaultConfig { path: "/api/**".into(), delay: Duration::ZERO, status: Some(503) },
        ];
        let service = FaultLayer::new(&faults).layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty()))));
        let began = Instant::now();
        let response = service.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!((response.status().as_u16(), began.elapsed().as_millis()), (status, delay_ms), "{path}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_match_decides() {
        check("/", 200, 0).await;
        check("/api/x", 503, 0).await;
        check("/api/slow/x", 200, 700).await;
    }
}
