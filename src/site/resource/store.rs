//! All resources of a project, and what their files say when they cannot be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    Resource,
    document::{DataError, Format},
    durable,
    rules::Rules,
};
use crate::{
    config::{VersionConfig, Writes},
    report::{Diagnostic, Excerpt, Kind, Report},
    site::{
        failure,
        guard::{Guard, OpenError},
    },
};

/// How many files of `data/` are looked at; a project has tens.
const MAX_FILES: usize = 1_000;

/// The resources by name.
pub(crate) struct Store {
    guard: Guard,
    writes: Writes,
    /// Versions that `everlit.toml` declares.
    declared: Vec<VersionConfig>,
    resources: RwLock<BTreeMap<String, Arc<Resource>>>,
    rules: RwLock<Rules>,
    /// Files that name a resource another file names already.
    rivals: RwLock<Vec<Arc<Report>>>,
}

impl Store {
    /// Looks into the folder that `guard` opens. Data files are read when somebody asks for them, or at [`Self::refresh`].
    pub(crate) fn open(guard: Guard, writes: Writes, declared: Vec<VersionConfig>) -> Self {
        durable::clear(guard.root());
        let (resources, rules, rivals) = (RwLock::default(), RwLock::default(), RwLock::default());
        let store = Self { guard, writes, declared, resources, rules, rivals };
        if let Ok(names) = file_names(store.guard.root()) {
            store.refresh_rules(&names);
            store.find(&names);
        }
        store
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Resource>> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Resource>> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Reads the data files that nobody asked for yet.
    pub(crate) fn load(&self) {
        self.all().iter().for_each(|resource| drop(resource.snapshot()));
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
        let mut changed = self.refresh_rules(&names);
        changed.extend(self.find(&names));
        changed.extend(self.all().into_iter().filter(|resource| resource.refresh()).map(|resource| resource.file.clone()));
        changed
    }

    /// What stands in the way of serving the files as they are now.
    pub(crate) fn failures(&self) -> Vec<Report> {
        let resources = self.all().into_iter().filter_map(|resource| resource.shown().failure);
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let rivals = self.rivals.read().unwrap_or_else(PoisonError::into_inner);
        resources.chain(rules.failures()).chain(rivals.iter().cloned()).map(|report| Report::clone(&report)).collect()
    }

    /// Makes the resources those of these files. Gives the files of those that are gone.
    fn find(&self, names: &BTreeSet<String>) -> Vec<String> {
        let known: BTreeMap<String, Arc<Resource>> =
            self.all().into_iter().map(|resource| (resource.name.clone(), resource)).collect();
        let mut next: BTreeMap<String, Arc<Resource>> = BTreeMap::new();
        let mut rivals = Vec::new();
        for (file, name, format) in names.iter().filter_map(|file| data_file(file)) {
            if let Some(first) = next.get(name) {
                rivals.push(rival(&self.guard, file, &first.file));
                continue;
            }
            let same = known.get(name).filter(|resource| resource.file == file).cloned();
            let resource = same.unwrap_or_else(|| Arc::new(Resource::new(name, file, format, &self.guard, self.writes)));
            next.insert(name.to_owned(), resource);
        }
        let stays = |resource: &Resource| next.values().any(|other| other.file == resource.file);
        let gone = known.into_values().filter(|resource| !stays(resource)).map(|resource| resource.file.clone()).collect();
        // Before anybody can write to them.
        self.assign_rules(next.values());
        *self.resources.write().unwrap_or_else(PoisonError::into_inner) = next;
        *self.rivals.write().unwrap_or_else(PoisonError::into_inner) = rivals;
        gone
    }

    /// Reads the files of versions and schemas. Gives the names of those that are something else than before.
    fn refresh_rules(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let next = Rules::read(&self.guard, names, &rules);
        let differences = next.differences(&rules);
        *rules = next;
        differences
    }

    /// Gives each resource its versions and its schema.
    fn assign_rules<'r>(&self, resources: impl Iterator<Item = &'r Arc<Resource>>) {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        for resource in resources {
            let versions = Arc::new(rules.versions_of(&resource.name, &self.declared));
            let schema = rules.schema_of(&resource.name);
            resource.show_otherwise(|shown| (shown.versions, shown.schema) = (versions, schema));
        }
    }
}

/// Names of the files in a folder; links are files here, the guard looks where they lead.
fn file_names(root: &Path) -> io::Result<BTreeSet<String>> {
    let entries = fs::read_dir(root)?.filter_map(Result::ok).take(MAX_FILES);
    let files = entries.filter(|entry| !durable::is_unfinished(&entry.path()));
    Ok(files.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// `posts.json`, with `posts` and what it is written in. A second dot makes it something else (`posts.schema.json`).
fn data_file(file: &str) -> Option<(&str, &str, Format)> {
    let (name, extension) = file.rsplit_once('.')?;
    let is_name = !name.is_empty() && !name.contains('.');
    Some((file, name, Format::of_extension(extension)?)).filter(|_| is_name)
}

/// The report of a file that the guard did not give.
pub(super) fn unreadable(guard: &Guard, name: &str, error: &OpenError) -> Arc<Report> {
    report(guard, name, "", None, error.to_string())
}

/// The report of a file that is not what a data file is.
pub(super) fn no_data(guard: &Guard, name: &str, text: &str, error: DataError) -> Arc<Report> {
    report(guard, name, text, error.place, error.message)
}

fn rival(guard: &Guard, name: &str, first: &str) -> Arc<Report> {
    report(guard, name, "", None, format!("{first} is the resource of this name already; rename or remove one of them"))
}

/// The report of a file that cannot be used, with the lines around the place that is wrong.
pub(super) fn report(guard: &Guard, name: &str, text: &str, place: Option<(usize, usize)>, message: String) -> Arc<Report> {
    let file = failure::shown_path(guard.root(), Path::new(name));
    let title = format!("{} cannot be used", file.display());
    let diagnostic = Diagnostic {
        file: Some(file),
        line: place.and_then(|(line, _)| u32::try_from(line).ok()),
        column: place.and_then(|(_, column)| u32::try_from(column).ok()),
        message,
        excerpt: place.and_then(|(line, _)| Excerpt::around(text, u32::try_from(line).ok()?)),
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
        for (file, expected) in [
            ("posts.json", Some(("posts", Format::Json))),
            ("posts.jsonl", Some(("posts", Format::Ndjson))),
            ("posts.schema.json", None),
            (".json", None),
            ("posts", None),
            ("posts.txt", None),
        ] {
            assert_eq!(data_file(file).map(|(_, name, format)| (name, format)), expected, "{file}");
        }
    }
}
