//! What an answer was made of: as long as that is there unchanged, the answer to the same request is the same.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};

use super::{Content, Source, state::State};

/// Stands among the extensions of an answer that was made of small files alone. A clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Proof(Arc<Looked>);

/// What was looked at.
#[derive(Debug, Default)]
pub(in crate::site) struct Looked {
    there: Vec<(String, Arc<State>)>,
    absent: Vec<String>,
    /// That there was something which no look can prove.
    is_doubtful: bool,
}

impl Proof {
    /// The files there were, and the names at which there was none.
    pub(super) fn parts(&self) -> (&[(String, Arc<State>)], &[String]) {
        (&self.0.there, &self.0.absent)
    }
}

impl Looked {
    pub(in crate::site) fn of(name: &str, content: &Content) -> Self {
        let mut looked = Self::default();
        looked.found(name, content);
        looked
    }

    pub(in crate::site) fn found(&mut self, name: &str, content: &Content) {
        self.is_doubtful |= content.state.identity.is_none() || matches!(content.source, Source::File(_));
        self.there.push((name.to_owned(), Arc::clone(&content.state)));
    }

    pub(in crate::site) fn missed(&mut self, name: &str) {
        self.absent.push(name.to_owned());
    }

    pub(in crate::site) fn doubted(&mut self) {
        self.is_doubtful = true;
    }

    /// Puts the proof among the extensions of an answer with the whole of what was found, if there is one.
    pub(in crate::site) fn prove(self, response: &mut Response<Body>) {
        if !self.is_doubtful && response.status() == StatusCode::OK {
            response.extensions_mut().insert(Proof(Arc::new(self)));
        }
    }
}
