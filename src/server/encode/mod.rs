//! Encodes our own answers on their way out: brotli, zstd or gzip, as the client takes it.
//!
//! [`EncodeLayer`] stands just outside of the injection, which has to see plain HTML. It touches an answer only if that is marked
//! as [`Encodable`]: what the app answers is its own affair. A body is read whole, so that its length is said and one that would
//! not become smaller goes out as it is.
//!
//! What is a file's keeps its encoded forms with it ([`Forms`]): it is encoded once for all who ask.
//!
//! `eligible` says which answers are worth it, `compress` makes the bytes, `tags` keeps the entity tags of the codings apart.
//! Absent here: files that a build has encoded already (the site sends them), and anything that streams.

mod compress;
mod eligible;
mod tags;
#[cfg(test)]
mod tests;

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{TryFutureExt, stream};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, VARY},
    response::Parts,
};
use http_body_util::{BodyExt, Limited};
use tower::{Layer, Service};

use self::{eligible::MAX_BYTES, tags::Known};
use crate::{
    negotiate::{AcceptEncoding, Coding},
    site::Forms,
};

type BoxError = Box<dyn Error + Send + Sync>;

/// Marks an answer, among its extensions, as one of our own, which may be encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encodable;

/// Encodes answers that are [`Encodable`].
#[derive(Clone, Copy, Debug)]
pub(super) struct EncodeLayer;

/// [`EncodeLayer`] around a service.
#[derive(Clone, Debug)]
pub(super) struct EncodeService<S>(S);

impl<S> Layer<S> for EncodeLayer {
    type Service = EncodeService<S>;

    fn layer(&self, inner: S) -> EncodeService<S> {
        EncodeService(inner)
    }
}

impl<S> Service<Request<Body>> for EncodeService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let asked = Asked::of(&mut request);
        // Written as a block, it would have room for the answer below twice: as what it was given, and as what it waits for.
        Box::pin(self.0.call(request).and_then(async move |response| Ok(asked.finish(response).await)))
    }
}

/// What is remembered of a request until its answer comes.
struct Asked {
    coding: Coding,
    is_head: bool,
    known: Known,
}

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// It is none of our business.
    Leave,
    /// It could be encoded, and this client wants it plain.
    Plain,
    /// The client has the encoded bytes already.
    Refresh,
    /// It is encoded; its body, if it has one, has to be.
    Encode,
}

impl Asked {
    /// Reads a request, and gives it back the entity tags of the plain answers.
    fn of(request: &mut Request<Body>) -> Self {
        let coding = AcceptEncoding::parse(request.headers()).choose(&Coding::ENCODED);
        let known = Known::take(request.method().clone(), request.headers_mut(), coding);
        Self { coding, is_head: *request.method() == Method::HEAD, known }
    }

    /// Decides by head alone.
    fn decide(&self, head: &Parts, body: &Body) -> Decision {
        match head.status {
            _ if head.extensions.get::<Encodable>().is_none() => Decision::Leave,
            StatusCode::NOT_MODIFIED if self.known.has(&head.headers) => Decision::Refresh,
            _ if !eligible::is_eligible(head, body) => Decision::Leave,
            _ if self.coding == Coding::Identity => Decision::Plain,
            _ => Decision::Encode,
        }
    }

    async fn finish(&self, response: Response<Body>) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        let decision = self.decide(&head, &body);
        if decision != Decision::Leave {
            vary(&mut head.headers);
        }
        let body = match decision {
            Decision::Leave | Decision::Plain => body,
            Decision::Refresh => {
                tags::mark(&mut head.headers, self.coding);
                body
            }
            // The length is not worth the work: HEAD may leave it out (RFC 9110 §9.3.2).
            Decision::Encode if self.is_head => {
                self.describe(&mut head.headers);
                head.headers.remove(CONTENT_LENGTH);
                body
            }
            Decision::Encode => Box::pin(self.encode(&mut head, body)).await,
        };
        Response::from_parts(head, body)
    }

    /// The body encoded, or as it is where that is not longer. What is kept with a file is not made again.
    async fn encode(&self, head: &mut Parts, body: Body) -> Body {
        let kept = head.extensions.remove::<Forms>().filter(|kept| kept.are_of(&head.headers));
        let mut plain = Plain::Unread(body);
        let encoded = match kept {
            Some(kept) => kept.encoded(self.coding, plain.encode(self.coding)).await,
            None => plain.encode(self.coding).await,
        };
        match encoded {
            Ok(Some(encoded)) => {
                self.describe(&mut head.headers);
                head.headers.insert(CONTENT_LENGTH, encoded.len().into());
                Body::from(encoded)
            }
            Ok(None) => plain.into_body(),
            // It breaks off on the wire as well, so that nobody takes it for whole.
            Err(error) => Body::from_stream(stream::iter([Err::<Bytes, _>(error)])),
        }
    }

    /// Makes the fields those of the encoded answer. Ranges would be of its bytes, and there is nothing that keeps them.
    fn describe(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(self.coding.token()));
        headers.remove(ACCEPT_RANGES);
        tags::mark(headers, self.coding);
    }
}

/// The body of an answer that may become an encoded one.
enum Plain {
    Unread(Body),
    Read(Bytes),
}

impl Plain {
    /// Reads it and encodes it; `None` where that does not make it shorter.
    async fn encode(&mut self, coding: Coding) -> Result<Option<Bytes>, BoxError> {
        if let Self::Unread(body) = self {
            let body = std::mem::take(body);
            *self = Self::Read(Limited::new(body, MAX_BYTES).collect().await?.to_bytes());
        }
        let Self::Read(plain) = self else { return Ok(None) };
        let encoded = compress::compress(coding, plain).await?;
        Ok((encoded.len() < plain.len()).then(|| encoded.into()))
    }

    fn into_body(self) -> Body {
        match self {
            Self::Unread(body) => body,
            Self::Read(bytes) => Body::from(bytes),
        }
    }
}

/// Adds what was looked at to what the answer says already.
fn vary(headers: &mut HeaderMap) {
    let lines = headers.get_all(VARY).into_iter().filter_map(|line| line.to_str().ok());
    let mut names = lines.flat_map(|line| line.split(',')).map(str::trim);
    if !names.any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding")) {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}
