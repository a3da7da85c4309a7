//! What a program says before its answer: `103 (Early Hints)` and the like (RFC 9110 §15.2).
//!
//! The listener puts an [`Interim`] into the extensions of each request whose browser can be told; the proxy tells it, and the
//! listener writes it as the connection's protocol wants it, before the answer or not at all. `100 (Continue)` and `101` are not
//! among these: the listener says the first itself when the body is wanted, and the second is an answer.

use std::{fmt, sync::Arc};

use http::{HeaderMap, StatusCode};

use super::headers::remove_hop_by_hop;

/// The way to the browser for what comes before the answer to one request. Clones are the same way.
#[derive(Clone)]
pub struct Interim(Arc<Tell>);

/// Takes the head of a 1xx.
type Tell = dyn Fn(StatusCode, &HeaderMap) + Send + Sync;

impl Interim {
    /// The way that `tell` is. It is called with heads of 1xx, of which it may leave out any.
    pub fn new(tell: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Sends a head without an answer.
    pub(crate) fn send(&self, status: StatusCode, headers: &HeaderMap) {
        let mut headers = headers.clone();
        remove_hop_by_hop(&mut headers);
        (self.0)(status, &headers);
    }
}

impl fmt::Debug for Interim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interim")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_ends_at_the_next_hop_is_not_told() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = told.clone();
        let interim = Interim::new(move |status, headers| {
            let names: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
            hears.lock().expect("no panic").push((status.as_u16(), names));
        });
        let mut headers = HeaderMap::new();
        headers.insert("link", HeaderValue::from_static("</a.css>; rel=preload"));
        headers.insert("connection", HeaderValue::from_static("close, x-hop"));
        headers.insert("x-hop", HeaderValue::from_static("1"));
        headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
        interim.send(StatusCode::EARLY_HINTS, &headers);
        assert_eq!(*told.lock().expect("no panic"), [(103, vec!["link".to_owned()])]);
    }
}
