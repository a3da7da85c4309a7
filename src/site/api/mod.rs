//! Requests to resources: which one, in which version, and what may be done to it.
//!
//! A [`Target`] is what `resolve` found, [`Offers`] the ways to show it. [`answer`] looks at the method alone; reading and writing
//! have files of their own. What a resource is and how it gets on the disk is the business of `resource`.

mod body;
mod dependents;
mod describing;
mod idempotency;
mod lifecycle;
mod offers;
mod read;
mod relatives;
mod room;
mod write;

pub(super) use self::{
    describing::{Description, answer as describe},
    idempotency::Keys,
    room::Rooms,
};

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use super::{
    Inner, READS, path,
    resource::{
        Form, Resource,
        refusal::{BODY_TYPES, PATCH_TYPES, Refusal},
    },
    respond,
    route::Page,
};
use crate::{
    config::Writes,
    negotiate::{Prefers, Problem},
};

/// The first segment of the addresses that programs use.
pub(super) const API: &str = "api";

/// A resource, or one item of it, at an address.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) resource: Arc<Resource>,
    pub(super) id: Option<String>,
    /// The item of another collection that this one is asked for below of.
    pub(super) above: Option<Above>,
    pub(super) place: Place,
    /// Templates that show it.
    pub(super) pages: Vec<Page>,
}

/// The item that a part of a collection belongs to: `users/1` of `/users/1/posts`.
#[derive(Clone)]
pub(super) struct Above {
    pub(super) resource: Arc<Resource>,
    pub(super) id: String,
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
        match self.place {
            Place::Api(version) => self.address_in(version),
            Place::Site => path::encode(&self.segments()),
        }
    }

    /// The address of the same thing in the API, in a version or in the current one.
    fn address_in(&self, version: Option<u32>) -> String {
        let version = version.map(|version| format!("v{version}"));
        path::encode(&[Some(API.to_owned()), version].into_iter().flatten().chain(self.segments()).collect::<Vec<_>>())
    }

    fn segments(&self) -> Vec<String> {
        let above = self.above.iter().flat_map(|above| [above.resource.name.clone(), above.id.clone()]);
        above.chain([self.resource.name.clone()]).chain(self.id.clone()).collect()
    }

    /// The item of this collection with this id, at an address of its own.
    fn item(&self, id: Option<&str>) -> Self {
        Self { id: id.map(str::to_owned), above: None, pages: Vec::new(), ..self.clone() }
    }

    fn prefers(&self) -> Prefers {
        match self.place {
            Place::Site if self.pages.iter().any(|page| page.essence == "text/html") => Prefers::Html,
            _ => Prefers::Json,
        }
    }

    fn verb(&self, method: &Method) -> Result<Verb, Problem> {
        let form = self.resource.snapshot()?.form();
        let allow = match (self.resource.writes(), form, &self.id) {
            (Writes::Refused, ..) => READS,
            (_, Form::Collection, Some(_)) => "GET, HEAD, OPTIONS, PUT, PATCH, DELETE",
            (_, Form::Collection, None) => "GET, HEAD, OPTIONS, POST",
            (_, Form::Singleton, _) => "GET, HEAD, OPTIONS, POST, PUT, PATCH",
        };
        let verb = match *method {
            Method::GET | Method::HEAD => Verb::Read,
            Method::OPTIONS => Verb::Ask(allow),
            Method::POST if form == Form::Collection => Verb::Write(Write::Add),
            // What json-server's users send there.
            Method::POST | Method::PUT => Verb::Write(Write::Replace),
            Method::PATCH => Verb::Write(Write::Patch),
            Method::DELETE => Verb::Write(Write::Remove),
            _ => return Err(respond::method_not_allowed(allow)),
        };
        let is_write = matches!(verb, Verb::Write(_));
        match has(allow, method) {
            true => Ok(verb),
            false if is_write && self.resource.writes() == Writes::Refused => Err(read_only()),
            false => Err(respond::method_not_allowed(allow)),
        }
    }
}

/// Whether a list of methods has this one.
fn has(allow: &str, method: &Method) -> bool {
    allow.split(", ").any(|allowed| allowed == method.as_str())
}

/// The answer to `OPTIONS`, which also says what a body may be (RFC 5789 §3.1, and the same for `POST`).
fn options(allow: &'static str) -> Response<Body> {
    let mut response = respond::options(allow);
    for (method, name, types) in [(Method::POST, "accept-post", BODY_TYPES), (Method::PATCH, "accept-patch", PATCH_TYPES)] {
        if has(allow, &method) {
            response.headers_mut().insert(name, HeaderValue::from_static(types));
        }
    }
    response
}

/// 405 for whoever does not know how the server was started.
fn read_only() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "nothing can be changed here: `--read-only`, or `read_only` in everlit.toml, is set",
    )
    .header(header::ALLOW, HeaderValue::from_static(READS))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        refusal.problem()
    }
}
