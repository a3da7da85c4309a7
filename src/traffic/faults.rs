//! Simulated faults: what a slow network or a broken back end would do to some requests.
//!
//! Of the configured faults the first that names a request's path and method decides. What was simulated stands in the answer's
//! `Everlit-Fault` header, so that nobody hunts a bug that is none.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use globset::{Glob, GlobMatcher};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tower::{Layer, Service};

use super::random::Generator;
use crate::{
    config::FaultConfig,
    negotiate::{Prefers, Problem},
};

/// Says what was simulated: `delay=213ms`, `status=503`, or both.
const HEADER: HeaderName = HeaderName::from_static("everlit-fault");

/// Delays or replaces the answers to some requests.
#[derive(Clone, Debug)]
pub struct FaultLayer(Arc<Faults>);

#[derive(Debug)]
struct Faults {
    faults: Vec<(GlobMatcher, FaultConfig)>,
    chance: Generator,
}

impl FaultLayer {
    /// The layer for these faults, which were checked when the configuration was read; `None` when there are none.
    #[must_use]
    pub fn new(faults: &[FaultConfig]) -> Option<Self> {
        (!faults.is_empty()).then(|| Self::drawing(faults, Generator::new()))
    }

    fn drawing(faults: &[FaultConfig], chance: Generator) -> Self {
        let matched = |fault: &FaultConfig| Some((Glob::new(&fault.path).ok()?.compile_matcher(), fault.clone()));
        Self(Arc::new(Faults { faults: faults.iter().filter_map(matched).collect(), chance }))
    }
}

impl Faults {
    /// What happens to one request.
    fn draw(&self, method: &Method, path: &str) -> Drawn {
        let concerns = |fault: &FaultConfig| fault.methods.as_ref().is_none_or(|methods| methods.contains(method));
        let found = self.faults.iter().find(|(paths, fault)| concerns(fault) && paths.is_match(path));
        let Some((_, fault)) = found else { return Drawn::default() };
        let failure = fault.failure.filter(|failure| failure.share.holds(|limit| self.chance.below(limit)));
        Drawn { delay: fault.delay + self.part_of(fault.jitter), status: failure.map(|failure| failure.status) }
    }

    /// A time from nothing to `most`, all alike likely.
    fn part_of(&self, most: Duration) -> Duration {
        let nanoseconds = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.chance.below(nanoseconds.saturating_add(1)))
    }
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Drawn {
    delay: Duration,
    status: Option<StatusCode>,
}

impl Drawn {
    /// What the answer says of it; `None` when it is the real one, in its time.
    fn header(self) -> Option<HeaderValue> {
        let delay = (!self.delay.is_zero()).then(|| format!("delay={}ms", self.delay.as_millis()));
        let status = self.status.map(|status| format!("status={}", status.as_u16()));
        let words: Vec<String> = [delay, status].into_iter().flatten().collect();
        if words.is_empty() { None } else { HeaderValue::try_from(words.join(", ")).ok() }
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty { inner, faults: Arc::clone(&self.0) }
    }
}

/// The service of [`FaultLayer`].
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: Arc<Faults>,
}

impl<S> Service<Request<Body>> for Faulty<S>
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
        let drawn = self.faults.draw(request.method(), request.uri().path());
        // The clone takes the readiness that was polled for with it.
        let waiting = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, waiting);
        Box::pin(async move {
            if !drawn.delay.is_zero() {
                tokio::time::sleep(drawn.delay).await;
            }
            let mut response = match drawn.status {
                Some(status) => failed(&request, status),
                None => inner.call(request).await?,
            };
            if let Some(simulated) = drawn.header() {
                response.headers_mut().insert(HEADER, simulated);
            }
            Ok(response)
        })
    }
}

/// A failure as real ones are answered: a page for who looks at it, problem details for programs.
fn failed(request: &Request<Body>, status: StatusCode) -> Response<Body> {
    let detail = "this failure is simulated; see `fail` and `[[fault]]` in everlit.toml, and `--fail`";
    Problem::new(status, detail).respond(request.headers(), Prefers::Json)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::time::Instant;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::config::{Failure, Share};

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn fault(path: &str) -> FaultConfig {
        FaultConfig { path: path.into(), methods: None, delay: Duration::ZERO, jitter: Duration::ZERO, failure: None }
    }

    fn failing(share: &str, status: StatusCode) -> Option<Failure> {
        Some(Failure { share: share.parse().unwrap(), status })
    }

    fn layer(faults: &[FaultConfig]) -> FaultLayer {
        FaultLayer::drawing(faults, Generator::seeded(7))
    }

    /// The answer of a service that has everything, and how long it took.
    async fn answer(layer: &FaultLayer, request: Request<Body>) -> (Response<Body>, Duration) {
        let service = layer.layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::from("real")))));
        let began = Instant::now();
        (service.oneshot(request).await.unwrap(), began.elapsed())
    }

    async fn check(request: &str, status: u16, delay_ms: u128, header: &str) {
        let faults = [
            FaultConfig { delay: 700 * MILLISECOND, ..fault("/api/slow/**") },
            FaultConfig { methods: Some(vec![Method::POST]), failure: failing("100%", StatusCode::CONFLICT), ..fault("/api/**") },
            FaultConfig { delay: 20 * MILLISECOND, failure: failing("100%", StatusCode::SERVICE_UNAVAILABLE), ..fault("/api/x") },
            FaultConfig { failure: failing("0%", StatusCode::SERVICE_UNAVAILABLE), ..fault("/never") },
            fault("/spared"),
            FaultConfig { delay: 5 * MILLISECOND, ..fault("/**") },
        ];
        let (method, path) = request.split_once(' ').unwrap();
        let asked = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let (response, took) = answer(&layer(&faults), asked).await;
        let said = response.headers().get(HEADER).map_or("", |value| value.to_str().unwrap());
        assert_eq!((response.status().as_u16(), took.as_millis(), said), (status, delay_ms, header), "{request}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_match_decides_and_the_answer_says_so() {
        check("GET /api/slow/x", 200, 700, "delay=700ms").await;
        check("POST /api/slow/x", 200, 700, "delay=700ms").await;
        check("POST /api/x", 409, 0, "status=409").await;
        check("GET /api/x", 503, 20, "delay=20ms, status=503").await;
        check("GET /never", 200, 0, "").await;
        check("GET /spared", 200, 0, "").await;
        check("GET /", 200, 5, "delay=5ms").await;
        check("GET /api/other?x=/never", 200, 5, "delay=5ms").await;
    }

    #[tokio::test(start_paused = true)]
    async fn jitter_spreads_over_its_whole_range() {
        let layer = layer(&[FaultConfig { delay: 100 * MILLISECOND, jitter: 50 * MILLISECOND, ..fault("/**") }]);
        let mut delays = Vec::new();
        for _ in 0..200 {
            let request = Request::get("/").body(Body::empty()).unwrap();
            let (response, took) = answer(&layer, request).await;
            let said = response.headers()[HEADER].to_str().unwrap().to_owned();
            let milliseconds: u64 = said.strip_prefix("delay=").unwrap().strip_suffix("ms").unwrap().parse().unwrap();
            assert!(took >= Duration::from_millis(milliseconds), "{said} took {took:?}");
            delays.push(milliseconds);
        }
        delays.sort_unstable();
        let (first, last) = (delays[0], delays[199]);
        assert!((100..105).contains(&first) && (145..=150).contains(&last), "{first} to {last}");
    }

    #[tokio::test]
    async fn a_share_of_the_requests_fails() {
        let layer = layer(&[FaultConfig { failure: failing("5%", StatusCode::BAD_GATEWAY), ..fault("/**") }]);
        let mut failures = 0;
        for _ in 0..2000 {
            let (response, _) = answer(&layer, Request::get("/").body(Body::empty()).unwrap()).await;
            failures += usize::from(response.status() == StatusCode::BAD_GATEWAY);
        }
        assert!((70..130).contains(&failures), "{failures} of 2000");
    }

    #[tokio::test]
    async fn a_failure_has_the_form_of_real_ones() {
        let layer = layer(&[FaultConfig {
            failure: Some(Failure { share: Share::ALL, status: StatusCode::BAD_GATEWAY }),
            ..fault("/**")
        }]);
        for (accept, expected) in [("text/html", "text/html; charset=utf-8"), ("*/*", "application/problem+json")] {
            let (response, _) = answer(&layer, Request::get("/").header("accept", accept).body(Body::empty()).unwrap()).await;
            assert_eq!(response.headers()["content-type"], expected, "{accept}");
        }
    }
}
