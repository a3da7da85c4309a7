//! The files that say how data is shown and checked: `posts.v1.toml` is a version of the API, `posts.schema.json` what an item must be.
//!
//! A file that cannot be used leaves its last good content in force, and says why. Versions are the project's: a number that one
//! resource has, or that is declared in `everlit.toml`, all have; one without a file of its own is like the next newer one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use xxhash_rust::xxh3::xxh3_128;

use super::{
    lens::Lens,
    schema::Schema,
    store::{report, unreadable},
    versions::{Lifecycle, Versions},
};
use crate::{
    config::VersionConfig,
    negotiate::version,
    report::Report,
    site::{failure, guard::Guard},
};

/// The longest file of a version or a schema.
const MAX_BYTES: u64 = 1024 * 1024;

/// All of them, by file name.
#[derive(Clone, Default)]
pub(super) struct Rules(BTreeMap<String, File>);

#[derive(Clone)]
struct File {
    resource: String,
    kind: Kind,
    hash: u128,
    /// The last good content.
    rule: Option<Rule>,
    /// Why that is not the content.
    failure: Option<Arc<Report>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Version(u32),
    Schema,
}

#[derive(Clone)]
enum Rule {
    Version(Lens),
    Schema(Arc<Schema>),
}

impl Rules {
    /// Reads those among the files of a folder. What cannot be used is as it was `before`.
    pub(super) fn read(guard: &Guard, names: &BTreeSet<String>, before: &Self) -> Self {
        let read = |name: &String| {
            let (resource, kind) = kind_of(name)?;
            let text = guard.read(&[name], MAX_BYTES);
            let hash = xxh3_128(text.as_ref().map_or(&b""[..], |text| text.as_bytes()));
            let known = before.0.get(name);
            if let Some(same) = known.filter(|file| file.hash == hash) {
                return Some((name.clone(), same.clone()));
            }
            let rule = text.map_err(|error| unreadable(guard, name, &error)).and_then(|text| parse(guard, name, kind, &text));
            let failure = rule.as_ref().err().cloned();
            let rule = rule.ok().or_else(|| known?.rule.clone());
            Some((name.clone(), File { resource: resource.to_owned(), kind, hash, rule, failure }))
        };
        Self(names.iter().filter_map(read).collect())
    }

    /// The names of the files that are something else than before.
    pub(super) fn differences(&self, before: &Self) -> BTreeSet<String> {
        let hash = |rules: &Self, name: &str| rules.0.get(name).map(|file| file.hash);
        let names: BTreeSet<&String> = self.0.keys().chain(before.0.keys()).collect();
        names.into_iter().filter(|name| hash(self, name) != hash(before, name)).cloned().collect()
    }

    /// Why files are not used as they are.
    pub(super) fn failures(&self) -> impl Iterator<Item = Arc<Report>> {
        self.0.values().filter_map(|file| file.failure.clone())
    }

    /// What an item of a resource must be.
    pub(super) fn schema_of(&self, resource: &str) -> Option<Arc<Schema>> {
        self.own(resource).find_map(|file| match &file.rule {
            Some(Rule::Schema(schema)) => Some(Arc::clone(schema)),
            _ => None,
        })
    }

    /// The versions of a resource. A number whose file never could be used is none of them.
    pub(super) fn versions_of(&self, resource: &str, declared: &[VersionConfig]) -> Versions {
        let mut lenses = BTreeMap::new();
        let mut all = self.numbers(declared);
        for file in self.own(resource) {
            match (file.kind, &file.rule) {
                (Kind::Version(number), Some(Rule::Version(lens))) => drop(lenses.insert(number, lens.clone())),
                (Kind::Version(number), _) => drop(all.remove(&number)),
                (Kind::Schema, _) => (),
            }
        }
        let newest = self.0.values().filter_map(File::version).max().map(|newest| newest.saturating_add(1));
        Versions::new(lenses, all, newest)
    }

    /// All version numbers of the project.
    fn numbers(&self, declared: &[VersionConfig]) -> BTreeMap<u32, Lifecycle> {
        let found = self.0.values().filter_map(File::version).map(|number| (number, Lifecycle::default()));
        let lifecycle = |version: &VersionConfig| Lifecycle { deprecated: version.deprecated, sunset: version.sunset };
        found.chain(declared.iter().map(|version| (version.number, lifecycle(version)))).collect()
    }

    fn own(&self, resource: &str) -> impl Iterator<Item = &File> {
        self.0.values().filter(move |file| file.resource == resource)
    }
}

impl File {
    fn version(&self) -> Option<u32> {
        match self.kind {
            Kind::Version(number) => Some(number),
            Kind::Schema => None,
        }
    }
}

/// `posts` and version 1 of `posts.v1.toml`.
fn kind_of(file: &str) -> Option<(&str, Kind)> {
    if let Some(resource) = file.strip_suffix(".schema.json") {
        return Some((resource, Kind::Schema));
    }
    let (resource, number) = file.strip_suffix(".toml")?.rsplit_once('.')?;
    Some((resource, Kind::Version(version::of_segment(number)?)))
}

fn parse(guard: &Guard, name: &str, kind: Kind, text: &str) -> Result<Rule, Arc<Report>> {
    match kind {
        Kind::Version(_) => Lens::parse(text).map(Rule::Version).map_err(|error| {
            let place = error.span().map(|span| failure::place(text, span.start));
            report(guard, name, text, place, error.message().to_owned())
        }),
        Kind::Schema => Schema::parse(text)
            .map(|schema| Rule::Schema(Arc::new(schema)))
            .map_err(|error| report(guard, name, text, error.place(), error.message().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::folder::Folder;

    #[test]
    fn names_of_files() {
        for (file, expected) in [
            ("posts.v1.toml", Some(("posts", Kind::Version(1)))),
            ("posts.schema.json", Some(("posts", Kind::Schema))),
            ("posts.v01.toml", None),
            ("posts.toml", None),
            ("posts.v1.json", None),
            ("posts.json", None),
            ("v1.toml", None),
        ] {
            assert!(kind_of(file) == expected, "{file}");
        }
    }

    #[test]
    fn versions_are_the_projects() {
        let folder =
            Folder::new(&[("posts.v1.toml", "omit = ['n']"), ("tags.v2.toml", "omit = ['m']"), ("users.v2.toml", "nonsense")]);
        let names = ["posts.v1.toml", "tags.v2.toml", "users.v2.toml"].map(str::to_owned).into();
        let rules = Rules::read(&Guard::new(&folder.path(""), &[]), &names, &Rules::default());
        let numbers = |resource: &str, declared: &[u32]| {
            let declared: Vec<_> =
                declared.iter().map(|number| VersionConfig { number: *number, deprecated: None, sunset: None }).collect();
            rules.versions_of(resource, &declared).numbers().collect::<Vec<_>>()
        };
        assert_eq!(numbers("posts", &[]), [3, 2, 1]);
        assert_eq!(numbers("none", &[5]), [5, 2, 1]);
        assert_eq!(numbers("users", &[]), [3, 1]);
    }

    #[test]
    fn the_last_good_rules_stay() {
        let folder = Folder::new(&[("posts.v1.toml", "rename = { a = 'b' }"), ("posts.schema.json", "{\"required\":[\"a\"]}")]);
        let names: BTreeSet<String> = ["posts.v1.toml", "posts.schema.json"].map(str::to_owned).into();
        let guard = Guard::new(&folder.path(""), &[]);
        let good = Rules::read(&guard, &names, &Rules::default());
        folder.write("posts.v1.toml", "rename = 1");
        folder.write("posts.schema.json", "{");
        let broken = Rules::read(&guard, &names, &good);
        assert_eq!(broken.differences(&good), names);
        let places: Vec<String> = broken.failures().map(|report| report.diagnostics[0].place()).collect();
        assert_eq!(places.len(), 2, "{places:?}");
        assert_eq!(broken.versions_of("posts", &[]).stored_name(1, "b").as_deref(), Some("a"));
        assert!(broken.schema_of("posts").is_some());
        let none = Rules::read(&guard, &BTreeSet::new(), &broken);
        assert_eq!((none.differences(&broken), none.failures().count()), (names, 0));
    }
}
