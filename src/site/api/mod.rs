//! Requests to resources: which one, in which version, and what may be done to it.
//!
//! A [`Target`] is what `resolve` found, [`Offers`] the ways to show it. [`answer`] looks at the method alone; reading and writing
//! have files of their own. What a resource is and how it gets on the disk is the business of `resource`.

mod body;
mod offers;
mod read;
mod write;

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use super::{
    Inner, path,
    resource::{Resource, refusal::Refusal, snapshot::Form},
    respond,
    route::Page,
};
use crate::negotiate::{Prefers, Problem};

/// The first segment of the addresses that programs use.
pub(super) const API: &str = "api";

/// A resource, or one item of it, at an address.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) resource: Arc<Resource>,
    pub(super) id: Option<String>,
    pub(super) place: Place,
    /// Templates that show it.
    pub(super) pages: Vec<Page>,
}

/// For whom the address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Below `/api`, in the version that the path names.
    Api(Option<u32>),
    /// Anywhere else.
    Site,
}

/// Answers a request to a resource, whatever its method.
pub(super) async fn answer(inner: &Arc<Inner>, target: Target, request: Request<Body>) -> Response<Body> {
    let prefers = target.prefers();
    let headers = request.headers().clone();
    let result = match target.verb(request.method()) {
        Ok(Verb::Read) => read::answer(inner, &target, &request.into_parts().0).await,
        Ok(Verb::Ask(allow)) => Ok(options(allow)),
        Ok(Verb::Write(write)) => write::answer(inner, target, write, request).await,
        Err(problem) => Err(problem),
    };
    result.unwrap_or_else(|problem| problem.respond(&headers, prefers))
}

/// What a method does to a target.
enum Verb {
    Read,
    /// `OPTIONS`, with the methods there are.
    Ask(&'static str),
    Write(Write),
}

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Add,
    Replace,
    Patch,
    Remove,
}

impl Target {
    /// The address, path-absolute.
    pub(super) fn address(&self) -> String {
        let version = match self.place {
            Place::Api(version) => version.map(|version| format!("v{version}")),
            Place::Site => None,
        };
        let api = matches!(self.place, Place::Api(_)).then(|| API.to_owned());
        let segments = [api, version, Some(self.resource.name.clone()), self.id.clone()];
        path::encode(&segments.into_iter().flatten().collect::<Vec<_>>())
    }

    fn prefers(&self) -> Prefers {
        match self.place {
            Place::Site if self.pages.iter().any(|page| page.essence == "text/html") => Prefers::Html,
            _ => Prefers::Json,
        }
    }

    fn verb(&self, method: &Method) -> Result<Verb, Problem> {
        let form = self.resource.snapshot().map_err(|refusal| refusal.problem())?.form();
        let is_item = form == Form::Collection && self.id.is_some();
        let allow = match (form, is_item) {
            (_, true) => "GET, HEAD, OPTIONS, PUT, PATCH, DELETE",
            (Form::Collection, _) => "GET, HEAD, OPTIONS, POST",
            (Form::Singleton, _) => "GET, HEAD, OPTIONS, PUT, PATCH",
        };
        match *method {
            Method::GET | Method::HEAD => Ok(Verb::Read),
            Method::OPTIONS => Ok(Verb::Ask(allow)),
            Method::POST if form == Form::Collection && !is_item => Ok(Verb::Write(Write::Add)),
            Method::PUT if allow.contains("PUT") => Ok(Verb::Write(Write::Replace)),
            Method::PATCH if allow.contains("PATCH") => Ok(Verb::Write(Write::Patch)),
            Method::DELETE if is_item => Ok(Verb::Write(Write::Remove)),
            _ => Err(respond::method_not_allowed(allow)),
        }
    }
}

fn options(allow: &'static str) -> Response<Body> {
    let mut response = respond::empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        refusal.problem()
    }
}
