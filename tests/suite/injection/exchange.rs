//! One page through the layer, in memory.

use std::{convert::Infallible, io};

use axum::body::Body;
use bytes::Bytes;
use everlit::{
    generation::{Generation, Standing},
    reload::inject::{Inject, InjectLayer},
};
use futures_util::{FutureExt, stream};
use http::{HeaderMap, HeaderName, Request, Response};
use http_body_util::BodyExt;
use tokio::sync::watch;
use tower::{Layer, ServiceExt, service_fn};

/// The tag as it is without a nonce.
pub(super) const TAG: &str = r#"<script src="/__everlit/client.js" data-generation="7" async></script>"#;

/// The host pages are asked of.
pub(super) const HOST: &str = "localhost:4747";

/// What a page came to.
pub(super) struct Got {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A page: what it is asked and answered with, and the pieces it comes in.
#[derive(Clone, Default)]
pub(super) struct Page {
    pub(super) asked: Vec<(&'static str, String)>,
    pub(super) answered: Vec<(&'static str, String)>,
    pub(super) pieces: Vec<Vec<u8>>,
}

impl Page {
    pub(super) fn of(pieces: Vec<Vec<u8>>) -> Self {
        Self { pieces, ..Self::default() }
    }

    pub(super) fn asked(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.asked.push((name, value.into()));
        self
    }

    pub(super) fn answered(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.answered.push((name, value.into()));
        self
    }

    /// Sends it through the layer. It is HTML unless it says something else.
    pub(super) fn get(self) -> Got {
        let mut answered: HeaderMap = [("content-type", "text/html")].iter().map(field).collect();
        for (name, value) in &self.answered {
            answered.append(*name, value.parse().expect("a value"));
        }
        if answered.get_all("content-type").iter().count() > 1 {
            let last = answered.get_all("content-type").iter().next_back().cloned().expect("there is one");
            answered.insert("content-type", last);
        }
        let pieces = self.pieces;
        let app = service_fn(move |_: Request<Body>| {
            let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, io::Error>(Bytes::copy_from_slice(piece))).collect();
            let mut response = Response::new(Body::from_stream(stream::iter(pieces)));
            *response.headers_mut() = answered.clone();
            async { Ok::<_, Infallible>(response) }
        });
        let standing = watch::channel(Standing { generation: Generation(7), ..Standing::default() }).1;
        let mut request = Request::get("/").header("host", HOST);
        for (name, value) in &self.asked {
            request = request.header(*name, value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let exchange = async {
            let answer = InjectLayer::new(standing, Inject::On).layer(app).oneshot(request).await.expect("an answer");
            let (head, body) = answer.into_parts();
            let body = body.collect().await.expect("a whole body").to_bytes();
            Got { headers: head.headers, body: body.to_vec() }
        };
        exchange.now_or_never().expect("nothing to wait for")
    }
}

fn field((name, value): &(&'static str, &'static str)) -> (HeaderName, http::HeaderValue) {
    (HeaderName::from_static(name), http::HeaderValue::from_static(value))
}
