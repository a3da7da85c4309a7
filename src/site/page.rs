//! What a template is given, how it is rendered, and pages that have no resource behind them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Body;
use http::{Response, StatusCode, Uri, request::Parts};
use minijinja::{
    Value, context,
    value::{Enumerator, Object},
};

use super::{
    Inner, explain,
    path::SitePath,
    query,
    resource::{Resource, selection::Selected, value},
    respond::{self, Made},
    route::{self, Page},
};
use crate::{
    negotiate::{Explanation, Prefers, Problem, Representation, decide},
    telemetry::{Phase, Phases},
};

/// The resource a page shows.
#[derive(Default)]
pub(super) struct Shown {
    /// The rows of a collection that the query asks for.
    pub(super) items: Option<Selected<Value>>,
    /// One row.
    pub(super) item: Option<Value>,
    /// The row that the items belong to.
    pub(super) parent: Option<Value>,
    /// The version of what is stored.
    pub(super) version: Option<u32>,
}

/// Answers `GET` and `HEAD` with a page that has no resource behind it.
pub(super) async fn answer(inner: &Arc<Inner>, pages: &[Page], request: &Parts) -> Response<Body> {
    let (offers, pages): (Vec<Representation>, Vec<&Page>) =
        pages.iter().flat_map(|page| page.representations().map(move |made| (made, page))).unzip();
    let asked = explain::asked(request);
    let decision = decide(&asked, &offers);
    if explain::is_wanted(request) {
        return Explanation::new(&asked, &offers, &decision).respond(&request.headers, Prefers::Html);
    }
    let Some(place) = decision.chosen else {
        return not_acceptable(&offers).respond(&request.headers, Prefers::Html);
    };
    match render(inner, &pages[place].template, request, Shown::default()).await {
        Ok(body) => {
            let (content_type, language) = (offers[place].content_type(), offers[place].language());
            let made = Made { content_type, language, vary: decision.vary, modified: None, body };
            respond::representation(made, &request.headers, Prefers::Html)
        }
        Err(problem) => problem.respond(&request.headers, Prefers::Html),
    }
}

/// The page that a template makes of a request and what is shown.
pub(super) async fn render(inner: &Arc<Inner>, template: &str, request: &Parts, shown: Shown) -> Result<Vec<u8>, Problem> {
    let phases = Phases::of(&request.extensions);
    phases.during(Phase::Render, run(inner, template, context(inner, template, &request.uri, shown))).await
}

/// Renders a template on a thread that may block: a page is as slow as its author makes it. Who listens is told of a failure.
pub(super) async fn run(inner: &Arc<Inner>, template: &str, context: Value) -> Result<Vec<u8>, Problem> {
    let (site, template) = (Arc::clone(inner), template.to_owned());
    let rendered =
        tokio::task::spawn_blocking(move || site.templates.as_ref().map(|templates| templates.render(&template, context)));
    match rendered.await {
        Ok(Some(Ok(page))) => Ok(page),
        Ok(Some(Err(report))) => {
            let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the template of this page has a mistake");
            let problem = problem.report(&report);
            inner.failed(*report);
            Err(problem)
        }
        Ok(None) => Err(respond::missing()),
        Err(_) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "everlit made a mistake with this page")),
    }
}

/// 406, with everything that would be acceptable.
pub(super) fn not_acceptable(offers: &[Representation]) -> Problem {
    none_of("this address has none of the media types the request takes", offers)
}

/// The same at an address that names a version: which the request may have contradicted.
pub(super) fn not_acceptable_in(version: u32, offers: &[Representation]) -> Problem {
    none_of(&format!("this address is version {version} alone, and has none of the media types the request takes"), offers)
}

fn none_of(detail: &str, offers: &[Representation]) -> Problem {
    let available: Vec<String> = offers.iter().map(Representation::content_type).collect();
    Problem::new(StatusCode::NOT_ACCEPTABLE, detail).with("available", available)
}

fn context(inner: &Inner, template: &str, uri: &Uri, shown: Shown) -> Value {
    let page = shown.items.as_ref().map(pagination);
    let items: Option<Value> = shown.items.map(|items| items.rows.into_iter().collect());
    let segments = SitePath::parse(uri.path()).map(|path| path.segments().to_vec()).unwrap_or_default();
    let params: BTreeMap<String, String> = route::parameters(template, &segments).into_iter().collect();
    context! {
        items,
        item => shown.item,
        parent => shown.parent,
        page,
        version => shown.version,
        params,
        ..surroundings(inner, uri)
    }
}

/// What every template is given.
pub(super) fn surroundings(inner: &Inner, uri: &Uri) -> Value {
    let parameters = query::parse(uri.query());
    // The first of equal names wins, as in a form that was sent twice by mistake.
    let parameters: BTreeMap<String, Value> = parameters.into_iter().rev().map(|(name, value)| (name, value.into())).collect();
    context! {
        query => parameters,
        request => context! {
            path => uri.path(),
            // `HEAD` is answered as `GET` would be.
            method => "GET",
            query => uri.query().unwrap_or_default(),
        },
        data => Value::from_object(Data::new(inner)),
    }
}

/// Where in the collection the items stand; all of them are one page unless the query says otherwise.
fn pagination(items: &Selected<Value>) -> Value {
    let number = items.page.map_or(1, |page| page.number);
    let limit = items.page.map_or(items.total, |page| page.limit);
    let last = if limit == 0 { 1 } else { items.total.div_ceil(limit).max(1) };
    context! {
        number,
        limit,
        total => items.total,
        last,
        previous => (number > 1).then(|| number - 1),
        next => (number < last).then(|| number + 1),
    }
}

/// All resources by name. A template pays only for those it looks at, and sees one state of each.
#[derive(Debug)]
struct Data {
    resources: BTreeMap<String, Arc<Resource>>,
    seen: Mutex<BTreeMap<String, Value>>,
}

impl Data {
    fn new(inner: &Inner) -> Self {
        let resources = inner.resources().map(|resource| (resource.name.clone(), resource)).collect();
        Self { resources, seen: Mutex::default() }
    }
}

impl Object for Data {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let resource = self.resources.get(name)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = seen.get(name) {
            return Some(value.clone());
        }
        let value = value::of_snapshot(resource.snapshot().ok()?);
        seen.insert(name.to_owned(), value.clone());
        Some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.resources.keys().map(Value::from).collect())
    }
}
