//! Says in the terminal that a page of another origin asked in vain, and which setting lets it.
//!
//! The browser's own message names neither. Each setting is hinted at once. Nothing is said where a program behind has granted
//! what Everlit has not, and nothing of what no setting can grant but a missing origin.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use tower::{Layer, Service};

use super::{
    cors::{Grant, preflighted},
    hosts::Named,
    origin::{Source, navigates, source},
};
use crate::{
    after::{After, Finish},
    config::Origins,
    telemetry::Notices,
};

/// Settings that are hinted at; a page cannot fill the terminal by inventing origins.
const HINTS: usize = 16;

/// The longest text in a hint that a client chooses, in bytes: a host name has 253 at best, and more than that nobody reads.
const LONGEST: usize = 300;

/// Hints at what would have to be granted.
#[derive(Clone)]
pub(super) struct CorsHint(Arc<Inner>);

struct Inner {
    grant: Grant,
    hinted: Mutex<HashSet<String>>,
    notices: Notices,
}

/// What a page asked for and may not have.
pub(super) struct Vain {
    hint: CorsHint,
    /// `a page of http://a asked for /posts and may not read it`.
    what: String,
    /// What to do about it.
    setting: String,
    proof: Proof,
}

/// What shows in the answer that it was in vain.
#[derive(Clone, Copy, Debug)]
enum Proof {
    /// That it grants nothing: a program behind may have granted what we have not.
    NoGrant,
    /// That it is a refusal of ours: what is navigated to is shown without a grant, and what is granted was let through.
    Refusal,
    /// Nothing has to: the browser will find in it that what it asked for is not granted.
    Any,
}

impl Proof {
    fn is_in(self, answer: &Response<Body>) -> bool {
        match self {
            Self::NoGrant => !answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN),
            Self::Refusal => answer.status() == StatusCode::FORBIDDEN,
            Self::Any => true,
        }
    }
}

impl CorsHint {
    pub(super) fn new(grant: &Grant, notices: Notices) -> Self {
        Self(Arc::new(Inner { grant: grant.clone(), hinted: Mutex::default(), notices }))
    }

    /// What the request asks for in vain, unless a program behind grants it.
    fn vain(&self, request: &Request<Body>) -> Option<Vain> {
        let Named(host) = request.extensions().get()?;
        let headers = request.headers();
        let asked = preflighted(request).and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let method = asked.as_ref().unwrap_or(request.method());
        let (origin, setting, proof) = match source(headers, host, &self.0.grant) {
            Source::Foreign(origin) if navigates(headers) => (origin, self.origin_setting(origin)?, Proof::Refusal),
            Source::Foreign(origin) => (origin, self.origin_setting(origin)?, Proof::NoGrant),
            Source::Granted(origin) if asked.is_some() => (origin, self.detail_setting(method, headers)?, Proof::Any),
            Source::Granted(origin) => (origin, self.detail_setting(method, headers)?, Proof::Refusal),
            Source::Own | Source::Unnamed => return None,
        };
        let what = what(origin.to_str().ok()?, method, request.uri().path());
        Some(Vain { hint: self.clone(), what, setting, proof })
    }

    fn origin_setting(&self, origin: &HeaderValue) -> Option<String> {
        let text = origin.to_str().ok().filter(|text| text.len() <= LONGEST)?;
        if text == "null" {
            return Some("a file or a sandboxed frame has no origin that could be granted; open the page over http".to_owned());
        }
        let nameable = text.parse().is_ok_and(|origins: Origins| origins.is_one());
        nameable.then(|| match self.0.grant.is_empty() {
            true => format!("`[cors] origins = [\"{text}\"]` in everlit.toml lets it"),
            false => format!("\"{text}\" in `[cors] origins` of everlit.toml lets it"),
        })
    }

    fn detail_setting(&self, method: &Method, headers: &HeaderMap) -> Option<String> {
        if !self.0.grant.takes(method) && !is_always_taken(method) && method.as_str().len() <= LONGEST {
            return Some(format!("\"{method}\" in `[cors] methods` of everlit.toml lets it"));
        }
        let header = self.refused_header(headers)?;
        Some(format!("\"{header}\" in `[cors] headers` of everlit.toml lets it"))
    }

    /// The first header that a preflight asks for and that was not granted.
    fn refused_header(&self, headers: &HeaderMap) -> Option<HeaderName> {
        let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS)?.to_str().ok()?;
        let names = asked.split(',').filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok());
        names.filter(|name| name.as_str().len() <= LONGEST).find(|name| !self.0.grant.takes_header(name))
    }

    fn say(&self, what: &str, setting: &str) {
        let mut hinted = self.0.hinted.lock().unwrap_or_else(PoisonError::into_inner);
        if hinted.len() < HINTS && hinted.insert(setting.to_owned()) {
            self.0.notices.warn(format!("{what}; {setting}"));
        }
    }
}

impl Finish for Vain {
    fn finish(self, answer: Response<Body>) -> Response<Body> {
        if self.proof.is_in(&answer) {
            self.hint.say(&self.what, &self.setting);
        }
        answer
    }
}

/// What browsers ask by without a preflight. A write by `POST` is refused by us when it is not granted.
fn is_always_taken(method: &Method) -> bool {
    method.is_safe() && method != Method::OPTIONS
}

fn what(origin: &str, method: &Method, path: &str) -> String {
    let [origin, verb, path] = [origin, method.as_str(), path].map(|text| &text[..text.floor_char_boundary(LONGEST)]);
    match method.is_safe() {
        true => format!("a page of {origin} asked for {path} and may not read it"),
        false => format!("a page of {origin} asked to {verb} {path} in vain"),
    }
}

impl<S> Layer<S> for CorsHint {
    type Service = Hinted<S>;

    fn layer(&self, inner: S) -> Hinted<S> {
        Hinted { inner, hint: self.clone() }
    }
}

/// The service of [`CorsHint`].
#[derive(Clone)]
pub(super) struct Hinted<S> {
    inner: S,
    hint: CorsHint,
}

impl<S> Service<Request<Body>> for Hinted<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = After<S::Future, Vain>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let vain = self.hint.vain(&request);
        After::new(self.inner.call(request), vain)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::uri::Authority;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::config::CorsConfig;

    #[tokio::test]
    async fn what_a_program_granted_is_not_hinted_at() {
        let check = async |grants: &'static str, expected: usize| {
            let (notices, mut heard) = Notices::channel();
            let program = service_fn(async move |_| {
                let mut response = Response::new(Body::empty());
                response.headers_mut().insert(HeaderName::from_static(grants), HeaderValue::from_static("*"));
                Ok::<_, Infallible>(response)
            });
            let mut request = Request::get("/").header(header::ORIGIN, "http://a.example").body(Body::empty()).unwrap();
            request.extensions_mut().insert(Named(Authority::from_static("localhost:4747")));
            let hint = CorsHint::new(&Grant::new(&CorsConfig::default()), notices);
            let Ok(_) = hint.layer(program).oneshot(request).await;
            assert_eq!(std::iter::from_fn(|| heard.try_recv().ok()).count(), expected, "{grants}");
        };
        check("access-control-allow-origin", 0).await;
        check("x-other", 1).await;
    }
}
