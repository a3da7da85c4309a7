//! Who may read and write from another origin: the CORS protocol (Fetch standard), spoken by tower-http.
//!
//! [`Grant`] knows who was granted what; [`Cors`] is the layer. It answers preflights of granted origins itself, before anything
//! is recorded, delayed or asked; to the answers of their other requests it adds the grant. A request of any other origin goes on
//! as it is: without a grant a browser keeps the answer from the page, and a program behind may have grants of its own.
//!
//! No answer allows every origin, and none speaks of private networks.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use tower::{Layer, Service, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer, ExposeHeaders};

use crate::config::CorsConfig;

/// Who was granted what; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Grant(Arc<CorsConfig>);

impl Grant {
    pub(super) fn new(config: &CorsConfig) -> Self {
        Self(Arc::new(config.clone()))
    }

    /// No grant at all.
    pub(super) fn nobody() -> Self {
        Self::new(&CorsConfig::default())
    }

    /// Whether nobody was granted anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.origins.is_empty()
    }

    /// Whether pages of this origin were granted something.
    pub(super) fn covers(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.0.origins.iter().any(|origins| origins.contain(origin)))
    }

    /// Whether granted pages may ask by this method.
    pub(super) fn takes(&self, method: &Method) -> bool {
        self.0.methods.as_ref().is_none_or(|methods| methods.contains(method))
    }

    /// Whether granted pages may send this header.
    pub(super) fn takes_header(&self, name: &HeaderName) -> bool {
        self.0.headers.as_ref().is_none_or(|headers| headers.contains(name))
    }
}

/// The method a browser asks to use in a preflight; `None` for every other request. A plain `OPTIONS` is none: it is answered by
/// whoever answers the address.
pub(super) fn preflighted(request: &Request<Body>) -> Option<&HeaderValue> {
    let is_preflight = request.method() == Method::OPTIONS && request.headers().contains_key(header::ORIGIN);
    request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|_| is_preflight)
}

/// Adds what was granted to answers.
#[derive(Clone)]
pub(super) struct Cors {
    grant: Grant,
    /// tower-http with nothing behind it: what it answers is what it adds.
    protocol: BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>,
    /// The request headers that the answer to a preflight depends on.
    preflight_varies: &'static str,
}

impl Cors {
    /// The layer; `None` when nobody was granted anything.
    pub(super) fn new(grant: &Grant) -> Option<Self> {
        let nothing = service_fn(async |_| Ok(Response::new(Body::empty())));
        let preflight_varies = match grant.0.headers {
            Some(_) => "Origin, Access-Control-Request-Method",
            None => "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        };
        let protocol = BoxCloneSyncService::new(protocol(grant).layer(nothing));
        (!grant.is_empty()).then(|| Self { grant: grant.clone(), protocol, preflight_varies })
    }

    async fn preflight(self, request: Request<Body>) -> Response<Body> {
        let Ok(mut response) = self.protocol.oneshot(request).await;
        response.headers_mut().insert(header::VARY, HeaderValue::from_static(self.preflight_varies));
        response
    }

    /// Adds the grant. What a program behind said of the same is replaced, but for the headers that it exposes.
    async fn dress(self, origin: HeaderValue, response: &mut Response<Body>) {
        let mut plain = Request::new(Body::empty());
        plain.headers_mut().insert(header::ORIGIN, origin);
        let Ok(granted) = self.protocol.oneshot(plain).await;
        let headers = response.headers_mut();
        headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        for (name, value) in granted.headers() {
            if name == header::ACCESS_CONTROL_EXPOSE_HEADERS {
                headers.append(name, value.clone());
            } else {
                headers.insert(name, value.clone());
            }
        }
    }
}

/// Its `Vary` would name all that any preflight depends on, on every answer; ours is exact.
fn protocol(grant: &Grant) -> CorsLayer {
    let Grant(config) = grant;
    let methods = config.methods.clone().map_or_else(AllowMethods::mirror_request, AllowMethods::list);
    let headers = config.headers.clone().map_or_else(AllowHeaders::mirror_request, AllowHeaders::list);
    let granted = grant.clone();
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| granted.covers(origin)))
        .allow_methods(methods)
        .allow_headers(headers)
        .expose_headers(ExposeHeaders::list(config.expose.clone()))
        .allow_credentials(config.credentials)
        .vary([]);
    match config.max_age {
        Some(age) => layer.max_age(age),
        None => layer,
    }
}

/// Adds `Origin` to what the answer depends on (RFC 9110 §12.5.5), in the one line that clients of every kind read.
fn vary_on_origin(headers: &mut HeaderMap) {
    let lines: Vec<_> = headers.get_all(header::VARY).iter().map(HeaderValue::as_bytes).collect();
    let mut line = lines.join(b", ".as_slice());
    let names = |name: &[u8]| name == b"*" || name.eq_ignore_ascii_case(b"origin");
    if line.split(|byte| *byte == b',').any(|name| names(name.trim_ascii())) {
        return;
    }
    line.extend_from_slice(if line.is_empty() { b"Origin" } else { b", Origin" });
    if let Ok(line) = HeaderValue::from_bytes(&line) {
        headers.insert(header::VARY, line);
    }
}

impl<S> Layer<S> for Cors {
    type Service = Shared<S>;

    fn layer(&self, inner: S) -> Shared<S> {
        Shared { inner, cors: self.clone() }
    }
}

/// The service of [`Cors`].
#[derive(Clone)]
pub(super) struct Shared<S> {
    inner: S,
    cors: Cors,
}

impl<S> Service<Request<Body>> for Shared<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let cors = self.cors.clone();
        let granted = request.headers().get(header::ORIGIN).filter(|origin| cors.grant.covers(origin)).cloned();
        if granted.is_some() && preflighted(&request).is_some() {
            return Box::pin(async move { Ok(cors.preflight(request).await) });
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if let Some(origin) = granted {
                cors.dress(origin, &mut response).await;
            }
            vary_on_origin(response.headers_mut());
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program's answer to a page of `origin` becomes.
    async fn dressed(origin: &'static str, answer: &'static [(&'static str, &'static str)]) -> Vec<String> {
        let origins = vec!["http://a.example".parse().unwrap()];
        let config = CorsConfig { origins, expose: vec![header::ETAG], credentials: false, ..CorsConfig::default() };
        let program = service_fn(async move |_| {
            let mut response = Response::new(Body::empty());
            let pairs = answer.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            response.headers_mut().extend(pairs);
            Ok::<_, Infallible>(response)
        });
        let request = Request::get("/").header(header::ORIGIN, origin).body(Body::empty()).unwrap();
        let Ok(response) = Cors::new(&Grant::new(&config)).unwrap().layer(program).oneshot(request).await;
        let shown = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut shown: Vec<String> = response.headers().iter().map(shown).collect();
        shown.sort();
        shown
    }

    #[tokio::test]
    async fn our_grant_replaces_a_programs_and_what_is_not_ours_stays() {
        const PROGRAM: &[(&str, &str)] = &[
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "x-app"),
            ("vary", "cookie"),
        ];
        let granted = [
            "access-control-allow-origin: http://a.example",
            "access-control-expose-headers: etag",
            "access-control-expose-headers: x-app",
            "vary: cookie, Origin",
        ];
        assert_eq!(dressed("http://a.example", PROGRAM).await, granted);
        let own = [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: *",
            "access-control-expose-headers: x-app",
            "vary: cookie, Origin",
        ];
        assert_eq!(dressed("http://b.example", PROGRAM).await, own);
    }

    #[test]
    fn vary_names_the_origin_once() {
        let check = |lines: &[&str], expected: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::VARY, line.parse().unwrap());
            }
            vary_on_origin(&mut headers);
            assert_eq!(headers.get_all(header::VARY).iter().collect::<Vec<_>>(), expected, "{lines:?}");
        };
        check(&[], &["Origin"]);
        check(&["Accept"], &["Accept, Origin"]);
        check(&["Accept", "Accept-Language"], &["Accept, Accept-Language, Origin"]);
        check(&["Accept, origin", "Cookie"], &["Accept, origin", "Cookie"]);
        check(&["*"], &["*"]);
        check(&["X-Origin"], &["X-Origin, Origin"]);
    }
}
