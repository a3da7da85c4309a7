//! What steps write: told apart from what people write, and compared with what was there before.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{artifact::hash, plan::glob_set};
use crate::config::AppConfig;
use globset::GlobSet;
use ignore::{WalkBuilder, overrides::OverrideBuilder};

/// Files looked at in one walk. A project with more takes longer to look through than most steps take to run; what they write
/// is unknown then.
const MOST: usize = 50_000;

/// Folders that hold nobody's sources.
const PASSED_OVER: [&str; 4] = ["!.git", "!.everlit", "!node_modules", "!target"];

/// What a run of a step wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It does not say what it writes, or that could not be read.
    Unknown,
    /// These files hold something else than before it ran, or are gone.
    Files(Vec<PathBuf>),
}

/// What the steps of a program last wrote; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Outputs(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    steps: Vec<Step>,
    /// Of those that have run.
    hashes: HashMap<PathBuf, u64>,
}

#[derive(Debug)]
struct Step {
    globs: GlobSet,
    /// Where what matches can be, relative to the project.
    places: Vec<PathBuf>,
    is_running: bool,
}

impl Outputs {
    /// Those of a program nothing of which is built.
    pub(super) fn of(app: &AppConfig) -> Self {
        let step = |outputs: &Vec<String>| Step {
            globs: glob_set(outputs.iter().map(String::as_str)),
            places: outputs.iter().map(|glob| fixed_part(glob)).collect(),
            is_running: false,
        };
        let steps = app.steps.iter().map(|config| step(&config.outputs)).collect();
        Self(Arc::new(Mutex::new(Inner { steps, hashes: HashMap::new() })))
    }

    /// Whether a step wrote this, and nobody since.
    pub(super) fn has(&self, path: &Path, hash: Option<u64>) -> bool {
        let inner = self.lock();
        // What is written while it runs is looked at when it has ended.
        let is_being_written = || inner.steps.iter().any(|step| step.is_running && step.globs.is_match(path));
        hash.is_some() && inner.hashes.get(path) == hash.as_ref() || is_being_written()
    }

    /// A step begins: from here on what changes among its outputs is its doing.
    pub(super) fn begin(&self, at: usize) {
        self.mark(at, true);
    }

    /// It was ended before it was done.
    pub(super) fn abandon(&self, at: usize) {
        self.mark(at, false);
    }

    fn mark(&self, at: usize, is_running: bool) {
        if let Some(step) = self.lock().steps.get_mut(at) {
            step.is_running = is_running;
        }
    }

    /// A step has ended: what it wrote that is other than before. Reads files.
    pub(super) fn finish(&self, at: usize, root: &Path) -> Written {
        let step = self.lock().steps.get(at).map(|step| (step.globs.clone(), step.places.clone()));
        let (globs, places) = step.unwrap_or_default();
        let found = if globs.is_empty() { None } else { hashes(root, &globs, &places) };
        let mut inner = self.lock();
        let written = found.map_or(Written::Unknown, |found| inner.learn(&globs, found));
        drop(inner);
        self.mark(at, false);
        written
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn learn(&mut self, globs: &GlobSet, found: HashMap<PathBuf, u64>) -> Written {
        let other = found.iter().filter(|(path, hash)| self.hashes.get(*path) != Some(hash)).map(|(path, _)| path.clone());
        let gone: HashSet<PathBuf> =
            self.hashes.keys().filter(|path| globs.is_match(path) && !found.contains_key(*path)).cloned().collect();
        let mut files: Vec<PathBuf> = other.chain(gone.iter().cloned()).collect();
        files.sort();
        self.hashes.retain(|path, _| !gone.contains(path));
        self.hashes.extend(found);
        Written::Files(files)
    }
}

/// What of a glob is spelled out: the file itself, or the folder that holds all that can match.
fn fixed_part(glob: &str) -> PathBuf {
    let Some(wild) = glob.find(['*', '?', '[', '{']) else { return glob.into() };
    glob[..wild].rsplit_once('/').map_or_else(PathBuf::new, |(folder, _)| folder.into())
}

/// The hashes of the files in these places that match, by their paths relative to the project; `None` when there are too many files to look at.
/// What git ignores is looked at as well: most of what is generated is.
fn hashes(root: &Path, globs: &GlobSet, places: &[PathBuf]) -> Option<HashMap<PathBuf, u64>> {
    let mut passed_over = OverrideBuilder::new(root);
    for folder in PASSED_OVER {
        passed_over.add(folder).ok()?;
    }
    let mut places = places.iter().map(|place| root.join(place));
    let mut walk = WalkBuilder::new(places.next()?);
    for place in places {
        walk.add(place);
    }
    let walk = walk.standard_filters(false).overrides(passed_over.build().ok()?).build();
    let mut hashes = HashMap::new();
    for (count, entry) in walk.flatten().enumerate() {
        if count > MOST {
            return None;
        }
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        if globs.is_match(path) && entry.file_type().is_some_and(|kind| kind.is_file()) {
            hashes.insert(path.to_owned(), hash(entry.path()).ok()?.digest());
        }
    }
    Some(hashes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use xxhash_rust::xxh3::xxh3_64;

    use super::*;
    use crate::{build::fixture, config::fixture::TestFolder};

    #[test]
    fn tells_what_is_other_than_before() {
        let folder = TestFolder::new("-- a.go --\n1\n-- x/a_templ.go --\n1\n-- node_modules/b_templ.go --\n1\n");
        let write = |path: &str, text: &str| fs::write(folder.path().join(path), text).unwrap();
        let outputs = Outputs::of(&fixture::app(&[
            ("templ", &["*.templ"], &["**/*_templ.go"], &[]),
            ("build", &["*.go"], &[], &[]),
            ("css", &["*.less"], &["static/site.css", "x/*.css"], &[]),
        ]));
        let files = |paths: &[&str]| Written::Files(paths.iter().map(PathBuf::from).collect());
        let path = Path::new("x/a_templ.go");

        outputs.begin(0);
        assert!(outputs.has(path, None), "it is being written");
        assert_eq!(outputs.finish(0, folder.path()), files(&["x/a_templ.go"]));
        assert!(outputs.has(path, Some(xxh3_64(b"1\n"))));
        assert!(!outputs.has(path, Some(xxh3_64(b"2\n"))) && !outputs.has(path, None), "somebody else wrote it");
        assert_eq!(outputs.finish(0, folder.path()), files(&[]));

        write("x/a_templ.go", "2\n");
        write("c_templ.go", "1\n");
        assert_eq!(outputs.finish(0, folder.path()), files(&["c_templ.go", "x/a_templ.go"]));
        fs::remove_file(folder.path().join("c_templ.go")).unwrap();
        assert_eq!(outputs.finish(0, folder.path()), files(&["c_templ.go"]));
        assert_eq!(outputs.finish(1, folder.path()), Written::Unknown);

        assert_eq!(outputs.finish(2, folder.path()), files(&[]), "nothing is there yet");
        fs::create_dir(folder.path().join("static")).unwrap();
        ["static/site.css", "static/other.css", "x/a.css"].iter().for_each(|path| write(path, "1\n"));
        assert_eq!(outputs.finish(2, folder.path()), files(&["static/site.css", "x/a.css"]));
    }
}
