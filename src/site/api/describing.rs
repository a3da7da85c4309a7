//! What the API says of itself: the index at `/api`, `/api/openapi.json` and `/api/docs`.

use std::{collections::BTreeSet, sync::Arc};

use axum::body::Body;
use http::{
    Method, Response, StatusCode, header,
    request::Parts,
    uri::{Authority, Scheme},
};
use jiff::Timestamp;

use super::{offers::to_json, relatives::Relatives};
use crate::{
    config::Writes,
    negotiate::{Explanation, Prefers, Problem, Representation, decide},
    site::{
        Inner, READS,
        describe::{self, Api, Child, IdKind, Index, ResourceFacts, VersionFacts},
        explain, page,
        resource::{Form, Resource, Snapshot, Versions, relation},
        respond::{self, Made},
    },
};

/// Items of a version that are looked at; they show what members there are.
const SAMPLES: usize = 100;

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::site) enum Description {
    /// The resources, their versions and examples.
    Index,
    /// The OpenAPI document.
    OpenApi,
    /// The document as a page.
    Docs,
}

impl Description {
    /// The one below `/api` at these segments.
    pub(in crate::site) fn at(below: &[String]) -> Option<Self> {
        match below {
            [] => Some(Self::Index),
            [name] if name == "openapi.json" => Some(Self::OpenApi),
            [name] if name == "docs" => Some(Self::Docs),
            _ => None,
        }
    }

    fn offers(self) -> Vec<Representation> {
        match self {
            Self::Index => vec![Representation::new("application/json"), Representation::new("text/html")],
            Self::OpenApi => {
                vec![Representation::new("application/json"), Representation::new("application/vnd.oai.openapi+json")]
            }
            Self::Docs => vec![Representation::new("text/html")],
        }
    }
}

/// Answers a request to a description.
pub(in crate::site) fn answer(inner: &Inner, description: Description, request: &Parts) -> Response<Body> {
    let refuse = |problem: Problem| problem.respond(&request.headers, Prefers::Json);
    match request.method {
        Method::GET | Method::HEAD => tell(inner, description, request).unwrap_or_else(refuse),
        Method::OPTIONS => respond::options(READS),
        _ => refuse(respond::method_not_allowed(READS)),
    }
}

fn tell(inner: &Inner, description: Description, request: &Parts) -> Result<Response<Body>, Problem> {
    let (asked, offers) = (explain::asked(request), description.offers());
    let decision = decide(&asked, &offers);
    if explain::is_wanted(request) {
        return Ok(Explanation::new(&asked, &offers, &decision).respond(&request.headers, Prefers::Json));
    }
    let chosen = decision.chosen.map(|place| &offers[place]).ok_or_else(|| page::not_acceptable(&offers))?;
    let (api, origin) = (api(inner), origin(request));
    let body = match (description, chosen.essence().as_str()) {
        (Description::Index, "text/html") => describe::index_page(&Index::new(&api, &origin)).map(String::into_bytes),
        (Description::Index, _) => Ok(to_json(&Index::new(&api, &origin))),
        (Description::OpenApi, _) => Ok(to_json(&describe::openapi(&api))),
        (Description::Docs, _) => describe::docs_page(&api, &describe::openapi(&api), &origin).map(String::into_bytes),
    };
    let body = body.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let made = Made { content_type: chosen.content_type(), language: None, vary: decision.vary, modified: None, body };
    Ok(respond::representation(made, &request.headers, Prefers::Json))
}

/// Where the client reached us; the name was checked before anything else, and the connection knows its scheme.
fn origin(request: &Parts) -> String {
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri.authority().map(Authority::as_str)).unwrap_or("localhost");
    let scheme = request.extensions.get::<Scheme>().map_or("http", Scheme::as_str);
    format!("{scheme}://{host}")
}

/// The facts, as they are now.
fn api(inner: &Inner) -> Api {
    let resources: Vec<Arc<Resource>> = inner.resources().collect();
    let relatives = Relatives::of(resources.iter().cloned(), 0);
    let facts = |resource: &Arc<Resource>| {
        let snapshot = resource.snapshot().ok()?;
        Some(resource_facts(inner, resource, &snapshot, &relatives))
    };
    Api {
        project: inner.project.clone(),
        writable: resources.iter().all(|resource| resource.writes() != Writes::Refused),
        resources: resources.iter().filter_map(facts).collect(),
    }
}

fn resource_facts(inner: &Inner, resource: &Resource, snapshot: &Snapshot, relatives: &Relatives) -> ResourceFacts {
    let (versions, kin) = (resource.versions(), relation::kin(&resource.name, relatives));
    let first = snapshot.rows().iter().find_map(|row| row.id()).unwrap_or("1").to_owned();
    let views = [inner.views(&resource.name, None), inner.views(&resource.name, Some(&first))];
    let pages: BTreeSet<&str> = views.iter().flatten().map(|page| page.essence).collect();
    let children: Vec<Child> = kin.children.into_iter().map(|(resource, key)| Child { resource, key }).collect();
    ResourceFacts {
        name: resource.name.clone(),
        form: match snapshot.form() {
            Form::Collection => describe::Form::Collection,
            Form::Singleton => describe::Form::Singleton,
        },
        count: snapshot.rows().len(),
        versions: versions.numbers().map(|number| version_facts(resource, snapshot, &versions, number)).collect(),
        id_kind: if snapshot.has_integer_ids() { IdKind::Integer } else { IdKind::Text },
        pages: pages.into_iter().map(str::to_owned).collect(),
        embeds: children.iter().map(|child| child.resource.clone()).collect(),
        children,
        expands: kin.parents,
    }
}

fn version_facts(resource: &Resource, snapshot: &Snapshot, versions: &Versions, number: u32) -> VersionFacts {
    let samples = snapshot.rows().iter().take(SAMPLES);
    let (schema, lifecycle) = (resource.schema(), versions.lifecycle(number));
    VersionFacts {
        number,
        is_current: number == versions.current(),
        schema: schema.and_then(|schema| versions.schema(number, schema.value())),
        samples: samples.filter_map(|row| super::offers::shown(versions, number, row).ok()).collect(),
        refused: versions.foreign_names(number),
        deprecated: lifecycle.deprecated.map(date),
        sunset: lifecycle.sunset.map(date),
    }
}

/// As people read it.
fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}
