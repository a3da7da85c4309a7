//! `POST`, `PUT`, `PATCH` and `DELETE` of a resource. Answered when the change is on the disk.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use serde_json::{Map, Value};

use super::{
    Target, Write,
    body::{self, Content},
    offers::{self, Offers, View, to_json},
};
use crate::{
    negotiate::{Problem, Representation},
    site::{
        Inner, Written,
        resource::{
            Versions,
            patch::{self, in_order_of},
            refusal::Refusal,
            shape::Shape,
            snapshot::{Form, ID, Row, Snapshot, id_text},
        },
        respond,
        validator::{Comparison, Validators, matches_any},
    },
};

/// Everything a change needs, so that it can go to a thread that may block.
struct Change {
    target: Target,
    write: Write,
    versions: Arc<Versions>,
    offers: Offers,
    headers: HeaderMap,
}

pub(super) async fn answer(
    inner: &Arc<Inner>,
    target: Target,
    write: Write,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let versions = target.resource.versions();
    let offers = Offers::json(&target, &inner.project, &versions);
    let (parts, body) = request.into_parts();
    let chosen = match write {
        // Nothing is shown, so nothing needs to be acceptable; an unknown version still is.
        Write::Remove => offers.choose(&HeaderMap::new()),
        _ => offers.choose(&parts.headers),
    }?;
    let chosen = chosen.0.clone();
    let content = read(write, &parts.headers, &offers, body).await?;
    let change = Change { target, write, versions, offers, headers: parts.headers };
    let (change, outcome) = on_disk(change, content).await?;
    let ids = outcome.as_ref().and_then(|row| row.id()).or_else(|| change.target.id.clone());
    (inner.written)(Written { resource: change.target.resource.name.clone(), ids: ids.into_iter().collect() });
    Ok(change.respond(outcome.as_deref(), &chosen))
}

async fn read(write: Write, headers: &HeaderMap, offers: &Offers, body: Body) -> Result<Option<Content>, Problem> {
    if write == Write::Remove {
        return Ok(None);
    }
    let plain = match offers.choose(&HeaderMap::new())? {
        (_, View::Json(version)) => *version,
        (_, View::Page(_)) => return Err(respond::missing()),
    };
    let kind = body::kind(write, headers, offers, plain)?;
    Ok(Some(body::read(kind, body).await?))
}

/// Makes the change on a thread that may block, and gives the row that is there now.
async fn on_disk(change: Change, content: Option<Content>) -> Result<(Change, Option<Arc<Row>>), Problem> {
    let written = tokio::task::spawn_blocking(move || {
        let outcome = change.target.resource.change(|snapshot| change.decide(snapshot, content))?;
        Ok::<_, Refusal>((change, outcome))
    });
    match written.await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

impl Change {
    fn decide(&self, snapshot: &Snapshot, content: Option<Content>) -> Result<(Snapshot, Option<Arc<Row>>), Refusal> {
        let id = self.target.id.as_deref();
        match (self.write, content) {
            (Write::Add, Some(Content::Item(item, version))) => {
                let row = added(snapshot, self.shape(version)?.store(item, None))?;
                Ok((snapshot.with(Arc::clone(&row)), Some(row)))
            }
            (Write::Remove, _) => {
                self.check(snapshot.row(id).ok_or(Refusal::Missing)?)?;
                Ok((snapshot.without(id.unwrap_or_default())?, None))
            }
            (_, Some(content)) => {
                let before = snapshot.row(id).ok_or(Refusal::Missing)?;
                self.check(before)?;
                let stored = keep_id(&before.json, self.changed(&before.json, content)?, snapshot.form())?;
                let row = Row::new(stored);
                Ok((snapshot.replacing(id, Arc::clone(&row))?, Some(row)))
            }
            (_, None) => Err(Refusal::NoObject),
        }
    }

    /// What is stored in the place of `before`.
    fn changed(&self, before: &Map<String, Value>, content: Content) -> Result<Map<String, Value>, Refusal> {
        match content {
            Content::Item(item, version) => Ok(self.shape(version)?.store(item, Some(before))),
            Content::Merge(patch, version) => {
                let shape = self.shape(version)?;
                let mut shown = shape.show(before).into_owned();
                patch::merge(&mut shown, patch);
                Ok(shape.store(shown, Some(before)))
            }
            Content::Operations(operations, version) => {
                let shape = self.shape(version)?;
                Ok(shape.store(patch::apply(&shape.show(before), &operations)?, Some(before)))
            }
        }
    }

    fn shape(&self, version: u32) -> Result<&Shape, Refusal> {
        self.versions.shape(version).ok_or(Refusal::Missing)
    }

    /// `If-Match` and `If-None-Match` of a request that changes something: RFC 9110 §13.2.2.
    fn check(&self, row: &Row) -> Result<(), Refusal> {
        let matches = |name, comparison| {
            let asked = self.headers.contains_key(name);
            asked.then(|| matches_any(&self.headers, name, comparison, &offers::tags(&self.offers, &self.versions, &row.json)))
        };
        let failed = matches(&header::IF_MATCH, Comparison::Strong) == Some(false)
            || matches(&header::IF_NONE_MATCH, Comparison::Weak) == Some(true);
        if failed { Err(Refusal::Precondition) } else { Ok(()) }
    }

    fn respond(&self, row: Option<&Row>, chosen: &Representation) -> Response<Body> {
        let shown = row.and_then(|row| Some((row, self.versions.shape(chosen.version?)?)));
        let Some((row, shape)) = shown else { return respond::empty(StatusCode::NO_CONTENT) };
        let body = to_json(&*shape.show(&row.json));
        let content_type = chosen.content_type();
        let validators = Validators::of_bytes(&content_type, &body);
        let mut response = Response::new(Body::from(body));
        respond::describe(&mut response, &content_type);
        validators.put(response.headers_mut());
        if self.write == Write::Add {
            *response.status_mut() = StatusCode::CREATED;
            let address = Target { id: row.id(), pages: Vec::new(), ..self.target.clone() }.address();
            if let Ok(address) = HeaderValue::from_str(&address) {
                response.headers_mut().insert(header::LOCATION, address);
            }
        }
        response
    }
}

/// A new row with an id, which stands first.
fn added(snapshot: &Snapshot, mut item: Map<String, Value>) -> Result<Arc<Row>, Refusal> {
    let id = match item.shift_remove(ID) {
        None | Some(Value::Null) => snapshot.next_id()?,
        Some(id) => id,
    };
    let name = id_text(&id).ok_or(Refusal::BadId)?;
    if snapshot.row(Some(&name)).is_some() {
        return Err(Refusal::Duplicate(name));
    }
    let mut row = Map::from_iter([(ID.to_owned(), id)]);
    row.extend(item);
    Ok(Row::new(row))
}

/// The changed item under the id it had. A body need not repeat it, and must not contradict it.
fn keep_id(before: &Map<String, Value>, mut after: Map<String, Value>, form: Form) -> Result<Map<String, Value>, Refusal> {
    if form == Form::Collection {
        let id = before.get(ID).ok_or(Refusal::Missing)?;
        match after.get(ID) {
            None => after.insert(ID.to_owned(), id.clone()),
            Some(same) if same == id => None,
            Some(_) => return Err(Refusal::IdChanged),
        };
    }
    Ok(in_order_of(before, after))
}
