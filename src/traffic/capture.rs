//! What is kept of one exchange while somebody looks: both heads, and the beginnings of both bodies.
//!
//! All of it is [redacted](super::redact) and counted against one [`Budget`], in memory alone. A body is kept as it passes: nobody
//! waits for it, and nothing is read that would not have been.

use std::{
    borrow::Cow,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Version,
    header::{CONTENT_TYPE, HOST},
    uri::{PathAndQuery, Scheme},
};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Recorder, redact};
use crate::reload::inject;

/// Most bytes kept of one body: an answer of an API, a page; the beginning of a download.
pub(super) const BODY: usize = 64 * 1024;

/// Most bytes kept of all heads and bodies together.
const BUDGET: usize = 4 * 1024 * 1024;

/// How many bytes are kept, of all exchanges together.
#[derive(Debug, Default)]
pub(super) struct Budget(AtomicUsize);

impl Budget {
    /// Room for so many bytes; `None` when there is none.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Option<Allotment> {
        let fits = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= BUDGET);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Allotment { budget: Arc::clone(self), bytes })
    }

    /// Whether there is room for so many.
    pub(super) fn has(&self, bytes: usize) -> bool {
        self.held().saturating_add(bytes) <= BUDGET
    }

    pub(super) fn held(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Room that was taken, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Allotment {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Allotment {
    /// One in place of two: a body may come in a thousand pieces.
    fn absorb(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Allotment {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Asks for an exchange once more; stands in the extensions of such a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplayOf(pub(crate) u64);

/// The number under which an exchange is kept; stands in the extensions of the answer to a replay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded(pub(crate) u64);

/// What is kept of an exchange while somebody looks.
#[derive(Debug)]
pub struct Capture {
    /// Path and query, without secrets; untrusted.
    pub target: String,
    /// Whether the target lost a secret.
    pub is_target_redacted: bool,
    /// By which it was asked for.
    pub scheme: Scheme,
    /// The server that was named, one of our own names.
    pub authority: String,
    /// What was spoken.
    pub version: Version,
    /// What was asked.
    pub request: Side,
    /// What was answered.
    pub response: Side,
    /// The exchange that this one repeats.
    pub replay_of: Option<u64>,
    _room: [Allotment; 2],
}

impl Capture {
    /// Lets go of what is kept, whoever else holds it.
    pub(super) fn release(&self) {
        self.request.body.release();
        self.response.body.release();
    }
}

/// One direction of an exchange.
#[derive(Debug)]
pub struct Side {
    /// Without secrets: those that lost their value are marked as sensitive.
    pub headers: HeaderMap,
    pub(super) body: Keeping,
}

impl Side {
    fn new(headers: &HeaderMap) -> Self {
        let headers = redact::headers(headers);
        let body = Keeping::new(&headers);
        Self { headers, body }
    }

    /// One with a body that was small enough to be kept whole.
    #[cfg(test)]
    pub(crate) fn seen(headers: &[(http::HeaderName, &'static str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let side = Self::new(&headers);
        side.body.add(body, Arc::<Budget>::default().take(body.len()));
        side.body.end(true);
        side
    }

    /// What came of the body so far.
    #[must_use]
    pub fn body(&self) -> KeptBody {
        self.body.kept()
    }

    /// A body that was encoded, now that it is decoded.
    #[must_use]
    pub fn without_secrets(&self, decoded: &[u8]) -> Bytes {
        Bytes::copy_from_slice(&redact::body(&self.headers, decoded))
    }
}

/// As much of a body as is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBody {
    /// Its beginning, still in its content coding.
    pub bytes: Bytes,
    /// How many bytes passed.
    pub passed: u64,
    /// Whether nothing is missing.
    pub is_whole: bool,
    /// Whether a secret was taken out.
    pub is_redacted: bool,
}

/// What is known of an exchange before its answer.
#[derive(Debug)]
pub(super) struct Opening {
    target: String,
    is_target_redacted: bool,
    scheme: Scheme,
    authority: String,
    version: Version,
    pub(super) request: Side,
    replay_of: Option<u64>,
    room: Allotment,
}

impl Opening {
    /// `None` when there is no room for it.
    pub(super) fn of<B>(request: &Request<B>, recorder: &Recorder) -> Option<Self> {
        let uri = request.uri();
        let whole = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let room = recorder.room_for(weight(request.headers()) + whole.len())?;
        let target = redact::url(whole).into_owned();
        let host = || request.headers().get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        let authority = uri.authority().map(ToString::to_string).or_else(host).unwrap_or_default();
        let scheme = request.extensions().get::<Scheme>().cloned().unwrap_or(Scheme::HTTP);
        let replay_of = request.extensions().get::<ReplayOf>().map(|replay| replay.0);
        let is_target_redacted = target != whole;
        let (version, request) = (request.version(), Side::new(request.headers()));
        Some(Self { target, is_target_redacted, scheme, authority, version, request, replay_of, room })
    }

    /// `None` when there is no room for the answer's head.
    pub(super) fn answered(self, headers: &HeaderMap, recorder: &Recorder) -> Option<Capture> {
        let room = recorder.room_for(weight(headers))?;
        let Self { target, is_target_redacted, scheme, authority, version, request, replay_of, room: before } = self;
        let response = Side::new(headers);
        let room = [before, room];
        Some(Capture { target, is_target_redacted, scheme, authority, version, request, response, replay_of, _room: room })
    }
}

/// Bytes that headers take.
fn weight(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + size_of::<HeaderValue>()).sum()
}

/// A body that is being kept; clones keep the same one.
#[derive(Clone, Debug)]
pub(super) struct Keeping(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The type that says which of it is secret; none for what is encoded.
    kind: HeaderMap,
    bytes: Vec<u8>,
    passed: u64,
    /// How many of them are represented in `bytes`.
    kept: usize,
    /// Whether nothing comes any more.
    has_ended: bool,
    /// Whether it came to its end.
    is_over: bool,
    is_released: bool,
    is_redacted: bool,
    room: Option<Allotment>,
}

impl Keeping {
    fn new(headers: &HeaderMap) -> Self {
        let kind = headers.get(CONTENT_TYPE).filter(|_| !inject::is_encoded(headers)).cloned();
        let kind = kind.into_iter().map(|kind| (CONTENT_TYPE, kind)).collect();
        Self(Arc::new(Mutex::new(State { kind, ..State::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of so many further bytes are kept: nothing behind a gap.
    fn wants(&self, more: usize) -> usize {
        let state = self.lock();
        let is_gapless = state.passed == state.kept as u64;
        if state.is_released || !is_gapless { 0 } else { more.min(BODY - state.kept) }
    }

    /// Takes what passes, as far as there is room for it.
    fn add(&self, data: &[u8], room: Option<Allotment>) {
        let mut state = self.lock();
        state.passed += data.len() as u64;
        if let Some(room) = room.filter(|_| !state.is_released) {
            state.bytes.extend_from_slice(&data[..room.bytes]);
            state.kept += room.bytes;
            match &mut state.room {
                Some(held) => held.absorb(room),
                held => *held = Some(room),
            }
        }
    }

    /// Nothing comes behind: what is secret goes, once.
    fn end(&self, is_over: bool) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.has_ended, true) {
            return;
        }
        state.is_over = is_over;
        let kind = std::mem::take(&mut state.kind);
        if let Cow::Owned(mut left) = redact::body(&kind, &state.bytes) {
            state.is_redacted |= left != state.bytes;
            // The word is longer than many a secret.
            state.is_over &= left.len() <= BODY;
            left.truncate(BODY);
            state.bytes = left;
        }
        state.bytes.shrink_to_fit();
    }

    fn release(&self) {
        let mut state = self.lock();
        (state.bytes, state.room, state.is_released) = (Vec::new(), None, true);
    }

    fn kept(&self) -> KeptBody {
        let state = self.lock();
        let bytes = redact::body(&state.kind, &state.bytes);
        KeptBody {
            is_redacted: state.is_redacted || *bytes != *state.bytes,
            bytes: Bytes::copy_from_slice(&bytes),
            passed: state.passed,
            is_whole: state.is_over && !state.is_released && state.passed == state.kept as u64,
        }
    }
}

/// A body that is kept as it passes.
pub(super) struct Kept {
    inner: Body,
    keeping: Keeping,
    recorder: Recorder,
}

impl Kept {
    /// The body as it goes on; one that is empty has passed already.
    pub(super) fn of(inner: Body, side: &Side, recorder: &Recorder) -> Body {
        let keeping = side.body.clone();
        if inner.is_end_stream() {
            keeping.end(true);
            return inner;
        }
        Body::new(Self { inner, keeping, recorder: recorder.clone() })
    }

    fn keep(&self, data: &[u8]) {
        let wanted = self.keeping.wants(data.len());
        let room = if wanted == 0 { None } else { self.recorder.room_for(wanted) };
        self.keeping.add(data, room);
    }
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.keep(data);
        }
        // Whoever has read it all asks no further.
        if frame.is_none() || matches!(frame, Some(Ok(_))) && self.inner.is_end_stream() {
            self.keeping.end(true);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.keeping.end(false);
    }
}
