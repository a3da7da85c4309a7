//! A file that is open already as tower-http's `ServeDir` reads it: it is asked for one name, and its [`Backend`] has one file.

use std::{
    future::{Ready, ready},
    io::{self, Cursor, SeekFrom},
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::SystemTime,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::{
    ServeDir,
    fs::{Backend, File, Metadata},
};

use super::Source;
use crate::site::respond;

/// One read of a larger file.
const CHUNK_BYTES: usize = 128 * 1024;

/// The answer to a request for this file, or for a range of it.
pub(super) async fn answer(source: Source, length: u64, method: &Method, range: Option<HeaderValue>) -> Response<Body> {
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = Uri::from_static("/file");
    if let Some(range) = range {
        request.headers_mut().insert(header::RANGE, range);
    }
    let mut service = ServeDir::with_backend("", One::new(source, Facts(length)))
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

/// The backend that has one file, once.
#[derive(Clone)]
struct One {
    facts: Facts,
    source: Arc<Mutex<Option<Source>>>,
}

impl One {
    fn new(source: Source, facts: Facts) -> Self {
        Self { facts, source: Arc::new(Mutex::new(Some(source))) }
    }
}

impl Backend for One {
    type File = Open;
    type Metadata = Facts;
    type OpenFuture = Ready<io::Result<Open>>;
    type MetadataFuture = Ready<io::Result<Facts>>;

    fn open(&self, _: PathBuf) -> Self::OpenFuture {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).take();
        ready(source.map(|source| Open::new(source, self.facts)).ok_or_else(|| io::ErrorKind::NotFound.into()))
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
    reader: Reader,
}

enum Reader {
    Memory(Cursor<Bytes>),
    File(tokio::fs::File),
}

impl Open {
    fn new(source: Source, facts: Facts) -> Self {
        let reader = match source {
            Source::Memory(bytes) => Reader::Memory(Cursor::new(bytes)),
            Source::File(file) => Reader::File(tokio::fs::File::from_std(file)),
        };
        Self { facts, reader }
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
        match &mut self.get_mut().reader {
            Reader::Memory(bytes) => Pin::new(bytes).poll_read(context, buffer),
            Reader::File(file) => Pin::new(file).poll_read(context, buffer),
        }
    }
}

impl AsyncSeek for Open {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        match &mut self.get_mut().reader {
            Reader::Memory(bytes) => Pin::new(bytes).start_seek(position),
            Reader::File(file) => Pin::new(file).start_seek(position),
        }
    }

    fn poll_complete(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        match &mut self.get_mut().reader {
            Reader::Memory(bytes) => Pin::new(bytes).poll_complete(context),
            Reader::File(file) => Pin::new(file).poll_complete(context),
        }
    }
}
