//! `GET` and `HEAD` of a resource.

use std::{borrow::Cow, sync::Arc};

use axum::body::Body;
use http::{Response, request::Parts};
use serde_json::{Map, Value};

use super::{
    Target,
    offers::{self, Offers, View, to_json},
};
use crate::{
    negotiate::Problem,
    site::{
        Inner,
        page::{self, Shown},
        query,
        resource::{
            Versions,
            refusal::Refusal,
            selection::{Selected, Selection},
            snapshot::{Form, Snapshot},
        },
        respond,
    },
};

/// What JSON answers say about rows that are on other pages.
const TOTAL: &str = "x-total-count";

pub(super) async fn answer(inner: &Arc<Inner>, target: &Target, request: &Parts) -> Result<Response<Body>, Problem> {
    let snapshot = target.resource.snapshot()?;
    let versions = target.resource.versions();
    let offers = Offers::to_read(target, &inner.project, &versions);
    let (chosen, view) = offers.choose(&request.headers)?;
    let (body, total) = match view {
        View::Page(template) => (render(inner, target, &snapshot, &versions, &template.template, request).await?, None),
        View::Json(version) => json(target, &snapshot, &versions, *version, request)?,
    };
    let mut response = respond::representation(&chosen.content_type(), body, &request.headers, target.prefers());
    if let Some(total) = total {
        response.headers_mut().insert(TOTAL, total.into());
    }
    offers::link(&mut response, target, &versions, chosen);
    Ok(response)
}

/// The body in a version, and how many rows there are in all.
fn json(
    target: &Target,
    snapshot: &Snapshot,
    versions: &Versions,
    version: u32,
    request: &Parts,
) -> Result<(Vec<u8>, Option<usize>), Problem> {
    let shape = versions.shape(version).ok_or(Refusal::Missing)?;
    if snapshot.form() == Form::Singleton || target.id.is_some() {
        let row = snapshot.row(target.id.as_deref()).ok_or(Refusal::Missing)?;
        return Ok((to_json(&*shape.show(&row.json)), None));
    }
    let rows = snapshot.rows().iter().map(|row| shape.show(&row.json));
    let selected: Selected<Cow<'_, Map<String, Value>>> = selection(request)?.apply(rows, |row| row);
    let objects: Vec<&Map<String, Value>> = selected.rows.iter().map(AsRef::as_ref).collect();
    Ok((to_json(&objects), Some(selected.total)))
}

async fn render(
    inner: &Arc<Inner>,
    target: &Target,
    snapshot: &Snapshot,
    versions: &Versions,
    template: &str,
    request: &Parts,
) -> Result<Vec<u8>, Problem> {
    let mut shown = Shown { version: Some(versions.current()), ..Shown::default() };
    if snapshot.form() == Form::Singleton || target.id.is_some() {
        let row = snapshot.row(target.id.as_deref()).ok_or_else(respond::missing)?;
        shown.item = Some(row.for_templates());
    } else {
        let selected = selection(request)?.apply(snapshot.rows().iter(), |row| &row.json);
        let rows = selected.rows.iter().map(|row| row.for_templates()).collect();
        shown.items = Some(Selected { rows, total: selected.total, page: selected.page });
    }
    page::render(inner, template, request, shown).await
}

fn selection(request: &Parts) -> Result<Selection, Refusal> {
    Selection::parse(&query::parse(request.uri.query()))
}
