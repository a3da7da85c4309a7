//! `GET` and `HEAD` of a resource.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, header, request::Parts};
use minijinja::Value as TemplateValue;

use super::{
    Above, Target, lifecycle,
    offers::{self, Offers, View},
    relatives::Relatives,
};
use crate::{
    negotiate::{Explanation, Problem, decide},
    site::{
        Inner, explain,
        page::{self, Shown},
        query,
        resource::{
            Form, Row, Snapshot, Versions, link,
            refusal::Refusal,
            relation::{self, ForeignKey, Item},
            selection::{Page, Selected, Selection},
            value,
        },
        respond::{self, Made},
    },
};

/// What JSON answers say about rows that are on other pages.
const TOTAL: &str = "x-total-count";

/// A resource at one moment, as a request asks for it.
#[derive(Clone)]
struct Asked {
    inner: Arc<Inner>,
    target: Target,
    snapshot: Arc<Snapshot>,
    versions: Arc<Versions>,
    selection: Arc<Selection>,
}

/// A body, and what is told of it.
struct Told {
    body: Vec<u8>,
    /// Rows on all pages.
    total: Option<usize>,
    page: Option<Page>,
}

pub(super) async fn answer(inner: &Arc<Inner>, target: &Target, request: &Parts) -> Result<Response<Body>, Problem> {
    let snapshot = target.resource.snapshot()?;
    let versions = target.resource.versions();
    let offers = Offers::to_read(target, &inner.project, &versions);
    let asked = explain::asked(request);
    let decision = decide(&asked, &offers.representations);
    let selection = Arc::new(Selection::parse(&query::parse(request.uri.query()))?);
    let resource = Asked { inner: Arc::clone(inner), target: target.clone(), snapshot, versions, selection };
    resource.exists()?;
    if explain::is_wanted(request) {
        return Ok(Explanation::new(&asked, &offers.representations, &decision).respond(&request.headers, target.prefers()));
    }
    let (chosen, view) = offers.at(decision.chosen)?;
    let told = match view {
        View::Page(template) => Told { body: resource.render(&template.template, request).await?, total: None, page: None },
        View::Json(version) => resource.json(*version).await?,
    };
    let is_json = matches!(view, View::Json(_));
    let made = Made {
        content_type: chosen.content_type(),
        language: chosen.language(),
        vary: decision.vary,
        // Pages and relations show other resources as well.
        modified: resource.snapshot.modified().filter(|_| is_json && resource.selection.relations().is_empty()),
        body: told.body,
    };
    let mut response = respond::representation(made, &request.headers, target.prefers());
    if let Some(total) = told.total {
        response.headers_mut().insert(TOTAL, total.into());
    }
    let mut links = told.page.map(|page| link::pages(request.uri.path(), request.uri.query(), &page)).unwrap_or_default();
    links.extend(offers::alternates(target, &resource.versions, chosen, request.uri.query()));
    if let View::Json(version) = view {
        links.extend(lifecycle::tell(response.headers_mut(), target, &resource.versions, *version));
    }
    put_links(response.headers_mut(), &links);
    Ok(response)
}

/// RFC 8288.
fn put_links(headers: &mut HeaderMap, links: &[String]) {
    if let Some(links) = HeaderValue::from_str(&links.join(", ")).ok().filter(|links| !links.is_empty()) {
        headers.insert(header::LINK, links);
    }
}

impl Asked {
    /// Whether there is what the address names.
    fn exists(&self) -> Result<(), Refusal> {
        let is_there = self.snapshot.form() == Form::Collection && self.target.id.is_none() || self.row().is_some();
        let is_above = self.target.above.as_ref().is_none_or(|above| above.row().is_ok());
        if is_there && is_above { Ok(()) } else { Err(Refusal::Missing) }
    }

    /// The one row that is asked for.
    fn row(&self) -> Option<&Arc<Row>> {
        self.snapshot.row(self.target.id.as_deref())
    }

    async fn json(self: &Asked, version: u32) -> Result<Told, Problem> {
        if let Some(row) = self.row() {
            self.selection.check()?;
            let is_plain = self.selection.relations().is_empty() && self.selection.fields().is_none();
            let body =
                if is_plain { offers::body(&self.versions, version, row)? } else { self.showing(vec![row], version)?.concat() };
            return Ok(Told { body, total: None, page: None });
        }
        let asked = self.clone();
        blocking(move || asked.list(version)).await
    }

    /// A list, in a version.
    fn list(&self, version: u32) -> Result<Told, Refusal> {
        let Selected { rows, total, page } = self.select(version)?;
        let body = offers::array(self.showing(rows, version)?.into_iter());
        Ok(Told { body, total: Some(total), page })
    }

    /// The rows that the query asks for, in the words of a version.
    fn select(&self, version: u32) -> Result<Selected<&Arc<Row>>, Refusal> {
        let above = self.target.above.as_ref().map(|above| (ForeignKey::towards(&above.resource.name), above.id.as_str()));
        let is_below = |row: &&Arc<Row>| above.as_ref().is_none_or(|(key, id)| key.refers(row.json(), id));
        let show = |object| self.versions.show(version, &object).map(std::borrow::Cow::into_owned).unwrap_or(object);
        let is_stored = self.versions.is_stored(version);
        self.selection.apply(self.snapshot.rows().iter(), is_below, |row| row.json(), (!is_stored).then_some(&show))
    }

    /// The rows as JSON texts, with what is related to them, cut down to the fields that are asked for.
    fn showing(&self, rows: Vec<&Arc<Row>>, version: u32) -> Result<Vec<Vec<u8>>, Refusal> {
        if self.selection.relations().is_empty() && self.selection.fields().is_none() {
            return rows.into_iter().map(|row| offers::body(&self.versions, version, row)).collect();
        }
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            items.push(Item { stored: row.json(), shown: offers::shown(&self.versions, version, row)? });
        }
        if !self.selection.relations().is_empty() {
            let relatives = Relatives::of(self.inner.resources(), version);
            relation::embed(&self.target.resource.name, self.selection.relations(), &mut items, &relatives)?;
        }
        let cut = |object| match self.selection.fields() {
            Some(fields) => fields.project(object),
            None => object,
        };
        Ok(items.into_iter().map(|item| offers::to_json(&cut(item.shown))).collect())
    }

    async fn render(&self, template: &str, request: &Parts) -> Result<Vec<u8>, Problem> {
        let mut shown = Shown { version: Some(self.versions.current()), ..Shown::default() };
        shown.parent = self.target.above.as_ref().and_then(|above| Some(value::of_row(&*above.row().ok()?)));
        match self.row() {
            Some(row) => shown.item = Some(value::of_row(row)),
            None => shown.items = Some(self.clone().items().await?),
        }
        page::render(&self.inner, template, request, shown).await
    }

    /// The rows of a list as templates see them.
    async fn items(self) -> Result<Selected<TemplateValue>, Problem> {
        blocking(move || {
            let selected = self.select(self.versions.current())?;
            let rows = selected.rows.into_iter().map(|row| value::of_row(row)).collect();
            Ok(Selected { rows, total: selected.total, page: selected.page })
        })
        .await
    }
}

impl Above {
    /// The item that the collection belongs to.
    pub(super) fn row(&self) -> Result<Arc<Row>, Refusal> {
        self.resource.snapshot()?.row(Some(&self.id)).cloned().ok_or(Refusal::Missing)
    }
}

/// A long collection takes its time to go through, which no other request should wait for.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| Refusal::Interrupted)??)
}
