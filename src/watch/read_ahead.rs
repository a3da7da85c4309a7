//! Which files are read before their first change, so that a save that changes nothing is known as one.
//!
//! The walk takes only attributes, so that saves are noticed at once; contents follow behind it.

use super::{folder::FolderId, reader::Job, tree::Tree};

/// Bytes read in all. Beyond it the first save of a file counts as a change even if it is equal; after that its content is known.
const BUDGET: u64 = 64 * 1024 * 1024;

/// Files read with one request: so many that asking costs nothing, so few that a file that was saved soon has its turn.
const FILES: usize = 128;

#[derive(Debug)]
pub(super) struct ReadAhead {
    last: Option<FolderId>,
    left: u64,
}

impl Default for ReadAhead {
    fn default() -> Self {
        Self { last: None, left: BUDGET }
    }
}

impl ReadAhead {
    /// The next files; `None` when there are no more.
    pub(super) fn next(&mut self, tree: &Tree) -> Option<Vec<Job>> {
        loop {
            let (unread, last) = tree.unread_after(self.last, FILES, self.left);
            let jobs: Vec<_> = unread.into_iter().filter_map(|(job, len)| self.afford(len).then_some(job)).collect();
            if !jobs.is_empty() || last == self.last {
                self.last = last;
                return (!jobs.is_empty()).then_some(jobs);
            }
            self.last = last;
        }
    }

    fn afford(&mut self, len: u64) -> bool {
        let left = self.left.checked_sub(len);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}
