//! The last exchanges, in memory.
//!
//! Nobody looks at most of them, so that a line of each is all there is, until [`Recorder::look`] is called for the first time: from
//! then on there is a [`Capture`] of each. Where bytes get short, the oldest captures go first, and their lines stay.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::{Instant, SystemTime},
};

use axum::body::Body;
use http::{Method, Request, Response};
use tokio::sync::watch;
use tower::{Layer, Service};

use super::{
    Exchange,
    capture::{Allotment, Budget, Capture, Kept, Opening, Recorded, ReplayOf},
};
use crate::{
    after::{After, Finish},
    config::UrlPaths,
    generation::{Generation, Standing},
    telemetry::Phases,
};

/// Exchanges kept: some minutes of a busy page, about 100 KB.
const CAPACITY: usize = 500;

/// Longest path kept, in bytes.
const PATH: usize = 1024;

/// Keeps the last exchanges; cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ring: Mutex<Ring>,
    standing: watch::Receiver<Standing>,
    /// One of the three below.
    capturing: AtomicU8,
    except: RwLock<UrlPaths>,
    budget: Arc<Budget>,
}

/// Nobody has looked yet.
const AT_REST: u8 = 0;
/// Somebody has.
const ON: u8 = 1;
/// Nobody is to see anything.
const OFF: u8 = 2;

#[derive(Debug, Default)]
struct Ring {
    exchanges: VecDeque<Exchange>,
    last: u64,
}

impl Recorder {
    /// An empty one, which asks `standing` for the generation of answers that do not say it themselves.
    #[must_use]
    pub fn new(standing: watch::Receiver<Standing>) -> Self {
        let (ring, capturing, except, budget) = Default::default();
        Self(Arc::new(Inner { ring, standing, capturing, except, budget }))
    }

    /// The layer that keeps what passes through it.
    #[must_use]
    pub fn layer(&self) -> RecordLayer {
        RecordLayer(self.clone())
    }

    /// Keeps an answer that did not pass the layer.
    pub(crate) fn note(&self, request: &Request<Body>, began: Instant, response: Response<Body>) -> Response<Body> {
        let Some(begun) = Begun::of(request, self.clone(), began) else { return response };
        if let Some(opening) = &begun.opening {
            // What is remembered is asked for without a body.
            drop(Kept::of(Body::empty(), &opening.request, self));
        }
        begun.finish(response)
    }

    /// The exchanges kept, oldest first.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().exchanges.iter().cloned().collect()
    }

    /// One exchange, while it is kept.
    #[must_use]
    pub fn exchange(&self, id: u64) -> Option<Exchange> {
        self.lock().exchanges.iter().rev().find(|exchange| exchange.id == id).cloned()
    }

    /// Somebody looks: heads and bodies are kept from now on, unless that is switched off.
    pub fn look(&self) {
        let _ = self.0.capturing.compare_exchange(AT_REST, ON, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Says whether heads and bodies may be kept. Where they may not, those there are go.
    pub fn allow_capture(&self, is_allowed: bool) {
        let now = self.0.capturing.load(Ordering::Relaxed);
        match (is_allowed, now) {
            (true, OFF) => self.0.capturing.store(AT_REST, Ordering::Relaxed),
            (false, _) => {
                self.0.capturing.store(OFF, Ordering::Relaxed);
                self.lock().exchanges.iter_mut().for_each(release);
            }
            (true, _) => (),
        }
    }

    /// Nothing is kept of these paths from now on.
    pub fn leave_out(&self, except: UrlPaths) {
        *self.0.except.write().unwrap_or_else(PoisonError::into_inner) = except;
    }

    /// Whether heads and bodies are kept.
    #[must_use]
    pub fn is_capturing(&self) -> bool {
        self.0.capturing.load(Ordering::Relaxed) == ON
    }

    /// Room for so many bytes, if need be in place of the oldest captures.
    pub(super) fn room_for(&self, bytes: usize) -> Option<Allotment> {
        let budget = &self.0.budget;
        budget.take(bytes).or_else(|| {
            for exchange in &mut self.lock().exchanges {
                if budget.has(bytes) {
                    break;
                }
                release(exchange);
            }
            budget.take(bytes)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn release(exchange: &mut Exchange) {
    if let Some(capture) = exchange.capture.take() {
        capture.release();
    }
}

/// What is known before the answer.
#[derive(Debug)]
pub struct Begun {
    recorder: Recorder,
    at: SystemTime,
    clock: Instant,
    method: Method,
    path: String,
    is_target_kept: bool,
    is_replay: bool,
    phases: Phases,
    opening: Option<Box<Opening>>,
}

impl Begun {
    /// `None` where nothing is to be kept.
    fn of(request: &Request<Body>, recorder: Recorder, clock: Instant) -> Option<Self> {
        let whole = request.uri().path();
        if recorder.0.except.read().unwrap_or_else(PoisonError::into_inner).contain(whole) {
            return None;
        }
        let path = whole[..whole.floor_char_boundary(PATH)].to_owned();
        let is_target_kept = request.uri().query().is_none() && path.len() == whole.len();
        let is_replay = request.extensions().get::<ReplayOf>().is_some();
        let phases = Phases::of(request.extensions());
        let opening = if recorder.is_capturing() { Opening::of(request, &recorder).map(Box::new) } else { None };
        let (at, method) = (SystemTime::now(), request.method().clone());
        Some(Self { recorder, at, clock, method, path, is_target_kept, is_replay, phases, opening })
    }
}

impl Finish for Begun {
    fn finish(self, mut response: Response<Body>) -> Response<Body> {
        let generation = response.extensions().get::<Generation>().copied();
        let generation = generation.unwrap_or_else(|| self.recorder.0.standing.borrow().generation);
        let capture = self.opening.and_then(|opening| opening.answered(response.headers(), &self.recorder));
        if let Some(capture) = &capture {
            response = response.map(|body| Kept::of(body, &capture.response, &self.recorder));
        }
        let mut ring = self.recorder.lock();
        // With the ring in hand: whoever switches captures off lets go of those in it after that.
        let is_wanted = self.recorder.is_capturing();
        let (capture, unwanted) = if is_wanted { (capture, None) } else { (None, capture) };
        ring.last += 1;
        if self.is_replay {
            response.extensions_mut().insert(Recorded(ring.last));
        }
        let oldest = if ring.exchanges.len() == CAPACITY { ring.exchanges.pop_front() } else { None };
        let exchange = Exchange {
            id: ring.last,
            began: self.at,
            clock: self.clock,
            method: self.method,
            path: self.path,
            is_target_kept: self.is_target_kept,
            status: response.status(),
            generation,
            took: self.clock.elapsed(),
            spent: self.phases.spent(),
            capture: capture.map(Arc::new),
        };
        ring.exchanges.push_back(exchange);
        // Nobody has to wait until it is gone.
        drop(ring);
        drop(oldest);
        unwanted.iter().for_each(Capture::release);
        response
    }
}

/// Makes a [`Recorder`] keep what passes.
#[derive(Clone, Debug)]
pub struct RecordLayer(Recorder);

impl<S> Layer<S> for RecordLayer {
    type Service = Record<S>;

    fn layer(&self, inner: S) -> Record<S> {
        Record { inner, recorder: self.0.clone() }
    }
}

/// The service of [`RecordLayer`].
#[derive(Clone, Debug)]
pub struct Record<S> {
    inner: S,
    recorder: Recorder,
}

impl<S> Service<Request<Body>> for Record<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = After<S::Future, Begun>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let begun = Begun::of(&request, self.recorder.clone(), Instant::now());
        if let Some(opening) = begun.as_ref().and_then(|begun| begun.opening.as_ref()) {
            request = request.map(|body| Kept::of(body, &opening.request, &self.recorder));
        }
        After::new(self.inner.call(request), begun)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::BodyExt;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::traffic::{Capture, capture::BODY};

    fn recorder() -> (watch::Sender<Standing>, Recorder) {
        let (standing, reader) = watch::channel(Standing { generation: Generation(3), ..Standing::default() });
        (standing, Recorder::new(reader))
    }

    /// Sends a body to somebody who answers with it.
    async fn echo(recorder: &Recorder, target: &str, kind: &str, body: Vec<u8>) {
        let echoing = service_fn(async |request: Request<Body>| {
            let (head, body) = request.into_parts();
            let mut response = Response::new(Body::from(body.collect().await.unwrap().to_bytes()));
            response.headers_mut().insert("content-type", head.headers["content-type"].clone());
            response.headers_mut().insert("set-cookie", "sid=canary".parse().unwrap());
            Ok::<_, Infallible>(response)
        });
        let request = Request::post(target).header("host", "localhost:1").header("content-type", kind);
        let request = request.header("authorization", "Bearer canary").body(Body::from(body)).unwrap();
        let response = recorder.layer().layer(echoing).oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_left_out_has_no_line() {
        let (_standing, recorder) = recorder();
        recorder.leave_out(["/health"].into_iter().collect());
        for path in ["/health", "/health?a", "/healthy"] {
            echo(&recorder, path, "text/plain", Vec::new()).await;
        }
        let response = recorder.note(&Request::new(Body::empty()), Instant::now(), Response::new(Body::from("a")));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "a");
        let request = Request::get("/health").body(Body::empty()).unwrap();
        recorder.note(&request, Instant::now(), Response::new(Body::empty()));
        let kept: Vec<_> = recorder.exchanges().iter().map(|exchange| (exchange.id, exchange.path.clone())).collect();
        assert_eq!(kept, [(1, "/healthy".to_owned()), (2, "/".to_owned())]);
    }

    fn last(recorder: &Recorder) -> Arc<Capture> {
        recorder.exchanges().pop().unwrap().capture.unwrap()
    }

    #[tokio::test]
    async fn keeps_the_last_ones_without_their_queries() {
        let (_standing, recorder) = recorder();
        let service = recorder.layer().layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty()))));
        for n in 0..CAPACITY + 2 {
            let request = Request::get(format!("/{n}?token=secret")).body(Body::empty()).unwrap();
            service.clone().oneshot(request).await.unwrap();
        }
        let kept = recorder.exchanges();
        assert_eq!(kept.len(), CAPACITY);
        assert_eq!((kept[0].id, kept[0].path.as_str(), kept[0].generation), (3, "/2", Generation(3)));
        assert!(kept.iter().all(|exchange| exchange.capture.is_none()), "nobody looks");
        assert_eq!(recorder.0.budget.held(), 0);
    }

    #[tokio::test]
    async fn whoever_looks_sees_heads_and_bodies_without_secrets() {
        let (_standing, recorder) = recorder();
        recorder.look();
        echo(&recorder, "/a?token=canary&b=c", "application/json", br#"{"password":"canary","n":1}"#.to_vec()).await;
        let capture = last(&recorder);
        assert!(!format!("{capture:?}").contains("canary"), "{capture:?}");
        assert_eq!((capture.target.as_str(), capture.authority.as_str()), ("/a?token=redacted&b=c", "localhost:1"));
        for side in [&capture.request, &capture.response] {
            let body = side.body();
            assert_eq!(body.bytes, r#"{"password":"redacted","n":1}"#);
            assert_eq!((body.passed, body.is_whole, body.is_redacted), (27, true, true));
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_where_that_is_switched_off() {
        let (_standing, recorder) = recorder();
        recorder.look();
        echo(&recorder, "/", "text/plain", vec![b'a'; 100]).await;
        recorder.allow_capture(false);
        assert_eq!((recorder.exchanges()[0].capture.is_none(), recorder.0.budget.held()), (true, 0));
        recorder.look();
        echo(&recorder, "/", "text/plain", vec![b'a'; 100]).await;
        assert!(recorder.exchanges()[1].capture.is_none());
        recorder.allow_capture(true);
        recorder.look();
        echo(&recorder, "/", "text/plain", vec![b'a'; 100]).await;
        assert_eq!(last(&recorder).request.body().bytes.len(), 100);
    }

    #[tokio::test]
    async fn bodies_and_all_of_them_together_are_bounded() {
        const MOST: usize = 4 * 1024 * 1024;
        let (_standing, recorder) = recorder();
        recorder.look();
        for n in 0..50 {
            echo(&recorder, &format!("/{n}"), "text/plain", vec![b'a'; 3 * BODY]).await;
            let held = recorder.0.budget.held();
            assert!(held <= MOST, "{held} after {n}");
        }
        let kept = recorder.exchanges();
        assert_eq!(kept.len(), 50, "the lines stay");
        let captured: Vec<_> = kept.iter().filter(|exchange| exchange.capture.is_some()).map(|exchange| exchange.id).collect();
        assert_eq!(captured, (51 - captured.len() as u64..=50).collect::<Vec<_>>(), "the oldest went first");
        assert!((28..32).contains(&captured.len()), "{captured:?}");
        let body = last(&recorder).response.body();
        assert_eq!((body.bytes.len(), body.passed, body.is_whole), (BODY, 3 * BODY as u64, false));
        drop(kept);
        recorder.allow_capture(false);
        assert_eq!(recorder.0.budget.held(), 0, "all is given back");
    }

    #[tokio::test]
    async fn a_body_that_broke_off_is_not_whole() {
        let (_standing, recorder) = recorder();
        recorder.look();
        let service = recorder.layer().layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::from("abc")))));
        drop(service.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap());
        let capture = last(&recorder);
        assert_eq!((capture.request.body().is_whole, capture.response.body().is_whole), (true, false));
    }
}
