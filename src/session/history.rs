//! In which generation what last changed: a page that was away compares it with what it knows.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    generation::{Generation, ResourceState, Resources},
    reload::Update,
    watch::ChangeSet,
};

/// Files that are told apart. Beyond it a page that was away is loaded anew: it takes less than to hear of so many.
const MOST: usize = 1_000;

/// What changed since the start.
#[derive(Debug)]
pub(super) struct History {
    /// When everything may have: another program or configuration, or more files than are named.
    pub(super) program: Generation,
    /// When the text of pages may have.
    pub(super) pages: Generation,
    /// The files that did; `None` when there are too many.
    pub(super) resources: Option<Arc<Resources>>,
    /// What changed files hold, as watching found it; `None` for one that is gone or was too large to be read at once.
    contents: HashMap<PathBuf, Option<u64>>,
}

impl Default for History {
    fn default() -> Self {
        let none = Generation::default();
        Self { program: none, pages: none, resources: Some(Arc::default()), contents: HashMap::new() }
    }
}

impl History {
    /// Everything may be another from this generation on; what changed before tells nobody anything any more.
    pub(super) fn all(&mut self, generation: Generation) {
        *self = Self { program: generation, ..Self::default() };
    }

    /// Remembers what changed files hold.
    pub(super) fn learn(&mut self, changes: &ChangeSet) {
        if self.contents.len() > MOST {
            self.contents.clear();
        }
        self.contents.extend(changes.iter().take(MOST).map(|change| (change.path.to_owned(), change.hash)));
    }

    /// The hash of what a file holds, if it changed and was read.
    pub(super) fn content(&self, file: &Path) -> Option<u64> {
        self.contents.get(file).copied().flatten()
    }

    /// A text that is the same for the same content of a file; one whose content nobody knows has another in each generation.
    pub(super) fn hash(&self, file: &Path, generation: Generation) -> String {
        match self.contents.get(file) {
            Some(Some(hash)) => format!("{hash:016x}"),
            _ => format!("generation {generation}"),
        }
    }

    pub(super) fn record(&mut self, update: &Update) {
        if update.pages {
            self.pages = update.generation;
        }
        let Some(resources) = &mut self.resources else { return };
        let resources = Arc::make_mut(resources);
        for (path, hash) in &update.hashes {
            resources.insert(path.clone(), ResourceState { generation: update.generation, hash: hash.clone() });
        }
        if resources.len() > MOST {
            self.resources = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(generation: u64, hashes: &[(&str, &str)]) -> Update {
        let hashes = hashes.iter().map(|(path, hash)| ((*path).to_owned(), (*hash).to_owned())).collect();
        Update { generation: Generation(generation), hashes, ..Update::default() }
    }

    #[test]
    fn the_last_change_of_each_file_counts() {
        let mut history = History::default();
        history.record(&update(2, &[("/a", "x"), ("/b", "x")]));
        history.record(&Update { pages: true, ..update(3, &[("/a", "y")]) });
        let resources = history.resources.clone().expect("few files");
        let state = |path: &str| (resources[path].generation.0, resources[path].hash.clone());
        assert_eq!((state("/a"), state("/b"), history.pages.0), ((3, "y".into()), (2, "x".into()), 3));
        history.all(Generation(4));
        assert_eq!((history.program.0, history.pages.0), (4, 0));
        assert!(history.resources.expect("none").is_empty());
    }

    #[test]
    fn too_many_files_are_not_told_apart() {
        let mut history = History::default();
        let names: Vec<_> = (0..=MOST).map(|number| format!("/{number}")).collect();
        history.record(&update(2, &names.iter().map(|name| (name.as_str(), "x")).collect::<Vec<_>>()));
        assert!(history.resources.is_none());
    }
}
