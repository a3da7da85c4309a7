//! The last exchanges, in memory.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Instant, SystemTime},
};

use axum::body::Body;
use http::{Method, Request, Response};
use tokio::sync::watch;
use tower::{Layer, Service};

use super::Exchange;
use crate::generation::{Generation, Standing};

/// Exchanges kept: some minutes of a busy page, about 100 KB.
const CAPACITY: usize = 500;

/// Longest path kept, in bytes.
const PATH: usize = 1024;

/// Keeps the last exchanges; cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    ring: Arc<Mutex<Ring>>,
    standing: watch::Receiver<Standing>,
}

#[derive(Debug, Default)]
struct Ring {
    exchanges: VecDeque<Exchange>,
    last: u64,
}

impl Recorder {
    /// An empty one, which asks `standing` for the generation of answers that do not say it themselves.
    #[must_use]
    pub fn new(standing: watch::Receiver<Standing>) -> Self {
        Self { ring: Arc::default(), standing }
    }

    /// The layer that keeps what passes through it.
    #[must_use]
    pub fn layer(&self) -> RecordLayer {
        RecordLayer(self.clone())
    }

    /// The exchanges kept, oldest first.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().exchanges.iter().cloned().collect()
    }

    fn keep(&self, begun: Begun, response: &Response<Body>) {
        let generation = response.extensions().get::<Generation>().copied();
        let generation = generation.unwrap_or_else(|| self.standing.borrow().generation);
        let mut ring = self.lock();
        ring.last += 1;
        if ring.exchanges.len() == CAPACITY {
            ring.exchanges.pop_front();
        }
        let id = ring.last;
        ring.exchanges.push_back(Exchange {
            id,
            began: begun.at,
            method: begun.method,
            path: begun.path,
            status: response.status(),
            generation,
            took: begun.clock.elapsed(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known before the answer.
struct Begun {
    at: SystemTime,
    clock: Instant,
    method: Method,
    path: String,
}

impl Begun {
    fn of(request: &Request<Body>) -> Self {
        let path = request.uri().path();
        let path = path[..path.floor_char_boundary(PATH)].to_owned();
        Self { at: SystemTime::now(), clock: Instant::now(), method: request.method().clone(), path }
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
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (begun, recorder) = (Begun::of(&request), self.recorder.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            recorder.keep(begun, &response);
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn keeps_the_last_ones_without_their_queries() {
        let (_standing, reader) = watch::channel(Standing { generation: Generation(3), ..Standing::default() });
        let recorder = Recorder::new(reader);
        let service = recorder.layer().layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty()))));
        for n in 0..CAPACITY + 2 {
            let request = Request::get(format!("/{n}?token=secret")).body(Body::empty()).unwrap();
            service.clone().oneshot(request).await.unwrap();
        }
        let kept = recorder.exchanges();
        assert_eq!(kept.len(), CAPACITY);
        assert_eq!((kept[0].id, kept[0].path.as_str(), kept[0].generation), (3, "/2", Generation(3)));
    }
}
