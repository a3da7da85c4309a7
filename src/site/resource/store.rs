//! All resources of a project, and what their files say when they cannot be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use xxhash_rust::xxh3::xxh3_128;

use super::{Resource, Versions, durable, shape::Shape, snapshot::DataError};
use crate::{
    negotiate::version,
    report::{Diagnostic, Kind, Report},
    site::{
        failure,
        guard::{Guard, OpenError},
    },
};

/// How many files of `data/` are looked at; a project has tens.
const MAX_FILES: usize = 1_000;

/// The longest file of a version.
const MAX_VERSION_BYTES: u64 = 1024 * 1024;

/// The resources by name.
pub(crate) struct Store {
    guard: Guard,
    resources: RwLock<BTreeMap<String, Arc<Resource>>>,
    /// The files of versions as they were read last: content, and why they are not used.
    versions: RwLock<BTreeMap<String, VersionFile>>,
}

#[derive(Clone)]
struct VersionFile {
    resource: String,
    number: u32,
    hash: u128,
    shape: Result<Shape, Arc<Report>>,
}

impl Store {
    /// Reads the folder that `guard` opens.
    pub(crate) fn open(guard: Guard) -> Self {
        let store = Self { guard, resources: RwLock::default(), versions: RwLock::default() };
        store.refresh();
        store
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Resource>> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Resource>> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Reads the folder again. Gives the names of the files that are something else than before, removed ones included; a file
    /// that was written by us is not among them.
    pub(crate) fn refresh(&self) -> BTreeSet<String> {
        let names = match file_names(self.guard.root()) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
            // Without descriptors nothing can be said about the files; what is served stays.
            Err(_) => return BTreeSet::new(),
        };
        let mut changed = self.refresh_versions(&names);
        changed.extend(self.refresh_resources(&names));
        self.assign_versions();
        changed
    }

    /// What stands in the way of serving the files as they are now.
    pub(crate) fn failures(&self) -> Vec<Report> {
        let resources = self.all().into_iter().filter_map(|resource| resource.shown().failure);
        let versions = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        let versions = versions.values().filter_map(|file| file.shape.as_ref().err().cloned());
        resources.chain(versions).map(|report| Report::clone(&report)).collect()
    }

    fn refresh_resources(&self, names: &BTreeSet<String>) -> Vec<String> {
        let present: BTreeSet<&str> = names.iter().filter_map(|name| resource_name(name)).collect();
        let known: BTreeMap<String, Arc<Resource>> =
            self.all().into_iter().map(|resource| (resource.name.clone(), resource)).collect();
        let gone = known.keys().filter(|name| !present.contains(name.as_str())).map(|name| format!("{name}.json"));
        let mut changed: Vec<String> = gone.collect();
        let mut next = BTreeMap::new();
        for name in present {
            let resource = known.get(name).cloned().unwrap_or_else(|| Arc::new(Resource::new(name, &self.guard)));
            if resource.refresh() {
                changed.push(resource.file_name());
            }
            next.insert(name.to_owned(), resource);
        }
        *self.resources.write().unwrap_or_else(PoisonError::into_inner) = next;
        changed
    }

    fn refresh_versions(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let files = names.iter().filter_map(|name| Some((name.clone(), self.version_file(name)?)));
        let next: BTreeMap<String, VersionFile> = files.collect();
        let before = std::mem::replace(&mut *self.versions.write().unwrap_or_else(PoisonError::into_inner), next.clone());
        let hash = |files: &BTreeMap<String, VersionFile>, name: &str| files.get(name).map(|file| file.hash);
        let all: BTreeSet<String> = before.keys().chain(next.keys()).cloned().collect();
        all.into_iter().filter(|name| hash(&before, name) != hash(&next, name)).collect()
    }

    fn version_file(&self, name: &str) -> Option<VersionFile> {
        let (resource, number) = version_of(name)?;
        let text = self.guard.read(&[name], MAX_VERSION_BYTES);
        let hash = xxh3_128(text.as_ref().map_or(&b""[..], |text| text.as_bytes()));
        let shape = text.map_err(|error| unreadable(&self.guard, name, &error)).and_then(|text| {
            Shape::parse(&text).map_err(|error| {
                let place = error.span().map(|span| failure::place(&text, span.start));
                report(&self.guard, name, &text, place, error.message().to_owned())
            })
        });
        Some(VersionFile { resource: resource.to_owned(), number, hash, shape })
    }

    /// Gives each resource the versions that can be used.
    fn assign_versions(&self) {
        let files = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        for resource in self.all() {
            let own = files.values().filter(|file| file.resource == resource.name);
            let older = own.filter_map(|file| Some((file.number, file.shape.clone().ok()?))).collect();
            resource.show(|shown| shown.versions = Arc::new(Versions { older, ..Versions::default() }));
        }
    }
}

/// Names of the files in a folder; links are files here, the guard looks where they lead.
fn file_names(root: &Path) -> io::Result<BTreeSet<String>> {
    let entries = fs::read_dir(root)?.filter_map(Result::ok).take(MAX_FILES);
    let files = entries.filter(|entry| !durable::is_unfinished(&entry.path()));
    Ok(files.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// `posts` of `posts.json`. A second dot makes it something else (`posts.schema.json`).
fn resource_name(file: &str) -> Option<&str> {
    file.strip_suffix(".json").filter(|name| !name.is_empty() && !name.contains('.'))
}

/// `posts` and 1 of `posts.v1.toml`.
fn version_of(file: &str) -> Option<(&str, u32)> {
    let (resource, number) = file.strip_suffix(".toml")?.rsplit_once('.')?;
    Some((resource, version::of_segment(number)?))
}

/// The report of a file that the guard did not give.
pub(super) fn unreadable(guard: &Guard, name: &str, error: &OpenError) -> Arc<Report> {
    report(guard, name, "", None, error.to_string())
}

/// The report of a file that is not what a data file is.
pub(super) fn no_data(guard: &Guard, name: &str, text: &str, error: &DataError) -> Arc<Report> {
    match error {
        DataError::Syntax(error) => {
            let message = failure::without_place(&error.to_string());
            report(guard, name, text, Some((error.line(), error.column())), message)
        }
        error => report(guard, name, text, None, error.to_string()),
    }
}

fn report(guard: &Guard, name: &str, text: &str, place: Option<(usize, usize)>, message: String) -> Arc<Report> {
    let file = failure::shown_path(guard.root(), Path::new(name));
    let title = format!("{} cannot be used", file.display());
    let diagnostic = Diagnostic {
        file: Some(file),
        line: place.and_then(|(line, _)| u32::try_from(line).ok()),
        column: place.and_then(|(_, column)| u32::try_from(column).ok()),
        message,
        ..Diagnostic::default()
    };
    let output = place.map(|(line, _)| failure::excerpt(text, line)).unwrap_or_default();
    Arc::new(failure::report(Kind::Config, title, vec![diagnostic], output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        for (file, expected) in
            [("posts.json", Some("posts")), ("posts.schema.json", None), (".json", None), ("posts.toml", None)]
        {
            assert_eq!(resource_name(file), expected, "{file}");
        }
        for (file, expected) in [
            ("posts.v1.toml", Some(("posts", 1))),
            ("posts.v01.toml", None),
            ("posts.toml", None),
            ("posts.v1.json", None),
            ("v1.toml", None),
        ] {
            assert_eq!(version_of(file), expected, "{file}");
        }
    }
}
