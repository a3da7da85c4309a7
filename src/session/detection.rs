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

/// Whether detection is worth running again: a marker changed, and it is nothing that is served already.
pub(super) fn may_differ(config: &Config, changes: &ChangeSet) -> bool {
    let site = config.site.as_ref();
    let known = site.into_iter().flat_map(|site| [&site.public, &site.templates, &site.data]).flatten();
    let known: Vec<&Path> = known.filter_map(|folder| folder.strip_prefix(&config.root).ok()).collect();
    changes.iter().any(|change| {
        let Some(first) = change.path.iter().next() else { return false };
        let is_marker = first.to_str().is_some_and(|first| MARKERS.contains(&first));
        let is_front_page = first == "index.html" && known.contains(&Path::new(""));
        is_marker && !is_front_page && !known.contains(&Path::new(first))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{
        config::{Layer, fixture::TestFolder, load},
        watch::Kind,
    };

    fn check(project: &str, file: &str, expected: bool) {
        let folder = TestFolder::new(project);
        let config = load(folder.path(), Layer::default(), Layer::default()).unwrap();
        let mut changes = ChangeSet::new(Instant::now());
        changes.add(file, Kind::Written);
        assert_eq!(may_differ(&config, &changes), expected, "{file} beside {project}");
    }

    #[test]
    fn only_what_is_not_served_yet() {
        let site = "-- index.html --\n<p>a page</p>";
        check(site, "index.html", false);
        check(site, "style.css", false);
        check(site, "templates/index.html", true);
        check(site, "go.mod", true);
        let folders = "-- static/a.css --\n\n-- templates/index.html --\n";
        check(folders, "static/a.css", false);
        check(folders, "templates/index.html", false);
        check(folders, "data/posts.json", true);
        check(folders, "notes/static/a.css", false);
    }
}
