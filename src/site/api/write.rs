//! `POST`, `PUT`, `PATCH` and `DELETE` of a resource. Answered when the change is on the disk.

use std::{sync::Arc, time::Instant};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request::Parts};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::Xxh3;

use super::{
    Target, Write,
    body::{self, Content, Kind},
    dependents,
    idempotency::{self, Begun, Kept, Ticket},
    lifecycle,
    offers::{self, Offers, View},
    room::Room,
};
use crate::{
    negotiate::{Accept, Problem, Representation},
    site::{
        Inner, Written,
        resource::{
            Form, ID, Resource, Row, Schema, Snapshot, Versions, id_text,
            patch::{self, MAX_DEPTH, depth, in_order_of},
            refusal::{Fault, Refusal},
            relation::{self, ForeignKey},
        },
        respond,
        validator::{Comparison, Validators, matches_any},
    },
};

/// What a client says who wants to make an item at an address where there is none.
const ANY: &str = "*";

/// Ids that are told of one write.
const MOST_TOLD: usize = 100;

/// Everything a change needs, so that it can go to a thread that may block.
struct Change {
    target: Target,
    write: Write,
    versions: Arc<Versions>,
    schema: Option<Arc<Schema>>,
    offers: Offers,
    /// What the answer shows the change as; `None` shows nothing.
    chosen: Option<Representation>,
    headers: HeaderMap,
    /// The collections whose items go with a removed one.
    dependents: Vec<Arc<Resource>>,
}

/// What a change came to.
#[derive(Clone)]
enum Outcome {
    /// One item, new at its address.
    Made(Arc<Row>),
    /// Several, sent at once.
    MadeAll(Vec<Arc<Row>>),
    Changed(Arc<Row>),
    Removed(Arc<Row>),
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
    let chosen = chosen(write, &parts.headers, &offers)?;
    let kind = kind(write, &parts.headers, &offers)?;
    let dependents = match write {
        Write::Remove => dependents::wanted(inner, &target, parts.uri.query())?,
        Write::Add | Write::Replace | Write::Patch => Vec::new(),
    };
    // Held until the write is done, as is that of the tree.
    let text = inner.room.take(kind.map_or(0, |_| body::room(&body, inner.body)))?;
    let bytes = match kind {
        Some(_) => body::receive(body, inner.body).await?,
        None => Bytes::new(),
    };
    let ticket = match begin(inner, &parts, &bytes)? {
        Some(Begun::Done(kept)) => return Ok(kept.response()),
        Some(Begun::New(ticket)) => Some(ticket),
        None => None,
    };
    let tree = inner.trees.take(body::tree_bytes(&bytes)?)?;
    let content = kind.map(|kind| body::parse(kind, &bytes)).transpose()?;
    let schema = target.resource.schema();
    let change = Change { target, write, versions, schema, offers, chosen, headers: parts.headers, dependents };
    change.remove_dependents(inner).await?;
    Ok(make(inner, change, content, (ticket, [text, tree])).await?.response())
}

/// What the answer shows the change as. Of what is gone only a client is shown something that names a type of it.
fn chosen(write: Write, headers: &HeaderMap, offers: &Offers) -> Result<Option<Representation>, Problem> {
    if write != Write::Remove {
        return Ok(Some(offers.choose(headers)?.0.clone()));
    }
    // Nothing needs to be acceptable; an unknown version still is refused.
    offers.choose(&HeaderMap::new())?;
    let accept = Accept::parse(headers);
    let named = offers.choose(headers).ok().filter(|(offer, _)| offer.rate(&accept).is_named());
    Ok(named.map(|(offer, _)| offer.clone()))
}

/// How the body is to be read; `None` where there is none.
fn kind(write: Write, headers: &HeaderMap, offers: &Offers) -> Result<Option<Kind>, Problem> {
    if write == Write::Remove {
        return Ok(None);
    }
    let plain = match offers.choose(&HeaderMap::new())? {
        (_, View::Json(version)) => *version,
        (_, View::Page(_)) => return Err(respond::missing()),
    };
    Ok(Some(body::kind(write, headers, offers, plain)?))
}

/// Looks whether the request was sent before, if its client gave it a key.
fn begin(inner: &Inner, parts: &Parts, body: &[u8]) -> Result<Option<Begun>, Refusal> {
    let Some(key) = idempotency::key(&parts.headers)? else { return Ok(None) };
    let content_type = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let mut fingerprint = Xxh3::new();
    for piece in [parts.method.as_str().as_bytes(), target.as_bytes(), content_type, body] {
        fingerprint.update(&piece.len().to_le_bytes());
        fingerprint.update(piece);
    }
    inner.keys.begin(key, fingerprint.digest128(), Instant::now()).map(Some)
}

/// Makes the change. What follows on it is done even when the client has left by then.
async fn make(
    inner: &Arc<Inner>,
    change: Change,
    content: Option<Content>,
    (ticket, room): (Option<Ticket>, [Room; 2]),
) -> Result<Kept, Refusal> {
    let (change, inner) = (Arc::new(change), Arc::clone(inner));
    let (deciding, resource) = (Arc::clone(&change), Arc::clone(&change.target.resource));
    let decide = move |draft: &mut Snapshot| deciding.decide(draft, content.as_ref());
    let finish = move |outcome: Result<Outcome, Refusal>| {
        drop(room);
        let outcome = outcome?;
        (inner.written)(change.written(&outcome));
        let answer = change.answer(&outcome);
        if let Some(ticket) = ticket {
            ticket.keep(&answer);
        }
        Ok(answer)
    };
    resource.change(decide, finish).await?
}

impl Change {
    async fn remove_dependents(&self, inner: &Arc<Inner>) -> Result<(), Refusal> {
        let Some(id) = self.target.id.as_deref().filter(|_| !self.dependents.is_empty()) else { return Ok(()) };
        let snapshot = self.target.resource.snapshot()?;
        self.check(&snapshot, snapshot.row(Some(id)).ok_or(Refusal::Missing)?, self.asked()?)?;
        for collection in &self.dependents {
            dependents::remove(inner, collection, &self.target.resource, id).await?;
        }
        Ok(())
    }

    fn decide(&self, draft: &mut Snapshot, content: Option<&Content>) -> Result<Outcome, Refusal> {
        let id = self.target.id.as_deref();
        match (self.write, content) {
            (Write::Add, Some(Content::Item(item, version))) => {
                self.check_list(draft, *version)?;
                self.add(draft, item.clone(), *version)
            }
            (Write::Add, Some(Content::Items(items, version))) => {
                self.check_list(draft, *version)?;
                self.add_all(draft, items, *version)
            }
            (Write::Remove, _) => {
                let row = Arc::clone(draft.row(id).ok_or(Refusal::Missing)?);
                self.check(draft, &row, self.asked()?)?;
                draft.remove(id.unwrap_or_default())?;
                Ok(Outcome::Removed(row))
            }
            (Write::Replace, Some(Content::Item(item, version))) if draft.row(id).is_none() && self.wants_new() => {
                self.put_new(draft, item.clone(), *version)
            }
            (_, Some(content)) => {
                let before = draft.row(id).ok_or(Refusal::Missing)?;
                self.check(draft, before, content.version())?;
                let before = before.object();
                let (changed, version) = self.changed(&before, content)?;
                let stored = keep_id(&before, changed, draft.form())?;
                self.validate(&stored, version)?;
                Ok(Outcome::Changed(Arc::clone(draft.replace(id, &stored)?)))
            }
            (_, None) => Err(Refusal::NoObject),
        }
    }

    fn add(&self, draft: &mut Snapshot, item: Map<String, Value>, version: u32) -> Result<Outcome, Refusal> {
        let named = draft.name(vec![self.store_new(draft, item, version)?])?;
        named.iter().try_for_each(|item| self.validate(item, version))?;
        match draft.push(&named)? {
            [row] => Ok(Outcome::Made(Arc::clone(row))),
            _ => Err(Refusal::Interrupted),
        }
    }

    /// All, or none.
    fn add_all(&self, draft: &mut Snapshot, items: &[Map<String, Value>], version: u32) -> Result<Outcome, Refusal> {
        let store = |(place, item): (usize, &Map<String, Value>)| {
            self.store_new(draft, item.clone(), version).map_err(|refusal| refusal.at_entry(place))
        };
        let named = draft.name(items.iter().enumerate().map(store).collect::<Result<_, _>>()?)?;
        for (place, item) in named.iter().enumerate() {
            self.validate(item, version).map_err(|refusal| refusal.at_entry(place))?;
        }
        Ok(Outcome::MadeAll(draft.push(&named)?.to_vec()))
    }

    /// `PUT` to an address where there is nothing, with `If-None-Match: *`: RFC 9110 §13.1.2.
    fn put_new(&self, draft: &mut Snapshot, mut item: Map<String, Value>, version: u32) -> Result<Outcome, Refusal> {
        let name = self.target.id.as_deref().ok_or(Refusal::Missing)?;
        if self.headers.contains_key(header::IF_MATCH) {
            return Err(Refusal::Precondition);
        }
        let id = item.get(ID).cloned().unwrap_or_else(|| draft.id_of(name));
        if id_text(&id).as_deref() != Some(name) {
            return Err(Refusal::IdChanged);
        }
        item.insert(ID.to_owned(), id);
        self.add(draft, item, version)
    }

    fn wants_new(&self) -> bool {
        self.headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes().trim_ascii() == ANY.as_bytes())
    }

    /// What is stored in the place of `before`, and the version that says so.
    fn changed(&self, before: &Map<String, Value>, content: &Content) -> Result<(Map<String, Value>, u32), Refusal> {
        let shown = |version| self.versions.show(version, before).ok_or(Refusal::Missing);
        let (item, version) = match content {
            Content::Item(item, version) => (item.clone(), *version),
            Content::Merge(patch, version) => {
                let mut item = shown(*version)?.into_owned();
                patch::merge(&mut item, patch.clone());
                (item, *version)
            }
            Content::Operations(operations, version) => (patch::apply(&*shown(*version)?, operations)?, *version),
            Content::Items(..) => return Err(Refusal::NoObject),
        };
        Ok((self.store(item, version, Some(before))?, version))
    }

    /// What is stored when a version says `item`.
    fn store(
        &self,
        item: Map<String, Value>,
        version: u32,
        before: Option<&Map<String, Value>>,
    ) -> Result<Map<String, Value>, Refusal> {
        let stored = self.versions.store(version, item, before).ok_or(Refusal::Missing)?;
        let stored = stored.map_err(|mismatches| Refusal::Invalid(mismatches.into_iter().map(Fault::from).collect()))?;
        // A version may have less levels than what is stored, and a patch may add some.
        if stored.values().map(depth).max().unwrap_or_default() >= MAX_DEPTH {
            return Err(Refusal::TooDeep { limit: MAX_DEPTH });
        }
        Ok(stored)
    }

    /// The same for a new item, which belongs to the one that it is added below of, whatever it says itself.
    fn store_new(&self, draft: &Snapshot, mut item: Map<String, Value>, version: u32) -> Result<Map<String, Value>, Refusal> {
        let Some(above) = &self.target.above else { return self.store(item, version, None) };
        let key = ForeignKey::towards(&above.resource.name);
        let name = key.member(draft.rows().iter().map(|row| row.json()));
        let id = relation::id(above.row()?.json()).ok_or(Refusal::Missing)?;
        if let Some(shown) = self.versions.shown_name(version, name) {
            item.shift_remove(&shown);
        }
        let mut stored = self.store(item, version, None)?;
        stored.insert(name.to_owned(), id);
        Ok(stored)
    }

    /// Sees to it that what is stored is what the schema says. Places are told in the names of the version that was sent.
    fn validate(&self, stored: &Map<String, Value>, version: u32) -> Result<(), Refusal> {
        let violations = self.schema.iter().flat_map(|schema| schema.check(stored));
        let faults: Vec<Fault> = violations
            .map(|violation| match self.versions.shown_pointer(version, &violation.pointer) {
                Some(pointer) => Fault { pointer, detail: violation.detail },
                None => Fault { pointer: String::new(), detail: format!("{} {}", violation.pointer, violation.detail) },
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Refusal::Invalid(faults)) }
    }

    /// The conditions of a request that changes a row, which was sent in this version: RFC 9110 §13.2.2. A tag of another version
    /// does not tell the states of this one apart.
    fn check(&self, draft: &Snapshot, row: &Row, version: u32) -> Result<(), Refusal> {
        self.judge(draft, || offers::tags(&self.offers, version, |number| offers::body(&self.versions, number, row)))
    }

    /// The same for a collection that something is added to.
    fn check_list(&self, draft: &Snapshot, version: u32) -> Result<(), Refusal> {
        let list = |number| {
            let rows = draft.rows().iter().map(|row| offers::body(&self.versions, number, row));
            Ok(offers::array(rows.collect::<Result<Vec<_>, Refusal>>()?.into_iter()))
        };
        self.judge(draft, || offers::tags(&self.offers, version, list))
    }

    fn judge(&self, draft: &Snapshot, tags: impl Fn() -> Vec<String>) -> Result<(), Refusal> {
        let matches =
            |name, comparison| self.headers.contains_key(name).then(|| matches_any(&self.headers, name, comparison, &tags()));
        let as_known = match matches(&header::IF_MATCH, Comparison::Strong) {
            Some(matches) => matches,
            None => {
                let state = Validators::of_change(draft.modified());
                state.is_newer_than(&self.headers, &header::IF_UNMODIFIED_SINCE) != Some(true)
            }
        };
        if as_known && matches(&header::IF_NONE_MATCH, Comparison::Weak) != Some(true) {
            Ok(())
        } else {
            Err(Refusal::Precondition)
        }
    }

    /// The version of a request without a body: the one it asks to be shown, or else the one of the address.
    fn asked(&self) -> Result<u32, Refusal> {
        let shown = self.chosen.as_ref().or(self.offers.representations.first());
        shown.and_then(|offer| offer.version).ok_or(Refusal::Missing)
    }

    fn written(&self, outcome: &Outcome) -> Written {
        let id = |row: &Arc<Row>| row.id().map(str::to_owned);
        let ids: Vec<String> = match outcome {
            Outcome::Made(row) | Outcome::Changed(row) => id(row).or_else(|| self.target.id.clone()).into_iter().collect(),
            Outcome::MadeAll(rows) => rows.iter().filter_map(id).collect(),
            Outcome::Removed(row) => id(row).into_iter().collect(),
        };
        Written { resource: self.target.resource.name.clone(), ids: told(ids) }
    }

    fn answer(&self, outcome: &Outcome) -> Kept {
        let Some(chosen) = &self.chosen else {
            return Kept { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Bytes::new() };
        };
        let version = chosen.version.unwrap_or_default();
        let show = |row: &Row| offers::body(&self.versions, version, row).unwrap_or_default();
        let (status, body) = match outcome {
            Outcome::Made(row) => (StatusCode::CREATED, show(row)),
            Outcome::Changed(row) | Outcome::Removed(row) => (StatusCode::OK, show(row)),
            Outcome::MadeAll(rows) => (StatusCode::CREATED, offers::array(rows.iter().map(|row| show(row)))),
        };
        let mut headers = HeaderMap::new();
        respond::describe(&mut headers, &chosen.content_type(), &[header::ACCEPT]);
        let successor = lifecycle::tell(&mut headers, &self.target, &self.versions, version);
        if let Some(successor) = successor.and_then(|successor| HeaderValue::from_str(&successor).ok()) {
            headers.insert(header::LINK, successor);
        }
        if let Outcome::Made(row) | Outcome::Changed(row) = outcome {
            Validators::of_bytes(&chosen.content_type(), &body).put(&mut headers);
            let address = self.target.item(row.id()).address();
            if status == StatusCode::CREATED
                && let Ok(address) = HeaderValue::from_str(&address)
            {
                headers.insert(header::LOCATION, address);
            }
        }
        Kept { status, headers, body: body.into() }
    }
}

/// The ids that are told of a write. Who listens reads the resource anew when it is not told which.
pub(super) fn told(ids: Vec<String>) -> Vec<String> {
    if ids.len() > MOST_TOLD { Vec::new() } else { ids }
}

/// The changed item under the id it had. A body need not repeat it, and must not contradict it.
fn keep_id(before: &Map<String, Value>, mut after: Map<String, Value>, form: Form) -> Result<Map<String, Value>, Refusal> {
    if form == Form::Collection {
        let id = before.get(ID).ok_or(Refusal::Missing)?;
        match after.get(ID) {
            Some(other) if id_text(other) != id_text(id) => return Err(Refusal::IdChanged),
            _ => after.insert(ID.to_owned(), id.clone()),
        };
    }
    Ok(in_order_of(before, after))
}
