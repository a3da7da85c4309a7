//! In which generation what last changed: a page that was away compares it with what it knows.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use xxhash_rust::xxh3::Xxh3;

use crate::{
    generation::{Generation, ResourceState, Resources},
    reload::Update,
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
}

impl Default for History {
    fn default() -> Self {
        Self { program: Generation::default(), pages: Generation::default(), resources: Some(Arc::default()) }
    }
}

impl History {
    /// Everything may be another from this generation on; what changed before tells nobody anything any more.
    pub(super) fn all(&mut self, generation: Generation) {
        *self = Self { program: generation, ..Self::default() };
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

/// What each URL path holds now.
pub(super) fn hashes<'a>(files: impl Iterator<Item = (&'a Path, Vec<String>)>) -> BTreeMap<String, String> {
    let hashed = files.flat_map(|(file, paths)| {
        let hash = hash(file).unwrap_or_default();
        paths.into_iter().map(move |path| (path, hash.clone()))
    });
    hashed.collect()
}

/// Of the content of a file; a file that is gone or cannot be read has none.
fn hash(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let mut hasher = Xxh3::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(format!("{:016x}", hasher.digest())),
            read => hasher.update(&chunk[..read]),
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
