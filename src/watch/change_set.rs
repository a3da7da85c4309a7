//! What really changed: the value that leaves this module.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

/// A settled set of files whose content really changed, by their paths relative to the project.
#[derive(Clone, Debug)]
pub struct ChangeSet {
    files: BTreeMap<PathBuf, (Kind, Option<u64>)>,
    /// When the last event of the set came in: the end of the save.
    pub saved: Instant,
}

/// One changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// Relative to the project.
    pub path: &'a Path,
    /// What happened to it.
    pub kind: Kind,
    /// The xxh3 hash of what it holds, when it was read.
    pub hash: Option<u64>,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is new, or its content is.
    Written,
    /// It is gone.
    Removed,
}

impl ChangeSet {
    /// An empty set of a save that ended then.
    #[must_use]
    pub fn new(saved: Instant) -> Self {
        Self { files: BTreeMap::new(), saved }
    }

    /// Adds a file; the last word on a path counts.
    pub fn add(&mut self, path: impl Into<PathBuf>, kind: Kind) {
        self.files.insert(path.into(), (kind, None));
    }

    /// Adds a file that holds what has this hash.
    pub(super) fn add_written(&mut self, path: impl Into<PathBuf>, hash: Option<u64>) {
        self.files.insert(path.into(), (Kind::Written, hash));
    }

    /// Adds all of a later set.
    pub fn merge(&mut self, later: Self) {
        self.files.extend(later.files);
        self.saved = later.saved;
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Each changed file, in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        self.files.iter().map(|(path, &(kind, hash))| Change { path, kind, hash })
    }
}
