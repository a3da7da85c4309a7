//! Static files: tower-http's `ServeDir` over a descriptor that the guard opened.
//!
//! Beside `app.js` may stand `app.js.br`, `app.js.zst` and `app.js.gz`, made by a build: clients that take the coding get them
//! in its place. Pages are sent as they are, because a script has to be put into them.
//!
//! `ServeDir` knows ranges; it never sees a path. It is asked for one name, and its [`Backend`] answers with the one file that is
//! open already, so what was checked is what is served. Conditions are judged here, because its entity tags are made of size and
//! modification time alone.

use std::{
    fs,
    future::{Ready, ready},
    io::{self, Cursor, Read, SeekFrom},
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::SystemTime,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::{
    ServeDir,
    fs::{Backend, File, Metadata},
};

use super::{
    guard::{Guard, OpenError, OpenFile, Opened},
    media, respond,
    validator::{Validators, Verdict},
};
use crate::negotiate::{AcceptEncoding, Coding, Prefers, Problem};

/// Files up to this size are read in one go: cheaper than streaming them, and what is sent is one state of the file.
const SMALL_BYTES: u64 = 256 * 1024;

/// One read of a larger file.
const CHUNK_BYTES: usize = 128 * 1024;

/// Answers `GET` and `HEAD` with a file that was asked for by `name`, or with what stands beside it in a coding that the client
/// takes.
pub(super) async fn serve_coded(
    guard: Option<&Guard>,
    opened: Box<OpenFile>,
    name: &str,
    method: &Method,
    request: &HeaderMap,
) -> Response<Body> {
    let Some(guard) = guard.filter(|_| !is_page(name)) else { return serve(opened, name, method, request).await };
    let mut response = match sibling(guard, &opened, name, request) {
        Some((coding, file)) => coded(coding, serve(file, name, method, request).await),
        None => serve(opened, name, method, request).await,
    };
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    response
}

/// Answers `GET` and `HEAD` with a file that was asked for by `name`.
pub(super) async fn serve(opened: Box<OpenFile>, name: &str, method: &Method, request: &HeaderMap) -> Response<Body> {
    let content_type = media::content_type(name);
    match Content::of(*opened) {
        Ok(content) => send(content, content_type, method, request).await,
        Err(error) => respond::open_failed(&OpenError::from(error), request, Prefers::Html),
    }
}

fn is_page(name: &str) -> bool {
    media::content_type(name).starts_with("text/html")
}

/// The best of the encoded files beside `file`, if the client takes one rather than the file itself. One that is older was made
/// of something else.
fn sibling(guard: &Guard, file: &OpenFile, name: &str, request: &HeaderMap) -> Option<(Coding, Box<OpenFile>)> {
    let modified = file.metadata.modified().ok()?;
    AcceptEncoding::parse(request).ranked(&Coding::ENCODED).into_iter().find_map(|coding| {
        let name = format!("{name}.{}", extension(coding)?);
        let segments: Vec<&str> = name.split('/').collect();
        let Ok(Opened::File(sibling)) = guard.open(&segments) else { return None };
        (sibling.metadata.modified().ok()? >= modified).then_some((coding, sibling))
    })
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

/// Says what the bytes are encoded in, where there are any.
fn coded(coding: Coding, mut response: Response<Body>) -> Response<Body> {
    if response.status().is_success() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
    }
    response
}

async fn send(content: Content, content_type: String, method: &Method, request: &HeaderMap) -> Response<Body> {
    let validators = content.validators(SystemTime::now());
    let mut response = match validators.judge(request) {
        Verdict::Failed => return respond::precondition_failed().respond(request, Prefers::Html),
        Verdict::NotModified => respond::empty(StatusCode::NOT_MODIFIED),
        Verdict::Proceed => through_serve_dir(content, method, range(&validators, method, request)).await,
    };
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        return unsatisfiable(&response, request);
    }
    let headers = response.headers_mut();
    headers.remove(header::LAST_MODIFIED);
    headers.remove(header::ETAG);
    validators.put(headers);
    match HeaderValue::from_str(&content_type) {
        Ok(content_type) if response.status() != StatusCode::NOT_MODIFIED => {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        _ => (),
    }
    response
}

/// The range to answer, if the client still may have one.
fn range(validators: &Validators, method: &Method, request: &HeaderMap) -> Option<HeaderValue> {
    let asked = request.get(header::RANGE).filter(|_| method == Method::GET && validators.allows_range(request));
    asked.cloned()
}

async fn through_serve_dir(content: Content, method: &Method, range: Option<HeaderValue>) -> Response<Body> {
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = Uri::from_static("/file");
    if let Some(range) = range {
        request.headers_mut().insert(header::RANGE, range);
    }
    let mut service = ServeDir::with_backend("", One::new(content))
        .append_index_html_on_directories(false)
        .ignore_multi_range_requests(true)
        .with_buf_chunk_size(CHUNK_BYTES);
    match service.try_call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::warn!(%error, "a file could not be read");
            respond::empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn unsatisfiable(response: &Response<Body>, request: &HeaderMap) -> Response<Body> {
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "the file does not have the range that was asked for");
    match response.headers().get(header::CONTENT_RANGE) {
        Some(size) => problem.header(header::CONTENT_RANGE, size.clone()),
        None => problem,
    }
    .respond(request, Prefers::Html)
}

/// What is in a file: at hand, or to be streamed.
enum Content {
    Small(Bytes, fs::Metadata),
    Large(fs::File, fs::Metadata),
}

impl Content {
    fn of(opened: OpenFile) -> io::Result<Self> {
        let OpenFile { file, metadata, .. } = opened;
        if metadata.len() > SMALL_BYTES {
            return Ok(Self::Large(file, metadata));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        (&file).take(SMALL_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > SMALL_BYTES {
            let metadata = file.metadata()?;
            return Ok(Self::Large(file, metadata));
        }
        Ok(Self::Small(bytes.into(), metadata))
    }

    fn validators(&self, now: SystemTime) -> Validators {
        match self {
            Self::Small(bytes, metadata) => Validators::of_content(metadata, now, bytes),
            Self::Large(_, metadata) => Validators::of_file(metadata, now),
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::Small(bytes, _) => Facts(bytes.len() as u64),
            Self::Large(_, metadata) => Facts(metadata.len()),
        }
    }
}

/// The backend that has one file, once.
#[derive(Clone)]
struct One {
    facts: Facts,
    content: Arc<Mutex<Option<Content>>>,
}

impl One {
    fn new(content: Content) -> Self {
        Self { facts: content.facts(), content: Arc::new(Mutex::new(Some(content))) }
    }
}

impl Backend for One {
    type File = Open;
    type Metadata = Facts;
    type OpenFuture = Ready<io::Result<Open>>;
    type MetadataFuture = Ready<io::Result<Facts>>;

    fn open(&self, _: PathBuf) -> Self::OpenFuture {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner).take();
        ready(content.map(|content| Open::new(content, self.facts)).ok_or_else(|| io::ErrorKind::NotFound.into()))
    }

    fn metadata(&self, _: PathBuf) -> Self::MetadataFuture {
        ready(Ok(self.facts))
    }
}

/// The length of the file; its times are told by [`Validators`].
#[derive(Clone, Copy)]
struct Facts(u64);

impl Metadata for Facts {
    fn is_dir(&self) -> bool {
        false
    }

    fn modified(&self) -> io::Result<SystemTime> {
        Ok(SystemTime::UNIX_EPOCH)
    }

    fn len(&self) -> u64 {
        self.0
    }
}

/// The opened file as `ServeDir` reads it.
struct Open {
    facts: Facts,
    source: Source,
}

enum Source {
    Small(Cursor<Bytes>),
    Large(tokio::fs::File),
}

impl Open {
    fn new(content: Content, facts: Facts) -> Self {
        let source = match content {
            Content::Small(bytes, _) => Source::Small(Cursor::new(bytes)),
            Content::Large(file, _) => Source::Large(tokio::fs::File::from_std(file)),
        };
        Self { facts, source }
    }
}

impl File for Open {
    type Metadata = Facts;
    type MetadataFuture<'a> = Ready<io::Result<Facts>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        ready(Ok(self.facts))
    }
}

impl AsyncRead for Open {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().source {
            Source::Small(bytes) => Pin::new(bytes).poll_read(context, buffer),
            Source::Large(file) => Pin::new(file).poll_read(context, buffer),
        }
    }
}

impl AsyncSeek for Open {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        match &mut self.get_mut().source {
            Source::Small(bytes) => Pin::new(bytes).start_seek(position),
            Source::Large(file) => Pin::new(file).start_seek(position),
        }
    }

    fn poll_complete(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        match &mut self.get_mut().source {
            Source::Small(bytes) => Pin::new(bytes).poll_complete(context),
            Source::Large(file) => Pin::new(file).poll_complete(context),
        }
    }
}
