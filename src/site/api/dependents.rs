//! `DELETE /posts/1?_dependent=comments`: what refers to an item goes with it, as json-server's users know it.
//!
//! The collections that refer are written first, one after the other, and the item's own last. A kill in between leaves an item that has
//! lost some of what belonged to it, never something that refers to nothing, and the same request again does the rest. Whether the item
//! is there, and in the state that the request names, is looked at before anything goes.

use std::sync::Arc;

use super::{Target, relatives::Relatives};
use crate::site::{
    Inner, Written, query,
    resource::{
        Form, Resource, Row,
        refusal::Refusal,
        relation::{self, ForeignKey},
        selection,
    },
};

/// The collections whose items go with the item, as far as they refer to it.
pub(super) fn wanted(inner: &Inner, target: &Target, query: Option<&str>) -> Result<Vec<Arc<Resource>>, Refusal> {
    let wanted = selection::dependents(&query::parse(query))?;
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let relatives = Relatives::of(inner.resources(), 0);
    wanted.iter().try_for_each(|wanted| relation::check_collection(&target.resource.name, wanted, &relatives))?;
    Ok(inner.resources().filter(|resource| wanted.iter().any(|wanted| wanted.name == resource.name)).collect())
}

/// Removes the items of a collection that refer to the one with this id in another, and tells of it.
pub(super) async fn remove(inner: &Arc<Inner>, collection: &Arc<Resource>, above: &Resource, id: &str) -> Result<(), Refusal> {
    let (key, id, is_own) = (ForeignKey::towards(&above.name), id.to_owned(), collection.name == above.name);
    let snapshot = collection.snapshot()?;
    if snapshot.form() != Form::Collection || !snapshot.rows().iter().any(|row| key.refers(row.json(), &id)) {
        return Ok(());
    }
    let (inner, name) = (Arc::clone(inner), collection.name.clone());
    let finish = move |removed: Result<Vec<String>, Refusal>| {
        let ids = super::write::told(removed?);
        (inner.written)(Written { resource: name, ids });
        Ok(())
    };
    // An item that refers to itself goes in the end.
    let goes = move |row: &Row| key.refers(row.json(), &id) && !(is_own && row.id() == Some(&id));
    collection.change(move |draft| draft.remove_all(&goes), finish).await?
}
