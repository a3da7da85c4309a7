//! The last words of a program.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Lines kept: what fits on an error page and usually holds a whole stack trace.
const LINES: usize = 60;

/// A ring of the last lines; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    pub(super) fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}
