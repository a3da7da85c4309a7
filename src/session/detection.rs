//! Whether a change may make the folder another kind of project than it was. Pure; whether it did, detection itself says.

use std::path::Path;

use crate::{config::Config, watch::ChangeSet};

/// Files and folders by which a project is recognised (`config::detect`), and that hold what it runs.
const MARKERS: &[&str] = &[
    "static",
    "templates",
    "data",
    "index.html",
    "Cargo.toml",
    "go.mod",
    "main.go",
    "package.json",
    "pyproject.toml",
    "app.py",
    "main.py",
    "manage.py",
];

/// Whether detection is worth running again: a marker changed, and it is none of the folders that are served already.
pub(super) fn may_differ(config: &Config, changes: &ChangeSet) -> bool {
    let site = config.site.as_ref();
    let known = site.into_iter().flat_map(|site| [&site.public, &site.templates, &site.data]).flatten();
    let known: Vec<&Path> = known.filter_map(|folder| folder.strip_prefix(&config.root).ok()).collect();
    changes.iter().any(|change| {
        let Some(first) = change.path.iter().next() else { return false };
        let is_marker = first.to_str().is_some_and(|first| MARKERS.contains(&first));
        is_marker && !known.iter().any(|folder| Path::new(first) == *folder)
    })
}
