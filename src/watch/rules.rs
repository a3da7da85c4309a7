//! Which paths are not watched.
//!
//! The first with a word on a path counts: files that are watched always, fixed names, the `ignore` globs of the configuration, the
//! rule files of the project from
//! the nearest folder up ([`Level`]), those above it, and git's own excludes (see `outer_rules`). A level belongs to a
//! folder of the tree and is read when that folder is listed, so that asking costs no file access.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
    overrides::{Override, OverrideBuilder},
};

use super::{outer_rules::OuterRules, temporaries::is_temporary};
use crate::config::WatchConfig;

/// Folders that no tool's user wants watched: other tools' stores and our own.
const FOLDERS: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    ".jj",
    ".everlit",
    "node_modules",
    "bower_components",
    "__pycache__",
    ".venv",
    ".tox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".idea",
    ".vscode",
    ".next",
    ".nuxt",
    ".svelte-kit",
    ".turbo",
    ".parcel-cache",
    ".gradle",
];

/// Files whose change is a change of the rules; the last one weighs most, and weighs so in all folders.
pub(super) const RULE_FILES: [&str; 3] = [".gitignore", ".ignore", ".everlitignore"];

/// Answers whether a path is watched.
pub(super) struct Rules {
    root: PathBuf,
    config: WatchConfig,
    configured: Override,
    outer: OuterRules,
}

/// What the rule files of a folder and those above it in the project say.
#[derive(Debug)]
pub(super) struct Level {
    /// One for each of [`RULE_FILES`].
    files: [Gitignore; RULE_FILES.len()],
    above: Option<Arc<Level>>,
}

impl Rules {
    pub(super) fn new(root: &Path, config: &WatchConfig) -> Self {
        Self {
            root: root.to_owned(),
            config: config.clone(),
            configured: configured(root, &config.ignore),
            outer: OuterRules::above(root),
        }
    }

    /// The same, with the rules above the project read anew.
    pub(super) fn anew(&self) -> Self {
        Self::new(&self.root, &self.config)
    }

    /// Whether a folder, relative to the root, is left out with all it holds.
    pub(super) fn skips_folder(&self, level: &Level, folder: &Path) -> bool {
        name(folder).is_some_and(|name| FOLDERS.contains(&name))
            || is_cargo_target(&self.root.join(folder))
            || self.leave_out(level, folder, true)
    }

    /// Whether a file, relative to the root, is left out; its folder is not. A worktree's `.git` is a file.
    pub(super) fn skips_file(&self, level: &Level, file: &Path) -> bool {
        if self.config.always.iter().any(|always| always == file) {
            return false;
        }
        name(file).is_some_and(|name| FOLDERS.contains(&name) || is_temporary(name)) || self.leave_out(level, file, false)
    }

    fn leave_out(&self, level: &Level, path: &Path, is_folder: bool) -> bool {
        let place = self.root.join(path);
        match self.configured.matched(path, is_folder).map(|_| ()).or(level.matched(&place, is_folder)) {
            Match::None => self.outer.leave_out(&place, is_folder),
            found => found.is_ignore(),
        }
    }
}

impl Level {
    /// Of a root without rule files.
    pub(super) fn none() -> Arc<Self> {
        Arc::new(Self { files: RULE_FILES.map(|_| Gitignore::empty()), above: None })
    }

    /// Reads the rule files of an absolute folder.
    pub(super) fn read(folder: &Path, above: Option<&Arc<Self>>) -> Arc<Self> {
        let files = RULE_FILES.map(|name| {
            let mut rules = GitignoreBuilder::new(folder);
            // A line that is no glob is no rule, here as in git; and so is a file that cannot be read.
            let _ = rules.add(folder.join(name));
            rules.build().unwrap_or_else(|_| Gitignore::empty())
        });
        Arc::new(Self { files, above: above.cloned() })
    }

    /// Of one kind of file the nearest folder counts.
    fn matched(&self, place: &Path, is_folder: bool) -> Match<()> {
        let kinds = (0..RULE_FILES.len()).rev();
        kinds.map(|kind| self.matched_by(kind, place, is_folder)).find(|found| !found.is_none()).unwrap_or(Match::None)
    }

    fn matched_by(&self, kind: usize, place: &Path, is_folder: bool) -> Match<()> {
        let levels = std::iter::successors(Some(self), |level| level.above.as_deref());
        let mut found = levels.map(|level| level.files[kind].matched(place, is_folder).map(|_| ()));
        found.find(|found| !found.is_none()).unwrap_or(Match::None)
    }
}

/// Whether a change of this file changes the rules.
pub(super) fn is_rule_file(name: &OsStr) -> bool {
    RULE_FILES.iter().any(|file| name == *file)
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// Cargo marks its output folder; its name may be any.
fn is_cargo_target(folder: &Path) -> bool {
    folder.join("CACHEDIR.TAG").exists() || (name(folder) == Some("target") && folder.with_file_name("Cargo.toml").exists())
}

fn configured(root: &Path, ignore: &[String]) -> Override {
    let mut overrides = OverrideBuilder::new(root);
    for glob in ignore {
        // The globs were checked when the configuration was read; an override ignores what starts with `!`.
        let _ = overrides.add(&format!("!{glob}"));
    }
    overrides.build().unwrap_or_else(|_| Override::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A project `repository/project` with these files (`path=text`, relative to the repository).
    fn check(files: &[&str], ignore: &[&str], path: &str, expected: bool) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("project");
        fs::create_dir(&root).expect("a folder");
        for file in files {
            let (path, text) = file.split_once('=').expect("path=text");
            fs::create_dir_all(folder.path().join(path).parent().expect("a folder")).expect("a folder");
            fs::write(folder.path().join(path), text).expect("a file");
        }
        let ignore: Vec<_> = ignore.iter().map(|&glob| glob.to_owned()).collect();
        let config = WatchConfig { ignore, always: vec![".env".into()], ..WatchConfig::default() };
        let rules = Rules::new(&root, &config);
        let (path, is_folder) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
        let folders = Path::new(path).ancestors().skip(1).collect::<Vec<_>>();
        let level = folders.iter().rev().fold(Level::none(), |above, folder| Level::read(&root.join(folder), Some(&above)));
        let skipped = match is_folder {
            true => rules.skips_folder(&level, Path::new(path)),
            false => rules.skips_file(&level, Path::new(path)),
        };
        assert_eq!(skipped, expected, "{files:?}, {config:?}: {path}");
    }

    #[test]
    fn fixed_names_are_left_out() {
        check(&[], &[], ".everlit/", true);
        check(&[], &[], "data/.posts.json.everlit-unfinished", true);
        check(&[], &[], ".git", true);
        check(&["project/Cargo.toml="], &[], "target/", true);
        check(&["project/out/CACHEDIR.TAG="], &[], "out/", true);
        check(&[], &[], "target/", false);
        check(&["project/.gitignore=.env*"], &[], ".env", false);
        check(&["project/.gitignore=.env*"], &[], ".env.local", true);
    }

    #[test]
    fn the_projects_own_rules_come_before_those_around_it() {
        check(&["project/.gitignore=*.css"], &[], "a.css", true);
        check(&["project/.gitignore=*.css"], &[], "a.html", false);
        check(&["project/.everlitignore=!a.css", "project/.gitignore=*.css"], &[], "a.css", false);
        check(&[], &["*.css"], "a.css", true);
        check(&[".git/HEAD=", ".gitignore=*.css"], &[], "a.css", true);
        check(&[".git/HEAD=", ".gitignore=*.css", "project/.gitignore=!a.css"], &[], "a.css", false);
        check(&[".git/HEAD=", ".gitignore=*"], &[], "a.css", false);
        check(&[".git/HEAD=", ".gitignore=project/"], &[], "static/", false);
        check(&[".gitignore=*.css"], &[], "a.css", false);
    }

    #[test]
    fn the_nearest_folder_counts_and_the_weightier_file_first() {
        check(&["project/.gitignore=*.css", "project/a/.gitignore=!a.css"], &[], "a/a.css", false);
        check(&["project/.gitignore=*.css", "project/a/.gitignore=!a.css"], &[], "a/b/b.css", true);
        check(&["project/.everlitignore=*.css", "project/a/.gitignore=!a.css"], &[], "a/a.css", true);
        check(&["project/.gitignore=/a.css"], &[], "a/a.css", false);
        check(&["project/a/.ignore=/a.css"], &[], "a/a.css", true);
    }
}
