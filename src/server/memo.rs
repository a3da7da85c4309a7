//! Answers with files as they went out: who asks for the same in the same words gets them again while the files are as they were.
//!
//! Most of what a small file costs is not the file but the way through the layers. A [`Memo`] stands before them. It takes part
//! only where no layer has anything to do but what is in the answer already ([`Words::of`]), and gives an answer only after a look
//! at every file it was made of, in the generation in which it was made. A page gets a name of its own each time ([`Stamp`]). Absent
//! here: programs, pages made of templates, encoded pages, conditions and ranges.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, uri::PathAndQuery};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::watch;

use super::origin::says;
use crate::{
    detached,
    field::{SEC_FETCH_DEST, SEC_FETCH_SITE},
    generation::{Generation, Standing},
    reload::inject::Stamp,
    site::{Proof, Site},
};

/// Answers that are remembered: what a page loads, several times over.
const ENTRIES: usize = 512;

/// The bytes of their bodies; most of them are shared with what the site keeps.
const CAPACITY: usize = 16 * 1024 * 1024;

/// What browsers and tools say with every request, and what no answer with a file depends on but by its [`Words`].
static USUAL: [HeaderName; 12] = [
    header::HOST,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::USER_AGENT,
    header::CONNECTION,
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::REFERER,
    header::COOKIE,
    header::DNT,
    header::UPGRADE_INSECURE_REQUESTS,
];

/// Fields of these names say what the browser is, and where the answer goes.
const USUAL_STARTS: [&str; 2] = ["sec-fetch-", "sec-ch-"];

/// Files below this may come to stand behind a resource.
const API: &str = "/api";

/// All of a request that the answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Words {
    target: PathAndQuery,
    coding: Option<HeaderValue>,
    language: Option<HeaderValue>,
    /// What it is wanted for, as far as the browser says so.
    destination: Option<HeaderValue>,
    takes_pages: bool,
}

impl Words {
    /// `None` for a request that a layer may have something to do about.
    pub(super) fn of(request: &Request<Body>) -> Option<Self> {
        let (uri, headers) = (request.uri(), request.headers());
        let is_plain = *request.method() == Method::GET && uri.authority().is_none() && !uri.path().starts_with(API);
        if !is_plain || !headers.keys().all(is_usual) || says(headers, &SEC_FETCH_SITE, "cross-site") {
            return None;
        }
        let takes_pages = |accept: &HeaderValue| accept.to_str().is_ok_and(|accept| accept.contains("text/html"));
        Some(Self {
            target: uri.path_and_query()?.clone(),
            coding: only(headers, &header::ACCEPT_ENCODING)?,
            language: only(headers, &header::ACCEPT_LANGUAGE)?,
            destination: only(headers, &SEC_FETCH_DEST)?,
            takes_pages: headers.get(header::ACCEPT).is_some_and(takes_pages),
        })
    }
}

impl Words {
    /// The same, for as long as an answer is remembered.
    fn detached(&self) -> Self {
        let value = |value: &Option<HeaderValue>| value.as_ref().map(detached::value);
        Self {
            target: detached::path(&self.target),
            coding: value(&self.coding),
            language: value(&self.language),
            destination: value(&self.destination),
            takes_pages: self.takes_pages,
        }
    }
}

/// The one line of a field, if there is any; `None` where there are several.
fn only(headers: &HeaderMap, name: &HeaderName) -> Option<Option<HeaderValue>> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next().cloned();
    lines.next().is_none().then_some(first)
}

fn is_usual(name: &HeaderName) -> bool {
    USUAL.contains(name) || USUAL_STARTS.iter().any(|start| name.as_str().starts_with(start))
}

/// The answers that are remembered.
#[derive(Debug, Default)]
pub(super) struct Memo(RwLock<Entries>);

#[derive(Debug, Default)]
struct Entries {
    by_words: HashMap<Words, Arc<Answer>>,
    bytes: usize,
}

#[derive(Debug)]
struct Answer {
    /// With this length.
    headers: HeaderMap,
    length: usize,
    body: Kept,
    proof: Proof,
    mark: Mark,
}

#[derive(Debug)]
enum Kept {
    /// The same for everybody.
    Bytes(Bytes),
    /// A page that gets a name.
    Page(Stamp),
}

impl Kept {
    /// For the next one who asks.
    fn body(&self, request: &Request<Body>) -> Option<Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::Page(stamp) => stamp.again(request),
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Page(stamp) => stamp.weight(),
        }
    }
}

/// What every answer says of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(Generation, bool);

impl Mark {
    pub(super) fn of(standing: &watch::Receiver<Standing>) -> Self {
        let standing = standing.borrow();
        Self(standing.generation, standing.is_stale())
    }
}

impl Memo {
    /// The answer as it went out before, if it would be the same now.
    pub(super) fn recall(&self, words: &Words, request: &Request<Body>, site: &Site, mark: Mark) -> Option<Response<Body>> {
        let answer = Arc::clone(self.0.read().unwrap_or_else(PoisonError::into_inner).by_words.get(words)?);
        if answer.mark != mark || !site.proves(&answer.proof) {
            self.write().remove(words);
            return None;
        }
        let body = answer.body.body(request)?;
        let mut headers = answer.headers.clone();
        if body.len() != answer.length {
            headers.insert(header::CONTENT_LENGTH, body.len().into());
        }
        let mut response = Response::new(body.into());
        *response.headers_mut() = headers;
        Some(response)
    }

    /// Remembers an answer that was made of files alone, under `mark` from its beginning to its end. It starts over when it is full.
    pub(super) async fn note(&self, words: Words, mark: Mark, response: Response<Body>) -> Response<Body> {
        let is_short = response.body().size_hint().exact().is_some_and(|length| length <= CAPACITY as u64);
        let is_whole = response.status() == StatusCode::OK && is_short;
        let Some(proof) = response.extensions().get::<Proof>().filter(|_| is_whole).cloned() else { return response };
        let stamp = response.extensions().get::<Stamp>().cloned();
        let is_encoded = response.headers().contains_key(header::CONTENT_ENCODING);
        if stamp.as_ref().is_some_and(|stamp| is_encoded || !stamp.is_blank()) {
            return response;
        }
        let (head, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            // It breaks off on the wire as well, so that nobody takes it for whole.
            Err(error) => return Response::from_parts(head, Body::from_stream(stream::iter([Err::<Bytes, _>(error)]))),
        };
        let kept = stamp.map_or_else(|| Kept::Bytes(body.clone()), Kept::Page);
        let (mut headers, length) = (head.headers.clone(), body.len());
        headers.insert(header::CONTENT_LENGTH, length.into());
        self.write().insert(words, Answer { headers, length, body: kept, proof, mark });
        Response::from_parts(head, body.into())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn insert(&mut self, words: Words, answer: Answer) {
        self.remove(&words);
        if self.by_words.len() == ENTRIES || self.bytes + answer.body.weight() > CAPACITY {
            *self = Self::default();
        }
        self.bytes += answer.body.weight();
        self.by_words.insert(words.detached(), Arc::new(answer));
    }

    fn remove(&mut self, words: &Words) {
        if let Some(answer) = self.by_words.remove(words) {
            self.bytes -= answer.body.weight();
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        convert::Infallible,
        fs::File,
        time::{Duration, Instant, SystemTime},
    };

    use tokio::time::sleep;
    use tower::{Layer as _, ServiceExt, service_fn, util::BoxCloneSyncService};

    use super::*;
    use crate::{
        config::{Layer, fixture::TestFolder, load},
        reload::{
            Hub,
            inject::{Inject, InjectLayer, InjectService},
        },
        site::Answer as SiteAnswer,
        telemetry::Notices,
    };

    type Route = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

    const MARK: Mark = Mark(Generation(1), false);

    /// How long a file may take to be old enough; two seconds, and what a busy machine adds.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn request(fields: &[(&str, &str)]) -> Request<Body> {
        let request = fields.iter().fold(Request::get("/app.js?x"), |request, (name, value)| request.header(*name, *value));
        request.header("host", "localhost").body(Body::empty()).unwrap()
    }

    /// Asks the site until what it answers can be remembered.
    async fn note(memo: &Memo, site: &Site, words: &Words, coding: &str) {
        let began = Instant::now();
        while memo.recall(words, &request(&[]), site, MARK).is_none() {
            assert!(began.elapsed() < PATIENCE, "nothing can be remembered");
            let SiteAnswer::Done(response) = site.answer(request(&[("accept-encoding", coding)])).await else {
                panic!("the site has it")
            };
            drop(memo.note(words.clone(), MARK, response).await);
            sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn an_answer_holds_as_long_as_its_files() {
        let folder = TestFolder::new("-- static/app.js --\none\n-- static/index.html --\n<p>\n");
        let site = Site::new(&load(folder.path(), Layer::default(), Layer::default()).unwrap().site.unwrap(), |_| ());
        let (memo, file) = (Memo::default(), |name: &str| folder.path().join("static").join(name));
        let words = Words::of(&request(&[("accept-encoding", "br, gzip")])).unwrap();
        note(&memo, &site, &words, "br, gzip").await;
        let answer = memo.recall(&words, &request(&[]), &site, MARK).unwrap();
        assert_eq!(answer.headers()["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "one\n");
        assert!(memo.recall(&Words::of(&request(&[])).unwrap(), &request(&[]), &site, MARK).is_none());
        std::fs::write(file("app.js"), "two\n").unwrap();
        assert!(memo.recall(&words, &request(&[]), &site, MARK).is_none());

        note(&memo, &site, &words, "br, gzip").await;
        assert!(memo.recall(&words, &request(&[]), &site, Mark(Generation(2), false)).is_none());
        note(&memo, &site, &words, "br, gzip").await;
        assert!(memo.recall(&words, &request(&[]), &site, Mark(Generation(1), true)).is_none());
        note(&memo, &site, &words, "br, gzip").await;
        std::fs::write(file("app.js.gz"), "gzipped").unwrap();
        assert!(memo.recall(&words, &request(&[]), &site, MARK).is_none());
        note(&memo, &site, &words, "br, gzip").await;
        assert_eq!(memo.recall(&words, &request(&[]), &site, MARK).unwrap().headers()["content-encoding"], "gzip");
        std::fs::remove_file(file("app.js")).unwrap();
        assert!(memo.recall(&words, &request(&[]), &site, MARK).is_none());
        let entries = memo.write();
        assert_eq!((entries.by_words.len(), entries.bytes), (0, 0));
    }

    /// What is served with the script in its pages, and the generation that answers.
    fn served(site: &Site) -> (InjectService<Route>, watch::Sender<Standing>) {
        let (sender, standing) = watch::channel(Standing::default());
        let hub = Hub::alone("shop", standing.clone(), Notices::channel().0);
        let site = site.clone();
        let below = Route::new(service_fn(move |request| {
            let site = site.clone();
            async move {
                match site.answer(request).await {
                    SiteAnswer::Done(response) => Ok::<_, Infallible>(response),
                    SiteAnswer::NotMine(_) => panic!("the site has it"),
                }
            }
        }));
        (InjectLayer::new(standing, Inject::On).with_hub(&hub).layer(below), sender)
    }

    /// A page's text without its name, and the name.
    async fn page(response: Response<Body>) -> (String, String) {
        let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), length);
        let text = String::from_utf8(body.to_vec()).unwrap();
        let (before, rest) = text.split_once("data-page=\"").unwrap();
        let (name, after) = rest.split_once('"').unwrap();
        (format!("{before}{after}"), name.to_owned())
    }

    #[tokio::test]
    async fn a_page_has_a_name_of_its_own_each_time() {
        let widened = "<meta http-equiv=content-security-policy content=\"connect-src 'none'\">";
        let folder = TestFolder::new(&format!("-- static/index.html --\n<p>hello\n-- static/csp.html --\n{widened}<p>\n"));
        let file = |name: &str| folder.path().join("static").join(name);
        let age = |name: &str| {
            let file = File::options().write(true).open(file(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
        };
        ["index.html", "csp.html"].into_iter().for_each(age);
        let site = Site::new(&load(folder.path(), Layer::default(), Layer::default()).unwrap().site.unwrap(), |_| ());
        let (service, _standing) = served(&site);
        let memo = Memo::default();
        let ask = |path: &str, language: &str| {
            let request = Request::get(path).header("host", "localhost").header("accept", "text/html");
            request.header("accept-language", language).body(Body::empty()).unwrap()
        };
        let note = async |path: &str, language: &str| {
            let response = service.clone().oneshot(ask(path, language)).await.unwrap();
            memo.note(Words::of(&ask(path, language)).unwrap(), MARK, response).await
        };
        let recall = |path: &str, language: &str| {
            let request = ask(path, language);
            memo.recall(&Words::of(&request).unwrap(), &request, &site, MARK)
        };
        // Its identity is believed once it has not changed for a while, whatever the file says of itself.
        let began = Instant::now();
        let fresh = loop {
            let fresh = note("/", "de").await;
            if recall("/", "de").is_some() {
                break fresh;
            }
            assert!(began.elapsed() < PATIENCE, "nothing can be remembered");
            sleep(Duration::from_millis(20)).await;
        };
        assert!(fresh.headers()["everlit-inject"] == "injected" && recall("/", "fr").is_none());
        let headers = recall("/", "de").unwrap().headers().clone();
        for (name, value) in fresh.headers().iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
            assert_eq!(headers.get(name), Some(value));
        }
        let pages = [page(fresh).await, page(recall("/", "de").unwrap()).await, page(recall("/", "de").unwrap()).await];
        assert!(
            pages[0].1 != pages[1].1 && pages[1].1 != pages[2].1 && pages.iter().all(|page| page.0 == pages[0].0),
            "{pages:?}"
        );

        std::fs::write(file("index.de.html"), "<p>hallo\n").unwrap();
        assert!(recall("/", "de").is_none());
        assert_eq!(note("/csp.html", "de").await.headers()["everlit-inject"], "injected; csp=widened");
        assert!(recall("/csp.html", "de").is_none());
    }

    #[test]
    fn only_what_says_nothing_special_takes_part() {
        let check = |fields: &[(&str, &str)], expected| assert_eq!(Words::of(&request(fields)).is_some(), expected, "{fields:?}");
        check(&[], true);
        check(
            &[("accept", "*/*"), ("user-agent", "wrk"), ("sec-ch-ua", "x"), ("sec-fetch-dest", "script"), ("cookie", "a=b")],
            true,
        );
        for field in [
            ("origin", "http://localhost"),
            ("range", "bytes=0-1"),
            ("if-none-match", "\"a\""),
            ("if-modified-since", "x"),
            ("content-length", "1"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("hx-request", "true"),
            ("authorization", "Bearer x"),
            ("expect", "100-continue"),
            ("sec-fetch-site", "cross-site"),
            ("sec-websocket-key", "x"),
        ] {
            check(&[field], false);
        }
        check(&[("accept-encoding", "br"), ("accept-encoding", "gzip")], false);
        check(&[("accept-language", "de"), ("accept-language", "en")], false);
        let other = |request: http::request::Builder| Words::of(&request.body(Body::empty()).unwrap()).is_some();
        assert!(!other(Request::post("/app.js")) && !other(Request::head("/app.js")) && !other(Request::get("/api/app.js")));
        assert!(!other(Request::get("http://localhost/app.js")));
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let folder = TestFolder::new("-- static/app.js --\none\n-- static/index.html --\n<p>\n");
        let site = Site::new(&load(folder.path(), Layer::default(), Layer::default()).unwrap().site.unwrap(), |_| ());
        let memo = Memo::default();
        let words = |number: usize| {
            let target = format!("/app.js?{number}").parse().unwrap();
            Words { target, ..Words::of(&request(&[])).unwrap() }
        };
        note(&memo, &site, &words(0), "").await;
        for number in 1..=3 * ENTRIES {
            let SiteAnswer::Done(response) = site.answer(request(&[])).await else { panic!("the site has it") };
            drop(memo.note(words(number), MARK, response).await);
            assert!(memo.write().by_words.len() <= ENTRIES);
        }
        assert!(memo.recall(&words(3 * ENTRIES), &request(&[]), &site, MARK).is_some());
    }
}
