//! Static files, opened by the guard, and kept in memory where they are small.
//!
//! [`Public::open`] gives a file by its segments. What is kept of it is believed only after a look at the file itself, beneath the
//! root as at the first time: the watcher makes room early, it proves nothing. [`Public::serve`] answers with it. A plain `GET` of the
//! whole is answered here. Single ranges are left to tower-http's `ServeDir` (`serve_dir`), which never sees a path; several in one
//! request are ours (`ranges`). Conditions are judged by [`Validators`]: entity tags are made of content, or of all that the file
//! system knows of a change.
//!
//! Beside `app.js` may stand `app.js.br`, `app.js.zst` and `app.js.gz`, made by a build: clients that take the coding get them
//! in its place. Pages are sent as they are, because a script has to be put into them. All else is encoded on its way out, and the
//! encoded forms are kept here ([`Forms`]).

mod cache;
mod forms;
mod proof;
mod ranges;
mod room;
mod serve_dir;
mod state;
mod stream;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::{
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use uuid::Uuid;

pub(super) use self::proof::Looked;
use self::{
    cache::Cache,
    ranges::Several,
    state::State,
    stream::{Piece, Stream},
};
pub(crate) use self::{forms::Forms, proof::Proof};
use super::{
    guard::{Guard, OpenError, Opened},
    identity::Identity,
    respond,
    validator::{Validators, Verdict},
};
use crate::negotiate::{AcceptEncoding, Coding, Prefers, Problem};

/// What makes the answer to a request another one than the whole file.
static CONDITIONS: [HeaderName; 5] =
    [header::RANGE, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_MATCH, header::IF_UNMODIFIED_SINCE];

/// The header fields of an answer, those of the layers included: room for them is made once.
const FIELDS: usize = 14;

/// The folder of files that are served as they are.
#[derive(Debug)]
pub(super) struct Public {
    guard: Guard,
    cache: Cache,
}

/// What was found.
pub(super) enum Found {
    /// A file.
    File(Content),
    /// A folder.
    Folder,
}

/// A state of a file, and where its bytes are.
pub(super) struct Content {
    state: Arc<State>,
    source: Source,
}

impl Content {
    /// What it is, as `type/subtype`.
    pub(super) fn essence(&self) -> &str {
        let media_type = self.state.media_type.to_str().unwrap_or_default();
        media_type.split(';').next().unwrap_or_default()
    }
}

enum Source {
    Memory(Bytes),
    File(File),
}

impl Public {
    pub(super) fn new(guard: Guard) -> Self {
        Self { guard, cache: Cache::new() }
    }

    /// Opens the file or folder that `segments` name.
    pub(super) fn open<S: AsRef<str>>(&self, segments: &[S]) -> Result<Found, OpenError> {
        let name = segments.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/");
        if let Some(content) = self.kept(&name) {
            return Ok(Found::File(content));
        }
        let opened = match self.guard.open(segments)? {
            Opened::Folder => return Ok(Found::Folder),
            Opened::File(opened) => opened,
        };
        let known =
            self.cache.get(&name).filter(|state| state.identity.is_some() && state.identity == Identity::of(&opened.metadata));
        let state = match known {
            Some(state) => state,
            None => {
                let state = Arc::new(State::read(&opened, &name, self.cache.room(), self.cache.settled())?);
                // What a link led to is looked up anew each time: it may lead elsewhere.
                if opened.path == self.guard.root().join(&name) {
                    self.cache.keep(&name, &state);
                }
                state
            }
        };
        let source = match &state.content {
            Some(content) => Source::Memory(content.clone()),
            None => Source::File(opened.file),
        };
        Ok(Found::File(Content { state, source }))
    }

    /// The names in a folder; all of them may be opened.
    pub(super) fn names<S: AsRef<str>>(&self, folder: &[S]) -> Vec<String> {
        self.guard.names(folder)
    }

    /// A file that is in memory, if it still is what it was when it was read: nobody has to open it then.
    ///
    /// Only files that were opened by their own names, without a link on the way, are kept. So whether the deny list or another
    /// owner closes the name was decided by the name, and holds; that the name still leads there without a link is what is looked at.
    pub(super) fn kept(&self, name: &str) -> Option<Content> {
        let state = self.cache.get(name)?;
        let content = state.content.clone()?;
        if self.guard.look(name).is_ok_and(|found| Some(found) == state.identity) {
            return Some(Content { state, source: Source::Memory(content) });
        }
        self.cache.drop_state(name, &state);
        None
    }

    /// Whether all that an answer was made of is as it was.
    pub(super) fn proves(&self, proof: &Proof) -> bool {
        let (there, absent) = proof.parts();
        let is_same =
            |(name, state): &(String, Arc<State>)| self.kept(name).is_some_and(|found| Arc::ptr_eq(&found.state, state));
        there.iter().all(is_same) && absent.iter().all(|name| self.guard.is_absent(name))
    }

    /// Makes room of what is kept of these files and folders. Paths are absolute.
    pub(super) fn forget(&self, changed: impl Iterator<Item = PathBuf>) {
        let below = changed.filter_map(|path| path.strip_prefix(self.guard.root()).ok().map(Path::to_owned));
        self.cache.forget(&below.collect());
    }

    /// Answers `GET` and `HEAD` with a file that was asked for by `name`, or with what stands beside it in a coding that the client
    /// takes.
    pub(super) fn serve_coded(
        &self,
        content: Content,
        name: &str,
        method: &Method,
        request: &HeaderMap,
    ) -> impl Future<Output = Response<Body>> + Send {
        let is_page = content.state.media_type.as_bytes().starts_with(b"text/html");
        let mut looked = Looked::of(name, &content);
        let sibling = if is_page { None } else { self.sibling(&content, name, request, &mut looked) };
        async move {
            let media_type = content.state.media_type.clone();
            let (coding, content) = sibling.map_or((None, content), |(coding, content)| (Some(coding), content));
            let mut response = serve_as(content, media_type, method, request).await;
            if let Some(coding) = coding.filter(|_| response.status().is_success()) {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
            }
            looked.prove(&mut response);
            if !is_page && (response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED) {
                response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
            }
            response
        }
    }

    /// The best of the encoded files beside `file`, if the client takes one rather than the file itself. One that is older was made
    /// of something else.
    fn sibling(&self, file: &Content, name: &str, request: &HeaderMap, looked: &mut Looked) -> Option<(Coding, Content)> {
        if !request.contains_key(header::ACCEPT_ENCODING) {
            return None;
        }
        let modified = file.state.metadata.modified().ok()?;
        AcceptEncoding::parse(request).ranked(&Coding::ENCODED).into_iter().find_map(|coding| {
            let name = format!("{name}.{}", extension(coding)?);
            let segments: Vec<&str> = name.split('/').collect();
            let sibling = match self.open(&segments) {
                Ok(Found::File(sibling)) => sibling,
                Err(OpenError::Missing) => {
                    looked.missed(&name);
                    return None;
                }
                _ => {
                    looked.doubted();
                    return None;
                }
            };
            looked.found(&name, &sibling);
            (sibling.state.metadata.modified().ok()? >= modified).then_some((coding, sibling))
        })
    }
}

/// How tools name what they encoded.
fn extension(coding: Coding) -> Option<&'static str> {
    match coding {
        Coding::Identity => None,
        Coding::Gzip => Some("gz"),
        Coding::Zstd => Some("zst"),
        Coding::Brotli => Some("br"),
    }
}

/// Answers `GET` and `HEAD` with a file.
pub(super) async fn serve(content: Content, method: &Method, request: &HeaderMap) -> Response<Body> {
    let media_type = content.state.media_type.clone();
    serve_as(content, media_type, method, request).await
}

async fn serve_as(content: Content, media_type: HeaderValue, method: &Method, request: &HeaderMap) -> Response<Body> {
    let Content { state, source } = content;
    let now = SystemTime::now();
    if !CONDITIONS.iter().any(|name| request.contains_key(name)) {
        return whole(&state, source, media_type, now);
    }
    let validators = state.validators(now);
    match validators.judge(request) {
        Verdict::Failed => return respond::precondition_failed().respond(request, Prefers::Html),
        Verdict::NotModified => {
            let mut response = respond::empty(StatusCode::NOT_MODIFIED);
            validators.put(response.headers_mut());
            return response;
        }
        Verdict::Proceed => (),
    }
    let Some(range) = range(&validators, method, request) else { return whole(&state, source, media_type, now) };
    let mut response = match ranges::several(range, state.length) {
        Several::No => Box::pin(serve_dir::answer(source, state.length, method, Some(range.clone()))).await,
        Several::Whole => return whole(&state, source, media_type, now),
        Several::Unsatisfiable => return unsatisfiable(Some(bytes_of(state.length)), request),
        Several::Parts(parts) => match &parts[..] {
            [part] => Box::pin(serve_dir::answer(source, state.length, method, single(part))).await,
            _ => return multipart(source, &state, &parts, &media_type, &validators),
        },
    };
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        return unsatisfiable(response.headers().get(header::CONTENT_RANGE).cloned(), request);
    }
    describe(&mut response, media_type, &validators);
    response
}

/// The whole file. It is answered here, as `ServeDir` takes ten times as long for a small one.
fn whole(state: &State, source: Source, media_type: HeaderValue, now: SystemTime) -> Response<Body> {
    let body = match source {
        Source::Memory(bytes) => Body::from(bytes),
        Source::File(file) => Body::new(Stream::new(file, [Piece::Span(0..state.length)])),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.reserve(FIELDS);
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CONTENT_LENGTH, state.length.into());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(tag) = &state.tag {
        headers.insert(header::ETAG, tag.clone());
    }
    if let Some(date) = state.date(now) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    if let Some(forms) = &state.forms {
        response.extensions_mut().insert(forms.clone());
    }
    response
}

/// The range to answer, if the client still may have one.
fn range<'r>(validators: &Validators, method: &Method, request: &'r HeaderMap) -> Option<&'r HeaderValue> {
    request.get(header::RANGE).filter(|_| method == Method::GET && validators.allows_range(request))
}

fn single(part: &Range<u64>) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("bytes={}-{}", part.start, part.end - 1)).ok()
}

fn bytes_of(length: u64) -> HeaderValue {
    HeaderValue::try_from(format!("bytes */{length}")).unwrap_or(HeaderValue::from_static("bytes */*"))
}

/// Several parts of a file in one answer: RFC 9110 §14.6.
fn multipart(
    source: Source,
    state: &State,
    parts: &[Range<u64>],
    media_type: &HeaderValue,
    validators: &Validators,
) -> Response<Body> {
    let boundary = Uuid::now_v7().simple().to_string();
    let shown = media_type.to_str().unwrap_or("application/octet-stream");
    let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
    for (number, part) in parts.iter().enumerate() {
        let (gap, last) = (if number == 0 { "" } else { "\r\n" }, part.end - 1);
        let head = format!(
            "{gap}--{boundary}\r\nContent-Type: {shown}\r\nContent-Range: bytes {}-{last}/{}\r\n\r\n",
            part.start, state.length
        );
        pieces.extend([Piece::Text(head.into()), Piece::Span(part.clone())]);
    }
    pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
    let length = stream::length(&pieces);
    let body = match source {
        Source::Memory(bytes) => Body::from(stream::cut(&bytes, pieces)),
        Source::File(file) => Body::new(Stream::new(file, pieces)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    match HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}")) {
        Ok(media_type) => describe(&mut response, media_type, validators),
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    response
}

/// Says what the bytes are, and of which state.
fn describe(response: &mut Response<Body>, media_type: HeaderValue, validators: &Validators) {
    let headers = response.headers_mut();
    headers.remove(header::LAST_MODIFIED);
    headers.remove(header::ETAG);
    validators.put(headers);
    headers.insert(header::CONTENT_TYPE, media_type);
}

fn unsatisfiable(size: Option<HeaderValue>, request: &HeaderMap) -> Response<Body> {
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "the file does not have the range that was asked for");
    match size {
        Some(size) => problem.header(header::CONTENT_RANGE, size),
        None => problem,
    }
    .respond(request, Prefers::Html)
}
