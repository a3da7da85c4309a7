//! What is each page's own in a page that many ask for: its name, in its script tag.
//!
//! A page that was given to a window says so among the extensions of its answer. Whoever keeps such an answer has to ask [`Stamp`] for the
//! body of the next one.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::Request;

use super::{policy::Key, tag::Tags};
use crate::{
    generation::Generation,
    reload::shelf::{self, Look, Page, Shelf},
};

/// A page with a name of its own. A clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Stamp(Option<Arc<Blank>>);

/// A page with its name left out.
#[derive(Debug)]
pub(super) struct Blank {
    pub(super) shelf: Shelf,
    pub(super) look: Arc<Look>,
    /// Its bytes without the tag.
    pub(super) html: Bytes,
    /// Where the tag stands.
    pub(super) at: usize,
    pub(super) tags: Tags,
    pub(super) generation: Generation,
}

impl Stamp {
    /// `None` where another page would differ by more than its name.
    pub(super) fn new(blank: Option<Blank>) -> Self {
        Self(blank.map(Arc::new))
    }

    /// The body of another answer with this page, where that differs by its name alone. A copy is kept for the window it goes to.
    pub(crate) fn again(&self, request: &Request<Body>) -> Option<Bytes> {
        let Blank { shelf, look, html, at, tags, generation } = self.0.as_deref()?;
        let id = shelf.name();
        let asked = shelf::Request::of(request.uri(), request.headers());
        shelf.give(id, Page { asked, look: Arc::clone(look), html: html.clone() });
        let tag = tags.render(*generation, Some(id), &Key::default());
        Some([&html[..*at], &tag, &html[*at..]].concat().into())
    }

    /// The bytes that it holds.
    pub(crate) fn weight(&self) -> usize {
        self.0.as_ref().map_or(0, |blank| blank.html.len())
    }

    /// Whether there can be another answer.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.is_some()
    }
}
