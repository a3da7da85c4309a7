//! Pages as they were served: what a later state of the same page is compared with.
//!
//! Each page that a browser was given for a window gets a name, which stands in its script tag. What is kept is bounded; a
//! page that was let go, or was too long to keep, is loaded anew when it may differ.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{BuildHasher, RandomState},
    num::ParseIntError,
    pin::Pin,
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Instant,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, response::Parts};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::detached;

/// Longest page that is kept. Longer ones take a browser longer to compare than to load.
pub(super) const LONGEST: usize = 1024 * 1024;

/// Bytes of all pages that are kept: some hundred usual ones, more than anybody has tabs.
const CAPACITY: usize = 16 * 1024 * 1024;

/// Pages that are kept: each holds its request as well, which a short page is nothing beside.
const MOST: usize = 1000;

/// The name of a page on the shelf: its number, and what proves that it was given by us. A page's script must not get at the text
/// of what another window shows by counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageId {
    number: u64,
    proof: u64,
}

impl fmt::Display for PageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.number, self.proof)
    }
}

impl FromStr for PageId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let (number, proof) = text.split_once('-').unwrap_or((text, ""));
        Ok(Self { number: number.parse()?, proof: u64::from_str_radix(proof, 16)? })
    }
}

/// A page as it was served.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) asked: Request,
    pub(super) look: Arc<Look>,
    /// Its bytes, without our tag.
    pub(super) html: Bytes,
}

/// What a page was asked with.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}

/// What about an answer is a reason to load the page anew when it is another, whatever its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    status: StatusCode,
    fields: [Vec<HeaderValue>; 4],
}

static LOOK: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_SECURITY_POLICY,
    HeaderName::from_static("permissions-policy"),
];

/// Fields of a request that belong to one connection, one copy in a cache or one part, and not to the page.
static ONCE: [HeaderName; 12] = [
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
];

impl Request {
    /// What is worth remembering of a request.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        Self { uri: detached::uri(uri), headers: detached::headers(headers, |name| !ONCE.contains(name)) }
    }
}

impl Look {
    /// Of the answer as it came from below, before it was injected.
    pub(super) fn of(head: &Parts) -> Arc<Self> {
        let values = |name: &HeaderName| head.headers.get_all(name).iter().map(detached::value).collect();
        Arc::new(Self { status: head.status, fields: LOOK.each_ref().map(values) })
    }
}

/// The pages that are kept; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    numbers: AtomicU64,
    /// Random keys, new each run.
    proofs: RandomState,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    by_number: BTreeMap<u64, Arc<Page>>,
    bytes: usize,
    /// When the last one began on its way to a browser.
    loaded: Option<Instant>,
}

impl Shelf {
    /// A name for a page that is still on its way.
    pub(super) fn name(&self) -> PageId {
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        PageId { number, proof: self.0.proofs.hash_one(number) }
    }

    /// Keeps a page that is given to a browser as a whole.
    pub(super) fn give(&self, id: PageId, page: Page) {
        self.keep(id, page, Some(Instant::now()));
    }

    /// Keeps a page under a name of [`Self::name`].
    pub(super) fn put(&self, id: PageId, page: Page) {
        self.keep(id, page, None);
    }

    fn keep(&self, id: PageId, page: Page, loaded: Option<Instant>) {
        let page = Some(Arc::new(page)).filter(|page| page.html.len() <= LONGEST);
        // What makes room is freed once others can have the lock again.
        let mut oldest = Vec::new();
        let mut pages = self.lock();
        pages.loaded = loaded.or(pages.loaded);
        let Some(page) = page else { return };
        pages.bytes += page.html.len();
        pages.by_number.insert(id.number, page);
        while pages.bytes > CAPACITY || pages.by_number.len() > MOST {
            let Some((_, page)) = pages.by_number.pop_first() else { break };
            pages.bytes -= page.html.len();
            oldest.push(page);
        }
        drop(pages);
    }

    /// The page of this name, if it is still kept.
    pub(super) fn get(&self, id: PageId) -> Option<Arc<Page>> {
        let is_ours = self.0.proofs.hash_one(id.number) == id.proof;
        self.lock().by_number.get(&id.number).filter(|_| is_ours).cloned()
    }

    /// The body of an answer with this head, which leaves a copy here when it has ended well.
    pub(super) fn copying(&self, id: PageId, asked: Request, head: &Parts, look: Arc<Look>, body: Body) -> Body {
        self.lock().loaded = Some(Instant::now());
        let said = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let expected = said.or(body.size_hint().exact());
        let slot = Slot { shelf: self.clone(), id, asked, look, expected, pieces: Vec::new(), length: 0 };
        Body::new(Copying { inner: body, slot: Some(slot) })
    }

    /// When a browser last asked for a page.
    pub(super) fn last_load(&self) -> Option<Instant> {
        self.lock().loaded
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page that streams by.
struct Copying {
    inner: Body,
    /// `None` once the copy is kept or given up.
    slot: Option<Slot>,
}

struct Slot {
    shelf: Shelf,
    id: PageId,
    asked: Request,
    look: Arc<Look>,
    /// The length of the whole; who sends a body of a known length does not ask for its end.
    expected: Option<u64>,
    pieces: Vec<Bytes>,
    length: usize,
}

impl Copying {
    fn take(&mut self, data: &Bytes) {
        let Some(slot) = &mut self.slot else { return };
        slot.length += data.len();
        slot.pieces.push(data.clone());
        if slot.length > LONGEST {
            self.slot = None;
        } else if slot.expected == Some(slot.length as u64) {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let Some(Slot { shelf, id, asked, look, pieces, .. }) = self.slot.take() else { return };
        // One piece is copied as well: it may be a small part of what was read.
        shelf.put(id, Page { asked, look, html: pieces.concat().into() });
    }
}

impl HttpBody for Copying {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|data| self.take(data)),
            // Half a page is none.
            Some(Err(_)) => self.slot = None,
            None => self.finish(),
        }
        if self.inner.is_end_stream() {
            self.finish();
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

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    fn request() -> Request {
        Request::of(&Uri::from_static("/posts"), &HeaderMap::new())
    }

    fn head() -> Parts {
        http::Response::new(()).into_parts().0
    }

    fn page(length: usize) -> Page {
        Page { asked: request(), look: Look::of(&head()), html: vec![b'x'; length].into() }
    }

    /// What is kept of a body that comes in these pieces.
    async fn kept(pieces: Vec<Result<Bytes, std::io::Error>>) -> Option<Bytes> {
        let shelf = Shelf::default();
        let id = shelf.name();
        let body = shelf.copying(id, request(), &head(), Look::of(&head()), Body::from_stream(stream::iter(pieces)));
        let _ = body.collect().await;
        shelf.get(id).map(|page| page.html.clone())
    }

    #[tokio::test]
    async fn a_whole_page_is_kept_and_half_a_one_is_not() {
        let piece = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        assert_eq!(kept(vec![piece("<p>"), piece("a")]).await.expect("it is kept"), "<p>a");
        assert_eq!(kept(vec![]).await.expect("it is kept"), "");
        assert_eq!(kept(vec![piece("<p>"), Err(std::io::ErrorKind::BrokenPipe.into())]).await, None);
        let long = || Ok(vec![0; LONGEST / 2 + 1].into());
        assert_eq!(kept(vec![long(), long()]).await, None);
    }

    #[test]
    fn a_name_cannot_be_guessed() {
        let shelf = Shelf::default();
        let id = shelf.name();
        shelf.put(id, page(1));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(shelf.get(id).is_some());
        assert!(shelf.get(PageId { proof: id.proof ^ 1, ..id }).is_none());
        for text in ["", "1", "1-", "-1", "1-x", "../1"] {
            assert!(text.parse::<PageId>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_oldest_goes_first() {
        let shelf = Shelf::default();
        let ids: Vec<_> = (0..=CAPACITY / LONGEST).map(|_| shelf.name()).collect();
        ids.iter().for_each(|id| shelf.put(*id, page(LONGEST)));
        let kept: Vec<_> = ids.iter().map(|id| shelf.get(*id).is_some()).collect();
        assert_eq!((kept[0], kept[1..].iter().all(|kept| *kept)), (false, true));
    }

    #[test]
    fn the_number_of_pages_is_bounded() {
        let shelf = Shelf::default();
        let ids: Vec<_> = (0..=MOST).map(|_| shelf.name()).collect();
        ids.iter().for_each(|id| shelf.put(*id, page(0)));
        assert!(shelf.get(ids[0]).is_none() && shelf.get(ids[1]).is_some());
    }

    #[test]
    fn what_belongs_to_one_exchange_is_forgotten() {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"a\""));
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("de"));
        let kept = Request::of(&Uri::from_static("/"), &headers).headers;
        assert_eq!(kept.keys().collect::<Vec<_>>(), [header::ACCEPT_LANGUAGE]);
    }
}
