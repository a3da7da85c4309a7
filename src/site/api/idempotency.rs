//! Requests that may be sent twice and are done once: `Idempotency-Key` (IETF draft, draft-ietf-httpapi-idempotency-key-header).
//!
//! The answer of a write that was done is kept under the key its client gave, and given again when the same request comes with the
//! same key. A write that was refused changed nothing and is not kept: it may be tried again under its key.
//!
//! Keys are kept in memory: they do not outlive the run.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::site::resource::refusal::Refusal;

/// The request's header.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer was kept, and is not that of a second write.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// How long an answer is kept: longer than any client tries again.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Keys that are kept; the oldest go first.
const MOST_KEYS: usize = 10_000;

/// Bytes of all bodies that are kept; the oldest go first. A body that is longer than a part of them is not kept, only that the
/// request was done.
const MAX_BYTES: usize = 64 * 1024 * 1024;
const MAX_BODY_BYTES: usize = MAX_BYTES / 16;

/// The longest key, in characters, its quotes among them.
const MAX_KEY_CHARS: usize = 255;

/// The keys of a site.
#[derive(Clone, Default)]
pub(in crate::site) struct Keys(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    entries: HashMap<String, Entry>,
    /// In the order they came.
    order: VecDeque<(Instant, String)>,
    /// Of all bodies.
    bytes: usize,
}

struct Entry {
    came: Instant,
    fingerprint: u128,
    answer: Option<Kept>,
}

/// An answer in memory.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Kept {
    pub(super) fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// What a key means.
pub(super) enum Begun {
    /// Nobody used it.
    New(Ticket),
    /// The request was done already, with this answer.
    Done(Kept),
}

/// The right to do a request under its key. Dropped without an answer, the key is as if it had not been used.
pub(super) struct Ticket {
    keys: Keys,
    key: String,
    came: Instant,
}

/// The key of a request, if it has one: a structured string (RFC 9651 §3.3.3), or any other visible text as it is.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let refused = Refusal::BadKey { limit: MAX_KEY_CHARS };
    let mut lines = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let text = line.to_str().ok().filter(|_| lines.next().is_none()).ok_or_else(|| refused.clone())?.trim();
    let is_key = (1..=MAX_KEY_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|key| !key.is_empty());
    if is_key { Ok(Some(quoted.unwrap_or(text).to_owned())) } else { Err(refused) }
}

impl Keys {
    /// Begins a request under a key. `fingerprint` stands for all that makes the request what it is.
    pub(super) fn begin(&self, key: String, fingerprint: u128, now: Instant) -> Result<Begun, Refusal> {
        let mut table = self.lock();
        table.forget(now);
        match table.entries.get(&key) {
            Some(entry) if entry.fingerprint != fingerprint => Err(Refusal::KeyReused),
            Some(Entry { answer: Some(answer), .. }) => Ok(Begun::Done(answer.clone().replayed())),
            Some(_) => Err(Refusal::KeyInFlight),
            // All that are kept are being answered.
            None if table.order.len() >= MOST_KEYS => Err(Refusal::Busy),
            None => {
                table.order.push_back((now, key.clone()));
                table.entries.insert(key.clone(), Entry { came: now, fingerprint, answer: None });
                Ok(Begun::New(Ticket { keys: self.clone(), key, came: now }))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Makes room: what is too old, and the oldest of too many. A request that is being answered keeps its key.
    fn forget(&mut self, now: Instant) {
        while let Some((came, key)) = self.order.front()
            && (self.order.len() >= MOST_KEYS || self.bytes > MAX_BYTES || now.duration_since(*came) > KEPT_FOR)
        {
            // A key that was given back and used again has another time.
            match self.entries.get(key).filter(|entry| entry.came == *came) {
                Some(Entry { answer: None, .. }) => return,
                Some(Entry { answer: Some(answer), .. }) => {
                    self.bytes -= answer.body.len();
                    self.entries.remove(key);
                }
                None => (),
            }
            self.order.pop_front();
        }
    }
}

impl Ticket {
    /// Keeps the answer of what was done.
    pub(super) fn keep(self, answer: &Kept) {
        let mut table = self.keys.lock();
        let mut answer = answer.clone();
        if answer.body.len() > MAX_BODY_BYTES {
            answer.body = Bytes::new();
        }
        let bytes = answer.body.len();
        if let Some(entry) = table.entries.get_mut(&self.key).filter(|entry| entry.came == self.came) {
            entry.answer = Some(answer);
            table.bytes += bytes;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.keys.lock();
        if table.entries.get(&self.key).is_some_and(|entry| entry.came == self.came && entry.answer.is_none()) {
            table.entries.remove(&self.key);
        }
    }
}

impl Kept {
    fn replayed(mut self) -> Self {
        self.headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_texts() {
        check(&[], "none");
        check(&["\"8e03978e-40d5\""], "8e03978e-40d5");
        check(&["8e03978e-40d5"], "8e03978e-40d5");
        check(&[" \"a b\" "], "a b");
        // What only looks like a structured string is a key like any other.
        for literal in ["\"", "\"\"", "\"a", "a\"", "\"a\";b"] {
            check(&[literal], literal);
        }
        check(&[&"k".repeat(255)], &"k".repeat(255));
        for refused in [&[""][..], &[" "], &["a", "b"], &["a\tb"], &["ä"], &["\u{7f}"], &[&"k".repeat(256)]] {
            check(refused, "refused");
        }

        fn check(lines: &[&str], expected: &str) {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(line.as_bytes()).unwrap_or(HeaderValue::from_static("")));
            }
            let found = key(&headers).map_or("refused".to_owned(), |key| key.unwrap_or_else(|| "none".to_owned()));
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    #[test]
    fn the_same_request_is_done_once() {
        let (keys, now) = (Keys::default(), Instant::now());
        let ticket = begin(&keys, "a", 1, now).unwrap();
        assert!(matches!(keys.begin("a".to_owned(), 1, now), Err(Refusal::KeyInFlight)));
        assert!(matches!(keys.begin("a".to_owned(), 2, now), Err(Refusal::KeyReused)));
        ticket.keep(&kept("one"));
        let Ok(Begun::Done(again)) = keys.begin("a".to_owned(), 1, now) else { panic!("it was done") };
        assert_eq!((again.body.as_ref(), again.headers["idempotent-replayed"].to_str().unwrap()), (&b"one"[..], "true"));
        assert!(matches!(keys.begin("a".to_owned(), 2, now), Err(Refusal::KeyReused)));
    }

    #[test]
    fn what_was_refused_may_be_tried_again() {
        let (keys, now) = (Keys::default(), Instant::now());
        drop(begin(&keys, "a", 1, now));
        begin(&keys, "a", 2, now).unwrap().keep(&kept("two"));
        // Of a long answer only that it was given.
        begin(&keys, "b", 1, now).unwrap().keep(&kept(&"x".repeat(MAX_BODY_BYTES + 1)));
        let Ok(Begun::Done(again)) = keys.begin("b".to_owned(), 1, now) else { panic!("it was done") };
        assert_eq!((again.status, again.body.len()), (StatusCode::CREATED, 0));
    }

    #[test]
    fn old_keys_and_too_many_are_forgotten() {
        let (keys, now) = (Keys::default(), Instant::now());
        begin(&keys, "old", 1, now).unwrap().keep(&kept("old"));
        assert!(begin(&keys, "old", 1, now + KEPT_FOR).is_none());
        assert!(begin(&keys, "old", 2, now + KEPT_FOR + Duration::from_secs(1)).is_some());
        for number in 0..2 * MOST_KEYS {
            begin(&keys, &number.to_string(), 1, now).unwrap().keep(&kept(""));
        }
        assert!(keys.lock().entries.len() <= MOST_KEYS && keys.lock().order.len() <= MOST_KEYS);
        for number in 0..20 {
            begin(&keys, &format!("long {number}"), 1, now).unwrap().keep(&kept(&"x".repeat(MAX_BODY_BYTES)));
        }
        drop(begin(&keys, "one more", 1, now));
        assert!(keys.lock().bytes <= MAX_BYTES && begin(&keys, "long 19", 1, now).is_none());
    }

    fn begin(keys: &Keys, key: &str, fingerprint: u128, now: Instant) -> Option<Ticket> {
        match keys.begin(key.to_owned(), fingerprint, now) {
            Ok(Begun::New(ticket)) => Some(ticket),
            _ => None,
        }
    }

    fn kept(body: &str) -> Kept {
        Kept { status: StatusCode::CREATED, headers: HeaderMap::new(), body: Bytes::from(body.to_owned()) }
    }
}
